"""Set how far a model's ellipses and intervals may be trusted, from films with known truth.

kummell-ai synthesize --out runs/calibration --count 1200 --seed 46500000 --format png
kummell-ai synthesize --out runs/check --count 960 --seed 76000000 --format png
python scripts/calibrate_covariance.py --model DIR --films runs/calibration --check runs/check

Writes the factors into model.json (docs/uncertainty.md) and prints how often ellipses and intervals hold the truth: on
the calibration films with the factors of the other half of the patients, and on the check films with those written.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kummell_ai.cli import console, options
from kummell_ai.errors import InputError, KummellError
from kummell_ai.evaluation.calibration import as_info, fit_uncertainty
from kummell_ai.evaluation.coverage import Coverage, coverage_of
from kummell_ai.evaluation.located import LocatedFilm, judge_films, judge_films_together, locate_films
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.interval_factors import ANNOTATED_FILMS, SIMULATED_FILMS
from kummell_ai.landmarks.assembly import Uncertainty, calibrated
from kummell_ai.landmarks.checkpoint import read_info, write_info
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.measurement.quality import spine_findings
from kummell_ai.shipped import default_model, model_hash


def located(folders: Sequence[Path], model: Path, keep: Path | None, limit: int | None = None) -> list[LocatedFilm]:
    """The first ``limit`` films of each annotated set; ``keep`` is a file of the predictions, for another run."""
    asked = (model_hash(model, {}), [str(folder.resolve()) for folder in folders], limit)
    if keep is not None and keep.exists():
        made, films = pickle.loads(keep.read_bytes())
        if made != asked:
            raise InputError(f"{keep} is of another model or other films than asked for; give another file", str(keep))
        return list(films)
    films = list(locate_films(folders, Predictor.load(model), limit=limit, progress=tell, on_fault=tell_fault))
    if keep is not None:
        keep.write_bytes(pickle.dumps((asked, films)))
    return films


def parser_of_sets(description: str | None) -> argparse.ArgumentParser:
    """The options of scripts that count on what `located` gives."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=options.path_of_input, nargs="+", required=True, help="annotated sets")
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--keep", type=Path, help="file for the predictions, also of calibrate_covariance.py")
    parser.add_argument("--limit", type=options.positive, help="use at most this many films of each set")
    return parser


def tell(done: int) -> None:
    """Progress on stderr."""
    if done % 20 == 0:
        print(f"{done} films", file=sys.stderr, flush=True)


def tell_fault(name: str, error: InputError) -> None:
    """A line about an annotation or film that is left out."""
    print(console.one_line(name, str(error)), file=sys.stderr, flush=True)


def kind_of(films: Sequence[LocatedFilm]) -> str:
    """What the films are, for the title of a table and for model.json."""
    return SIMULATED_FILMS if all(film.truth.landmarks.reference.simulated for film in films) else ANNOTATED_FILMS


def print_table(title: str, kind: str, before: Sequence[FilmResult], after: Sequence[FilmResult]) -> None:
    """Coverage, mean half width and interval score before and after, a subject and stratum a line."""
    patients = len({film.patient for film in after})
    print(f"\n{title}: {len(after)} {kind} of {patients} patients; before -> after")
    print(f"{'':26}{'stratum':18}{'n':>10}  {'held, %':>14}  {'half width':>14}  {'interval score':>16}")
    new = {(c.subject, c.stratum): c for c in coverage_of(after)}
    for old in coverage_of(before):
        c = new.get((old.subject, old.stratum))
        if c is not None:
            print(_line(old, c))


def print_unsure(films: Sequence[LocatedFilm], results: Sequence[FilmResult], uncertainty: Uncertainty) -> None:
    """How many films are told to have unsure corners, and how far off those are, beside the others."""
    told = [
        any(
            f.code == "corners-unsure"
            for f in spine_findings(calibrated(film.found, uncertainty, film.spacing), spacing=film.spacing)
        )
        for film in films
    ]
    rows = [np.concatenate([[np.nan], *(v.corners.percent for v in r.vertebrae if v.corners)]) for r in results]
    medians = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in rows])
    print(f"\n{sum(told)} of {len(films)} films have unsure corners; error of a film's corners, median of the films:")
    for name, mask in (("told", np.array(told)), ("others", ~np.array(told))):
        if mask.any():
            own = medians[mask]
            print(f"  {name}: {np.nanmedian(own):.1f} % of depth ({np.nanmin(own):.1f} to {np.nanmax(own):.1f})")


def _line(old: Coverage, new: Coverage) -> str:
    held = f"{100 * old.inside:.1f} -> {100 * new.inside:.1f}"
    width = f"{old.half_width:.2f} -> {new.half_width:.2f}"
    score = f"{old.score:.2f} -> {new.score:.2f}"
    count = str(new.n) if new.n == old.n else f"{old.n} -> {new.n}"  # others are withheld
    return f"{new.subject:26}{new.stratum:18}{count:>10}  {held:>14}  {width:>14}  {score:>16}"


def main() -> int:
    """Calibrate the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="model folder; its model.json is written")
    parser.add_argument(
        "--films", type=Path, nargs="+", required=True, help="annotated sets, such as the folders of synthesize"
    )
    parser.add_argument("--check", type=Path, nargs="+", default=[], help="further such sets, only judged")
    parser.add_argument("--keep", type=Path, help="file for the predictions on --films, used again if it is there")
    parser.add_argument("--limit", type=options.positive, help="use at most this many films of each set")
    parser.add_argument("--dry-run", action="store_true", help="print the tables, write nothing")
    args = parser.parse_args()
    try:
        calibrate(args)
    except KummellError as error:
        print(f"calibrate_covariance.py: {error}", file=sys.stderr)
        return 2
    return 0


def calibrate(args: argparse.Namespace) -> None:
    """Fit on ``args.films``, judge, write."""
    info = read_info(args.model)
    old = Uncertainty.from_info(info)
    films = located(args.films, args.model, args.keep, args.limit)
    fit = fit_uncertainty(films)
    if not args.dry_run:
        patients = len({film.patient for film in films})
        made = {"films": len(films), "patients": patients, "simulated": kind_of(films) == SIMULATED_FILMS}
        write_info(args.model, {**info, **as_info(fit.uncertainty), "calibration": made})
    title = "Calibration films, intervals with the factors of the other half of the patients"
    print_table(title, kind_of(films), judge_films(films, old), fit.held_out)
    title = "The same, each film by itself -> those of a patient measured together"
    print_table(title, kind_of(films), fit.held_out, fit.held_out_together)
    print_unsure(films, judge_films(films, fit.uncertainty), fit.uncertainty)
    if args.check:
        check = located(args.check, args.model, None, args.limit)
        alone = judge_films(check, fit.uncertainty)
        together = judge_films_together(check, fit.uncertainty, alone)
        print_table("Check films", kind_of(check), judge_films(check, old), alone)
        print_table("Check films, each by itself -> measured together", kind_of(check), alone, together)


if __name__ == "__main__":
    sys.exit(main())

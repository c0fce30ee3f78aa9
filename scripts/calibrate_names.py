"""How often names are right, how likely the program says that is, and which doubt would fit (docs/levels.md).

kummell-ai synthesize --out runs/series --count 180 --seed 74000000
python scripts/calibrate_names.py --films runs/series [--model DIR] [--keep FILE]

Prints, film by film and for the films of a patient together: the share of films and of vertebrae named rightly, by
field of view; how often the row of names is right in classes of its probability; and the `DOUBT` that fits best on
either half of the patients. Writes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from calibrate_covariance import located

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.errors import KummellError
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.evaluation.matching import match_vertebrae
from kummell_ai.imaging.level_evidence import NameRow
from kummell_ai.landmarks import levels
from kummell_ai.landmarks.levels import DOUBT, are_alike
from kummell_ai.measurement.body_match import traits_of
from kummell_ai.measurement.joint_names import FilmEvidence, solve
from kummell_ai.measurement.quality import LEVEL_PROBABILITY, spine_findings
from kummell_ai.shipped import default_model

CLASSES = (0.0, 0.5, 0.7, 0.9, 0.95, 0.9603, 0.969, 1.01)
"""Of the probability of a single name, which is 0.97 at most; 0.9603 and 0.969 are 0.99 and 0.999 of that."""

DOUBTS = (0.0001, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1)


@dataclass(frozen=True, slots=True)
class Named:
    """One film's chosen row and its true names; None for bodies that are no true vertebra."""

    patient: str
    field: str
    row: NameRow
    true: tuple[VertebralLevel | None, ...]

    @property
    def right(self) -> list[bool]:
        """Whether each vertebra has its true name."""
        return [a is b for a, b in zip(self.row.levels, self.true, strict=True) if b is not None]

    @property
    def is_row_right(self) -> bool:
        """Whether most vertebrae are, which is what the probability of the row is about."""
        pairs = [(a, b) for a, b in zip(self.row.levels, self.true, strict=True) if b is not None]
        return are_alike([a for a, _ in pairs], [b for _, b in pairs])

    @property
    def said(self) -> list[float]:
        """The probability of the name of each vertebra that is a true one, as `right` has them."""
        return [p for p, b in zip(self.row.of_each, self.true, strict=True) if b is not None]


def named(films: Sequence[LocatedFilm]) -> tuple[list[Named], list[Named]]:
    """The films named one by one, and with the other films of their patient."""
    by_patient: dict[str, list[LocatedFilm]] = {}
    for film in films:
        if film.found.level_evidence is not None:
            by_patient.setdefault(film.patient, []).append(film)
    alone, together = [], []
    for patient, own in by_patient.items():
        evidence = [_evidence(film) for film in own]
        alone += [_named(patient, film, solve([e])[0][0]) for film, e in zip(own, evidence, strict=True)]
        together += [_named(patient, film, rows[0]) for film, rows in zip(own, solve(evidence), strict=True)]
    return alone, together


def _evidence(film: LocatedFilm) -> FilmEvidence:
    found = film.found
    levels = tuple(v.level for v in found.vertebrae if v.level is not None)
    return FilmEvidence(levels, found.level_evidence, traits_of(found, film.spacing))


def _named(patient: str, film: LocatedFilm, row: NameRow) -> Named:
    true: list[VertebralLevel | None] = [None] * len(film.found.vertebrae)
    for i, j in match_vertebrae(film.found, film.truth.landmarks, film.spacing).pairs:
        true[j] = film.truth.landmarks.vertebrae[i].level
    return Named(patient, str(film.truth.extra.get("field_of_view", "any")), row, tuple(true))


def report(title: str, films: Sequence[Named]) -> None:
    """Print accuracy, reliability and the doubt that fits."""
    print(f"\n{title}: {len(films)} simulated films of {len({f.patient for f in films})} patients")
    for field in ("all", *sorted({f.field for f in films})):
        own = [f for f in films if field in ("all", f.field)]
        vertebrae = np.concatenate([f.right for f in own])
        print(
            f"  {field:15}{len(own):5} films, all names right {100 * np.mean([all(f.right) for f in own]):5.1f} %, "
            f"of the vertebrae {100 * vertebrae.mean():5.1f} %"
        )
    said = np.array([f.row.probability for f in films])
    is_right = np.array([f.is_row_right for f in films])
    for part in np.array_split(np.argsort(said, kind="stable"), min(6, len(said))):
        low, high = said[part[0]], said[part[-1]]
        print(f"  said {low:.3f} to {high:.3f}, mean {said[part].mean():.3f}: right in {is_right[part].mean():.3f}")
    each, is_each_right = (np.concatenate([part(f) for f in films]) for part in (_said, _right))
    for low, high in pairwise(CLASSES):
        own = (each >= low) & (each < high)
        if own.any():
            told = f"{own.sum():6} vertebrae said {low:g} to {min(high, 1.0 - DOUBT):g}, mean {each[own].mean():.3f}"
            print(f"  {told}: right in {is_each_right[own].mean():.4f}")
    wrong = [f for f in films if not all(f.right)]
    told = sum(min(f.said) < LEVEL_PROBABILITY for f in wrong)
    print(f"  {len(wrong)} films have a wrong name; on {told} a vertebra's name has less than {LEVEL_PROBABILITY:g}")
    number = {name: i for i, name in enumerate(dict.fromkeys(f.patient for f in films))}
    half = np.array([number[f.patient] % 2 for f in films])
    for k in (0, 1):
        own = half == k
        losses = [_loss(said[own] / (1 - DOUBT) * (1 - doubt), is_right[own]) for doubt in DOUBTS]
        now = _loss(said[own], is_right[own])
        best = DOUBTS[int(np.argmin(losses))]
        print(f"  half {k + 1}: log loss {now:.3f} with a doubt of {DOUBT}; least with {best}: {min(losses):.3f}")


def _said(film: Named) -> np.ndarray:
    return np.array(film.said)


def _right(film: Named) -> np.ndarray:
    return np.array(film.right, dtype=bool)


def compare_costs(films: Sequence[LocatedFilm], costs: Sequence[float]) -> None:
    """Print a line for each cost (nats) of a T13 or L6: vertebrae named rightly and films with a wrong name."""
    print(f"{len(films)} simulated films: vertebrae named right (%), films with a wrong name; film by film, together")
    for cost in costs:
        levels.VARIANT_COST = cost
        rows = []
        for own in named(films):
            right = np.concatenate([f.right for f in own])
            rows.append(f"{100 * right.mean():.2f} {sum(not all(f.right) for f in own):4}")
        print(f"  {cost:4.1f}: {rows[0]}; {rows[1]}", flush=True)


def _loss(probability: np.ndarray, is_right: np.ndarray) -> float:
    return float(-np.log(np.where(is_right, probability, 1.0 - probability)).mean())


def main() -> int:
    """Report on the films that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--films", type=Path, nargs="+", required=True, help="folders as synthesize writes them")
    parser.add_argument("--keep", type=Path, help="file for the predictions, also of calibrate_covariance.py")
    parser.add_argument(
        "--costs", type=float, nargs="+", help="say how many names are right at these costs of a variant"
    )
    args = parser.parse_args()
    try:
        films = located(args.films, args.model, args.keep)
        if args.costs:
            compare_costs(films, args.costs)
            return 0
        alone, together = named(films)
    except KummellError as error:
        print(f"calibrate_names.py: {error}", file=sys.stderr)
        return 2
    report("Film by film", alone)
    report("Films of a patient together", together)
    codes = [{f.code for f in spine_findings(film.found)} for film in films]
    count = sum("sacrum-named-otherwise" in found for found in codes)
    print(f"\n{count} of {len(films)} films show a body that looks like S1 and is called otherwise")
    return 0


if __name__ == "__main__":
    sys.exit(main())

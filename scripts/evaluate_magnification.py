"""What changes of height are worth on films that know the pixel size of the detector alone (docs/accuracy.md).

    python scripts/evaluate_magnification.py --films runs/check [--model DIR] [--keep FILE]

On simulated films, whose magnifications are known and differ within a patient: each film gets the pixel size of its
detector, as most clinical films have. Changes of the anterior height of the injured vertebra are read with each film's
own pixels believed, and as `kummell-ai series` reads them, by the vertebrae that the films share; both are held against
the true change as the earlier film shows it. Names are the true ones, films are measured each by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from calibrate_covariance import located, parser_of_sets
from ending import end
from evaluate_shapes import Patient, patients

from kummell_ai.errors import InputError
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.evaluation.parts import phase_of
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Calibration
from kummell_ai.landmarks.assembly import Uncertainty
from kummell_ai.landmarks.checkpoint import read_info
from kummell_ai.measurement.compare import change_of
from kummell_ai.measurement.film import measure_radiograph
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import Change, PhasedMeasurement, Verdict

HEIGHT = "anterior_height"
ARMS = ("each film's own pixels believed", "by the vertebrae that films share")


def by_the_detector(film: LocatedFilm, found: SpineLandmarks) -> PhasedMeasurement:
    """The film measured with the pixel size of its detector."""
    magnified = film.truth.extra["geometry"]["magnification"]
    row, column = film.spacing.row_mm * magnified, film.spacing.column_mm * magnified
    spacing = replace(
        film.spacing, row_mm=row, column_mm=column, calibration=Calibration.DETECTOR_PLANE, magnification=None
    )
    measured = measure_radiograph(found, spacing, size_px=film.truth.size_px, provenance=build_provenance())
    return PhasedMeasurement(phase_of(film.truth), measured)


def changes(patient: Patient) -> Iterator[tuple[float, Change, Change]]:
    """True change as the earlier film shows it (mm at its detector), and that change as both arms read it."""
    (level,) = patient.injured
    films = [by_the_detector(film, found) for film, found in zip(patient.films, patient.found, strict=True)]
    by_phase = {film.phase: (film, own) for film, own in zip(films, patient.films, strict=True)}
    report = measure_series([(f.phase, f.measurement) for f in films], index_level=level, shapes="apart")
    first = patient.films[0].truth.extra["geometry"]["magnification"]
    for correction in report.corrections:
        (before, own), (after, other) = by_phase[correction.before], by_phase[correction.after]
        true = first * (_true(other) - _true(own))
        bodies = before.measurement.at(level), after.measurement.at(level)
        if bodies[0] is None or bodies[1] is None:
            continue
        plain = change_of(HEIGHT, bodies[0].quantities[HEIGHT], bodies[1].quantities[HEIGHT])
        (shared,) = [change for change in correction.changes if change.quantity_id == HEIGHT]
        if plain.change.value is not None and shared.change.value is not None:
            yield true, plain, shared


def _true(film: LocatedFilm) -> float:
    return float(film.truth.extra["truth"]["anterior_height_mm"])


def told(true: np.ndarray, read: Sequence[Change]) -> str:
    """Mean absolute error, intervals that hold the truth, and verdicts against its sign."""
    values = np.array([change.change.value for change in read], dtype=float)
    half = np.array([np.nan if change.mdc95 is None else change.mdc95 for change in read])
    gained = np.array([{Verdict.IMPROVED: 1, Verdict.WORSE: -1}.get(change.verdict, 0) for change in read])
    false = int((gained * true < 0).sum())
    return (
        f"mean error {np.abs(values - true).mean():.2f} mm, {100 * (np.abs(values - true) <= half).mean():.1f} % in "
        f"their interval of ± {np.nanmean(half):.1f} mm, {false} called improved or worse against the truth"
    )


def main() -> None:
    """Print the figures."""
    args = parser_of_sets(__doc__).parse_args()
    found = located(args.films, args.model, args.keep, args.limit)
    bare = next((f.truth.file_name for f in found if not {"geometry", "truth"} <= f.truth.extra.keys()), None)
    if bare is not None:
        raise InputError(f"{bare} knows no magnification; give films of kummell-ai synthesize", bare)
    every = patients(found, Uncertainty.from_info(read_info(args.model)))
    whole = [patient for patient in every if len(patient.films) > 1 and len(patient.injured) == 1]
    rows = [row for patient in whole for row in changes(patient)]
    magnified = [[film.truth.extra["geometry"]["magnification"] for film in p.films] for p in whole]
    spread = np.array([max(own) / min(own) - 1.0 for own in magnified])
    percent = f"{100 * spread.mean():.0f} %"
    print(f"{len(whole)} simulated patients, whose films differ in magnification by {percent} in the mean")
    true = np.array([row[0] for row in rows])
    for arm, name in enumerate(ARMS, start=1):
        print(f"{len(rows)} changes of the anterior height, {name}: {told(true, [row[arm] for row in rows])}")


if __name__ == "__main__":
    end(main)

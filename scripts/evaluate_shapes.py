"""Whether intact vertebrae have one shape on all films of a patient, and what that wins (docs/shapes.md).

    python scripts/evaluate_shapes.py --model DIR --films runs/calibration runs/check [--keep FILE]

On simulated films, whose true corners are known: how far the true corners of intact bodies are from one shape, the
errors of located ones each film by itself and together, how often the shape of an intact body is said to differ, and
how often that is said when its front is made lower on the last film, as if it had broken. Names are the true ones.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from calibrate_covariance import located

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.cli import options
from kummell_ai.errors import KummellError
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.evaluation.matching import match_vertebrae
from kummell_ai.geometry.common_shape import fit_common_shape
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.assembly import Uncertainty, calibrated
from kummell_ai.landmarks.checkpoint import read_info
from kummell_ai.measurement.shared_shapes import SharedShapes, share_shapes
from kummell_ai.shipped import default_model

LOWER_MM = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True)
class Patient:
    """Films of one patient: located under the true names, true, and mm a pixel (x, y)."""

    found: tuple[SpineLandmarks, ...]
    films: tuple[LocatedFilm, ...]
    injured: frozenset[VertebralLevel]

    @property
    def mm(self) -> list[FloatArray]:
        """Pixel size (2,) of each film."""
        return [np.array([film.spacing.column_mm, film.spacing.row_mm]) for film in self.films]

    def sharing(self, found: Sequence[SpineLandmarks] | None = None) -> SharedShapes:
        """What `share_shapes` makes of ``found``, by default of the films as located."""
        spacings = [film.spacing for film in self.films]
        return share_shapes(list(zip(found or self.found, spacings, strict=True)), self.injured)


def patients(films: Sequence[LocatedFilm], uncertainty: Uncertainty) -> list[Patient]:
    groups: dict[str, list[LocatedFilm]] = defaultdict(list)
    for film in films:
        groups[film.patient].append(film)
    return [patient_of(own, uncertainty) for own in groups.values()]


def patient_of(films: Sequence[LocatedFilm], uncertainty: Uncertainty) -> Patient:
    found = []
    for film in films:
        landmarks, true = calibrated(film.found, uncertainty, film.spacing), film.truth.landmarks
        level = {j: true.vertebrae[i].level for i, j in match_vertebrae(landmarks, true, film.spacing).pairs}
        bodies = tuple(replace(v, level=level[j]) for j, v in enumerate(landmarks.vertebrae) if j in level)
        found.append(replace(landmarks, vertebrae=bodies, level_evidence=None))
    named = {str(film.truth.extra["index_level"]) for film in films if film.truth.extra.get("index_level")}
    return Patient(tuple(found), tuple(films), frozenset(VertebralLevel.parse(name) for name in named))


FATES = ("flagged as fractured", "told to differ", "kept apart", "placed together", "not compared")
"""What becomes of a vertebra that breaks between two films."""


def broken(patient: Patient) -> list[VertebralLevel]:
    """The levels, beside the injured one, that are whole on a film and fractured on another."""
    seen: dict[VertebralLevel, set[bool]] = defaultdict(set)
    for film in patient.films:
        for body in film.truth.landmarks.vertebrae:
            if body.level is not None and np.isfinite(body.corners_px).all():
                seen[body.level].add("fractured" in body.flags)
    return sorted(level for level, states in seen.items() if len(states) == 2 and level not in patient.injured)


def _fate(patient: Patient, shared: SharedShapes, level: VertebralLevel) -> str:
    found = [body for film in patient.found if (body := film.at(level)) is not None]
    if any("fractured" in body.flags for body in found):
        return FATES[0]
    if level in {body.level for body in shared.differing}:
        return FATES[1]
    if level in {body.level for body in shared.apart}:
        return FATES[2]
    is_evened_out = any(
        own is not None and moved is not None and moved.points_px is not own.points_px
        for film, before, after in zip(patient.films, patient.found, shared.landmarks, strict=True)
        if (true := film.truth.landmarks.at(level)) is not None and "fractured" in true.flags
        for own, moved in [(before.at(level), after.at(level))]
    )
    return FATES[3] if is_evened_out else FATES[4]


def true_residuals(patient: Patient) -> Iterator[float]:
    """How far (mm) the true corners of bodies that nothing happens to lie from one shape."""
    true = [film.truth.landmarks for film in patient.films]
    for level in {v.level for film in true for v in film.vertebrae} - {None, VertebralLevel.S1, *patient.injured}:
        bodies = [(film.at(level), mm) for film, mm in zip(true, patient.mm, strict=True) if level is not None]
        whole = [(b, mm) for b, mm in bodies if b is not None and np.isfinite(b.corners_px).all()]
        if len(whole) < 2 or any("fractured" in b.flags for b, _ in whole):
            continue
        points = np.stack([_left(b.corners_px * mm) for b, mm in whole])
        fit = fit_common_shape(points, np.tile(np.eye(2), (*points.shape[:2], 1, 1)))
        yield from np.linalg.norm(fit.points - points, axis=2).ravel()


def _left(corners: FloatArray) -> FloatArray:
    """The corners with the front to the left."""
    return corners * [-1.0, 1.0] if corners[0, 0] > corners[1, 0] else corners


def errors(patient: Patient, found: Sequence[SpineLandmarks]) -> Iterator[tuple[float, float]]:
    """Mean corner error (mm) and mean error (degrees) of the endplates' directions of bodies that took part."""
    took_part = set(patient.sharing().levels)
    for film, landmarks, mm in zip(patient.films, found, patient.mm, strict=True):
        for body in landmarks.vertebrae:
            true = film.truth.landmarks.at(body.level) if body.level in took_part else None
            if true is None or not (np.isfinite(true.corners_px).all() and np.isfinite(body.corners_px).all()):
                continue
            one, other = body.corners_px * mm, true.corners_px * mm
            turned = [_direction(p[[0, 2]] - p[[1, 3]]) for p in (one, other)]
            angle = np.degrees(np.abs(np.angle(turned[0] / turned[1])))
            yield float(np.linalg.norm(one - other, axis=1).mean()), float(angle.mean())


def _direction(vectors: FloatArray) -> np.ndarray:
    """Vectors (N, 2) as complex numbers (N,)."""
    return vectors[:, 0] + 1j * vectors[:, 1]


def lowered(patient: Patient, level: VertebralLevel, by_mm: float) -> list[SpineLandmarks]:
    """The films with the superior anterior corner of ``level`` moved down along the front wall on the last one."""
    last, mm = patient.found[-1], patient.mm[-1]
    bodies = [_lower(v, by_mm, mm) if v.level is level else v for v in last.vertebrae]
    return [*patient.found[:-1], replace(last, vertebrae=tuple(bodies))]


def _lower(body: VertebraLandmarks, by_mm: float, mm: FloatArray) -> VertebraLandmarks:
    points = body.points_px.copy()
    wall = (points[2] - points[0]) * mm
    move = by_mm * wall / np.linalg.norm(wall) / mm
    points[0] += move
    if len(points) == 6:
        points[4] += 0.5 * move
    return replace(body, points_px=points)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--films", type=Path, nargs="+", required=True, help="folders as synthesize writes them")
    parser.add_argument("--keep", type=Path, help="file of predictions, as of calibrate_covariance.py")
    parser.add_argument("--limit", type=options.positive, help="use at most this many films of each folder")
    args = parser.parse_args()
    try:
        found = located(args.films, args.model, args.keep, args.limit)
        tell(patients(found, Uncertainty.from_info(read_info(args.model))))
    except KummellError as error:
        print(f"evaluate_shapes.py: {error}", file=sys.stderr)
        return 2
    return 0


def tell(every: Sequence[Patient]) -> None:
    """The figures of the patients with two films or more."""
    several = [patient for patient in every if len(patient.films) > 1]
    print(f"{len(several)} simulated patients with {sum(len(p.films) for p in several)} films")
    rest = np.array([r for patient in several for r in true_residuals(patient)])
    near = np.quantile(rest, 0.95)
    print(f"true corners of intact bodies: {rest.mean():.3f} mm from one shape, 95 % within {near:.3f}")
    alone = np.array([e for patient in several for e in errors(patient, patient.found)])
    together = np.array([e for patient in several for e in errors(patient, patient.sharing().landmarks)])
    for i, what in enumerate((f"corner error of {len(alone)} bodies, mm", "error of endplates, degrees")):
        print(f"{what}: {alone[:, i].mean():.3f} each film by itself, {together[:, i].mean():.3f} together")
    sharing = [patient.sharing() for patient in several]
    fates = [
        _fate(patient, own, level) for patient, own in zip(several, sharing, strict=True) for level in broken(patient)
    ]
    print(
        f"broke from one film to a later one: {len(fates)} bodies; " + ", ".join(f"{fates.count(f)} {f}" for f in FATES)
    )
    whole = [(s.levels, [b.level for b in s.apart], [b.level for b in s.differing]) for s in sharing]
    shared, apart, told = (
        sum(level not in broken(patient) for patient, own in zip(several, whole, strict=True) for level in own[k])
        for k in range(3)
    )
    print(f"nothing happened to {shared + apart} bodies: {shared} placed together, {apart} not, {told} said to differ")
    for by_mm in LOWER_MM:
        fates = [
            tuple(level in {other.level for other in found} for found in (made.apart, made.differing))
            for patient, own in zip(several, sharing, strict=True)
            for level in own.levels
            if (body := patient.found[-1].at(level)) is not None and np.isfinite(body.corners_px).all()
            for made in [patient.sharing(lowered(patient, level, by_mm))]
        ]
        kept, said = 100.0 * np.mean(fates, axis=0)
        print(f"front {by_mm:g} mm lower on the last film: kept apart {kept:.1f} %, told {said:.1f} % of {len(fates)}")


if __name__ == "__main__":
    sys.exit(main())

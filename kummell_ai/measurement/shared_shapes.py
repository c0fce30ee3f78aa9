"""The films of a patient measured together: an intact vertebral body has one shape on all of them (docs/shapes.md)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kummell_ai.anatomy import CORNERS, VertebralLevel
from kummell_ai.geometry.common_shape import CommonShape, fit_common_shape
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.film import remeasure
from kummell_ai.measurement.results import Finding, PhasedMeasurement, RadiographMeasurement, Severity
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.measurement.segments import facing_sign_of

LARGEST_MISFIT = 0.7
"""Misfit up to which a body is taken to have one shape; that of 18 in 19 intact ones (docs/shapes.md)."""

TOLD_MISFIT = 1.5
"""Misfit beyond which the shape is said to differ; that of 1 in 230 intact ones."""

COUNTED_FILMS = 3
"""Films beyond which further ones make no body's corners surer: patients of the calibration have as many."""

_CHANGING = frozenset({"fractured"})
_NOT_WHOLE = frozenset({"cropped"})


class BodyApart(NamedTuple):
    """A body whose shape may differ between the films.

    Attributes:
        level: its name.
        misfit: of all films that show it.
        odd_film: number of the one film without which the others show one shape; None where that is none or several.
    """

    level: VertebralLevel
    misfit: float
    odd_film: int | None


@dataclass(frozen=True, slots=True)
class SharedShapes:
    """Films of a patient whose intact bodies were placed together.

    Attributes:
        landmarks: of each film, in the order given.
        levels: the bodies that were placed together, cranial to caudal.
        apart: those whose shape may differ between the films; each film keeps its own corners of them.
    """

    landmarks: tuple[SpineLandmarks, ...]
    levels: tuple[VertebralLevel, ...]
    apart: tuple[BodyApart, ...]

    @property
    def differing(self) -> tuple[BodyApart, ...]:
        """Those of ``apart`` whose shape differs by so much that a reader must look."""
        return tuple(body for body in self.apart if body.misfit > TOLD_MISFIT)


def share_shapes(
    films: Sequence[tuple[SpineLandmarks, PixelSpacing]], changing: Collection[VertebralLevel] = ()
) -> SharedShapes:
    """The films with the points of every intact body moved to where all films show one shape of it.

    A body takes part when two films or more show it whole with covariances, none of them shows it fractured, and its
    shape is the same on all of them within the errors. Its covariances are those of the common fit, and all bodies of
    a film that has such a body get the interval factors of films measured together. Films whose network was not
    calibrated for that stay as they are.

    Args:
        films: landmarks and pixel size of each film of one patient, named together.
        changing: the injured levels; their shape is what changes.
    """
    present = {v.level for landmarks, _ in films for v in landmarks.vertebrae if v.level is not None}
    moved: list[dict[int, VertebraLandmarks]] = [{} for _ in films]
    levels, apart = [], []
    for level in sorted(present - {*changing, VertebralLevel.S1}):
        places = [_places(landmarks, level) for landmarks, _ in films]
        bodies = [(i, j, films[i][0].vertebrae[j]) for i, own in enumerate(places) for j in own]
        if any(len(own) > 1 for own in places) or any(_CHANGING & body.flags for *_, body in bodies):
            continue
        usable = [(i, j, body) for i, j, body in bodies if _is_usable(body)]
        if len(usable) < 2:
            continue
        frames = [_frame(*films[i]) for i, *_ in usable]
        fit = _fit([body for *_, body in usable], frames)
        if not fit.misfit <= LARGEST_MISFIT:
            odd = _odd_one([body for *_, body in usable], frames)
            apart.append(BodyApart(level, fit.misfit, None if odd is None else usable[odd][0]))
            continue
        levels.append(level)
        for k, (i, j, body) in enumerate(usable):
            moved[i][j] = _moved(body, fit, k, frames[k])
    landmarks = tuple(_put(film, own) for (film, _), own in zip(films, moved, strict=True))
    return SharedShapes(landmarks, tuple(levels), tuple(apart))


def with_shared_shapes(
    films: Sequence[PhasedMeasurement],
    changing: Collection[VertebralLevel],
    index_level: VertebralLevel | None = None,
) -> tuple[list[PhasedMeasurement], list[Finding]]:
    """The films measured anew with shared shapes, and what a reader must know about it.

    Args:
        films: of one patient, named together.
        changing: the injured levels.
        index_level: the level whose segment angles are listed even when they are missing.
    """
    shared = share_shapes([(f.measurement.landmarks, f.measurement.spacing) for f in films], changing)
    measured = [
        film
        if landmarks is film.measurement.landmarks
        else PhasedMeasurement(film.phase, remeasure(film.measurement, landmarks, index_level))
        for film, landmarks in zip(films, shared.landmarks, strict=True)
    ]
    return measured, _findings(shared, [film.measurement.reference.name for film in films])


def is_measured_together(film: RadiographMeasurement) -> bool:
    """Whether the film has bodies that were placed together with other films."""
    factors = (body.interval_factors for body in film.landmarks.vertebrae)
    return any(own is not None and own.is_together for own in factors)


def _places(landmarks: SpineLandmarks, level: VertebralLevel) -> list[int]:
    """Where in the row of vertebrae those called ``level`` stand; more than one is a wrong name."""
    return [j for j, body in enumerate(landmarks.vertebrae) if body.level is level]


def _is_usable(body: VertebraLandmarks) -> bool:
    """Whether the body is shown whole, by a network that is calibrated for films measured together."""
    factors = body.interval_factors
    can_be_told = factors is not None and factors.together is not None
    is_whole = not _NOT_WHOLE & body.flags and body.depth_px > 0
    return can_be_told and is_whole and _is_known(body, len(CORNERS))


def _is_known(body: VertebraLandmarks, count: int) -> bool:
    """Whether the first ``count`` points are seen, each with a covariance that can weigh it."""
    if body.covariance_px is None or len(body.points_px) < count:
        return False
    points, covariance = body.points_px[:count], body.covariance_px[:count]
    if not (np.isfinite(points).all() and np.isfinite(covariance).all()):
        return False
    return bool((np.linalg.eigvalsh(covariance) > 0).all())


def _frame(landmarks: SpineLandmarks, spacing: PixelSpacing) -> ScaleShift:
    """From the film's px to a plane with one scale and the front to the left."""
    mirror = -1.0 if facing_sign_of(landmarks) > 0 else 1.0
    return ScaleShift(mirror * spacing.column_mm, spacing.row_mm)


def _fit(bodies: Sequence[VertebraLandmarks], frames: Sequence[ScaleShift]) -> CommonShape:
    """The common shape of all points, or of the corners where a film lacks the middles of the endplates."""
    every = max(len(body.points_px) for body in bodies)
    count = every if all(_is_known(body, every) for body in bodies) else len(CORNERS)
    points = [frame.apply(body.points_px[:count]) for body, frame in zip(bodies, frames, strict=True)]
    covariance = [
        frame.apply_covariance(body.covariance_px[:count])
        for body, frame in zip(bodies, frames, strict=True)
        if body.covariance_px is not None
    ]
    return fit_common_shape(np.stack(points), np.stack(covariance), COUNTED_FILMS)


def _odd_one(bodies: Sequence[VertebraLandmarks], frames: Sequence[ScaleShift]) -> int | None:
    """Which film it is without which the others, two or more, show one shape; None where that is none or several."""
    if len(bodies) < 3:
        return None
    kept = [[k for k in range(len(bodies)) if k != left_out] for left_out in range(len(bodies))]
    misfits = [_fit([bodies[k] for k in own], [frames[k] for k in own]).misfit for own in kept]
    odd = [k for k, misfit in enumerate(misfits) if misfit <= LARGEST_MISFIT]
    return odd[0] if len(odd) == 1 else None


def _moved(body: VertebraLandmarks, fit: CommonShape, film: int, frame: ScaleShift) -> VertebraLandmarks:
    """The body with the points of the fit; points that had no part in it stay."""
    back = frame.inverse()
    count = fit.points.shape[1]
    points = body.points_px.copy()
    points[:count] = back.apply(fit.points[film])
    covariance, factors = None, body.interval_factors
    if body.covariance_px is not None:
        factor = 1.0 if factors is None or factors.together is None else factors.together.of_covariance
        covariance = body.covariance_px.copy()
        covariance[:count] = factor * back.apply_covariance(fit.covariance[film])
    return replace(body, points_px=points, covariance_px=covariance)


def _put(landmarks: SpineLandmarks, moved: dict[int, VertebraLandmarks]) -> SpineLandmarks:
    """The film with the bodies that were moved, and factors of films measured together for all of its bodies."""
    if not moved:
        return landmarks
    bodies = (moved.get(j, body) for j, body in enumerate(landmarks.vertebrae))
    return replace(landmarks, vertebrae=tuple(_with_factors(body) for body in bodies))


def _with_factors(body: VertebraLandmarks) -> VertebraLandmarks:
    factors = body.interval_factors
    return body if factors is None or factors.together is None else replace(body, interval_factors=factors.together)


def _findings(shared: SharedShapes, names: Sequence[str]) -> list[Finding]:
    findings = []
    if shared.levels:
        levels = ", ".join(map(str, shared.levels))
        text = f"the corners of {levels} are placed so that all films show one shape of each: nothing is taken to have "
        text += "happened to these vertebrae; --shapes apart measures each film by itself"
        findings.append(Finding("shapes-shared", Severity.INFO, text))
    for level, misfit, odd in shared.differing:
        told = apart_from(misfit, TOLD_MISFIT, digits=1)
        where = "between the films" if odd is None else f"on {names[odd]} from that on the other films"
        text = (
            f"the shape of {level} differs {where} by more than the errors of its corners (misfit "
            f"{told}, at most {TOLD_MISFIT:g} is expected): each film keeps its own corners; look whether "
            "the vertebra broke, a corner is wrong, or the films name two vertebrae alike"
        )
        findings.append(Finding("shape-differs", Severity.WARNING, text, level))
    return findings

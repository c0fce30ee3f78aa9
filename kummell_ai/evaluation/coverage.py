"""How often ellipses and 95 % intervals hold the truth, and how wide they are, by stratum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kummell_ai.evaluation.changes import change_errors
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.interval_factors import STRATA, stratum_of
from kummell_ai.measurement.derived import RATES

SUBJECTS = (
    *("corner ellipse", "anterior_height", "posterior_height", "wedge_angle", "segmental_cobb", "height_loss"),
    *("middle_height", "wedge_ratio", "compression", "superior_depth", "inferior_depth", "local_kyphosis"),
    *("reference_height", "surgical_segment_cobb"),
    *("change of anterior_height", "change of wedge_angle", "change of segmental_cobb", *RATES),
)
"""What coverage is told of, in table order; a change is that of the injured vertebra between two films."""

_MISS = 40.0
"""Cost of a unit by which an interval misses the truth, 2 / 0.05."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the intervals of one subject do in one stratum.

    Attributes:
        subject: of `SUBJECTS`.
        stratum: ``all``, or of `STRATA`, by the true state of the vertebra.
        n: intervals.
        inside: share that holds the truth, in [0, 1].
        half_width: mean, in the unit of the quantity; of an ellipse, the radius of a disc as large (% of depth).
        score: mean interval score, the width plus 40 times the miss, in that unit; lower is better; NaN for ellipses.
            Source: Gneiting and Raftery 2007, doi 10.1198/016214506000001437, section 6.2.
    """

    subject: str
    stratum: str
    n: int
    inside: float
    half_width: float
    score: float


def coverage_of(films: Sequence[FilmResult]) -> list[Coverage]:
    """The coverage of every subject that occurs, over all vertebrae and by stratum."""
    samples: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for subject, stratum, *numbers in (*_of_corners(films), *_of_quantities(films), *_of_changes(films)):
        for part in ("all", stratum):
            samples.setdefault((subject, part), []).append((numbers[0], numbers[1], numbers[2]))
    order = [(subject, part) for subject in SUBJECTS for part in ("all", *reversed(STRATA))]
    return [_coverage(*key, np.array(samples[key])) for key in order if key in samples]


def interval_score(error: FloatArray, half_width: FloatArray) -> FloatArray:
    """The interval score of 95 % intervals (N,) by their error at the centre and their half width.

    >>> interval_score(np.array([1.0, 3.0]), np.array([2.0, 2.0])).tolist()
    [4.0, 44.0]
    """
    score: FloatArray = 2.0 * half_width + _MISS * np.maximum(np.abs(error) - half_width, 0.0)
    return score


def _coverage(subject: str, stratum: str, rows: FloatArray) -> Coverage:
    """From rows (N, 3): error, half width and mean half width to show; an error and a half width in one unit."""
    error, half, shown = rows.T
    inside = float((np.abs(error) <= half).mean())
    score = float("nan") if subject == SUBJECTS[0] else float(interval_score(error, half).mean())
    return Coverage(subject, stratum, len(rows), inside, float(shown.mean()), score)


_Row = tuple[str, str, float, float, float]


def _of_corners(films: Sequence[FilmResult]) -> Iterator[_Row]:
    reach = float(np.sqrt(ELLIPSE_95))
    for film in films:
        for body in film.vertebrae:
            if body.corners is not None:
                pairs = zip(np.sqrt(body.corners.mahalanobis2), body.corners.ellipse_percent, strict=True)
                for distance, radius in pairs:
                    if np.isfinite(distance):
                        yield SUBJECTS[0], stratum_of(body.flags), float(distance), reach, float(radius)


def _of_quantities(films: Sequence[FilmResult]) -> Iterator[_Row]:
    for film in films:
        for body in film.vertebrae:
            for q in body.quantities:
                if q.interval is not None and q.quantity_id in SUBJECTS:
                    half = q.interval.half_width
                    yield q.quantity_id, stratum_of(body.flags), q.error, half, half


def _of_changes(films: Sequence[FilmResult]) -> Iterator[_Row]:
    for change in change_errors(films):
        subject = change.quantity_id if change.quantity_id in RATES else f"change of {change.quantity_id}"
        if change.half_width is not None and subject in SUBJECTS:
            yield subject, change.change, change.error, change.half_width, change.half_width

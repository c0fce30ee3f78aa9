"""Which predicted vertebra is which true one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import PixelSpacing

MATCH_DISTANCE = 0.5
"""Largest distance between matched centres, in depths of the true body."""

CORRIDOR = 1.5
"""How far beside the prolonged spine a body may lie to count as beyond the annotation, in depths."""


MIN_CORNERS = 3
"""Corners of a true body that must be seen for it to be asked for."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The outcome of matching one film, as indices into the two films' vertebrae.

    Attributes:
        pairs: (true, predicted), one-to-one.
        missed: true vertebrae without a partner, S1 and those with fewer than three corners left out.
        false: predicted vertebrae without a partner that lie where the truth is complete.
        beyond: predicted vertebrae without a partner where the truth may have left real vertebrae out; see
            `match_vertebrae`.
    """

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    false: tuple[int, ...]
    beyond: tuple[int, ...]


def is_asked_for(body: VertebraLandmarks) -> bool:
    """Whether a true body must be found: at least three corners are seen, and it is not S1."""
    return body.level is not VertebralLevel.S1 and corners_seen(body) >= MIN_CORNERS


def cranial_first(truth: SpineLandmarks) -> SpineLandmarks:
    """The true vertebrae from head to sacrum, by their names or, where one has none, from top to bottom.

    Other programs write the vertebrae of a film in any order.
    """

    def place(body: VertebraLandmarks) -> tuple[bool, float]:
        height = float(body.centre_px[1])
        return not np.isfinite(height), height

    levels = [v.level for v in truth.vertebrae if v.level is not None]
    if len(levels) == len(truth.vertebrae):
        order = sorted(range(len(levels)), key=lambda i: levels[i].index)
    else:
        order = sorted(range(len(truth.vertebrae)), key=lambda i: place(truth.vertebrae[i]))
    return replace(truth, vertebrae=tuple(truth.vertebrae[i] for i in order))


def match_vertebrae(predicted: SpineLandmarks, truth: SpineLandmarks, spacing: PixelSpacing | None = None) -> Matching:
    """Match bodies one-to-one so that the sum of centre distances is least; none beyond half the true depth.

    The distance is that of the means of the corners seen in both, with the pixel aspect of ``spacing`` applied (None =
    square pixels). S1 is matched if it can be, but a missed or an
    additional S1 counts as no error, and a true body with fewer than three corners on the film is not asked for.
    A predicted body without a partner counts as false, except *beyond the annotation*: within one depth of a body
    that is not asked for; above the topmost true centre (along the line through the two topmost) and at most 1.5
    depths beside that line, because annotators leave real vertebrae out there; and likewise below the lowest true
    centre when that vertebra is named and lies above L5, because then the film or the annotation ends early.
    """
    aspect = 1.0 if spacing is None else spacing.column_mm / spacing.row_mm
    predicted, truth = _square(predicted, aspect), _square(truth, aspect)
    whole = tuple(v for v in truth.vertebrae if corners_seen(v) >= MIN_CORNERS)
    index = [i for i, v in enumerate(truth.vertebrae) if corners_seen(v) >= MIN_CORNERS]
    pairs = [(index[i], j) for i, j in _assign(predicted.vertebrae, whole)]
    used_true, used_predicted = {i for i, _ in pairs}, {j for _, j in pairs}
    missed = [i for i, v in enumerate(truth.vertebrae) if i not in used_true and is_asked_for(v)]
    sacrum = VertebralLevel.S1
    left = [j for j, v in enumerate(predicted.vertebrae) if j not in used_predicted and v.level is not sacrum]
    partial = [v for v in truth.vertebrae if corners_seen(v) < MIN_CORNERS]
    beyond = [
        j
        for j in left
        if _is_beyond(predicted.vertebrae[j].centre_px, whole) or _is_near(predicted.vertebrae[j], partial)
    ]
    false = [j for j in left if j not in beyond]
    return Matching(tuple(pairs), tuple(missed), tuple(false), tuple(beyond))


def corners_seen(body: VertebraLandmarks) -> int:
    """Corners of a body that are on the film."""
    return int(np.isfinite(body.corners_px).all(axis=-1).sum())


def _square(landmarks: SpineLandmarks, aspect: float) -> SpineLandmarks:
    """The corners alone, in px as wide as they are high."""
    bodies = (replace(v, points_px=v.corners_px * [aspect, 1.0], covariance_px=None) for v in landmarks.vertebrae)
    return replace(landmarks, vertebrae=tuple(bodies))


def _assign(predicted: tuple[VertebraLandmarks, ...], truth: tuple[VertebraLandmarks, ...]) -> list[tuple[int, int]]:
    if not predicted or not truth:
        return []
    offset = np.stack([v.corners_px for v in predicted])[None] - np.stack([v.corners_px for v in truth])[:, None]
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(offset).all(axis=-1))
    count = seen.sum(axis=-1)
    mean = np.where(seen[..., None], offset, 0.0).sum(axis=-2) / np.maximum(count, 1)[..., None]
    distance = np.linalg.norm(mean, axis=-1) / np.array([v.depth_px for v in truth])[:, None]
    allowed = (count > 0) & (distance < MATCH_DISTANCE)
    rows, columns = linear_sum_assignment(np.where(allowed, distance, 1e3))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def _is_near(body: VertebraLandmarks, partial: list[VertebraLandmarks]) -> bool:
    return any(float(np.linalg.norm(body.centre_px - v.centre_px)) < body.depth_px for v in partial)


def _is_beyond(centre: FloatArray, truth: tuple[VertebraLandmarks, ...]) -> bool:
    if len(truth) < 2:
        return False
    if _prolongs(centre, truth[1], truth[0]):
        return True
    last = truth[-1].level
    return last is not None and last < VertebralLevel.L5 and _prolongs(centre, truth[-2], truth[-1])


def _prolongs(centre: FloatArray, inner: VertebraLandmarks, outer: VertebraLandmarks) -> bool:
    """Whether ``centre`` lies outward of ``outer`` along the line from ``inner``, and near that line."""
    axis = outer.centre_px - inner.centre_px
    axis = axis / max(float(np.linalg.norm(axis)), 1e-9)
    step = centre - outer.centre_px
    along = float(step @ axis)
    beside = abs(float(step[0] * axis[1] - step[1] * axis[0]))
    return along > 0.25 * outer.depth_px and beside < CORRIDOR * outer.depth_px

"""Whether a vertebra on one film and a vertebra on another film of the patient are the same bone (docs/levels.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.scale import isotropic

MARKS = ("injured", "instrumented", "cemented")
"""What marks a bone for good: a collapse, screws, cement."""

MARK_ERROR = (0.15, 0.05, 0.08)
"""How often each of `MARKS` is missed or made up: 0.06, 0.01 and 0.04 on 288 bodies of 30 simulated films, where 0.28,
0.00 and 0.10 of those that bear it were missed; real films are harder."""

MARK_SHARE = 0.2
"""Share of the vertebrae that bear a mark, on films that show it at all."""

SAME_SPREAD = np.array([0.05, 0.06, 0.03])
"""Standard deviation of the difference of `Traits.shape` between two films of one bone.

Measured on 163 pairs of 30 simulated films (median absolute deviation x 1.48): 0.037, 0.047, 0.025.
"""

OTHER_SPREAD = np.array([0.08, 0.11, 0.045])
"""The same between a bone and the next one; 0.078, 0.119, 0.045 on 118 pairs of the same films."""

SHAPE_LIMIT = 1.0
"""Largest weight (nats) that the shape of one pair of bones may have, for or against."""

_COLLAPSED_WEDGE_RATIO = 0.7
"""Anterior / posterior height below which a body looks collapsed."""

_COLLAPSED_HEIGHT_RATIO = 0.7
"""Anterior height / mean of the two neighbours' below which a body looks collapsed."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the vertebrae of one film can be told by on another.

    Attributes:
        marks: (V, 3) whether each bears each of `MARKS`.
        shape: (V, 3) logarithms of posterior height / depth, anterior / posterior height, and depth in a unit of the
            film; NaN for a body that is injured, cropped or not fully seen.
    """

    marks: NDArray[np.bool_]
    shape: FloatArray


def traits_of(landmarks: SpineLandmarks, spacing: PixelSpacing) -> Traits:
    """The traits of a film's vertebrae."""
    bodies = landmarks.vertebrae
    marks = np.array(
        [
            (looks_injured(bodies, i, spacing), "instrumented" in b.flags, "cemented" in b.flags)
            for i, b in enumerate(bodies)
        ],
        dtype=np.bool_,
    ).reshape(-1, len(MARKS))
    shapes = [_shape(b, spacing) if not m[0] else np.full(3, np.nan) for b, m in zip(bodies, marks, strict=True)]
    return Traits(marks, np.array(shapes, dtype=np.float64).reshape(-1, 3))


def looks_injured(vertebrae: Sequence[VertebraLandmarks], index: int, spacing: PixelSpacing) -> bool:
    """Whether a vertebra is flagged as fractured, cemented without screws, bridged by screws, or collapsed."""
    body = vertebrae[index]
    if body.level is VertebralLevel.S1 or "cropped" in body.flags:
        return False
    if "fractured" in body.flags or body.is_cemented_alone:
        return True
    held = [i for i, v in enumerate(vertebrae) if "instrumented" in v.flags]
    if index - 1 in held and index + 1 in held and (index not in held or len(held) == 3):
        return True
    return _is_collapsed(vertebrae, index, spacing)


def _is_collapsed(vertebrae: Sequence[VertebraLandmarks], index: int, spacing: PixelSpacing) -> bool:
    """Whether the front is much lower than the back, or than the mean front of the bodies above and below."""
    fronts, backs = np.array(
        [_heights(v, spacing) for v in vertebrae[max(index - 1, 0) : index + 2]], dtype=np.float64
    ).T
    place = min(index, 1)
    others = np.delete(fronts, place)
    is_wedged = fronts[place] < _COLLAPSED_WEDGE_RATIO * backs[place]
    return bool(is_wedged or (len(others) == 2 and fronts[place] < _COLLAPSED_HEIGHT_RATIO * others.mean()))


def _heights(body: VertebraLandmarks, spacing: PixelSpacing) -> tuple[float, float]:
    """Anterior and posterior height in the unit of `isotropic`; NaN where corners are not seen."""
    sa, sp, ia, ip = isotropic(body.corners_px, spacing)
    return float(np.linalg.norm(sa - ia)), float(np.linalg.norm(sp - ip))


def agreement(
    first: Traits,
    second: Traits,
    first_names: Sequence[VertebralLevel],
    second_names: Sequence[VertebralLevel],
) -> float:
    """How much likelier (nats) the traits are when vertebrae of one name are one bone than when they are not.

    A mark counts when both films show it somewhere: screws are on no film before the operation. The depths of two
    films have no common unit, so that they are compared after their mean.
    """
    place = {level: j for j, level in enumerate(second_names)}
    pairs = [(i, place[level]) for i, level in enumerate(first_names) if level in place]
    if not pairs:
        return 0.0
    i, j = np.array(pairs).T
    total = 0.0
    for k, error in enumerate(MARK_ERROR):
        if first.marks[:, k].any() and second.marks[:, k].any():
            seen = zip(first.marks[i, k], second.marks[j, k], strict=True)
            total += sum(mark_weight(bool(a), bool(b), error) for a, b in seen)
    bones = [level for level in first_names if level in place]
    return total + _shape_weight(first.shape[i], second.shape[j], [b is not VertebralLevel.S1 for b in bones])


def mark_weight(first: bool, second: bool, error: float, share: float = MARK_SHARE) -> float:
    """Weight (nats) of a mark seen or not: log P(first, second | same bone) - log P(first, second | two bones).

    >>> [round(mark_weight(*seen, 0.1), 2) for seen in ((True, True), (True, False), (False, False))]
    [0.92, -0.76, 0.17]
    """
    chance = share * (1 - error) + (1 - share) * error
    if first != second:
        return float(np.log(error * (1 - error) / (chance * (1 - chance))))
    hit, miss = (1 - error, error) if first else (error, 1 - error)
    alone = chance if first else 1 - chance
    return float(np.log((share * hit**2 + (1 - share) * miss**2) / alone**2))


def _shape_weight(first: FloatArray, second: FloatArray, counts: Sequence[bool]) -> float:
    """Log-likelihood ratio (nats) of the shapes (P, 3) of paired bodies."""
    change = (second - first)[np.array(counts, dtype=np.bool_)]
    change = change[np.isfinite(change).all(axis=1)]
    if len(change) < 2:
        return 0.0
    change[:, 2] -= change[:, 2].mean()
    weight = np.log(OTHER_SPREAD / SAME_SPREAD) - 0.5 * change**2 * (SAME_SPREAD**-2.0 - OTHER_SPREAD**-2.0)
    return float(np.clip(weight.sum(axis=1), -SHAPE_LIMIT, SHAPE_LIMIT).sum())


def _shape(body: VertebraLandmarks, spacing: PixelSpacing) -> FloatArray:
    """Logarithms of posterior height / depth, anterior / posterior height, and depth; NaN when not fully seen."""
    corners = isotropic(body.corners_px, spacing)
    sa, sp, ia, ip = corners
    front, back = _heights(body, spacing)
    depth = 0.5 * float(np.linalg.norm(sa - sp) + np.linalg.norm(ia - ip))
    if "cropped" in body.flags or not np.isfinite(corners).all() or min(front, back, depth) <= 0.0:
        return np.full(3, np.nan)
    shape: FloatArray = np.log(np.array([back / depth, front / back, depth]))
    return shape

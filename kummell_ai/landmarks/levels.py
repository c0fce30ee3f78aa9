"""Names along the spine: the least-cost path through the levels that the network finds likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import LEVELS, USUAL_LEVELS, VertebralLevel
from kummell_ai.imaging.frames import FloatArray

VARIANT_COST = 4.0
"""Cost (nats) of a T13 or L6: some 2 % of spines have one."""

GAP_COST = 6.0
"""Cost (nats) of each level that is left out where no gap shows, or not left out where one does."""

GAP_RATIO = 1.6
"""A distance between neighbours beyond this many usual ones means a missed vertebra."""

_USUAL_RANK = np.cumsum([level in USUAL_LEVELS for level in LEVELS])
_IS_VARIANT = np.array([level not in USUAL_LEVELS for level in LEVELS])


@dataclass(frozen=True, slots=True)
class NamedLevel:
    """A name along the spine.

    Attributes:
        level: the name.
        probability: that the whole row of names is not shifted, [0, 1].
    """

    level: VertebralLevel
    probability: float


def name_levels(centres_px: FloatArray, depths_px: FloatArray, log_probability: FloatArray) -> tuple[NamedLevel, ...]:
    """Name vertebrae (V, 2), cranial to caudal, with endplate depths (V,) and network log-probabilities (V, 20).

    Names strictly increase. The probability is a softmax over the best paths from each name of the first vertebra;
    the vertebrae of one film err together, so that their evidence counts as the root of their number.
    """
    count = len(centres_px)
    if count == 0 or count > len(LEVELS):
        return ()
    missed = missed_between(centres_px, depths_px)
    local = np.asarray(log_probability, dtype=np.float64) - VARIANT_COST * _IS_VARIANT
    scores, paths = zip(*(_best_path(local, missed, first) for first in range(len(LEVELS))), strict=True)
    weights = np.array(scores) / np.sqrt(count)
    best = int(np.argmax(weights))
    if not np.isfinite(weights[best]):
        return ()
    probability = float(1.0 / np.exp(weights - weights[best]).sum())
    return tuple(NamedLevel(LEVELS[i], probability) for i in paths[best])


def missed_between(centres_px: FloatArray, depths_px: FloatArray) -> FloatArray:
    """How many vertebrae seem to be missed between neighbours (V - 1,), from their distances.

    >>> y = np.array([0.0, 50.0, 100.0, 200.0])
    >>> missed_between(np.stack([y, y], 1) * [0.0, 1.0], np.full(4, 50.0)).tolist()
    [0.0, 0.0, 1.0]
    """
    gaps: FloatArray = np.linalg.norm(np.diff(centres_px, axis=0), axis=1)
    if len(gaps) == 0:
        return gaps
    depth = 0.5 * (depths_px[1:] + depths_px[:-1])
    usual = np.clip(np.median(gaps / depth), 0.75, 1.3)
    ratio = gaps / (depth * usual)
    missed: FloatArray = np.where(ratio > GAP_RATIO, np.round(ratio - 1.0), 0.0)
    return missed


def _best_path(local: FloatArray, missed: FloatArray, first: int) -> tuple[float, list[int]]:
    """Score and names of the best path whose first vertebra has level ``first``."""
    levels = len(LEVELS)
    score = np.full(levels, -np.inf)
    score[first] = local[0, first]
    back: list[np.ndarray[tuple[int, ...], np.dtype[np.intp]]] = []
    for row, gap in zip(local[1:], missed, strict=True):
        steps = score[:, None] - GAP_COST * np.abs(_SKIPPED - gap)
        steps[~_INCREASES] = -np.inf
        back.append(steps.argmax(axis=0))
        score = steps.max(axis=0) + row
    last = int(np.argmax(score))
    path = [last]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return float(score[last]), path[::-1]


_INCREASES = np.triu(np.ones((len(LEVELS), len(LEVELS)), dtype=bool), 1)
_SKIPPED = np.array(
    [
        [max(0, int(_USUAL_RANK[b] - _USUAL_RANK[a]) - int(not _IS_VARIANT[b])) for b in range(len(LEVELS))]
        for a in range(len(LEVELS))
    ],
    dtype=np.float64,
)
"""[a, b]: usual levels strictly between level a and level b."""

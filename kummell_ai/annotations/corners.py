"""Which of four unnamed points is which corner, told by geometry alone.

Public sets name corners by their place in the picture, in an order that differs from film to film. What is reliable is
the outline and the way the spine runs: the caudal direction of a body is that of the line through its neighbours'
centres, and the front is on the side the film faces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import CORNERS, Facing
from kummell_ai.imaging.frames import FloatArray

MIN_POINTS = 3
"""A fourth corner that is not seen can be thought of where the parallelogram closes; with two missing it cannot."""

_CLOCKWISE = {Facing.LEFT: (0, 1, 3, 2), Facing.RIGHT: (1, 0, 2, 3)}
"""Place in `VertebralLandmark` order of the clockwise corners upper left, upper right, lower right, lower left."""


def order_outlines(outlines: Sequence[FloatArray], facing: Facing) -> tuple[FloatArray, ...]:
    """Corners of all bodies of a film in `VertebralLandmark` order, bodies from top to bottom.

    Args:
        outlines: (4, 2) px each, corners in any order; at most one NaN row each (a corner that is not seen).
        facing: side of the image the front is turned to; not UNKNOWN.

    Raises:
        ValueError: two corners of a body are missing, its outline has no area, or ``facing`` is UNKNOWN.

    >>> body = np.array([[40.0, 30], [0, 0], [0, 30], [40, 0]])
    >>> order_outlines([body], Facing.LEFT)[0].tolist()
    [[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0]]
    """
    if facing is Facing.UNKNOWN:
        raise ValueError(
            "corners without names do not tell the front; give --facing left or --facing right, or name them"
        )
    whole = sorted((_completed(outline) for outline in outlines), key=lambda pair: float(pair[0][:, 1].mean()))
    directions = caudal(np.array([points.mean(axis=0) for points, _ in whole]).reshape(-1, 2))
    ordered = []
    for (points, missing), direction in zip(whole, directions, strict=True):
        clockwise = _upper_left_first(points, direction)
        corners = np.empty((len(CORNERS), 2))
        corners[list(_CLOCKWISE[facing])] = np.where((clockwise == missing)[:, None], np.nan, points[clockwise])
        ordered.append(corners)
    return tuple(ordered)


def facing_of(bodies: Sequence[FloatArray]) -> Facing:
    """The side the front is turned to, from named corners (4 or 6, 2); UNKNOWN when they do not tell."""
    if not bodies:
        return Facing.UNKNOWN
    corners = np.stack([body[: len(CORNERS)] for body in bodies])
    step = np.stack([corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 2]])[..., 0]
    seen = step[np.isfinite(step)]
    total = float(seen.sum())
    if total == 0.0:
        return Facing.UNKNOWN
    return Facing.LEFT if total > 0 else Facing.RIGHT


def _completed(outline: FloatArray) -> tuple[FloatArray, int]:
    """Four finite points, and the index of the one that was made up (-1 = none)."""
    points = np.asarray(outline, dtype=np.float64)
    if points.shape != (4, 2):
        raise ValueError(f"an outline has {len(points)} points; a vertebra needs its four corners")
    seen = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(seen) < MIN_POINTS:
        raise ValueError(f"only {len(seen)} of 4 corners are seen; without names at least {MIN_POINTS} are needed")
    missing = -1
    if len(seen) == MIN_POINTS:
        three = points[seen]
        sides = np.linalg.norm(np.roll(three, -1, axis=0) - np.roll(three, 1, axis=0), axis=1)
        missing = int(next(i for i in range(4) if i not in seen))
        points = points.copy()
        points[missing] = three.sum(axis=0) - 2.0 * three[int(np.argmax(sides))]
    if _area(points[_clockwise(points)]) < 1.0:
        raise ValueError("an outline has no area; its corners lie on one line or on one spot")
    return points, missing


def _clockwise(points: FloatArray) -> NDArray[np.intp]:
    """Indices of the points, clockwise as seen on the screen."""
    offset = points - points.mean(axis=0)
    return np.argsort(np.arctan2(offset[:, 1], offset[:, 0]))


def _area(polygon: FloatArray) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def caudal(centres: FloatArray) -> FloatArray:
    """Caudal unit directions at the centres (V, 2), from the neighbours; straight down for a single body."""
    if len(centres) < 2:
        return np.tile([0.0, 1.0], (len(centres), 1))
    padded = np.concatenate([centres[:1], centres, centres[-1:]])
    step = padded[2:] - padded[:-2]
    directions: FloatArray = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    return directions


def _upper_left_first(points: FloatArray, caudal: FloatArray) -> NDArray[np.intp]:
    """Clockwise indices, starting so that the way from the first edge to the opposite one is most nearly caudal."""
    order = _clockwise(points)
    turns = [np.roll(order, -turn) for turn in range(4)]
    return max(turns, key=lambda turn: _agreement(points[turn], caudal))


def _agreement(points: FloatArray, caudal: FloatArray) -> float:
    axis = points[2:].mean(axis=0) - points[:2].mean(axis=0)
    return float(axis @ caudal) / max(float(np.linalg.norm(axis)), 1e-9)

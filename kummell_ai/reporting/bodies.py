"""Where a body lies of which not all corners are seen; for placing what is written beside it, never for a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kummell_ai.imaging.frames import FloatArray

USUAL_HEIGHT = 0.8
"""Height taken for a body of which one endplate is seen, in its depths."""

_BESIDE = ((0, 1), (1, 0), (2, 3), (3, 2))
"""Each corner with the other one of its endplate."""

_ABOVE_OR_BELOW = ((0, 2), (1, 3), (2, 0), (3, 1))
"""Each corner with the other one of its wall."""


def usual_depth(bodies: Sequence[FloatArray], otherwise: float) -> float:
    """Median length of the endplates of which both corners are seen."""
    depths = [np.linalg.norm(points[i] - points[i + 1]) for points in bodies for i in (0, 2)]
    seen = [float(depth) for depth in depths if np.isfinite(depth)]
    return float(np.median(seen)) if seen else otherwise


def complete(points: FloatArray, depth: float, front: float) -> FloatArray:
    """(4, 2) corners with the unseen ones put where a usual body has them, from the endplate or wall that is seen.

    Args:
        points: (4, 2), y down, NaN = not seen; one corner at least is seen.
        depth: taken where neither endplate is seen.
        front: -1 when the patient's front is turned to the left, +1 when to the right.
    """
    corners = points.copy()
    known = [bool(np.isfinite(corner).all()) for corner in corners]
    plates = [corners[i + 1] - corners[i] for i in (0, 2) if known[i] and known[i + 1]]
    walls = [corners[i + 2] - corners[i] for i in (0, 1) if known[i] and known[i + 2]]
    if plates:
        back = plates[0]
        down = walls[0] if walls else np.array([back[1], -back[0]]) * front * USUAL_HEIGHT
    else:
        down = walls[0] if walls else np.array([0.0, USUAL_HEIGHT * depth])
        back = np.array([down[1], -down[0]]) * -front * depth / max(float(np.linalg.norm(down)), 1e-9)
    for _ in range(2):
        for pairs, step in ((_BESIDE, back), (_ABOVE_OR_BELOW, down)):
            for i, other in pairs:
                if not known[i] and known[other]:
                    corners[i], known[i] = corners[other] + step * (1.0 if i > other else -1.0), True
    return corners

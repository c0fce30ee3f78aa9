"""Whether bone is bright on a film: some files have their grey values exchanged and do not say so.

A vertebral body absorbs more than the disc below it and than what lies in front of it. Where the bodies that a first
look finds are darker than both, the grey values are exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray, coordinate_to_cell

LIMIT = 0.3
"""`bone_contrast` beyond which bone is taken to be bright, or dark.

Of 420 simulated films (seeds 89000000 and 70000000) that were inverted on purpose 398 are told by it, of the same films
as they were 5, all of which the simulator had inverted (scripts/evaluate_inverted.py).
"""

_SIDE = 9
"""Points along each side of a sampled patch."""

_BODY = ((0.15, 0.85), (0.15, 0.85))
_DISC = ((0.2, 0.8), (0.3, 0.7))
_FRONT = ((-0.35, -0.1), (0.1, 0.9))
"""Parts of a quadrilateral that are sampled: from front to back (0 to 1), from its upper to its lower side."""


def bone_contrast(pixels: NDArray[np.float32], corners_px: Sequence[FloatArray]) -> float:
    """How surely bodies are brighter than what is about them, in [-1, 1]; 0 where too few are seen to tell.

    The share of bodies brighter than the disc below, less the share of those that are darker, and the same of what lies
    in front of them; their mean.

    Args:
        pixels: (H, W).
        corners_px: (4, 2) of each body, image px, cranial to caudal; NaN = not seen.
    """
    grey = [_grey(pixels, corners, _BODY) for corners in corners_px]
    discs = [_grey(pixels, np.concatenate([a[2:], b[:2]]), _DISC) for a, b in pairwise(corners_px)]
    below = [0.5 * (a + b) - disc for (a, b), disc in zip(pairwise(grey), discs, strict=True)]
    before = [own - _grey(pixels, corners, _FRONT) for own, corners in zip(grey, corners_px, strict=True)]
    signs = [np.sign(np.array(difference)) for difference in (below, before)]
    seen = [sign[np.isfinite(sign)] for sign in signs]
    return float(np.mean([sign.mean() for sign in seen])) if all(len(sign) for sign in seen) else 0.0


def _grey(pixels: NDArray[np.float32], corners: FloatArray, part: tuple[tuple[float, float], ...]) -> float:
    """Median grey value of a part of a quadrilateral (4, 2); NaN where it is not on the film."""
    across, down = (np.linspace(low, high, _SIDE) for low, high in part)
    x, y = across[:, None], down[:, None, None]
    upper, lower = corners[0] + x * (corners[1] - corners[0]), corners[2] + x * (corners[3] - corners[2])
    points = coordinate_to_cell(((1.0 - y) * upper + y * lower).reshape(-1, 2))
    if not np.isfinite(points).all():
        return float("nan")
    cells = np.rint(points).astype(int)
    inside = ((cells >= 0) & (cells < pixels.shape[::-1])).all(axis=1)
    return float(np.median(pixels[cells[inside, 1], cells[inside, 0]])) if inside.any() else float("nan")

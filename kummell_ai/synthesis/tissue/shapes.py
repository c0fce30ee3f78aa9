"""Path lengths through many small round solids at once, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.compiled import compiled
from kummell_ai.synthesis.tissue.noise import Map


@compiled()
def add_chains(
    out: Map, balls: FloatArray, starts: NDArray[np.int64], floors: FloatArray, wobble: Map
) -> None:  # pragma: no cover - compiled
    """Add the depth of chains of ellipsoids; within a chain the deepest counts, so that its beads join.

    Args:
        out: (rows, columns) accumulator (mm).
        balls: (N, 7) column, row, two half axes (px), cosine and sine of the tilt, greatest depth (mm).
        starts: (C + 1,) first ball of every chain, and the end.
        floors: (C,) row below which the chain holds no gas (px).
        wobble: (rows, columns) relative change of the squared distance, for uneven outlines.
    """
    rows, cols = out.shape
    for chain in range(len(starts) - 1):
        first, last = starts[chain], starts[chain + 1]
        low_r, high_r, low_c, high_c = rows, 0, cols, 0
        for n in range(first, last):
            reach = 1.3 * max(balls[n, 2], balls[n, 3])
            low_r = min(low_r, int(balls[n, 1] - reach))
            high_r = max(high_r, int(balls[n, 1] + reach) + 1)
            low_c = min(low_c, int(balls[n, 0] - reach))
            high_c = max(high_c, int(balls[n, 0] + reach) + 1)
        low_r, low_c = max(low_r, 0), max(low_c, 0)
        high_r, high_c = min(high_r, rows, int(floors[chain])), min(high_c, cols)
        for r in range(low_r, high_r):
            for c in range(low_c, high_c):
                best = 0.0
                for n in range(first, last):
                    dx, dy = c + 0.5 - balls[n, 0], r + 0.5 - balls[n, 1]
                    cs, sn = balls[n, 4], balls[n, 5]
                    p, q = (dx * cs + dy * sn) / balls[n, 2], (dy * cs - dx * sn) / balls[n, 3]
                    inside = 1.0 - (p * p + q * q) * (1.0 + wobble[r, c])
                    if inside > 0.0:
                        best = max(best, balls[n, 6] * np.sqrt(inside))
                out[r, c] += np.float32(best)


@compiled()
def deepen_capsules(out: Map, capsules: FloatArray) -> None:  # pragma: no cover - compiled
    """Raise ``out`` to the depth of round tapered rods with round ends; where they join, the deepest counts.

    Args:
        out: (rows, columns) depth so far.
        capsules: (N, 7) columns and rows of both ends, the radii there (px), depth per px of chord.
    """
    rows, cols = out.shape
    for n in range(len(capsules)):
        x0, y0, x1, y1, r0, r1, unit = capsules[n]
        reach = max(r0, r1)
        ux, uy = x1 - x0, y1 - y0
        length = max(ux * ux + uy * uy, 1e-9)
        for r in range(max(0, int(min(y0, y1) - reach)), min(rows, int(max(y0, y1) + reach) + 1)):
            for c in range(max(0, int(min(x0, x1) - reach)), min(cols, int(max(x0, x1) + reach) + 1)):
                dx, dy = c + 0.5 - x0, r + 0.5 - y0
                t = min(max((dx * ux + dy * uy) / length, 0.0), 1.0)
                radius = r0 + (r1 - r0) * t
                inside = radius * radius - (dx - t * ux) ** 2 - (dy - t * uy) ** 2
                if inside > 0.0:
                    out[r, c] = max(out[r, c], np.float32(unit * 2.0 * np.sqrt(inside)))

"""Straight edges on a film: collimator blades, electronic shutters, the rim of a scanned film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
OPEN = float("inf")


@dataclass(frozen=True, slots=True)
class Blades:
    """Four straight edges, turned together.

    Attributes:
        angle: of the whole frame (radians).
        margins: distance (px) of the left, right, upper and lower edge from that border of the film, measured at its
            middle; minus infinity where there is none.
        penumbra_px: width of the soft edge (px).
    """

    angle: float
    margins: tuple[float, float, float, float]
    penumbra_px: float


def _inward(x: Map, y: Map, shape: tuple[int, int], angle: float) -> tuple[Map, Map, Map, Map]:
    """Distance (px) of points inward from each border of the turned frame: left, right, upper, lower."""
    half_rows, half_cols = np.float32(0.5 * shape[0]), np.float32(0.5 * shape[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = c * (x - half_cols) + s * (y - half_rows)
    v = c * (y - half_rows) - s * (x - half_cols)
    return half_cols + u, half_cols - u, half_rows + v, half_rows - v


def draw_blades(
    shape: tuple[int, int],
    reach: tuple[float, float],
    chances: tuple[float, float],
    spare: Map | None,
    rng: np.random.Generator,
) -> Blades:
    """Draw edges that cover no spared point.

    Args:
        shape: (rows, columns) of the film.
        reach: widest margin as a share of the columns and of the rows.
        chances: of an edge at a side, and above or below.
        spare: (N, 2) points (px) that stay in view with 2 % of the rows around them, or None.
        rng: source of randomness.
    """
    angle = float(rng.normal(0.0, 0.012)) if rng.random() < 0.7 else 0.0
    penumbra = float(rng.uniform(0.3, 2.0))
    margins = []
    for k in range(4):
        sideways = k < 2
        widest = reach[0] * shape[1] if sideways else reach[1] * shape[0]
        drawn = float(rng.uniform(0.005, 1.0) * widest)
        margins.append(drawn if rng.random() < chances[0 if sideways else 1] else -OPEN)
    if spare is not None and len(spare):
        x, y = np.asarray(spare, np.float32).T
        limits = [float(d.min()) - 0.02 * shape[0] for d in _inward(x, y, shape, angle)]
        margins = [min(m, limit) for m, limit in zip(margins, limits, strict=True)]
    return Blades(angle, (margins[0], margins[1], margins[2], margins[3]), penumbra)


def opening(blades: Blades, shape: tuple[int, int]) -> Map:
    """Share of each pixel within the edges, (rows, columns) in [0, 1]."""
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(0.5)
    inside = np.full(shape, np.inf, np.float32)
    for distance, margin in zip(_inward(x, y, shape, blades.angle), blades.margins, strict=True):
        if margin > -OPEN:
            np.minimum(inside, distance - np.float32(margin), out=inside)
    share: Map = np.clip(inside / np.float32(blades.penumbra_px) + np.float32(0.5), 0.0, 1.0)
    return share

"""Heatmaps of centres and corners: encode and decode, an inverse pair.

Points are in network px (x, y); map cells are `STRIDE` px wide and the half pixel stays in `imaging.frames`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import CORNERS
from kummell_ai.imaging.frames import FloatArray, cell_to_coordinate, coordinate_to_cell

CORNER_SIGMA = 1.5
"""Standard deviation of a corner's Gaussian (cells)."""

CENTRE_SIGMA = 2.0
"""Standard deviation of a centre's Gaussian (cells) for a vertebra of `USUAL_DEPTH` cells."""

USUAL_DEPTH = 12.5
"""Depth of an endplate that `CENTRE_SIGMA` is meant for (cells)."""

PLAIN_MOMENT = 0.53 * CORNER_SIGMA**2
"""Second moment (cells²) per axis of a sure corner's part above a tenth of its peak; 0.604 of the variance by
integration over a whole Gaussian, somewhat less on the network's own maps."""

LEAST_SPREAD = 0.05
"""Smallest eigenvalue of a corner's covariance (cells²) under a full peak."""

MAX_PEAKS = 60
"""Peaks kept of one map; a film shows far fewer vertebrae."""

CHANNELS = 1 + len(CORNERS)
"""Centre, then the corners."""

NEAR_CHANNELS = ((1, 2), (3, 4))
"""Channels of the corners at the cranial and at the caudal end of a body."""

OpenEnds = tuple[bool, bool]
"""Whether the truth may end before the spine does, cranially and caudally."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeatmapTargets:
    """What the network should say about one film.

    Attributes:
        maps: (5, h, w) in [0, 1]: centre, then the corners.
        weights: (5, h, w): 0 where the truth is not known, else 1.
        cells: (K,) flat cell numbers near centres (3 x 3 each) where offsets, level and states are trained.
        vertebra: (K,) row of the vertebra each cell belongs to.
        offsets_px: (K, 8) corner minus cell centre (px); NaN = not seen.
    """

    maps: Float32
    weights: Float32
    cells: NDArray[np.int64]
    vertebra: NDArray[np.int64]
    offsets_px: Float32


def empty_targets(shape: tuple[int, int]) -> HeatmapTargets:
    """Targets of a film without vertebrae, with maps of ``shape`` (h, w) cells."""
    none = np.zeros(0, dtype=np.int64)
    maps = np.zeros((CHANNELS, *shape), dtype=np.float32)
    return HeatmapTargets(maps, np.ones_like(maps), none, none, np.zeros((0, 8), dtype=np.float32))


def encode_heatmaps(
    points_px: FloatArray, shape: tuple[int, int], stride: int = 4, open_ends: OpenEnds = (False, False)
) -> HeatmapTargets:
    """Targets for ``points_px`` (V, 4, 2) network px, NaN = not seen, with maps of ``shape`` (h, w) cells.

    Beyond ``open_ends`` nothing is known.
    """
    targets = empty_targets(shape)
    cells: list[NDArray[np.int64]] = []
    rows: list[NDArray[np.int64]] = []
    offsets: list[Float32] = []
    in_cells = coordinate_to_cell(points_px, stride)
    for v, corners in enumerate(in_cells):
        seen = np.isfinite(corners).all(axis=1)
        if not seen.any():
            continue
        centre, depth = corners[seen].mean(axis=0), _depth(corners)
        _draw_corners(targets, corners, centre, depth)
        inside = seen & _inside(corners, shape)
        if not _inside(centre, shape):
            continue
        if inside.sum() < 2:
            _ignore(targets.weights[0], centre, 0.5 * depth)
            continue
        _draw_gaussian(targets.maps[0], np.rint(centre), CENTRE_SIGMA * float(np.sqrt(depth / USUAL_DEPTH)))
        near = _three_by_three(centre, shape)
        cells.append(near[:, 1] * shape[1] + near[:, 0])
        rows.append(np.full(len(near), v, dtype=np.int64))
        cell_centres = cell_to_coordinate(near.astype(np.float64), stride)
        offsets.append((points_px[v][None] - cell_centres[:, None]).reshape(len(near), -1).astype(np.float32))
    targets.weights[unknown_ends(in_cells, shape, open_ends)] = 0.0
    if not cells:
        return targets
    return HeatmapTargets(
        targets.maps, targets.weights, np.concatenate(cells), np.concatenate(rows), np.concatenate(offsets)
    )


def ends_of(corners: FloatArray, open_ends: OpenEnds) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """For each end that is open: 0 cranial or 1 caudal, the middle of the last endplate, and the way on (a unit).

    Args:
        corners: (V, 4, 2) of bodies on an upright film, in any unit and order; NaN = not seen.
        open_ends: which ends are asked for.
    """
    bodies = [body for body in corners if np.isfinite(body).all(axis=1).any()]
    middles = [np.array([np.nanmean(body[:, 0]), np.nanmean(body[:, 1])]) for body in bodies]
    order = sorted(range(len(bodies)), key=lambda i: float(middles[i][1]))
    for end, (last, before) in enumerate(((order[:1], order[1:2]), (order[-1:], order[-2:-1]))):
        if not (open_ends[end] and last):
            continue
        own, way = bodies[last[0]], np.array([0.0, (-1.0, 1.0)[end]])
        if before:
            step = middles[last[0]] - middles[before[0]]
            way = step / max(float(np.linalg.norm(step)), 1e-9)
        plate = own[2 * end : 2 * end + 2]
        whole = bool(np.isfinite(plate).all())
        yield end, plate.mean(axis=0) if whole else middles[last[0]], way


def unknown_ends(corners: FloatArray, shape: tuple[int, int], open_ends: OpenEnds) -> NDArray[np.bool_]:
    """(5, h, w) cells beyond the open ends of bodies (V, 4, 2) in cells, where a vertebra may be that nobody marked.

    The Gaussians of the last corners that are marked reach a little further, those of the next body's a little back.
    """
    unknown = np.zeros((CHANNELS, *shape), dtype=np.bool_)
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    for end, middle, way in ends_of(corners, open_ends):
        beyond = (xs - middle[0]) * way[0] + (ys - middle[1]) * way[1]
        reach = np.zeros((CHANNELS, 1, 1))
        reach[list(NEAR_CHANNELS[end])] = 3.0 * CORNER_SIGMA
        reach[list(NEAR_CHANNELS[1 - end])] = -2.0 * CORNER_SIGMA
        unknown |= beyond > reach
    return unknown


def find_peaks(heatmap: Float32, threshold: float, radius: int = 2) -> NDArray[np.int64]:
    """Cells (P, 2) as (x, y) that are above ``threshold`` and highest within ``radius`` cells; highest first.

    Of equal neighbours only the first in reading order counts, so that a flat top gives one peak.
    """
    padded = np.pad(heatmap, radius, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    ys, xs = np.nonzero(heatmap > threshold)
    patches = windows[ys, xs].reshape(len(ys), (2 * radius + 1) ** 2)
    is_peak = patches.argmax(axis=1) == (2 * radius + 1) ** 2 // 2
    ys, xs = ys[is_peak], xs[is_peak]
    order = np.argsort(-heatmap[ys, xs], kind="stable")
    return np.stack([xs[order], ys[order]], axis=1)[:MAX_PEAKS]


def refine_peak(heatmap: Float32, cell: NDArray[np.int64]) -> FloatArray:
    """Sub-cell position (2,) in cells of the peak at ``cell`` (x, y).

    The logarithm of a Gaussian is a parabola, so a parabola through three cells of the logarithm is exact on an
    encoded point, at the border too.
    """
    x, y = int(cell[0]), int(cell[1])
    return np.array([x + _vertex(heatmap[y], x), y + _vertex(heatmap[:, x], y)])


def peak_covariance(heatmap: Float32, position: FloatArray, radius: int = 4) -> FloatArray:
    """Spread (2, 2) in cells² of the peak at ``position`` beyond the Gaussian that was trained.

    Second moment of what rises above a tenth of the peak, which keeps the ground out of it, less `PLAIN_MOMENT`, with
    eigenvalues of at least `LEAST_SPREAD`; over the height of the peak, since a doubtful corner is wide and low.
    """
    height, width = heatmap.shape
    x, y = (round(float(p)) for p in position)
    xs = np.arange(max(0, x - radius), min(width, x + radius + 1))
    ys = np.arange(max(0, y - radius), min(height, y + radius + 1))
    w = np.asarray(heatmap[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1], dtype=np.float64)
    peak = max(float(w.max()), 0.02)
    w = np.maximum(w - 0.1 * peak, 0.0)
    dx, dy = np.meshgrid(xs - position[0], ys - position[1])
    cross = (w * dx * dy).sum()
    moment = np.array([[(w * dx * dx).sum(), cross], [cross, (w * dy * dy).sum()]]) / max(float(w.sum()), 1e-9)
    values, vectors = np.linalg.eigh(moment - PLAIN_MOMENT * np.eye(2))
    spread: FloatArray = (vectors * np.maximum(values, LEAST_SPREAD) / peak) @ vectors.T
    return spread


def _vertex(line: Float32, peak: int) -> float:
    """Where the parabola through the peak of ``line`` and its neighbours is highest, from the peak, within 0.6."""
    middle = min(max(peak, 1), len(line) - 2)
    a, b, c = np.log(np.maximum(line[middle - 1 : middle + 2].astype(np.float64), 1e-6))
    bend = a - 2.0 * b + c
    vertex = 0.5 * (a - c) / bend if bend < -1e-9 else 0.0
    return float(np.clip(middle + vertex - peak, -0.6, 0.6))


def _draw_corners(targets: HeatmapTargets, corners: FloatArray, centre: FloatArray, depth: float) -> None:
    for k, corner in enumerate(corners):
        if np.isfinite(corner).all():
            _draw_gaussian(targets.maps[1 + k], corner, CORNER_SIGMA)
        else:
            _ignore(targets.weights[1 + k], centre, 0.9 * depth)


def _draw_gaussian(heatmap: Float32, centre: FloatArray, sigma: float) -> None:
    height, width = heatmap.shape
    reach = 4.0 * sigma
    x0, x1 = max(0, int(centre[0] - reach)), min(width, int(centre[0] + reach) + 2)
    y0, y1 = max(0, int(centre[1] - reach)), min(height, int(centre[1] + reach) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    gx = np.exp(-0.5 * ((np.arange(x0, x1) - centre[0]) / sigma) ** 2)
    gy = np.exp(-0.5 * ((np.arange(y0, y1) - centre[1]) / sigma) ** 2)
    window = heatmap[y0:y1, x0:x1]
    np.maximum(window, np.outer(gy, gx), out=window)


def _ignore(weights: Float32, centre: FloatArray, radius: float) -> None:
    height, width = weights.shape
    ys, xs = np.ogrid[:height, :width]
    weights[(xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 <= radius**2] = 0.0


def _depth(corners: FloatArray) -> float:
    """Mean endplate length (cells), limited to what the Gaussians are meant for."""
    lengths = np.linalg.norm(corners[[0, 2]] - corners[[1, 3]], axis=1)
    lengths = lengths[np.isfinite(lengths)]
    return float(np.clip(lengths.mean(), 4.0, 40.0)) if len(lengths) else USUAL_DEPTH


def _inside(points: FloatArray, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether the nearest cell of each point (..., 2) lies on the map."""
    x, y = points[..., 0], points[..., 1]
    inside: NDArray[np.bool_] = (x > -0.5) & (y > -0.5) & (x < shape[1] - 0.5) & (y < shape[0] - 0.5)
    return inside


def _three_by_three(centre: FloatArray, shape: tuple[int, int]) -> NDArray[np.int64]:
    x, y = np.rint(centre).astype(np.int64)
    grid = np.array([[x + i, y + j] for j in (-1, 0, 1) for i in (-1, 0, 1)], dtype=np.int64)
    keep = (grid >= 0).all(axis=1) & (grid[:, 0] < shape[1]) & (grid[:, 1] < shape[0])
    return grid[keep]

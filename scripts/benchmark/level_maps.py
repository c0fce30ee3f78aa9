"""One heatmap a corner of a level: encode, and decode to bodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kummell_ai.anatomy import CORNERS
from kummell_ai.imaging.frames import FloatArray, cell_to_coordinate, coordinate_to_cell
from kummell_ai.landmarks.heatmaps import refine_peak
from scripts.benchmark.design import NAMED, Body, Crop, best_bodies, class_of

MAPS = len(NAMED) * len(CORNERS)
"""Channels: the corners of the first level, of the second, and so on."""

SIGMA_PX = 6.0
"""Standard deviation of a corner's Gaussian (px), that of this program's own maps."""

Float32 = NDArray[np.float32]


def encode(crops: Sequence[Crop], stride: int) -> Tensor:
    """(B, MAPS, H / stride, W / stride) in [0, 1]."""
    height, width = (side // stride for side in crops[0].image.shape)
    maps = np.zeros((len(crops), MAPS, height, width), dtype=np.float32)
    for b, crop in enumerate(crops):
        for v, k in zip(*np.nonzero(crop.seen), strict=True):
            number = class_of(crop.levels[v])
            if number is not None:
                cell = coordinate_to_cell(crop.points_px[v, k], stride)
                draw_gaussian(maps[b, number * len(CORNERS) + k], cell, SIGMA_PX / stride)
    return torch.from_numpy(maps)


def decode(maps: Float32, stride: int) -> list[Body]:
    """Bodies of one film's maps (MAPS, h, w): a level whose four corners form a plausible body."""
    peaks = maps.reshape(MAPS, -1).argmax(axis=1)
    rows, columns = np.unravel_index(peaks, maps.shape[1:])
    bodies = []
    for number, level in enumerate(NAMED):
        channels = [number * len(CORNERS) + k for k in range(len(CORNERS))]
        cells = [refine_peak(maps[c], np.array([columns[c], rows[c]])) for c in channels]
        confidence = float(np.mean([maps[c, rows[c], columns[c]] for c in channels]))
        bodies.append(Body(cell_to_coordinate(np.array(cells), stride), level, confidence))
    return best_bodies(bodies)


def draw_gaussian(heatmap: Float32, cell: FloatArray, sigma: float) -> None:
    """Raise ``heatmap`` to a Gaussian of height 1 at ``cell`` (x, y)."""
    height, width = heatmap.shape
    reach = 4.0 * sigma
    x = np.arange(max(0, int(cell[0] - reach)), min(width, int(cell[0] + reach) + 2))
    y = np.arange(max(0, int(cell[1] - reach)), min(height, int(cell[1] + reach) + 2))
    if len(x) and len(y):
        bell = np.exp(-0.5 * (((x - cell[0])[None] / sigma) ** 2 + ((y - cell[1])[:, None] / sigma) ** 2))
        window = heatmap[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
        np.maximum(window, bell.astype(np.float32), out=window)

"""Smooth noise for texture that has no shape of its own."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


def noise_map(shape: tuple[int, int], cell_px: float, rng: np.random.Generator) -> Map:
    """Smooth noise (rows, columns), about zero mean and unit spread, with features ``cell_px`` wide."""
    rows, cols = (max(2, int(np.ceil(n / cell_px)) + 1) for n in shape)
    coarse = rng.normal(size=(rows, cols)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def fractal_noise(shape: tuple[int, int], cell_px: float, octaves: int, rng: np.random.Generator) -> Map:
    """Sum of `noise_map` octaves, each half as wide and 0.55 as strong, unit spread."""
    total = np.zeros(shape, np.float32)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * noise_map(shape, max(1.0, cell_px), rng)
        norm += weight**2
        cell_px, weight = cell_px / 2.0, weight * 0.55
    return total / np.float32(np.sqrt(norm))

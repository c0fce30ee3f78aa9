"""Calcified walls of the abdominal aorta in front of the lumbar spine."""

from __future__ import annotations

import cv2
import numpy as np

from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene


def calcified_aorta(scene: Scene, rng: np.random.Generator) -> Map:
    """Bone-equivalent thickness (mm) of two broken wavy lines and plaques down to the fork at L4, (rows, columns)."""
    top, fork = (
        scene.level_z("T12", 110.0) + rng.uniform(-60.0, 40.0),
        scene.level_z("L4", -35.0) + rng.normal(0.0, 8.0),
    )
    z = np.arange(fork, max(top, fork + 40.0), 1.5)
    gap, width = rng.uniform(20.0, 30.0), rng.uniform(13.0, 24.0)
    bend = rng.uniform(-0.08, 0.1) * (z - fork) + 2.5 * np.sin(z / rng.uniform(14.0, 35.0) + rng.uniform(0.0, 6.3))
    bulge = rng.uniform(0.0, 16.0) * (rng.random() < 0.2) * np.exp(-(((z - fork - 40.0) / 28.0) ** 2))
    extent, canvas = rng.uniform(0.15, 0.8), np.zeros(scene.shape, np.uint8)
    for offset in (gap - 0.3 * bulge, gap + width + bulge):
        ragged = offset + bend + np.cumsum(rng.normal(0.0, 0.25, len(z)))
        path = np.round(scene.pixel(ragged, z) * 16.0).astype(np.int32)
        start = 0
        while start < len(z) - 2:
            stop = min(len(z), start + int(rng.integers(3, 16)))
            if rng.random() < extent:
                thick = max(1, round(rng.uniform(0.6, 2.4) / scene.pixel_mm))
                grey = float(rng.uniform(60.0, 255.0))
                cv2.polylines(canvas, [path[start:stop, None]], False, grey, thick, cv2.LINE_AA, 4)
            start = stop + int(rng.integers(0, 8))
    drawn = cv2.GaussianBlur(canvas, (0, 0), max(0.5, 0.5 / scene.pixel_mm)).astype(np.float32)
    # a plaque 1 mm thick in a wall of radius 10 mm is seen along itself: a chord of up to 9 mm
    return drawn * np.float32(rng.uniform(1.5, 6.0) / 255.0)

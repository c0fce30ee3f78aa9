"""Fake films for tests: bright quadrilaterals in a column on a grey ground."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from kummell_ai.training.samples import ShardWriter, TrainingFilm


def fake_film(seed: int, size: tuple[int, int] = (512, 320)) -> TrainingFilm:
    """A film of ``size`` (rows, columns) with six bodies L1 ... S1 in a gently bent column."""
    rng = np.random.default_rng(seed)
    rows, columns = size
    count = 6
    view = ("left", "right", "left", "frontal")[seed % 4]
    step = rows / (count + 0.5)
    x = columns / 2 + rng.normal(0, 3, count) + 10 * np.sin(np.arange(count))
    centres = np.stack([x, step * (0.7 + np.arange(count))], 1)
    half = np.array([0.55 * step, 0.36 * step])
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * half
    points = centres[:, None] + corners + rng.normal(0, 0.03 * step, (count, 4, 2))
    if view == "right":
        points[..., 0] = columns - points[..., 0]
    image = rng.normal(60, 10, size)
    if view == "frontal":
        points = points[:0]
        image[:, : columns // 2] += 40
    for body in points:
        mask = np.zeros(size, np.uint8)
        cv2.fillPoly(mask, [np.round((body[[0, 1, 3, 2]] - 0.5) * 16).astype(np.int32)], 1, shift=4)
        image += 110.0 * mask
    n = len(points)
    return TrainingFilm(
        image=np.clip(image, 0, 255).astype(np.uint8),
        points_px=points.astype(np.float32),
        level=np.array([13, 14, 15, 16, 17, 19][:n], dtype=np.int8),
        fractured=np.arange(n) == 1,
        instrumented=np.zeros(n, dtype=bool),
        cemented=np.zeros(n, dtype=bool),
        view=view,
        spacing_mm=0.5,
        seed=seed,
    )


def fake_shards(folder: Path, films: int, size: tuple[int, int] = (512, 320), first: int = 0) -> Path:
    """Write ``films`` fake films into ``folder``."""
    with ShardWriter(folder, films_per_shard=16) as writer:
        for i in range(films):
            writer.append(fake_film(first + i, size))
    return folder

"""Changes of grey values through albumentations; places are changed by `warp` alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray, index_matrix

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PhotometricDraw:
    """Drawn changes of grey values, in the order in which they are applied; None = left out.

    Attributes:
        tanh: contrast compression, > 0.
        gamma: exponent.
        gradient: brightness at the far ends of x and y (grey values of 255).
        steps: (name of an albumentations step, seed) pairs.
    """

    tanh: float | None = None
    gamma: float | None = None
    gradient: tuple[float, float] | None = None
    steps: tuple[tuple[str, int], ...] = ()

    @classmethod
    def none(cls) -> PhotometricDraw:
        """No change."""
        return cls()


SHARES: dict[str, float] = {"tanh": 0.25, "gamma": 0.7, "gradient": 0.35}
"""Share of films on which each change of our own is used, in order of use."""

STEP_SHARES: dict[str, float] = {
    "clahe": 0.12,
    "sharpen": 0.12,
    "blur": 0.2,
    "downscale": 0.08,
    "noise": 0.35,
    "jpeg": 0.15,
    "dropout": 0.12,
}
"""Share of films on which each albumentations step is used, in order of use."""

RANGES: dict[str, tuple[float, float]] = {
    "tanh": (0.5, 2.5),
    "clahe": (1.0, 4.0),
    "sharpen_alpha": (0.1, 0.5),
    "sharpen_lightness": (0.9, 1.1),
    "blur": (0.4, 1.6),
    "downscale": (0.4, 0.8),
    "noise": (0.01, 0.06),
    "jpeg": (40.0, 90.0),
    "hole_height": (0.03, 0.12),
    "hole_width": (0.05, 0.25),
}
"""Between what each change lies: px, grey values of 1, shares of a side, quality."""

SPREADS: dict[str, float] = {"gamma": 0.3, "gradient": 30.0}
"""Standard deviations: of the exponent's logarithm, of the brightness at an end (grey values of 255)."""

CLAHE_TILES = (6, 4)
"""Across and along."""

MOST_HOLES = 3


def draw_photometric(rng: np.random.Generator) -> PhotometricDraw:
    """Draw what happens to one film's grey values."""
    tanh = float(rng.uniform(*RANGES["tanh"])) if rng.random() < SHARES["tanh"] else None
    gamma = float(np.exp(rng.normal(0.0, SPREADS["gamma"]))) if rng.random() < SHARES["gamma"] else None
    x, y = rng.normal(0.0, SPREADS["gradient"], 2)
    gradient = (float(x), float(y)) if rng.random() < SHARES["gradient"] else None
    steps = [(name, int(rng.integers(0, 2**31))) for name, share in STEP_SHARES.items() if rng.random() < share]
    return PhotometricDraw(tanh, gamma, gradient, tuple(steps))


def apply_photometric(image: Uint8, draw: PhotometricDraw) -> Uint8:
    """Apply ``draw`` to (H, W) uint8; the same input gives the same output."""
    if draw.tanh is not None or draw.gamma is not None:
        image = np.asarray(_table(draw.tanh, draw.gamma)[image], dtype=np.uint8)
    if draw.gradient is not None:
        image = _add_gradient(image, draw.gradient)
    for name, seed in draw.steps:
        step = _steps()[name]
        step.set_random_seed(seed)
        image = step(image=image)["image"]
    return image


def warp(image: Uint8, matrix: FloatArray, size: tuple[int, int], border: int = -1) -> Uint8:
    """Resample ``image`` to ``size`` (rows, columns) under ``matrix`` (2, 3), image (x, y) px to target px.

    Args:
        image: (H, W) uint8.
        matrix: affine map in the frame of `imaging.frames`.
        size: rows and columns of the result.
        border: grey value outside the image, or -1 to repeat its edge.
    """
    import cv2

    cv2.setNumThreads(0)
    mode = cv2.BORDER_REPLICATE if border < 0 else cv2.BORDER_CONSTANT
    moved = index_matrix(matrix)
    out = cv2.warpAffine(image, moved, size[::-1], flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=max(border, 0))
    return np.asarray(out, dtype=np.uint8)


def _table(tanh: float | None, gamma: float | None) -> Uint8:
    grey = np.linspace(0.0, 1.0, 256)
    if tanh is not None:
        grey = 0.5 + 0.5 * np.tanh(tanh * (2.0 * grey - 1.0)) / np.tanh(tanh)
    if gamma is not None:
        grey = grey**gamma
    return np.round(255.0 * grey).astype(np.uint8)


def _add_gradient(image: Uint8, ends: tuple[float, float]) -> Uint8:
    height, width = image.shape
    x, y = np.linspace(-ends[0], ends[0], width), np.linspace(-ends[1], ends[1], height)
    sloped = image + np.add.outer(y, x).astype(np.float32)
    out: Uint8 = np.clip(sloped, 0.0, 255.0).astype(np.uint8)
    return out


@lru_cache(maxsize=1)
def _steps() -> dict[str, Any]:
    """The albumentations steps; made once, seeded before each use."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as alb
    import cv2

    # the default, nearest neighbour, moves the picture by more than a pixel
    centred = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
    steps = {
        "clahe": alb.CLAHE(clip_limit=RANGES["clahe"], tile_grid_size=CLAHE_TILES, p=1.0),
        "sharpen": alb.Sharpen(alpha=RANGES["sharpen_alpha"], lightness=RANGES["sharpen_lightness"], p=1.0),
        "blur": alb.GaussianBlur(blur_limit=0, sigma_limit=RANGES["blur"], p=1.0),
        "downscale": alb.Downscale(scale_range=RANGES["downscale"], interpolation_pair=centred, p=1.0),
        "noise": alb.GaussNoise(std_range=RANGES["noise"], p=1.0),
        "jpeg": alb.ImageCompression(quality_range=(int(RANGES["jpeg"][0]), int(RANGES["jpeg"][1])), p=1.0),
        "dropout": alb.CoarseDropout(
            num_holes_range=(1, MOST_HOLES), hole_height_range=RANGES["hole_height"],
            hole_width_range=RANGES["hole_width"], fill="random", p=1.0,
        ),
    }  # fmt: skip
    return {name: alb.Compose([step]) for name, step in steps.items()}

"""Changes of grey values through albumentations; places are changed by `warp` alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
        window: darkest and brightest grey value of 1 that are told apart; what lies beyond is black or burnt out.
        tanh: contrast compression, > 0.
        gamma: exponent.
        greys: how many grey levels are left.
        gradient: brightness at the far ends of x and y (grey values of 255).
        steps: (name of an albumentations step, seed) pairs.
        kind: of `GREY_CHANGES`, whose ranges the steps draw from.
    """

    window: tuple[float, float] | None = None
    tanh: float | None = None
    gamma: float | None = None
    greys: int | None = None
    gradient: tuple[float, float] | None = None
    steps: tuple[tuple[str, int], ...] = ()
    kind: str = "usual"

    @classmethod
    def none(cls) -> PhotometricDraw:
        """No change."""
        return cls()


@dataclass(frozen=True, slots=True)
class GreyChanges:
    """How often each change of grey values is used, and between what it lies.

    Attributes:
        shares: of films on which each change of our own is used.
        step_shares: of films on which each albumentations step is used, in order of use.
        ranges: px, grey values of 1, shares of a side, numbers of grey levels, quality.
    """

    shares: Mapping[str, float]
    step_shares: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]


USUAL = GreyChanges(
    {"window": 0.0, "tanh": 0.25, "gamma": 0.7, "greys": 0.0, "gradient": 0.35},
    {"clahe": 0.12, "sharpen": 0.12, "blur": 0.2, "downscale": 0.08, "noise": 0.35, "jpeg": 0.15, "dropout": 0.12},
    {
        "window_low": (0.0, 0.25),
        "window_high": (0.6, 1.0),
        "tanh": (0.5, 2.5),
        "greys": (4.0, 32.0),
        "clahe": (1.0, 4.0),
        "sharpen_alpha": (0.1, 0.5),
        "sharpen_lightness": (0.9, 1.1),
        "blur": (0.4, 1.6),
        "downscale": (0.4, 0.8),
        "noise": (0.01, 0.06),
        "jpeg": (40.0, 90.0),
        "hole_height": (0.03, 0.12),
        "hole_width": (0.05, 0.25),
    },
)
"""What the shipped network was trained with at first, before the last two trainings."""

WIDE = GreyChanges(
    {**USUAL.shares, "window": 0.08, "greys": 0.04},
    USUAL.step_shares,
    {**USUAL.ranges, "noise": (0.01, 0.1), "jpeg": (15.0, 90.0)},
)
"""With burnt-out films, few grey levels, more noise, coarser JPEG: what the shipped network was last trained with."""

GREY_CHANGES: Mapping[str, GreyChanges] = {"usual": USUAL, "wide": WIDE}
"""By the name that a configuration gives."""

SPREADS: dict[str, float] = {"gamma": 0.3, "gradient": 30.0}
"""Standard deviations: of the exponent's logarithm, of the brightness at an end (grey values of 255)."""

CLAHE_TILES = (6, 4)
"""Across and along."""

MOST_HOLES = 3


def draw_photometric(rng: np.random.Generator, kind: str = "usual") -> PhotometricDraw:
    """Draw what happens to one film's grey values; ``kind`` is one of `GREY_CHANGES`."""
    changes = GREY_CHANGES[kind]
    shares, ranges = changes.shares, changes.ranges
    tanh = float(rng.uniform(*ranges["tanh"])) if rng.random() < shares["tanh"] else None
    gamma = float(np.exp(rng.normal(0.0, SPREADS["gamma"]))) if rng.random() < shares["gamma"] else None
    x, y = rng.normal(0.0, SPREADS["gradient"], 2)
    gradient = (float(x), float(y)) if rng.random() < shares["gradient"] else None
    steps = [(name, int(rng.integers(0, 2**31))) for name, share in changes.step_shares.items() if rng.random() < share]
    low, high = (float(rng.uniform(*ranges[name])) for name in ("window_low", "window_high"))
    window = (low, high) if rng.random() < shares["window"] else None
    fewest, most = np.log(ranges["greys"])
    greys = int(np.exp(rng.uniform(fewest, most))) if rng.random() < shares["greys"] else None
    return PhotometricDraw(window, tanh, gamma, greys, gradient, tuple(steps), kind)


def apply_photometric(image: Uint8, draw: PhotometricDraw) -> Uint8:
    """Apply ``draw`` to (H, W) uint8; the same input gives the same output."""
    if (draw.window, draw.tanh, draw.gamma, draw.greys) != (None, None, None, None):
        image = np.asarray(_table(draw)[image], dtype=np.uint8)
    if draw.gradient is not None:
        image = _add_gradient(image, draw.gradient)
    for name, seed in draw.steps:
        step = _steps(draw.kind)[name]
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


def _table(draw: PhotometricDraw) -> Uint8:
    grey = np.linspace(0.0, 1.0, 256)
    if draw.window is not None:
        grey = np.clip((grey - draw.window[0]) / (draw.window[1] - draw.window[0]), 0.0, 1.0)
    if draw.tanh is not None:
        grey = 0.5 + 0.5 * np.tanh(draw.tanh * (2.0 * grey - 1.0)) / np.tanh(draw.tanh)
    if draw.gamma is not None:
        grey = grey**draw.gamma
    if draw.greys is not None:
        grey = np.round(grey * (draw.greys - 1)) / (draw.greys - 1)
    return np.round(255.0 * grey).astype(np.uint8)


def _add_gradient(image: Uint8, ends: tuple[float, float]) -> Uint8:
    height, width = image.shape
    x, y = np.linspace(-ends[0], ends[0], width), np.linspace(-ends[1], ends[1], height)
    sloped = image + np.add.outer(y, x).astype(np.float32)
    out: Uint8 = np.clip(sloped, 0.0, 255.0).astype(np.uint8)
    return out


@lru_cache(maxsize=len(GREY_CHANGES))
def _steps(kind: str) -> dict[str, Any]:
    """The albumentations steps of a kind of `GREY_CHANGES`; made once, seeded before each use."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as alb
    import cv2

    ranges = GREY_CHANGES[kind].ranges
    quality = ranges["jpeg"]

    # the default, nearest neighbour, moves the picture by more than a pixel
    centred = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
    steps = {
        "clahe": alb.CLAHE(clip_limit=ranges["clahe"], tile_grid_size=CLAHE_TILES, p=1.0),
        "sharpen": alb.Sharpen(alpha=ranges["sharpen_alpha"], lightness=ranges["sharpen_lightness"], p=1.0),
        "blur": alb.GaussianBlur(blur_limit=0, sigma_limit=ranges["blur"], p=1.0),
        "downscale": alb.Downscale(scale_range=ranges["downscale"], interpolation_pair=centred, p=1.0),
        "noise": alb.GaussNoise(std_range=ranges["noise"], p=1.0),
        "jpeg": alb.ImageCompression(quality_range=(int(quality[0]), int(quality[1])), p=1.0),
        "dropout": alb.CoarseDropout(
            num_holes_range=(1, MOST_HOLES), hole_height_range=ranges["hole_height"],
            hole_width_range=ranges["hole_width"], fill="random", p=1.0,
        ),
    }  # fmt: skip
    return {name: alb.Compose([step]) for name, step in steps.items()}

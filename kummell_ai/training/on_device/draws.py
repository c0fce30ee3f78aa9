"""What is drawn for a whole batch at once, with the shares and spreads of the draws for single films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.channels import VIEWS
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_DEPTH, CROP_ROWS
from kummell_ai.training.augmentation import MAX_ROTATION_DEG, TRIES, AugmentationSettings
from kummell_ai.training.crop_samples import SHORTEST, placed_short
from kummell_ai.training.photometric import GREY_CHANGES, MOST_HOLES, SPREADS
from kummell_ai.training.refine_config import JitterSettings

LEFT, RIGHT, FRONTAL = (VIEWS.index(view) for view in ("left", "right", "frontal"))


@dataclass(frozen=True, slots=True)
class PhotometricDraws:
    """Changes of the grey values of B looks, in the order in which they are applied; NaN = left out.

    Attributes:
        window: (B, 2) darkest and brightest grey value of 1 that are told apart.
        tanh, gamma: (B,) contrast compression and exponent.
        greys: (B,) how many grey levels are left.
        gradient: (B, 2) brightness at the far ends of x and y (grey values of 255).
        clahe: (B,) clip limit.
        sharpen: (B, 2) share and lightness.
        blur: (B,) standard deviation (px).
        downscale: (B,) share of the pixels kept along a side.
        noise: (B,) standard deviation (grey values of 255).
        jpeg: (B,) quality.
        holes: (B, 3, 4) x0, y0, x1, y1 px.
        seed: of the noise and of what fills the holes.
    """

    window: FloatArray
    tanh: FloatArray
    gamma: FloatArray
    greys: FloatArray
    gradient: FloatArray
    clahe: FloatArray
    sharpen: FloatArray
    blur: FloatArray
    downscale: FloatArray
    noise: FloatArray
    jpeg: FloatArray
    holes: FloatArray
    seed: int


def draw_photometrics(
    rng: np.random.Generator, count: int, size: tuple[int, int], kind: str = "usual"
) -> PhotometricDraws:
    """Draw for ``count`` looks of ``size`` (rows, columns); ``kind`` is one of `GREY_CHANGES`."""
    changes = GREY_CHANGES[kind]
    shares = {**changes.shares, **changes.step_shares}

    def sometimes(values: FloatArray, share: float) -> FloatArray:
        used = rng.random(count) < share
        return np.where(used.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)

    def between(name: str) -> FloatArray:
        return rng.uniform(*changes.ranges[name], count)

    sharpen = np.stack([between("sharpen_alpha"), between("sharpen_lightness")], axis=1)
    window = np.stack([between("window_low"), between("window_high")], axis=1)
    fewest, most = np.log(changes.ranges["greys"])
    greys = np.floor(np.exp(rng.uniform(fewest, most, count)))
    return PhotometricDraws(
        window=sometimes(window, shares["window"]),
        tanh=sometimes(between("tanh"), shares["tanh"]),
        gamma=sometimes(np.exp(rng.normal(0.0, SPREADS["gamma"], count)), shares["gamma"]),
        greys=sometimes(greys, shares["greys"]),
        gradient=sometimes(rng.normal(0.0, SPREADS["gradient"], (count, 2)), shares["gradient"]),
        clahe=sometimes(between("clahe"), shares["clahe"]),
        sharpen=sometimes(sharpen, shares["sharpen"]),
        blur=sometimes(between("blur"), shares["blur"]),
        downscale=sometimes(between("downscale"), shares["downscale"]),
        noise=sometimes(255.0 * between("noise"), shares["noise"]),
        jpeg=sometimes(between("jpeg"), shares["jpeg"]),
        holes=sometimes(_holes(rng, count, size, changes.ranges), shares["dropout"]),
        seed=int(rng.integers(0, 2**62)),
    )


def _holes(
    rng: np.random.Generator, count: int, size: tuple[int, int], ranges: Mapping[str, tuple[float, float]]
) -> FloatArray:
    shape = (count, MOST_HOLES)
    sides = [np.maximum(np.floor(rng.uniform(*ranges[f"hole_{name}"], shape) * side), 1.0)
             for name, side in zip(("height", "width"), size, strict=True)]  # fmt: skip
    y0, x0 = (np.floor(rng.random(shape) * (full - side + 1.0)) for full, side in zip(size, sides, strict=True))
    holes = np.stack([x0, y0, x0 + sides[1], y0 + sides[0]], axis=-1)
    some = np.arange(MOST_HOLES) < rng.integers(1, MOST_HOLES + 1, count)[:, None]
    return np.where(some[..., None], holes, np.nan)


@dataclass(frozen=True, slots=True)
class Looks:
    """Where B windows lie on their films, and what they show.

    Attributes:
        matrix: (B, 2, 3) film (x, y) px -> window px.
        points_px: (B, V, 4, 2) window px, also where they lie beside it; NaN = not seen.
        border: (B,) grey value outside the film, or -1 to repeat its edge.
        view: (B,) index in `VIEWS` that the window shows.
        strip: (B, 3) first column, end column and the grey value beside them; NaN = the whole window is shown.
    """

    matrix: FloatArray
    points_px: FloatArray
    border: NDArray[np.int64]
    view: NDArray[np.int64]
    strip: FloatArray


def draw_looks(
    points_px: FloatArray,
    view: NDArray[np.integer],
    film: tuple[int, int],
    size: tuple[int, int],
    rng: np.random.Generator,
    settings: AugmentationSettings,
) -> Looks:
    """Draw the windows of a batch.

    Args:
        points_px: (B, V, 4, 2) film px; NaN = not seen.
        view: (B,) index in `VIEWS` of each film.
        film: rows and columns of the films.
        size: rows and columns of the windows.
        rng: of this batch.
        settings: how strongly films are varied.
    """
    count = len(view)
    frontal = view == FRONTAL
    wrong_way = ~frontal & (rng.random(count) < settings.wrong_way_share)
    mirror = np.where(frontal, rng.random(count) < 0.5, (view == RIGHT) != wrong_way)
    shown = np.where(frontal, FRONTAL, np.where(wrong_way, RIGHT, LEFT))
    matrices = _matrices(points_px, mirror, film, size, rng, settings)
    at_least = np.minimum(3, np.isfinite(points_px).any(axis=(2, 3)).sum(axis=1))
    corners_inside = _in_window(mapped(matrices, points_px), size).sum(axis=-1)  # (TRIES, B, V)
    good = (corners_inside >= 3).sum(axis=-1) >= at_least
    good[-1], good[0] = True, good[0] | frontal
    matrix = matrices[good.argmax(axis=0), np.arange(count)]
    points = mapped(matrix, points_px)
    border = np.where(rng.random(count) < 0.5, -1, rng.integers(0, 256, count))
    return Looks(matrix, points, border, shown, _strips(points, size, rng, settings.strip_share))


def _matrices(
    points_px: FloatArray,
    mirror: NDArray[np.bool_],
    film: tuple[int, int],
    size: tuple[int, int],
    rng: np.random.Generator,
    settings: AugmentationSettings,
) -> FloatArray:
    """`TRIES` windows a film, as film px -> window px: (TRIES, B, 2, 3)."""
    shape = (TRIES, len(mirror))
    angle = np.deg2rad(np.clip(rng.normal(0.0, settings.rotation_deg, shape), -MAX_ROTATION_DEG, MAX_ROTATION_DEG))
    base = size[0] / film[0] * np.exp(rng.normal(0.0, settings.scale, shape))
    axes = np.exp(np.clip(rng.normal(0.0, settings.axis_scale, (*shape, 2)), -0.35, 0.35)) * base[..., None]
    axes[..., 0] *= np.where(mirror, -1.0, 1.0)
    linear = turns(angle) * axes[..., None, :]
    focus = _focuses(points_px, film) + rng.normal(0.0, settings.shift_px, (*shape, 2))
    anywhere = rng.uniform((0.0, 0.3), (1.0, 0.7), (*shape, 2)) * film[::-1]
    focus = np.where(rng.random((*shape, 1)) < settings.far_share, anywhere, focus)
    middle = np.array(size[::-1]) / 2.0
    return np.concatenate([linear, (middle - np.einsum("...ij,...j->...i", linear, focus))[..., None]], axis=-1)


def _focuses(points_px: FloatArray, film: tuple[int, int]) -> FloatArray:
    """Where windows usually lie (B, 2): on the spine across, in the middle of the film along."""
    seen = np.isfinite(points_px).all(axis=3)
    count = seen.sum(axis=(1, 2))
    total = np.where(seen, points_px[..., 0], 0.0).sum(axis=(1, 2))
    x = np.where(count > 0, total / np.maximum(count, 1), film[1] / 2.0)
    return np.stack([x, np.full(len(x), film[0] / 2.0)], axis=1)


def _in_window(points: FloatArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether points (..., 2) lie in a window of ``size``."""
    inside: NDArray[np.bool_] = np.all((points > 0) & (points < np.array(size[::-1])), axis=-1)
    return inside


def _strips(points: FloatArray, size: tuple[int, int], rng: np.random.Generator, share: float) -> FloatArray:
    """The strips (B, 3) of windows that show ``points`` (B, V, 4, 2)."""
    count = len(points)
    inside = _in_window(points, size).reshape(count, -1)
    x, none = points[..., 0].reshape(count, -1), ~inside.any(axis=1)
    low = np.where(none, 0.35 * size[1], np.where(inside, x, np.inf).min(axis=1, initial=np.inf))
    high = np.where(none, 0.65 * size[1], np.where(inside, x, -np.inf).max(axis=1, initial=-np.inf))
    first = np.floor(rng.uniform(0.0, np.maximum(low - 8.0, 0.0)))
    end = np.ceil(rng.uniform(np.minimum(high + 8.0, size[1]), size[1]))
    strip = np.stack([first, end, rng.integers(0, 256, count).astype(np.float64)], axis=1)
    return np.where((rng.random(count) < share)[:, None], strip, np.nan)


def mapped(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Points (B, ..., 2) under the affine maps (..., B, 2, 3): (..., B, ..., 2)."""
    flat = points.reshape(len(points), -1, 2)
    moved: FloatArray = np.einsum("...ij,...nj->...ni", matrix[..., :2], flat) + matrix[..., None, :, 2]
    return moved.reshape(*matrix.shape[:-2], *points.shape[1:])


def turns(angle: FloatArray) -> FloatArray:
    """Rotation matrices (..., 2, 2) of angles (...) in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)


def draw_frames(
    points: FloatArray, visible: NDArray[np.bool_], rng: np.random.Generator, settings: JitterSettings
) -> tuple[FloatArray, FloatArray]:
    """Frames (B, 2, 3) that a first stage's corners might have given, from true points (B, 4|6, 2) of stored crops.

    ``visible`` (B, 4|6) says which of them are on the film.

    Returns:
        matrix (B, 2, 3) stored px -> crop px, and its scale (B,), crop px a stored px.
    """
    corners = np.asarray(points[:, :4], dtype=np.float64)
    count = len(corners)
    share = SHORTEST * rng.random(count) * (rng.random(count) < settings.cut_share)
    corners = placed_short(corners, visible[:, :4], share)
    depth = np.linalg.norm(corners[:, [0, 2]] - corners[:, [1, 3]], axis=2).mean(axis=1)
    gross = np.where(rng.random(count) < settings.gross_share, 3.0, 1.0)
    linear = turns(np.radians(gross * settings.rotation_deg * rng.normal(size=count)))
    linear *= np.exp(gross * settings.scale * rng.normal(size=count))[:, None, None]
    centre = corners.mean(axis=1, keepdims=True)
    moved = np.einsum("bij,bcj->bci", linear, corners - centre) + centre  # about each body's own middle
    error = settings.shift * rng.normal(size=(count, 1, 2)) + settings.corner * rng.normal(size=(count, 4, 2))
    return _frames(moved + (gross * depth)[:, None, None] * error)


def _frames(corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`landmarks.crops.crop_frame` for B bodies at once."""
    endplates = corners[:, [1, 3]] - corners[:, [0, 2]]
    scale = CROP_DEPTH / np.linalg.norm(endplates, axis=2).mean(axis=1)
    along = endplates.sum(axis=1)
    linear = scale[:, None, None] * turns(-np.arctan2(along[:, 1], along[:, 0]))
    middle = np.array([CROP_COLUMNS, CROP_ROWS]) / 2.0
    shift = middle - np.einsum("bij,bj->bi", linear, corners.mean(axis=1))
    return np.concatenate([linear, shift[..., None]], axis=-1), scale

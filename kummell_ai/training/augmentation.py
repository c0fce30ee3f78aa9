"""Augmentation in two steps: draw all parameters from a Generator, then apply them without randomness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.training.photometric import PhotometricDraw, Uint8, apply_photometric, draw_photometric, warp
from kummell_ai.training.samples import TrainingFilm

MAX_ROTATION_DEG = 15.0
TRIES = 6
"""Windows drawn at most until one shows three vertebrae."""


@dataclass(frozen=True)
class AugmentationSettings:
    """How strongly films are varied.

    Attributes:
        rotation_deg: standard deviation, cut at 15.
        axis_scale: standard deviation of the logarithm of each axis' scale.
        scale: the same, common to both axes.
        shift_px: standard deviation of the window's place about the spine.
        far_share: share of films whose window lies anywhere on the film.
        wrong_way_share: share of lateral films shown facing right, for the view head only.
        strip_share: share of films of which only a strip about the spine is shown, as on narrow films.
    """

    rotation_deg: float = 6.0
    axis_scale: float = 0.15
    scale: float = 0.12
    shift_px: float = 40.0
    far_share: float = 0.12
    wrong_way_share: float = 0.08
    strip_share: float = 0.1


@dataclass(frozen=True, slots=True)
class AugmentationDraw:
    """Everything that was drawn for one film.

    Attributes:
        matrix: (2, 3) film (x, y) px -> crop (x, y) px.
        border: grey value [0, 255] outside the film, or -1 to repeat its edge.
        view: the view that the crop shows.
        photometric: changes of grey values.
        strip: (first column, end column, grey value beside them) shown of the crop, or None for all of it.
    """

    matrix: FloatArray
    border: int
    view: str
    photometric: PhotometricDraw
    strip: tuple[int, int, int] | None = None


def draw_augmentation(
    film: TrainingFilm,
    size: tuple[int, int],
    rng: np.random.Generator,
    settings: AugmentationSettings,
    grey_changes: str = "usual",
) -> AugmentationDraw:
    """Draw parameters for a crop of ``size`` (rows, columns); ``grey_changes`` is one of `photometric.GREY_CHANGES`."""
    wrong_way = film.view != "frontal" and rng.random() < settings.wrong_way_share
    mirror = rng.random() < 0.5 if film.view == "frontal" else (film.view == "right") != wrong_way
    view = film.view if film.view == "frontal" else ("right" if wrong_way else "left")
    matrix = _plain_matrix(film, size)
    for _ in range(TRIES):
        matrix = _draw_matrix(film, size, mirror, rng, settings)
        if film.view == "frontal" or _centres_inside(film, matrix, size) >= min(3, len(film.level)):
            break
    border = -1 if rng.random() < 0.5 else int(rng.integers(0, 256))
    strip = _draw_strip(film, matrix, size, rng) if rng.random() < settings.strip_share else None
    return AugmentationDraw(matrix, border, view, draw_photometric(rng, grey_changes), strip)


def plain_augmentation(film: TrainingFilm, size: tuple[int, int]) -> AugmentationDraw:
    """The crop of ``size`` about the spine with no variation but the turn to the left, for validation."""
    matrix = _plain_matrix(film, size)
    view = "frontal" if film.view == "frontal" else "left"
    return AugmentationDraw(matrix, -1, view, PhotometricDraw.none())


def apply_augmentation(film: TrainingFilm, draw: AugmentationDraw, size: tuple[int, int]) -> tuple[Uint8, FloatArray]:
    """The crop (rows, columns) uint8 and its points (V, 4, 2) in crop px; points outside are kept as they are."""
    image = warp(film.image, draw.matrix, size, draw.border)
    points = np.asarray(film.points_px, dtype=np.float64) @ draw.matrix[:, :2].T + draw.matrix[:, 2]
    image = apply_photometric(image, draw.photometric)
    if draw.strip is not None:
        first, end, grey = draw.strip
        image = image.copy()
        image[:, :first], image[:, end:] = grey, grey
    return image, points


def _plain_matrix(film: TrainingFilm, size: tuple[int, int]) -> FloatArray:
    scale = size[0] / film.image.shape[0]
    sign = -1.0 if film.view == "right" else 1.0
    turn = np.diag([sign * scale, scale])
    return _about(turn, _focus(film), size)


def _draw_matrix(
    film: TrainingFilm, size: tuple[int, int], mirror: bool, rng: np.random.Generator, settings: AugmentationSettings
) -> FloatArray:
    limit = MAX_ROTATION_DEG
    angle = np.deg2rad(np.clip(rng.normal(0.0, settings.rotation_deg), -limit, limit))
    base = size[0] / film.image.shape[0] * np.exp(rng.normal(0.0, settings.scale))
    axes = np.exp(np.clip(rng.normal(0.0, settings.axis_scale, 2), -0.35, 0.35)) * base
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([-axes[0] if mirror else axes[0], axes[1]])
    focus = _focus(film) + rng.normal(0.0, settings.shift_px, 2)
    if rng.random() < settings.far_share:
        focus = rng.uniform((0.0, 0.3), (1.0, 0.7)) * film.image.shape[::-1]
    return _about(linear, focus, size)


def _draw_strip(
    film: TrainingFilm, matrix: FloatArray, size: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int, int]:
    """Columns of the crop that stay; no point that is seen is lost."""
    points = np.asarray(film.points_px, dtype=np.float64).reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
    inside = (points > 0).all(axis=1) & (points < [size[1], size[0]]).all(axis=1)
    x = points[inside, 0] if inside.any() else np.array([0.35, 0.65]) * size[1]
    first = int(rng.uniform(0.0, max(float(x.min()) - 8.0, 0.0)))
    end = int(np.ceil(rng.uniform(min(float(x.max()) + 8.0, size[1]), size[1])))
    return first, end, int(rng.integers(0, 256))


def _about(linear: FloatArray, focus: FloatArray, size: tuple[int, int]) -> FloatArray:
    """The affine matrix that brings ``focus`` to the middle of the crop."""
    middle = np.array([size[1], size[0]]) / 2.0
    return np.concatenate([linear, (middle - linear @ focus)[:, None]], axis=1)


def _focus(film: TrainingFilm) -> FloatArray:
    """Where the window usually lies: on the spine across, in the middle of the film along."""
    height, width = film.image.shape
    seen = np.isfinite(film.points_px).all(axis=2)
    x = float(film.points_px[seen][:, 0].mean()) if seen.any() else width / 2.0
    return np.array([x, height / 2.0])


def _centres_inside(film: TrainingFilm, matrix: FloatArray, size: tuple[int, int]) -> int:
    points = np.asarray(film.points_px, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]
    seen = np.isfinite(points).all(axis=2)
    inside = seen & (points > 0).all(axis=2) & (points[..., 0] < size[1]) & (points[..., 1] < size[0])
    return int((inside.sum(axis=1) >= 3).sum())

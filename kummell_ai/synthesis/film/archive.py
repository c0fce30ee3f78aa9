"""What becomes of a shown film in an archive: resolution, seams, shutters, damage, contrast, text, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.film.collimation import Blades, draw_blades, opening
from kummell_ai.synthesis.film.detector import present
from kummell_ai.synthesis.film.film_damage import Damage, Seam, apply_damage, apply_seam, draw_damage, draw_seam
from kummell_ai.synthesis.film.film_marks import Mark, burn_in
from kummell_ai.synthesis.film.film_text import draw_text
from kummell_ai.synthesis.recipe import FilmRecipe

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Archive:
    """What was drawn for one film; None or empty for what it lacks.

    Attributes:
        shrink: how much coarser the film was kept, and the OpenCV interpolation that enlarged it; 1 for unchanged.
        seam: joint of two exposures.
        shutter: grey level painted outside the collimated field.
        border: rim of a scanned film, and its grey level.
        damage: scratches and dust.
        squeeze: darkest and brightest grey level.
        inverted: whether bone is dark.
        text: burnt-in lettering.
        quality: of JPEG.
    """

    shrink: tuple[float, int]
    seam: Seam | None
    shutter: float | None
    border: tuple[Blades, float] | None
    damage: Damage | None
    squeeze: tuple[float, float]
    inverted: bool
    text: tuple[Mark, ...]
    quality: int | None


def draw_archive(recipe: FilmRecipe, shape: tuple[int, int], spare: Map | None, rng: np.random.Generator) -> Archive:
    """Draw the archive; each ingredient has a stream of its own, so that leaving one out moves no other."""
    seeds = rng.integers(2**62, size=9)
    streams = [np.random.default_rng([int(s)]) for s in seeds]
    shrink, seam, shutter, border, damage, squeeze, inverted, text, jpeg = streams
    kept = present(recipe.resampled, shrink)
    low = float(squeeze.uniform(0.0, 0.5)) if present(recipe.squeezed, squeeze) else 0.0
    span = float(squeeze.uniform(0.35, 1.0)) * (1.0 - low) if low else 1.0
    return Archive(
        shrink=(float(shrink.uniform(1.2, 2.4)), int(shrink.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
        if kept
        else (1.0, 0),
        seam=draw_seam(shape[0], seam) if present(recipe.seams, seam) else None,
        shutter=float(shutter.choice([0.0, 0.0, 1.0, shutter.uniform(0.0, 0.6)])) if shutter.random() < 0.75 else None,
        border=(
            draw_blades(shape, (0.035, 0.025), (0.6, 0.6), spare, border),
            float(border.choice([0.0, 1.0, 1.0, 0.8])),
        )
        if present(recipe.borders, border)
        else None,
        damage=draw_damage(shape, damage) if present(recipe.scratches, damage) else None,
        squeeze=(low, low + span),
        inverted=present(recipe.inverted, inverted),
        text=draw_text(shape, spare, text) if present(recipe.text, text) else (),
        quality=int(jpeg.integers(35, 96)) if present(recipe.jpeg, jpeg) else None,
    )


def keep(shown: Map, archive: Archive, field: Map | None = None) -> Map:
    """The film as the archive holds it, (rows, columns) float32 in [0, 1].

    Args:
        shown: grey levels in [0, 1], bone bright.
        archive: what `draw_archive` drew.
        field: share of the beam that the collimator let through, (rows, columns), or None without collimation.
    """
    v = _resampled(shown, *archive.shrink) if archive.shrink[0] > 1.0 else shown.copy()
    if archive.seam is not None:
        apply_seam(v, archive.seam)
    if archive.shutter is not None and field is not None:
        v += (np.float32(archive.shutter) - v) * (1.0 - field)
    if archive.border is not None:
        v += (np.float32(archive.border[1]) - v) * (1.0 - opening(archive.border[0], v.shape))
    if archive.damage is not None:
        apply_damage(v, archive.damage)
    v = np.clip(v, 0.0, 1.0)
    if archive.inverted:
        v = 1.0 - v
    burn_in(v, archive.text)
    low, high = archive.squeeze
    if (low, high) != (0.0, 1.0):
        v = np.rint((low + v * np.float32(high - low)) * np.float32(255.0)) * np.float32(1.0 / 255.0)
    if archive.quality is not None:
        v = _jpeg(v, archive.quality)
    return np.asarray(np.clip(v, 0.0, 1.0), dtype=np.float32)


def _resampled(v: Map, shrink: float, enlarging: int) -> Map:
    """The film averaged into coarser cells and enlarged again; the borders of the cells fit, so nothing moves."""
    small = (max(round(v.shape[1] / shrink), 8), max(round(v.shape[0] / shrink), 8))
    coarse = cv2.resize(v, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (v.shape[1], v.shape[0]), interpolation=enlarging), dtype=np.float32)


def _jpeg(v: Map, quality: int) -> Map:
    _, data = cv2.imencode(".jpg", np.rint(v * np.float32(255.0)).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.float32) * np.float32(1.0 / 255.0)

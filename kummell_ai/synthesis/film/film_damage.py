"""What handling leaves on a film: scratches, dust, hair, roller marks, the seam of two exposures.

All of it changes grey levels in place and moves nothing, so the truth stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
SHIFT = 4  # OpenCV draws on sixteenths of a pixel


@dataclass(frozen=True, slots=True)
class Stroke:
    """A thin line or a speck: its points (N, 2) px, strength in [0, 1], and whether it is white."""

    points: NDArray[np.float32]
    strength: float
    white: bool


@dataclass(frozen=True, slots=True)
class Damage:
    """Drawn damage.

    Attributes:
        strokes: scratches, hairs and dust.
        rollers: rows (px) at which a roller left a line, and the relative depth of the lines.
    """

    strokes: tuple[Stroke, ...]
    rollers: tuple[tuple[float, ...], float]


@dataclass(frozen=True, slots=True)
class Seam:
    """Two exposures joined: below ``row`` (px, soft over ``width``) the grey level is ``gain`` x it + ``offset``."""

    row: float
    width: float
    gain: float
    offset: float


def _curve(start: NDArray[np.float64], length: float, bend: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A line from ``start`` whose direction drifts by ``bend`` radians a step."""
    headings = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rng.normal(0.0, bend, 14))
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=1) * (length / 14.0)
    return np.asarray(np.vstack([start, start + np.cumsum(steps, axis=0)]), dtype=np.float32)


def draw_damage(shape: tuple[int, int], rng: np.random.Generator) -> Damage:
    """Draw a few scratches, hairs and specks, and now and then roller marks."""
    rows, cols = shape
    strokes = []
    for kind, count, bend in (
        ("scratch", int(rng.poisson(1.5)), 0.015),
        ("hair", int(rng.poisson(0.6)), 0.35),
        ("dust", int(rng.choice([0, 8, 25])), 0.0),
    ):
        white = bool(rng.random() < 0.7)
        for _ in range(count):
            start = rng.uniform(0.0, 1.0, 2) * (cols, rows)
            length = {"scratch": rng.uniform(0.03, 0.4), "hair": rng.uniform(0.03, 0.15), "dust": 0.001}[kind] * rows
            strength = float(rng.uniform(0.1, 0.5) if kind == "dust" else rng.uniform(0.15, 0.7))
            strokes.append(Stroke(_curve(start, length, bend, rng), strength, white))
    step = rng.uniform(0.04, 0.3) * rows
    marked = tuple(np.arange(rng.uniform(0.0, step), rows, step).tolist()) if rng.random() < 0.25 else ()
    return Damage(tuple(strokes), (marked, float(rng.normal(0.0, 0.03))))


def apply_damage(v: Map, damage: Damage) -> None:
    """Lay damage over the film, in place."""
    for white in (False, True):
        strokes = [s for s in damage.strokes if s.white == white]
        if strokes:
            mask = np.zeros(v.shape, np.uint8)
            for s in strokes:
                points = [np.round(s.points * 2**SHIFT).astype(np.int32)]
                cv2.polylines(mask, points, False, round(255 * s.strength), 1, cv2.LINE_AA, SHIFT)
            v += (np.float32(white) - v) * (mask * np.float32(1.0 / 255.0))
    rows, depth = damage.rollers
    for row in rows:
        v[int(row)] *= np.float32(1.0 + depth)


def draw_seam(rows: int, rng: np.random.Generator) -> Seam:
    """Draw where two exposures meet and how they differ: in brightness and contrast alone."""
    return Seam(
        row=float(rng.uniform(0.2, 0.8) * rows),
        width=float(np.exp(rng.uniform(np.log(0.3), np.log(0.03 * rows)))),
        gain=float(np.exp(rng.normal(0.0, 0.12))),
        offset=float(rng.normal(0.0, 0.06)),
    )


def apply_seam(v: Map, seam: Seam) -> None:
    """Change the exposure below the seam, in place."""
    y = np.arange(v.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    below = np.clip((y - np.float32(seam.row)) / np.float32(seam.width) + np.float32(0.5), 0.0, 1.0)
    v *= 1.0 + below * np.float32(seam.gain - 1.0)
    v += below * np.float32(seam.offset)

"""Where the pixels of a film lie with regard to the spine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.tissue.noise import Map

COARSE = 4
"""Smooth maps are made on a grid this many times coarser than the film and enlarged."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where each pixel lies with regard to the spine, on the plane y = 0.

    Attributes:
        x: (columns,) patient x of the pixel centres (mm), falling: the front is to the left.
        z: (rows,) patient z of the pixel centres (mm), falling.
        line: (rows,) patient x of the spine's own line through the bodies (mm).
        pixel_mm: pixel size.
        levels_z: height (mm) of each level's centre by name.
    """

    x: Map
    z: Map
    line: Map
    pixel_mm: float
    levels_z: Mapping[str, float]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self.z), len(self.x)

    @property
    def ahead(self) -> Map:
        """Distance in front of the spine's line (mm), (rows, columns); negative behind."""
        ahead: Map = self.x[None, :] - self.line[:, None]
        return ahead

    def level_z(self, name: str, fallback: float) -> float:
        """Height of a level (mm), or ``fallback`` where this spine has no such level."""
        return self.levels_z.get(name, fallback)

    def coarse(self, factor: int = COARSE) -> Scene:
        """The same view on cells ``factor`` pixels wide (the last ones may be a little larger)."""
        rows, cols = (max(2, n // factor) for n in self.shape)
        return Scene(
            _resample(self.x, cols),
            _resample(self.z, rows),
            _resample(self.line, rows),
            self.pixel_mm * factor,
            self.levels_z,
        )

    def enlarge(self, field: Map) -> Map:
        """A smooth field made on a coarse view, on this one's pixels."""
        return np.asarray(cv2.resize(field, self.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def pixel(self, ahead_mm: FloatArray, z_mm: FloatArray) -> FloatArray:
        """Image coordinates (N, 2) px of points given by their distance in front of the line and their height (mm)."""
        line = np.interp(-np.asarray(z_mm), -self.z, self.line)
        columns = (self.x[0] - (line + ahead_mm)) / self.pixel_mm + 0.5
        return np.stack([columns, (self.z[0] - np.asarray(z_mm)) / self.pixel_mm + 0.5], axis=-1)


def _resample(values: Map, count: int) -> Map:
    small = cv2.resize(values[:, None], (1, count), interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, 0], dtype=np.float32)


def make_scene(beam: ConeBeam, centres_mm: FloatArray, names: tuple[str, ...]) -> Scene:
    """The scene around vertebra centres (V, 3), cranial to caudal, called ``names``."""
    rows, cols = beam.shape
    x = beam.origin_mm[0] - (np.arange(cols) + 0.5) * beam.pixel_mm
    z = beam.origin_mm[1] - (np.arange(rows) + 0.5) * beam.pixel_mm
    order = np.argsort(centres_mm[:, 2])
    line = np.interp(z, centres_mm[order, 2], centres_mm[order, 0]).astype(np.float32)
    width = 8.0 / beam.pixel_mm
    line = cv2.GaussianBlur(line[:, None], (1, 2 * round(2.5 * width) + 1), width)[:, 0]
    levels = dict(zip(names, centres_mm[:, 2].tolist(), strict=True))
    return Scene(x.astype(np.float32), z.astype(np.float32), line, beam.pixel_mm, levels)


def soft_step(distance: Map, width: float) -> Map:
    """0 far below, 1 far above ``distance`` = 0, over about ``width`` on both sides."""
    step: Map = (0.5 + 0.5 * np.tanh(distance * np.float32(0.5 / width))).astype(np.float32)
    return step

"""Lungs above the two domes of the diaphragm, their vessels, and the heart between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.trunk import Body

CROSSINGS = ("T10", "T11", "T12", "L1")
"""Levels at which the diaphragm crosses the spine."""


@dataclass(frozen=True, slots=True)
class Dome:
    """One half of the diaphragm.

    Attributes:
        at_spine_z: height where it crosses the spine's line (mm).
        apex: distance of its highest point in front of the line (mm).
        fall_back, fall_front: how far it falls to the sulcus behind and to the front wall (mm).
        radius: of its curvature across the body (mm); the lung beside it fades over this.
        density: of the lung above it with regard to water.
    """

    at_spine_z: float
    apex: float
    fall_back: float
    fall_front: float
    radius: float
    density: float

    def height(self, ahead: FloatArray, back: FloatArray, front: FloatArray) -> FloatArray:
        """Height (R, C) mm of the dome; ``back`` and ``front`` (R, 1) are the walls of the chest (mm)."""
        return self.at_spine_z + self._fall(np.zeros(1), back, front) - self._fall(ahead, back, front)

    def _fall(self, ahead: FloatArray, back: FloatArray, front: FloatArray) -> FloatArray:
        behind = np.clip((self.apex - ahead) / (self.apex + back), 0.0, 1.0)
        before = np.clip((ahead - self.apex) / np.maximum(front - self.apex, 30.0), 0.0, 1.0)
        steep = 1.0 - np.sqrt(1.0 - behind**2)
        fall: FloatArray = self.fall_back * (0.5 * behind**2 + 0.5 * steep) + self.fall_front * before**2
        return fall


def draw_domes(view: Scene, rng: np.random.Generator) -> tuple[Dome, Dome]:
    """Draw the left and the right half of the diaphragm, at about the same height."""
    names = [n for n in CROSSINGS if n in view.levels_z]
    middle = view.levels_z[names[int(rng.integers(len(names)))]] + rng.normal(0.0, 8.0) if names else 120.0
    apex, back, front = rng.uniform(35.0, 90.0), rng.uniform(45.0, 120.0), rng.uniform(5.0, 50.0)
    radius, density = rng.uniform(50.0, 120.0), rng.uniform(0.15, 0.4)
    domes = [
        Dome(
            middle + rng.normal(0.0, 8.0),
            apex + rng.normal(0.0, 10.0),
            back * rng.uniform(0.85, 1.15),
            front * rng.uniform(0.6, 1.4),
            radius * rng.uniform(0.8, 1.2),
            density,
        )
        for _ in range(2)
    ]
    return domes[0], domes[1]


def lungs(scene: Scene, coarse: Scene, body: Body, domes: tuple[Dome, Dome], rng: np.random.Generator) -> Map:
    """Water (mm) to take away for the lungs, (rows, columns) of ``scene``; vessels and heart are left standing.

    A ray that passes a depth t under the top of a dome of radius r has a chord of 2 sqrt(2 r t) in the liver, and the
    rest of its way in lung: the top is a sharp line that fades downwards.
    """
    ahead = coarse.ahead.astype(np.float64)
    z = coarse.z[:, None]
    wall = rng.uniform(12.0, 28.0)
    chest = np.maximum(body.half_widths(ahead, wall + 0.5 * body.fat) - rng.uniform(0.0, 6.0), 0.0)
    back, front = (v[:, None] - wall for v in (body.back, body.front))
    out = np.zeros(scene.shape, np.float32)
    middle = _between_the_lungs(ahead, rng)
    heart_z, heart_x = domes[0].at_spine_z + rng.uniform(35.0, 65.0), rng.uniform(75.0, 115.0)
    size = rng.uniform(42.0, 62.0)
    heart = np.sqrt(np.clip(1.0 - ((ahead - heart_x) / size) ** 2 - ((z - heart_z) / (1.15 * size)) ** 2, 0.0, None))
    top = min(d.at_spine_z for d in domes)
    if scene.z[0] < top - max(d.fall_back for d in domes):
        return out
    for dome, bulge in zip(domes, (70.0, 35.0), strict=True):
        room = np.maximum(chest - middle - bulge * heart, 0.0)
        under = scene.enlarge((dome.height(ahead, back, front) - z).astype(np.float32))
        np.maximum(under, 0.0, out=under)
        chord = np.sqrt(under, out=under)
        chord *= np.float32(2.0 * np.sqrt(2.0 * dome.radius))
        left = scene.enlarge(room.astype(np.float32))
        left -= chord
        out += np.maximum(left, 0.0) * np.float32(1.0 - dome.density)
    return out * _air(scene, coarse, rng)


def _between_the_lungs(ahead: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Half the width (mm) of what lies between the lungs: back muscles, spine, great vessels."""
    behind, spine, before = rng.uniform(35.0, 60.0), rng.uniform(22.0, 34.0), rng.uniform(10.0, 26.0)
    width: FloatArray = np.interp(ahead, [-70.0, -45.0, -22.0, 22.0, 40.0], [behind, behind, spine, spine, before])
    return width


def _air(scene: Scene, coarse: Scene, rng: np.random.Generator) -> Map:
    """Share of the lung's room that is lung, less its vessels, (rows, columns)."""
    canvas = np.zeros(scene.shape, np.uint8)
    for points, width_mm in vessel_tree(scene, rng):
        path = np.round(scene.pixel(points[:, 0], points[:, 1]) * 16.0).astype(np.int32)
        thickness = max(1, round(width_mm / scene.pixel_mm))
        cv2.polylines(canvas, [path[:, None]], False, float(min(255.0, 25.0 * width_mm)), thickness, cv2.LINE_AA, 4)
    drawn = cv2.GaussianBlur(canvas, (0, 0), max(0.5, 0.5 / scene.pixel_mm)).astype(np.float32)
    strength, haze = rng.uniform(0.0004, 0.0016), rng.uniform(0.0, 0.06)
    texture = scene.enlarge(fractal_noise(coarse.shape, 14.0 / coarse.pixel_mm, 2, rng))
    texture *= np.float32(-haze)
    texture -= drawn * np.float32(strength)
    texture += 1.0
    return texture


def vessel_tree(scene: Scene, rng: np.random.Generator) -> list[tuple[FloatArray, float]]:
    """Branching vessels of both lungs from the hilum down: paths (N, 2) of (ahead, z) mm and their width (mm)."""
    hilum = np.array([rng.uniform(15.0, 45.0), scene.level_z("T7", 190.0) + rng.normal(0.0, 10.0)])
    out: list[tuple[FloatArray, float]] = []
    grown = [(hilum + rng.normal(0.0, 9.0, 2), a, rng.uniform(3.5, 7.0)) for a in rng.uniform(-3.3, 0.6, 16)]
    while grown:
        start, angle, width = grown.pop()
        length = rng.uniform(18.0, 42.0)
        bow = rng.normal(0.0, 0.35)
        turn = angle + bow * np.linspace(0.0, 1.0, 5)
        steps = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (length / 5.0)
        path = np.vstack([start, start + np.cumsum(steps, axis=0)])
        out.append((path, width))
        if width > 1.4 and len(out) < 220:
            share = rng.uniform(0.55, 0.85)
            split = rng.uniform(0.2, 0.6)
            grown.append((path[-1], turn[-1] + split * (1.0 - share), width * share))
            grown.append((path[-1], turn[-1] - split * share, width * rng.uniform(0.55, 0.8)))
    return out

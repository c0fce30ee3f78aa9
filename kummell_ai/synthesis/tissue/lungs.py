"""Lungs above the two domes of the diaphragm, their vessels, and the heart between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise
from kummell_ai.synthesis.tissue.planes import Planes
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.trunk import Body

CROSSINGS = {"T10": 0.3, "T11": 0.35, "T12": 0.25, "L1": 0.1}
"""Levels at which the diaphragm crosses the spine, and how often."""


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

    def height(self, ahead: Map, back: Map, front: Map) -> Map:
        """Height (R, C) mm of the dome; ``back`` and ``front`` (R, 1) are the walls of the chest (mm)."""
        return self.at_spine_z + self._fall(np.zeros((1, 1), np.float32), back, front) - self._fall(ahead, back, front)

    def _fall(self, ahead: Map, back: Map, front: Map) -> Map:
        behind = np.clip((self.apex - ahead) / (self.apex + back), 0.0, 1.0)
        before = np.clip((ahead - self.apex) / np.maximum(front - self.apex, 30.0), 0.0, 1.0)
        steep = 1.0 - np.sqrt(1.0 - behind**2)
        fall: Map = self.fall_back * (0.5 * behind**2 + 0.5 * steep) + self.fall_front * before**2
        return fall


Domes = tuple[Dome, Dome]


def draw_domes(view: Scene, rng: np.random.Generator, foot_z: float | None = None) -> Domes:
    """Draw the left and the right half of the diaphragm; ``foot_z`` is where the lungs end behind, if known (mm)."""
    level = str(rng.choice(list(CROSSINGS), p=list(CROSSINGS.values())))
    middle = view.level_z(level, 120.0) + rng.normal(0.0, 8.0)
    apex, back, front = rng.uniform(35.0, 90.0), rng.uniform(40.0, 95.0), rng.uniform(5.0, 50.0)
    middle = middle if foot_z is None else foot_z + 0.8 * back
    # lateral films of the spine are taken in expiration: the bases hold little air
    radius, density = rng.uniform(50.0, 120.0), rng.uniform(0.38, 0.68)
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


def lungs(scene: Scene, coarse: Scene, body: Body, planes: Planes, domes: Domes, rng: np.random.Generator) -> Map:
    """Water (mm) to take away for the lungs, in the upper rows of ``scene``; vessels and heart are left standing.

    A ray that passes a depth t under the top of a dome of radius r has a chord of 2 sqrt(2 r t) in the liver, and the
    rest of its way in lung: the top is a sharp line that fades downwards.
    """
    wall = rng.uniform(20.0, 40.0)
    chest = np.maximum(body.half_widths(planes.ahead, wall + 0.5 * body.fat) - rng.uniform(0.0, 6.0), 0.0)
    back, front = (v[:, None] - wall for v in (body.back, body.front))
    middle = _between_the_lungs(planes.ahead, rng)
    heart = _heart(planes, domes[0].at_spine_z, rng)
    tables = []
    for dome, bulge in zip(domes, (70.0, 35.0), strict=True):
        tables += [chest - middle - bulge * heart, dome.height(planes.ahead, back, front) - planes.z]
    foot = min(d.at_spine_z - d.fall_back for d in domes) - 10.0
    count = int((scene.z > foot).sum())
    if count == 0:
        return np.zeros((0, scene.shape[1]), np.float32)
    read = planes.read(np.stack(tables, axis=-1), count)
    out = np.zeros(read.shape[:2], np.float32)
    for k, dome in enumerate(domes):
        chord = np.sqrt(np.maximum(read[..., 2 * k + 1], 0.0))
        chord *= np.float32(-2.0 * np.sqrt(2.0 * dome.radius))
        chord += read[..., 2 * k]
        out += np.maximum(chord, 0.0, out=chord) * np.float32(1.0 - dome.density)
    out *= _air(scene, coarse, rng)[:count]
    return out


def _heart(planes: Planes, dome_z: float, rng: np.random.Generator) -> Map:
    z, ahead, size = dome_z + rng.uniform(35.0, 65.0), rng.uniform(75.0, 115.0), rng.uniform(42.0, 62.0)
    across, along = (planes.ahead - ahead) / size, (planes.z - z) / (1.15 * size)
    depth: Map = np.sqrt(np.clip(1.0 - across**2 - along**2, 0.0, None))
    return depth


def _between_the_lungs(ahead: Map, rng: np.random.Generator) -> Map:
    """Half the width (mm) of what lies between the lungs: back muscles, spine, great vessels."""
    behind, spine, before = rng.uniform(35.0, 60.0), rng.uniform(22.0, 34.0), rng.uniform(10.0, 26.0)
    width = np.interp(ahead, [-45.0, -22.0, 22.0, 40.0], [behind, spine, spine, before])
    return width.astype(np.float32)


def _air(scene: Scene, coarse: Scene, rng: np.random.Generator) -> Map:
    """Share of the lung's room that is lung, less its vessels, (rows, columns)."""
    canvas = np.zeros(scene.shape, np.uint8)
    paths, widths = vessel_tree(scene, rng)
    pixels = np.round(scene.pixel(paths[..., 0], paths[..., 1]) * 16.0).astype(np.int32)
    strokes = np.maximum(1, np.rint(0.8 * widths / scene.pixel_mm).astype(int))
    for stroke in np.unique(strokes):
        grey = float(min(255.0, 40.0 * stroke * scene.pixel_mm))
        cv2.polylines(canvas, list(pixels[strokes == stroke]), False, grey, int(stroke), cv2.LINE_AA, 4)
    drawn = cv2.GaussianBlur(canvas, (0, 0), max(0.5, rng.uniform(0.6, 1.3) / scene.pixel_mm)).astype(np.float32)
    strength, haze = rng.uniform(0.0003, 0.0013), rng.uniform(0.0, 0.06)
    texture = scene.enlarge(fractal_noise(coarse.shape, 14.0 / coarse.pixel_mm, 2, rng))
    texture *= np.float32(-haze)
    drawn *= np.float32(strength)
    texture -= drawn
    texture += 1.0
    return texture


def vessel_tree(scene: Scene, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Branching vessels of both lungs from the hilum down: paths (N, 6, 2) of (ahead, z) mm and widths (N,) mm."""
    hilum = np.array([rng.uniform(15.0, 45.0), scene.level_z("T7", 190.0) + rng.normal(0.0, 10.0)])
    start = hilum + rng.normal(0.0, 9.0, (16, 2))
    angle, width = rng.uniform(-3.3, 0.6, 16), rng.uniform(2.2, 4.8, 16)
    paths, widths = [], []
    for _ in range(6):
        length, bow = rng.uniform(18.0, 42.0, len(start)), rng.normal(0.0, 0.35, len(start))
        turn = angle[:, None] + bow[:, None] * np.linspace(0.0, 1.0, 5)
        steps = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * (length / 5.0)[:, None, None]
        path = start[:, None] + np.concatenate([np.zeros((len(start), 1, 2)), np.cumsum(steps, axis=1)], axis=1)
        paths.append(path)
        widths.append(width)
        on = width > 1.3
        share, split = rng.uniform(0.55, 0.85, on.sum()), rng.uniform(0.2, 0.6, on.sum())
        start = np.repeat(path[on, -1], 2, axis=0)
        angle = np.repeat(turn[on, -1], 2) + np.stack([split * (1.0 - share), -split * share], axis=1).ravel()
        width = np.repeat(width[on], 2) * np.stack([share, 1.35 - share], axis=1).ravel()
    return np.concatenate(paths), np.concatenate(widths)

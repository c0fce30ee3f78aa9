"""What the trunk is made of: skin, fat, muscle and the solid organs."""

from __future__ import annotations

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise
from kummell_ai.synthesis.tissue.planes import Planes
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.trunk import FAT, MUSCLE, Body


def flesh(scene: Scene, coarse: Scene, body: Body, planes: Planes, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) of skin, fat and muscle, (rows, columns) of ``scene``."""
    skin_mm = rng.uniform(1.2, 3.0)
    outer, under = body.half_widths(planes.ahead), body.half_widths(planes.ahead, skin_mm)
    inner = body.half_widths(planes.ahead, skin_mm + body.fat)
    inner_fat = rng.uniform(0.0, 0.05)
    table = 2.0 * (1.1 * (outer - under) + FAT * under + (MUSCLE - inner_fat - FAT) * inner)
    table += _around_the_spine(planes.ahead, rng) * (inner > 0.0)
    water = planes.read(table)
    mottle = scene.enlarge(fractal_noise(coarse.shape, 60.0 / coarse.pixel_mm, 3, rng))
    mottle *= np.minimum(water * np.float32(0.04), 1.0)
    mottle *= np.float32(rng.uniform(1.0, 4.0))
    water += mottle
    return np.maximum(water, 0.0, out=water)


def _around_the_spine(ahead: Map, rng: np.random.Generator) -> Map:
    """Extra water (mm) of back muscles, psoas and the marrow of the spine itself."""
    muscles = np.float32(rng.uniform(8.0, 35.0)) * np.exp(-(((ahead + 40.0) / 28.0) ** 2))
    psoas = np.float32(rng.uniform(5.0, 35.0)) * np.exp(-(((ahead + 2.0) / 26.0) ** 2))
    extra: Map = muscles + psoas
    return extra


def organs(coarse: Scene, body: Body, dome_z: float, rng: np.random.Generator) -> Map:
    """Water (mm) that liver, spleen and kidneys have more than the fat about them, on the coarse view.

    Args:
        coarse: the coarse view.
        body: outline of the trunk.
        dome_z: height of the diaphragm at the spine (mm).
        rng: generator.
    """
    ahead = coarse.ahead
    out = np.zeros(coarse.shape, np.float32)
    liver_front, liver_foot = rng.uniform(60.0, 130.0), dome_z - rng.uniform(60.0, 150.0)
    below = (coarse.z[:, None] - liver_foot - rng.uniform(-0.5, 0.3) * (ahead - 40.0)) / rng.uniform(2.0, 6.0)
    edge = 1.0 / (1.0 + np.exp(-np.clip(below, -30.0, 30.0)))
    out += rng.uniform(4.0, 22.0) * edge * np.exp(-(((ahead - liver_front) / 70.0) ** 2))
    for _ in range(2):
        place = (rng.uniform(-22.0, 18.0), coarse.level_z("L2", 35.0) + rng.normal(5.0, 18.0))
        out += rng.uniform(1.0, 6.0) * _ellipse(coarse, ahead, place, (26.0, 55.0), rng.uniform(-0.4, 0.1))
    spleen = (rng.uniform(-25.0, 30.0), dome_z - rng.uniform(15.0, 50.0))
    out += rng.uniform(0.5, 5.0) * _ellipse(
        coarse, ahead, spleen, (38.0, rng.uniform(35.0, 60.0)), rng.uniform(-0.6, 0.6)
    )
    return np.asarray(out * (body.half_widths(ahead) > 20.0), dtype=np.float32)


def _ellipse(view: Scene, ahead: Map, at: tuple[float, float], axes: tuple[float, float], tilt: float) -> FloatArray:
    c, s = np.cos(tilt), np.sin(tilt)
    dx, dz = ahead - at[0], view.z[:, None] - at[1]
    u, v = (dx * c + dz * s) / axes[0], (dz * c - dx * s) / axes[1]
    depth: FloatArray = np.sqrt(np.clip(1.0 - u * u - v * v, 0.0, None))
    return depth

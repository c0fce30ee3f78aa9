"""The trunk: skin, fat and muscle as one profile from back to front in every transverse plane."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise
from kummell_ai.synthesis.tissue.scene import Scene

FAT = 0.9
"""Water equivalent of fat."""
MUSCLE = 1.04
"""Water equivalent of muscle."""
_COLUMNS = 384


@dataclass(frozen=True, slots=True)
class Body:
    """Outline of the trunk on the rows of a coarse view; distances are from the spine's line (mm).

    Attributes:
        back, front: (R,) how far the skin lies behind and in front of the line.
        half_width: (R,) half of the greatest width.
        fat: (3, R) thickness of the fat behind, before and at the sides.
        powers: of the super-ellipse behind and in front of its middle.
    """

    back: FloatArray
    front: FloatArray
    half_width: FloatArray
    fat: FloatArray
    powers: tuple[float, float]

    def half_widths(self, ahead: FloatArray | Map, inset: FloatArray | float = 0.0) -> FloatArray:
        """Half the width (R, C) of the trunk at distances ``ahead`` (R, C), ``inset`` (3, R) mm under its skin."""
        behind, before, sides = np.broadcast_to(inset, (3, len(self.back)))[..., None]
        back, front = self.back[:, None] - behind, self.front[:, None] - before
        middle, half = 0.5 * (front - back), 0.5 * (front + back)
        u = np.clip(np.abs((ahead - middle) / half), 0.0, 1.0)
        power = np.where(ahead < middle, *self.powers)
        width: FloatArray = np.maximum(self.half_width[:, None] - sides, 0.0) * (1.0 - u**power) ** (1.0 / power)
        return width


def draw_body(scene: Scene, tube_mm: tuple[float, float, float], rng: np.random.Generator) -> Body:
    """Draw the outline on the rows of a (coarse) view; ``tube_mm`` is half the width, depth behind and before."""
    half_width, behind, before = tube_mm
    z = scene.z.astype(np.float64)
    l5 = scene.level_z("L5", -75.0)
    wave = 1.0 + 0.02 * np.sin(z / 70.0 + rng.uniform(0, 6.3)) + 0.008 * np.sin(z / 25.0 + rng.uniform(0, 6.3))
    hips = 1.0 / (1.0 + np.exp((z - l5) / 25.0))
    seat = np.exp(-(((z - l5 + 95.0) / rng.uniform(45.0, 75.0)) ** 2))
    belly = np.exp(-(((z - l5 - rng.uniform(0.0, 90.0)) / rng.uniform(60.0, 110.0)) ** 2))
    chest = 1.0 / (1.0 + np.exp((scene.level_z("T11", 120.0) - z) / 30.0))
    back = behind * wave + hips * rng.uniform(-10.0, 15.0) + seat * rng.uniform(5.0, 50.0) + chest * rng.uniform(-5, 15)
    front = before * wave * (1.0 + rng.uniform(-0.05, 0.3) * belly - rng.uniform(0.0, 0.15) * hips)
    width = half_width * (1.0 + rng.uniform(0.02, 0.22) * hips + rng.uniform(-0.05, 0.08) * chest)
    slim = np.clip((behind - 66.0) / 50.0, 0.05, 1.0)
    fat = np.stack(
        [
            slim * rng.uniform(8.0, 38.0) * (1.0 + 0.6 * seat),
            rng.uniform(8.0, 45.0) * (0.4 + 0.6 * belly),
            rng.uniform(6.0, 32.0) * (0.6 + 0.5 * hips),
        ]
    )
    return Body(back, front, width, fat, (rng.uniform(2.3, 3.6), rng.uniform(1.9, 2.8)))


def trunk(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) of skin, fat and muscle, (rows, columns) of ``scene``.

    A table over (coarse row, share of the way from the back to the front) is made and read at every pixel, so that
    the outline stays sharp while the transverse planes are few.
    """
    share = np.linspace(-0.01, 1.01, _COLUMNS)
    depth = (body.back + body.front)[:, None]
    ahead = share * depth - body.back[:, None]
    skin_mm = rng.uniform(1.2, 3.0)
    outer, under = body.half_widths(ahead), body.half_widths(ahead, skin_mm)
    inner = body.half_widths(ahead, skin_mm + body.fat)
    inner_fat = rng.uniform(0.0, 0.05)
    table = 2.0 * (1.1 * (outer - under) + FAT * under + (MUSCLE - inner_fat - FAT) * inner)
    table += _around_the_spine(ahead, inner > 0.0, rng)
    rows = (np.arange(len(scene.z), dtype=np.float32) + 0.5) * np.float32(len(coarse.z) / len(scene.z)) - 0.5
    slope, offset = (np.interp(rows, np.arange(len(coarse.z)), v) for v in (1.0 / depth[:, 0], body.back / depth[:, 0]))
    step = (_COLUMNS - 1) / 1.02
    columns = scene.ahead * (slope * step).astype(np.float32)[:, None]
    columns += ((offset + 0.01) * step).astype(np.float32)[:, None]
    lines = np.repeat(rows[:, None], columns.shape[1], axis=1)
    water = cv2.remap(table.astype(np.float32), columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mottle = scene.enlarge(fractal_noise(coarse.shape, 60.0 / coarse.pixel_mm, 3, rng))
    mottle *= np.minimum(water * np.float32(0.04), 1.0) * np.float32(rng.uniform(1.0, 4.0))
    return np.asarray(np.maximum(water + mottle, 0.0), dtype=np.float32)


def _around_the_spine(ahead: FloatArray, inside: NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    """Extra water (mm) of back muscles, psoas and the marrow of the spine itself."""
    muscles = rng.uniform(8.0, 35.0) * np.exp(-(((ahead + 40.0) / 28.0) ** 2))
    psoas = rng.uniform(5.0, 35.0) * np.exp(-(((ahead + 2.0) / 26.0) ** 2))
    extra: FloatArray = (muscles + psoas) * inside
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
        out += rng.uniform(2.0, 9.0) * _ellipse(coarse, ahead, place, (26.0, 55.0), rng.uniform(-0.4, 0.1))
    spleen = (rng.uniform(-25.0, 30.0), dome_z - rng.uniform(15.0, 50.0))
    out += rng.uniform(1.0, 7.0) * _ellipse(
        coarse, ahead, spleen, (38.0, rng.uniform(35.0, 60.0)), rng.uniform(-0.6, 0.6)
    )
    return np.asarray(out * (body.half_widths(ahead) > 20.0), dtype=np.float32)


def _ellipse(view: Scene, ahead: Map, at: tuple[float, float], axes: tuple[float, float], tilt: float) -> FloatArray:
    c, s = np.cos(tilt), np.sin(tilt)
    dx, dz = ahead - at[0], view.z[:, None] - at[1]
    u, v = (dx * c + dz * s) / axes[0], (dz * c - dx * s) / axes[1]
    depth: FloatArray = np.sqrt(np.clip(1.0 - u * u - v * v, 0.0, None))
    return depth

"""The outline of the trunk and the thickness of its fat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene

FAT = 0.9
"""Water equivalent of fat."""
MUSCLE = 1.04
"""Water equivalent of muscle."""


@dataclass(frozen=True, slots=True)
class Body:
    """Outline of the trunk on the rows of a coarse view; distances are from the spine's line (mm).

    Attributes:
        back, front: (R,) how far the skin lies behind and in front of the line.
        half_width: (R,) half of the greatest width.
        fat: (3, R) thickness of the fat behind, before and at the sides.
        powers: of the super-ellipse behind and in front of its middle.
    """

    back: Map
    front: Map
    half_width: Map
    fat: Map
    powers: tuple[float, float]

    def half_widths(self, ahead: Map, inset: Map | float = 0.0) -> Map:
        """Half the width (R, C) of the trunk at distances ``ahead`` (R, C), ``inset`` (3, R) mm under its skin."""
        behind, before, sides = np.broadcast_to(inset, (3, len(self.back)))[..., None].astype(np.float32)
        back, front = self.back[:, None] - behind, self.front[:, None] - before
        middle, half = 0.5 * (front - back), 0.5 * (front + back)
        u = np.clip(np.abs((ahead - middle) / half), 1e-6, 1.0)
        power = np.where(ahead < middle, *(np.float32(p) for p in self.powers))
        rest = np.maximum(1.0 - np.exp(power * np.log(u)), np.float32(1e-12))
        width: Map = np.maximum(self.half_width[:, None] - sides, 0.0) * np.exp(np.log(rest) / power) * (u < 1.0)
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
    width = half_width * (1.0 + rng.uniform(0.08, 0.34) * hips + rng.uniform(-0.05, 0.08) * chest)
    slim = np.clip((behind - 66.0) / 50.0, 0.05, 1.0)
    fat = np.stack(
        [
            slim * rng.uniform(8.0, 38.0) * (1.0 + 0.6 * seat),
            rng.uniform(8.0, 45.0) * (0.4 + 0.6 * belly),
            rng.uniform(6.0, 32.0) * (0.6 + 0.5 * hips),
        ]
    )
    powers = rng.uniform(2.3, 3.6), rng.uniform(1.9, 2.8)
    # the skin bridges kinks of the spine
    kink = scene.line - ndimage.gaussian_filter1d(scene.line, 45.0 / scene.pixel_mm)
    back, front = back + rng.uniform(0.2, 0.7) * kink, front - rng.uniform(0.5, 1.0) * kink
    b, f, w, t = (np.asarray(v, dtype=np.float32) for v in (back, front, width, fat))
    return Body(b, f, w, t, powers)

"""Soft tissue of a trunk seen from the front, for films that the network must refuse."""

from __future__ import annotations

import numpy as np

from kummell_ai.synthesis.tissue.bowel import draw_loops, faeces, gas
from kummell_ai.synthesis.tissue.flesh import flesh
from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.planes import make_planes
from kummell_ai.synthesis.tissue.scene import Scene, soft_step
from kummell_ai.synthesis.tissue.trunk import draw_body


def frontal_water(scene: Scene, half_width_mm: float, lungs: bool, bowel: bool, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm), lungs on both sides of the mediastinum, bowel gas on both sides of the spine."""
    coarse = scene.coarse()
    body = draw_body(coarse, (rng.uniform(95.0, 140.0), half_width_mm, half_width_mm), rng)
    water = flesh(scene, coarse, body, make_planes(scene, coarse, body), rng)
    base = scene.level_z(str(rng.choice(["T9", "T10", "T11", "T12"])), 0.0)
    if lungs:
        water *= 1.0 - np.float32(rng.uniform(0.35, 0.65)) * _lung_fields(scene, base, half_width_mm, rng)
    if bowel:
        found = gas(scene, draw_loops(coarse, body, base, bool(rng.random() < 0.5), rng), rng)
        water -= found if rng.random() < 0.5 else found[:, ::-1]
        water += 0.5 * faeces(scene, coarse, body, rng)
    return np.asarray(np.maximum(water, 0.0), dtype=np.float32)


def _lung_fields(scene: Scene, base: float, half_width_mm: float, rng: np.random.Generator) -> Map:
    field = np.zeros(scene.shape, np.float32)
    z = scene.z[:, None]
    for side in (-1.0, 1.0):
        across = np.float32(side) * scene.ahead
        arch = np.float32(rng.uniform(10.0, 35.0)) * (1.0 - ((across - 75.0) / 75.0) ** 2)
        dome = np.float32(base + rng.normal(0.0, 10.0)) + arch
        heart = np.float32(rng.uniform(0.0, 40.0) if side > 0 else 0.0) * np.exp(-(((z - dome) / 70.0) ** 2))
        inner = np.float32(rng.uniform(25.0, 45.0)) + heart
        wall = np.float32(half_width_mm - rng.uniform(18.0, 30.0))
        field += soft_step(z - dome, 2.0) * soft_step(across - inner, 5.0) * soft_step(wall - across, 4.0)
    return field

"""Collapse of a vertebral body as a smooth deformation of its canonical frame; rim points ride on it.

Losses are shares of the local body height: 0 leaves the body, 0.5 halves it. The deformation moves points along z (and
a little along x for bulging walls); it fades out behind the posterior wall, so that pedicles and arch stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.bones import ANTERIOR, INFERIOR, POSTERIOR, SUPERIOR, BoneTemplate


@dataclass(frozen=True, slots=True)
class Collapse:
    """How a body has lost height.

    Attributes:
        anterior, middle, posterior: share of height lost at the front, half way, and at the back wall; middle counts on
            top of the line between front and back.
        superior_share: part of the loss taken by the superior endplate, in [0, 1].
        tilt: left-right asymmetry of the loss, in [-1, 1].
        bulge_mm: how far the waist moves outward (mm) at the anterior wall; half of it at the posterior wall.
        roughness_mm: height of random dents of the endplates (mm), drawn from ``seed``.
        seed: of the dents.
    """

    anterior: float = 0.0
    middle: float = 0.0
    posterior: float = 0.0
    superior_share: float = 0.8
    tilt: float = 0.0
    bulge_mm: float = 0.0
    roughness_mm: float = 0.0
    seed: int = 0


def _smoothstep(t: FloatArray) -> FloatArray:
    t = np.clip(t, 0.0, 1.0)
    smooth: FloatArray = t * t * (3.0 - 2.0 * t)
    return smooth


def _dents(x: FloatArray, y: FloatArray, collapse: Collapse, size: float) -> FloatArray:
    rng = np.random.default_rng(collapse.seed)
    total = np.zeros_like(x)
    for _ in range(4):
        kx, ky = rng.normal(0.0, 3.0 / size, 2)
        total += rng.normal() * np.cos(kx * x + ky * y + rng.uniform(0, 2 * np.pi))
    dents: FloatArray = collapse.roughness_mm * 0.5 * total
    return dents


def deform(points_mm: FloatArray, template: BoneTemplate, collapse: Collapse) -> FloatArray:
    """Points (..., 3) of a bone after its body has collapsed (canonical frame, mm)."""
    rims = template.rims_mm.mean(axis=2)
    p = np.array(points_mm, dtype=np.float64)
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    x_front = rims[:, ANTERIOR, 0].mean()
    x_back = rims[:, POSTERIOR, 0].mean()
    s = (x - x_back) / (x_front - x_back)
    s_in = np.clip(s, -0.1, 1.1)

    def endplate(k: int) -> FloatArray:
        zs: FloatArray = rims[k, POSTERIOR, 2] + (rims[k, ANTERIOR, 2] - rims[k, POSTERIOR, 2]) * s_in
        return zs

    top, bottom = endplate(SUPERIOR), endplate(INFERIOR)
    height = np.maximum(top - bottom, 1.0)
    half_width = 0.7 * (x_front - x_back)
    sag = np.exp(-(((s - 0.5) / 0.28) ** 2) - (y / half_width) ** 2)
    loss = collapse.posterior + (collapse.anterior - collapse.posterior) * s_in + collapse.middle * sag
    loss = np.clip(loss * (1.0 + collapse.tilt * y / half_width), -0.3, 0.92) * height
    t = (z - bottom) / height
    fade = _smoothstep(1.0 + (x - x_back + 1.0) / 9.0)  # 1 in the body, 0 from 10 mm behind the back wall
    f = collapse.superior_share
    move = np.where(
        t > 1.0, -f * loss, np.where(t < 0.0, (1.0 - f) * loss, -f * loss * t + (1.0 - f) * loss * (1.0 - t))
    )
    inner = np.clip(t, 0.0, 1.0)
    if collapse.roughness_mm > 0.0:
        move = move + _dents(x, y, collapse, x_front - x_back) * (2.0 * inner - 1.0) * _smoothstep(
            1.3 - np.abs(s - 0.5)
        )
    waist = 4.0 * inner * (1.0 - inner)
    bulge = collapse.bulge_mm * waist * np.where(s > 0.5, _smoothstep(2 * s - 1), -0.5 * _smoothstep(1 - 2 * s))
    p[..., 2] = z + move * fade
    p[..., 0] = x + bulge * fade
    return p

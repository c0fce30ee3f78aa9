"""Collapse of a vertebral body as a smooth deformation of its canonical frame; rim points ride on it.

Losses are shares of the local body height: 0 leaves the body, 0.5 halves it. The deformation moves points along z, and
along x for bulging walls and the step of a broken front; it fades out behind the posterior wall, so that pedicles and
arch stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.bones import BoneTemplate
from kummell_ai.synthesis.compiled import compiled

WAVES = 5
"""How many random waves make up a ragged endplate."""


class FractureType(Enum):
    """Shape of a collapsed body after Genant: mostly the front, the middle, or the whole has given way."""

    WEDGE = "wedge"
    BICONCAVE = "biconcave"
    CRUSH = "crush"


@dataclass(frozen=True, slots=True)
class Pit:
    """A local depression of an endplate (Schmorl's node).

    Attributes:
        endplate: 0 superior, 1 inferior.
        along: where between back wall (0) and front (1).
        aside_mm: distance from the mid-line, left positive (mm).
        radius_mm, depth_mm: size (mm).
    """

    endplate: int
    along: float
    aside_mm: float
    radius_mm: float
    depth_mm: float


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
        back_bulge_mm: how far the back wall bends into the canal (mm), most near the endplate that gave way more.
        step_mm: how far the front of the endplate that gave way more overhangs the wall beneath (mm).
        kind: type of the fracture; None for the body's own shape and for depressions alone.
        pits: local depressions.
    """

    anterior: float = 0.0
    middle: float = 0.0
    posterior: float = 0.0
    superior_share: float = 0.8
    tilt: float = 0.0
    bulge_mm: float = 0.0
    roughness_mm: float = 0.0
    seed: int = 0
    back_bulge_mm: float = 0.0
    step_mm: float = 0.0
    kind: FractureType | None = None
    pits: tuple[Pit, ...] = ()


def deform(points_mm: FloatArray, template: BoneTemplate, collapse: Collapse) -> FloatArray:
    """Points (..., 3) of a bone after its body has collapsed (canonical frame, mm)."""
    frame = template.body_frame_mm
    shape = np.array(
        [
            collapse.anterior,
            collapse.middle,
            collapse.posterior,
            collapse.superior_share,
            collapse.tilt,
            collapse.bulge_mm,
            collapse.back_bulge_mm,
            collapse.step_mm,
        ]
    )
    points = np.array(points_mm, dtype=np.float64)
    flat = np.ascontiguousarray(points.reshape(-1, 3))
    _deform(flat, frame, shape, _waves(collapse, frame[1] - frame[0]), _pits(collapse))
    return flat.reshape(points.shape)


def _waves(collapse: Collapse, depth: float) -> FloatArray:
    """Wave vectors (1/mm), phases and heights (mm) of the dents, (2 endplates, waves, 4)."""
    if collapse.roughness_mm == 0.0:
        return np.zeros((2, 0, 4))
    rng = np.random.default_rng(collapse.seed)
    waves = np.empty((2, WAVES, 4))
    waves[..., :2] = rng.normal(0.0, 9.0 / depth, (2, WAVES, 2))
    waves[..., 2] = rng.uniform(0.0, 2.0 * np.pi, (2, WAVES))
    waves[..., 3] = rng.normal(0.0, collapse.roughness_mm * (2.0 / WAVES) ** 0.5, (2, WAVES))
    return waves


def _pits(collapse: Collapse) -> FloatArray:
    return np.array([[p.endplate, p.along, p.aside_mm, p.radius_mm, p.depth_mm] for p in collapse.pits]).reshape(-1, 5)


@compiled()
def _smoothstep(t: float) -> float:  # pragma: no cover - compiled
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled()
def _deform(
    points: FloatArray, frame: FloatArray, shape: FloatArray, waves: FloatArray, pits: FloatArray
) -> None:  # pragma: no cover - compiled
    """Move ``points`` (N, 3) in place; one loop over the points, since whole bones pass here on every film."""
    x_back, x_front, top_back, top_front, low_back, low_front = frame
    anterior, middle, posterior, upper, tilt, bulge, back_bulge, step = shape
    depth = x_front - x_back
    half_width = 0.7 * depth
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        fade = _smoothstep(1.0 + (x - x_back + 1.0) / 9.0)  # 1 in the body, 0 from 10 mm behind the back wall
        if fade == 0.0:
            continue
        s = (x - x_back) / depth
        along = min(max(s, -0.1), 1.1)
        top = top_back + (top_front - top_back) * along
        bottom = low_back + (low_front - low_back) * along
        height = max(top - bottom, 1.0)
        t = (z - bottom) / height
        inner = min(max(t, 0.0), 1.0)
        central = np.exp(-((y / half_width) ** 2))
        loss = posterior + (anterior - posterior) * along + middle * central * np.exp(-(((s - 0.5) / 0.28) ** 2))
        loss = min(max(loss * (1.0 + tilt * y / half_width), -0.3), 0.92) * height
        move = -upper * loss * inner + (1.0 - upper) * loss * (1.0 - inner)
        for k in range(waves.shape[1]):
            for plate in range(2):
                near = max(2.0 * inner - 1.0, 0.0) if plate == 0 else max(1.0 - 2.0 * inner, 0.0)
                if near > 0.0:
                    wave = np.cos(waves[plate, k, 0] * x + waves[plate, k, 1] * y + waves[plate, k, 2])
                    move += waves[plate, k, 3] * wave * near * _smoothstep(1.3 - abs(s - 0.5))
        for k in range(pits.shape[0]):
            near = max(2.0 * inner - 1.0, 0.0) if pits[k, 0] == 0.0 else max(1.0 - 2.0 * inner, 0.0)
            if near > 0.0:
                away = (((s - pits[k, 1]) * depth) ** 2 + (y - pits[k, 2]) ** 2) / pits[k, 3] ** 2
                move += (-1.0 if pits[k, 0] == 0.0 else 1.0) * pits[k, 4] * np.exp(-(away**2)) * near
        ahead = 4.0 * inner * (1.0 - inner) * bulge
        ahead *= _smoothstep(2.0 * s - 1.0) if s > 0.5 else -0.5 * _smoothstep(1.0 - 2.0 * s)
        broken = inner if upper >= 0.5 else 1.0 - inner  # 1 at the endplate that gave way more
        if back_bulge != 0.0:
            ahead -= back_bulge * np.exp(-(((broken - 0.7) / 0.22) ** 2)) * central**4 * _smoothstep(1.0 - 2.0 * s)
        if step != 0.0:
            lip = _smoothstep((broken - 0.58) / 0.14) - 0.4 * np.exp(-(((broken - 0.5) / 0.1) ** 2))
            ahead += step * lip * _smoothstep((s - 0.35) / 0.6)
        points[n, 0] = x + ahead * fade
        points[n, 2] = z + move * fade

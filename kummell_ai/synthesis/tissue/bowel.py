"""Gas, fluid levels and content of stomach and bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise, noise_map
from kummell_ai.synthesis.tissue.scene import Scene, soft_step
from kummell_ai.synthesis.tissue.shapes import add_chains
from kummell_ai.synthesis.tissue.trunk import Body


@dataclass(frozen=True, slots=True)
class Loop:
    """A stretch of gut: a chain of beads, between which haustral folds or walls stay.

    Attributes:
        beads: (N, 6) ahead, z, two half axes (mm), tilt (rad), depth of the gas (mm).
        floor_z: height of a fluid level (mm); minus infinity where there is none.
    """

    beads: FloatArray
    floor_z: float


def draw_loops(view: Scene, body: Body, dome_z: float, erect: bool, rng: np.random.Generator) -> list[Loop]:
    """Draw the gas of one patient: colon with haustra, small bowel, stomach bubble, rectum."""
    front = float(np.median(body.front)) - 22.0
    foot = view.level_z("S1", -95.0)
    loops: list[Loop] = []
    for _ in range(int(rng.poisson(rng.choice([0.5, 2.0, 5.0])))):
        loops.append(_colon(front, foot, dome_z, erect, rng))
    hubs = [(rng.uniform(30.0, front), rng.uniform(foot - 30.0, dome_z - 60.0)) for _ in range(3)]
    for _ in range(int(rng.poisson(rng.choice([1.0, 8.0, 22.0])))):
        loops.append(_bubble(hubs[int(rng.integers(3))], front, rng))
    if rng.random() < 0.45:
        loops.append(_stomach(dome_z, erect, rng))
    if rng.random() < 0.5:
        loops.append(_rectum(foot, rng))
    return loops


def _colon(front: float, foot: float, dome_z: float, erect: bool, rng: np.random.Generator) -> Loop:
    count = int(rng.integers(3, 9))
    radius = rng.uniform(8.0, 20.0)
    over_spine = rng.random() < 0.15
    at = np.array(
        [rng.uniform(-25.0, 25.0) if over_spine else rng.uniform(25.0, front), rng.uniform(foot, dome_z - 50)]
    )
    heading = rng.uniform(0.0, 2 * np.pi) if rng.random() < 0.5 else 0.5 * np.pi + rng.normal(0.0, 0.3)
    beads = []
    for _ in range(count):
        along = rng.uniform(0.55, 0.8) * radius
        depth = 2.0 * radius * rng.uniform(0.5, 1.1)
        beads.append([at[0], at[1], along, radius * rng.uniform(0.75, 1.1), heading, depth])
        heading += rng.normal(0.0, 0.3)
        at = at + 1.45 * along * np.array([np.cos(heading), np.sin(heading)])
    table = np.array(beads)
    table[:, 0] = np.minimum(table[:, 0], front)
    level = rng.uniform(table[:, 1].min(), table[:, 1].max()) if erect and rng.random() < 0.3 else -np.inf
    return Loop(table, float(level))


def _bubble(hub: tuple[float, float], front: float, rng: np.random.Generator) -> Loop:
    x, z = min(hub[0] + rng.normal(0.0, 24.0), front), hub[1] + rng.normal(0.0, 28.0)
    if rng.random() < 0.06:
        x = rng.uniform(-30.0, 20.0)
    a = float(np.exp(rng.normal(1.7, 0.5)))
    b = a * rng.uniform(0.5, 1.3)
    bead = [x, z, a, b, rng.uniform(0.0, np.pi), 2.0 * min(a, b) * rng.uniform(0.6, 1.4)]
    tail = [x + 0.9 * a * rng.normal(), z + 0.9 * b * rng.normal(), 0.7 * a, 0.7 * b, bead[4], 0.7 * bead[5]]
    return Loop(np.array([bead, tail][: 1 + int(rng.random() < 0.5)]), -np.inf)


def _stomach(dome_z: float, erect: bool, rng: np.random.Generator) -> Loop:
    x, z = rng.uniform(15.0, 75.0), dome_z - rng.uniform(5.0, 35.0)
    a, b = rng.uniform(20.0, 42.0), rng.uniform(14.0, 30.0)
    level = z - rng.uniform(-0.3, 0.6) * b if erect else -np.inf
    return Loop(np.array([[x, z, a, b, rng.uniform(-0.3, 0.3), rng.uniform(20.0, 55.0)]]), float(level))


def _rectum(foot: float, rng: np.random.Generator) -> Loop:
    x, z = rng.uniform(-35.0, 0.0), foot - rng.uniform(45.0, 85.0)
    beads = [
        [
            x - 6.0 * k,
            z - 17.0 * k,
            rng.uniform(9.0, 16.0),
            rng.uniform(9.0, 18.0),
            rng.normal(0.0, 0.4),
            rng.uniform(15, 35),
        ]
        for k in range(int(rng.integers(1, 4)))
    ]
    return Loop(np.array(beads), -np.inf)


def gas(scene: Scene, loops: list[Loop], rng: np.random.Generator) -> Map:
    """Water (mm) that the gas of ``loops`` replaces, (rows, columns)."""
    out = np.zeros(scene.shape, np.float32)
    if not loops:
        return out
    beads = np.vstack([loop.beads for loop in loops])
    at = scene.pixel(beads[:, 0], beads[:, 1])
    unit = 1.0 / scene.pixel_mm
    balls = np.column_stack(
        [at, beads[:, 2] * unit, beads[:, 3] * unit, np.cos(beads[:, 4]), np.sin(beads[:, 4]), beads[:, 5]]
    )
    starts = np.concatenate([[0], np.cumsum([len(loop.beads) for loop in loops])]).astype(np.int64)
    levels = np.array([max(loop.floor_z, -1e6) for loop in loops])
    floors = np.clip((scene.z[0] - levels) * unit + 0.5, 0.0, len(scene.z))
    wobble = np.float32(rng.uniform(0.03, 0.2)) * noise_map(scene.shape, 14.0 * unit, rng)
    add_chains(out, balls, starts, floors, wobble)
    return np.minimum(out, np.float32(75.0))


def faeces(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Map:
    """Mottled content of the colon: water (mm) that is missing in its crumbs, (rows, columns), about zero mean."""
    where = noise_map(coarse.shape, 45.0 / coarse.pixel_mm, rng) + 0.012 * (coarse.ahead - rng.uniform(10.0, 60.0))
    z = coarse.z[:, None]
    where -= 2.0 * np.maximum(z - coarse.level_z("L1", 70.0), 0.0) / 40.0
    inside = np.asarray(soft_step(where - np.float32(0.6), 0.15), dtype=np.float32)
    inside *= body.half_widths(coarse.ahead, 25.0) > 0.0
    crumbs = fractal_noise(scene.shape, rng.uniform(4.0, 9.0) / scene.pixel_mm, 2, rng)
    crumbs *= scene.enlarge(inside)
    crumbs *= np.float32(rng.uniform(1.0, 6.0))
    return crumbs

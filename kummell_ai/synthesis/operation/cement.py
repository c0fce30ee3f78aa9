"""Bone cement as closed meshes: clouds with ragged, interdigitating margins, leaks, and the cavity of a balloon.

Clouds are built in the canonical frame of the bone, where they can be kept inside the body, and placed with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR, BoneTemplate
from kummell_ai.synthesis.operation.hardware import Mesh, joined, sphere, tube


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a template bone, in its canonical frame (mm).

    Attributes:
        front, back: x of the walls.
        half_width: of the body.
        plates: (2 endplates, 2 [anterior, posterior]) z of the rims.
        pedicle: (2,) distance of the pedicle's axis from the mid-line, and its z.
    """

    front: float
    back: float
    half_width: float
    plates: FloatArray
    pedicle: tuple[float, float]

    @property
    def depth(self) -> float:
        """Distance of the walls."""
        return self.front - self.back

    @property
    def height(self) -> float:
        """Mean distance of the endplates."""
        return float((self.plates[SUPERIOR] - self.plates[INFERIOR]).mean())

    def at(self, forward: float, sideways: float, upward: float) -> FloatArray:
        """Point (3,) at shares of depth (0 back, 1 front), half-width (-1 right, 1 left), height (0 low, 1 high)."""
        low, high = (plate[POSTERIOR] + forward * (plate[ANTERIOR] - plate[POSTERIOR]) for plate in self.plates[::-1])
        return np.array([self.back + forward * self.depth, sideways * self.half_width, low + upward * (high - low)])

    def keep_inside(self, points_mm: FloatArray, margin_mm: float = 1.0) -> FloatArray:
        """Points (N, 3), those outside the body moved to its inner surface."""
        middle = 0.5 * (self.front + self.back)
        p = points_mm - [middle, 0.0, 0.0]
        semi = np.array([0.5 * self.depth - margin_mm, self.half_width - margin_mm])
        ratio = ((np.abs(p[:, :2]) / semi) ** 2.4).sum(axis=1) ** (1.0 / 2.4)
        p[:, :2] /= np.maximum(ratio, 1.0)[:, None]
        share = np.clip(p[:, 0] / self.depth + 0.5, 0.0, 1.0)
        dish = margin_mm + 0.07 * self.height * (1.0 - np.minimum(ratio, 1.0) ** 2)
        low, high = (plate[POSTERIOR] + share * (plate[ANTERIOR] - plate[POSTERIOR]) for plate in self.plates[::-1])
        p[:, 2] = np.clip(p[:, 2], low + dish, high - dish)
        p[:, 0] += middle
        return p


def measure_body(template: BoneTemplate) -> Body:
    """Walls, endplates and pedicles of a template vertebra."""
    corners = template.corners_mm
    front, back = float(corners[:, ANTERIOR, 0].mean()), float(corners[:, POSTERIOR, 0].mean())
    v = template.vertices_mm
    middle_z = np.abs(v[:, 2]) < 0.3 * float(corners[SUPERIOR, :, 2].mean() - corners[INFERIOR, :, 2].mean())
    inside = middle_z & (v[:, 0] > back + 0.3 * (front - back)) & (v[:, 0] < front)
    half_width = float(np.abs(v[inside, 1]).max()) if inside.any() else 0.65 * (front - back)
    rims_y = np.abs(template.rims_mm[:, POSTERIOR][:, [LEFT, RIGHT], 1]).max()
    slab = (v[:, 0] > back - 6.0) & (v[:, 0] < back - 2.0) & (np.abs(v[:, 1]) < 1.1 * half_width)
    side = np.abs(v[slab]) if slab.any() else np.array([[0.0, max(rims_y, 0.6 * half_width), 0.0]])
    y = 0.5 * (side[:, 1].min() + side[:, 1].max())
    z = 0.5 * (v[slab, 2].min() + v[slab, 2].max()) if slab.any() else 0.15 * float(corners[SUPERIOR, :, 2].mean())
    return Body(front, back, half_width, corners[..., 2], (float(y), float(z)))


def lobe(
    centre_mm: FloatArray, radii_mm: FloatArray, ragged: float, rng: np.random.Generator, subdivisions: int = 3
) -> Mesh:
    """A lobulated lump with half axes ``radii_mm`` (3,), its margin ragged by trabeculae (0 smooth, 1 spiky)."""
    unit, faces = sphere(subdivisions)
    directions = rng.normal(size=(9, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lift = np.exp(5.0 * (unit @ directions.T - 1.0)) @ rng.normal(0.0, 0.28, 9)
    fine = rng.normal(0.0, 0.09, len(unit)) + (rng.random(len(unit)) < 0.06) * rng.uniform(0.15, 0.5, len(unit))
    factor = np.clip(1.0 + lift + ragged * fine, 0.35, 2.0)
    return centre_mm + unit * factor[:, None] * radii_mm, faces


def _satellites(
    centre_mm: FloatArray, radii_mm: FloatArray, ragged: float, count: int, rng: np.random.Generator
) -> Mesh:
    """Small lumps and radial spikes on the margin of a lump: cement between trabeculae."""
    unit, faces = sphere(1)
    way = rng.normal(size=(count, 1, 3))
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    size = radii_mm.mean() * rng.uniform(0.07, 0.38, (count, 1, 1))
    stretch = 1.0 + ragged * rng.exponential(1.2, (count, 1, 1))  # spikes stand out along the radius
    size = size / np.sqrt(stretch)
    along = (unit[None] * way).sum(axis=2, keepdims=True) * way
    at = centre_mm + way * radii_mm * rng.uniform(0.7, 1.15, (count, 1, 1))
    shape = (unit[None] + along * (stretch - 1.0)) * rng.uniform(0.75, 1.25, (count, len(unit), 1))
    shifts = len(unit) * np.arange(count)[:, None, None]
    return (at + size * shape).reshape(-1, 3), (faces[None] + shifts).reshape(-1, 3).astype(np.int32)


def cloud(
    body: Body, centre_mm: FloatArray, size_mm: float, ragged: float, fine: int, rng: np.random.Generator
) -> Mesh:
    """Cement spreading from a point of a body: a lump, and smaller ones and spikes on its margin.

    Args:
        body: keeps the cement inside.
        centre_mm: (3,) in its frame.
        size_mm: mean radius.
        ragged: 0 smooth to 1 spiky.
        fine: subdivisions of the lump.
        rng: source of the shape.
    """
    radii = size_mm * rng.uniform(0.75, 1.25, 3)
    radii[2] = min(radii[2], 0.42 * body.height)
    small = _satellites(centre_mm, radii, ragged, int(rng.integers(5, 9 + int(12 * ragged))), rng)
    points, faces = joined([lobe(centre_mm, radii, ragged, rng, fine), small])
    return body.keep_inside(points), faces


def filling(body: Body, fill: float, rng: np.random.Generator) -> tuple[list[Mesh], FloatArray]:
    """Cement of an injured body, compact in its cleft or spreading from both pedicles, and the middle of its mass."""
    ragged = float(rng.uniform(0.1, 1.0))
    low = rng.uniform(0.35, 0.65)
    size = 0.32 * body.depth * np.cbrt(fill)
    if rng.random() < 0.45:
        centre = body.at(rng.uniform(0.45, 0.65), rng.normal(0.0, 0.08), low)
        return [cloud(body, centre, 1.25 * size, 0.5 * ragged, 3, rng)], centre
    parts, centres = [], []
    for side in (1.0, -1.0):
        centre = body.at(rng.uniform(0.4, 0.75), side * rng.uniform(0.15, 0.45), low + rng.normal(0.0, 0.08))
        parts.append(cloud(body, centre, size * rng.uniform(0.7, 1.15), ragged, 3, rng))
        centres.append(centre)
    return parts, centres[0]


def about_screw(body: Body, foot_mm: FloatArray, tip_mm: FloatArray, rng: np.random.Generator) -> Mesh:
    """A cloud about the holes of a fenestrated screw, longer than wide."""
    ragged = float(rng.uniform(0.3, 1.0))
    centre = tip_mm + rng.uniform(0.08, 0.3) * (foot_mm - tip_mm) + rng.normal(0.0, 1.0, 3)
    return cloud(body, centre, rng.uniform(0.13, 0.27) * body.depth, ragged, 2, rng)


def leak(body: Body, kind: str, rng: np.random.Generator) -> list[Mesh]:
    """Cement outside the body, see `operation.LEAK_KINDS`."""
    return _LEAKS[kind](body, rng)


def cavity(body: Body, centre_mm: FloatArray, rng: np.random.Generator) -> Mesh:
    """What a balloon has left empty in the cement."""
    radii = np.array([rng.uniform(0.1, 0.2), rng.uniform(0.12, 0.25), 0.0]) * body.depth
    radii[2] = body.height * rng.uniform(0.08, 0.17)
    vertices, faces = lobe(centre_mm + rng.normal(0.0, 1.0, 3), radii, 0.1, rng, 2)
    return body.keep_inside(vertices, 2.5), faces


def _disc(body: Body, rng: np.random.Generator) -> list[Mesh]:
    up = rng.random() < 0.65
    beyond = rng.uniform(1.5, 4.0)
    centre = body.at(rng.uniform(0.25, 0.85), rng.normal(0.0, 0.3), float(up))
    stalk = np.stack([body.at((centre[0] - body.back) / body.depth, 0.0, 0.5), centre])
    centre = centre + np.array([0.0, 0.0, beyond if up else -beyond])
    radii = np.array([rng.uniform(3.0, 10.0), rng.uniform(3.0, 9.0), rng.uniform(0.9, 2.2)])
    path = stalk[0] + np.array([0.6, 0.9, 1.0, 1.05])[:, None] * (centre - stalk[0]) + rng.normal(0.0, 0.8, (4, 3))
    return [lobe(centre, radii, 1.0, rng, 2), tube(path, rng.uniform(1.0, 2.6) * rng.uniform(0.5, 1.3, 4), 7)]


def _wall_streak(body: Body, forward: float, thick: float, rng: np.random.Generator) -> list[Mesh]:
    centre = body.at(forward, rng.normal(0.0, 0.25), rng.uniform(0.1, 0.9))
    radii = np.array([thick, rng.uniform(2.0, 6.0), rng.uniform(3.0, 9.0)])
    return [lobe(centre, radii, 1.0, rng, 2)]


def _anterior(body: Body, rng: np.random.Generator) -> list[Mesh]:
    return _wall_streak(body, 1.0 + 2.0 / body.depth, rng.uniform(0.8, 2.4), rng)


def _epidural(body: Body, rng: np.random.Generator) -> list[Mesh]:
    return _wall_streak(body, -1.5 / body.depth, rng.uniform(0.6, 1.4), rng)


def _vein(body: Body, rng: np.random.Generator) -> list[Mesh]:
    """A winding cord along the waist to the front, and on beside the spine."""
    side = float(rng.choice([-1.0, 1.0]))
    corners = np.array(
        [body.at(0.5, 0.7 * side, 0.5), body.at(0.75, 1.0 * side, 0.5), body.at(1.1, 0.5 * side, rng.uniform(0.4, 0.6))]
    )
    after = corners[-1] + np.array([2.0, 0.0, float(rng.choice([-1.0, 1.0])) * rng.uniform(4.0, 22.0)])
    t = np.linspace(0.0, 1.0, 14)[:, None]
    points = np.concatenate([corners, after[None]])
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    path = weights @ points + np.cumsum(rng.normal(0.0, 0.5, (14, 3)), axis=0)
    return [tube(path, rng.uniform(0.6, 1.3) * rng.uniform(0.6, 1.4, len(path)), 7)]


def _tract(body: Body, rng: np.random.Generator) -> list[Mesh]:
    side = float(rng.choice([-1.0, 1.0]))
    y, z = body.pedicle
    start = body.at(0.3, 0.4 * side, 0.55)
    end = np.array([body.back - rng.uniform(6.0, 22.0), side * (y + 1.5), z + 1.0])
    path = start + np.linspace(0.0, 1.0, 8)[:, None] * (end - start) + rng.normal(0.0, 0.3, (8, 3))
    return [tube(path, rng.uniform(0.8, 1.8) * rng.uniform(0.6, 1.3, 8), 7)]


_LEAKS = {"disc": _disc, "anterior": _anterior, "epidural": _epidural, "vein": _vein, "tract": _tract}

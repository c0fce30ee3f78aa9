"""Bony lips at the rims of the endplates: they grow on the surface of a bone and leave its true rim where it is.

A traction spur stands out level a little beside the endplate; a claw curves towards the disc; a bridge is a pair of
long claws that meet half-way across it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.anatomy.bones import INFERIOR, SUPERIOR, BoneTemplate
from kummell_ai.synthesis.compiled import compiled


@dataclass(frozen=True, slots=True)
class Osteophyte:
    """One lip, in the canonical frame of its bone.

    Attributes:
        endplate: 0 superior, 1 inferior.
        around_rad: where on the rim: 0 in front, positive to the left (rad).
        width_rad: half-width along the rim (rad).
        length_mm: how far it stands out (mm).
        base_mm: height of its root (mm).
        setback_mm: how far the root lies from the endplate, towards the middle of the body (mm).
        curl_mm: how far its tip bends towards the disc (mm).
    """

    endplate: int
    around_rad: float
    width_rad: float
    length_mm: float
    base_mm: float
    setback_mm: float
    curl_mm: float


Osteophytes = Mapping[VertebralLevel, tuple[Osteophyte, ...]]


def grow(vertices_mm: FloatArray, template: BoneTemplate, lips: tuple[Osteophyte, ...]) -> FloatArray:
    """Vertices (N, 3) of a bone with its osteophytes (canonical frame, mm); the arch does not move."""
    if not lips:
        return vertices_mm
    frame = template.body_frame_mm
    table = np.array(
        [[o.endplate, o.around_rad, o.width_rad, o.length_mm, o.base_mm, o.setback_mm, o.curl_mm] for o in lips]
    )
    points = np.array(vertices_mm, dtype=np.float64, order="C")
    _grow(points, frame, table)
    return points


@compiled()
def _grow(points: FloatArray, frame: FloatArray, table: FloatArray) -> None:  # pragma: no cover - compiled
    x_back, x_front, top_back, top_front, low_back, low_front = frame
    depth = x_front - x_back
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        u, v = (x - 0.5 * (x_back + x_front)) / (0.5 * depth), y / (0.66 * depth)
        outward = min(max((np.hypot(u, v) - 0.55) / 0.4, 0.0), 1.0)  # 0 inside the body, 1 at its wall
        if outward == 0.0 or x < x_back + 0.15 * depth:
            continue
        around = np.arctan2(v, u)
        share = (x - x_back) / depth
        for k in range(table.shape[0]):
            plate, where, width, length, base, setback, curl = table[k]
            down = 1.0 if plate == 0.0 else -1.0
            back, front = (top_back, top_front) if plate == 0.0 else (low_back, low_front)
            edge = back + (front - back) * share
            high = (z - (edge - down * setback)) / base
            side = (around - where) / width
            push = np.exp(-(high**2) - side**2) * outward**2
            points[n, 0] += length * push * np.cos(around)
            points[n, 1] += length * push * np.sin(around)
            points[n, 2] += down * curl * push**2


def _wear(individual: Individual) -> FloatArray:
    """How narrow the disc below each vertebra is beside the discs next to it, (V,) in [0, 1]; 0 for the last."""
    discs = np.array([p.disc_mm for p in individual.vertebrae[:-1]])
    around = np.convolve(np.pad(discs, 1, mode="edge"), [0.5, 0.0, 0.5], mode="valid")
    return np.append(np.clip(1.0 - discs / np.maximum(around, 1e-6), 0.0, 1.0), 0.0)


def worn_discs(individual: Individual, wear: float = 0.3) -> tuple[VertebralLevel, ...]:
    """Levels whose disc below is narrower than its neighbours by more than the share ``wear``."""
    return tuple(p.level for p, w in zip(individual.vertebrae, _wear(individual), strict=True) if w > wear)


def _lip(endplate: int, length: float, claw: bool, rng: np.random.Generator) -> Osteophyte:
    return Osteophyte(
        endplate=endplate,
        around_rad=float(np.clip(rng.normal(0.0, 0.45), -1.1, 1.1)),
        width_rad=float(rng.uniform(0.35, 0.9)),
        length_mm=length,
        base_mm=float(rng.uniform(1.8, 3.2) + 0.15 * length),
        setback_mm=float(rng.uniform(0.2, 1.2) if claw else rng.uniform(2.0, 3.5)),
        curl_mm=float(length * rng.uniform(0.4, 0.9)) if claw else 0.0,
    )


def sample_osteophytes(individual: Individual, share: float) -> Osteophytes:
    """Osteophytes of a patient, the same on every film.

    Args:
        individual: the patient.
        share: of patients who have any (``disease.osteophytes``).
    """
    rng = np.random.default_rng([individual.seed, 44])
    draw, severity = rng.random(), rng.gamma(2.2, 0.9)
    if draw >= share:
        return {}
    lips: dict[VertebralLevel, list[Osteophyte]] = {p.level: [] for p in individual.vertebrae}
    wear = _wear(individual)
    pairs = zip(individual.vertebrae[:-1], individual.vertebrae[1:], wear, strict=False)
    for above, below, worn in pairs:
        if rng.random() >= 0.2 + 0.1 * severity + 1.5 * worn:  # spurs stand at some discs, worn ones first
            continue
        bridging = rng.random() < 0.06 * severity
        claw = rng.random() < 0.6
        for plan, endplate in ((above, INFERIOR), (below, SUPERIOR)):
            length = float(np.clip(rng.gamma(1.6, 0.7 * severity) * (0.5 + 2.0 * worn), 0.0, 9.0))
            lip = _lip(endplate, max(length, 3.5) if bridging else length, claw or bridging, rng)
            lip = replace(lip, curl_mm=min(lip.curl_mm, 0.45 * above.disc_mm))
            if bridging:
                lip = replace(lip, base_mm=2.5, setback_mm=0.5, curl_mm=0.55 * above.disc_mm)
            if lip.length_mm > 0.7:
                lips[plan.level].append(lip)
    return {level: tuple(found) for level, found in lips.items() if found}

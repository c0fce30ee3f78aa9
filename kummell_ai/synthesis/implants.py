"""Where screws, rods and cement sit in a posed spine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.bones import ANTERIOR, POSTERIOR
from kummell_ai.synthesis.course import State
from kummell_ai.synthesis.hardware import Mesh, cement_blob, rod, screw, screw_head
from kummell_ai.synthesis.posture import PosedVertebra


def _body(vertebra: PosedVertebra) -> tuple[float, float, float, float]:
    """(front x, back x, half height, mm per canonical mm along x) of a body in its canonical frame."""
    corners = vertebra.plan.template.corners_mm
    half = 0.5 * float((corners[0, :, 2] - corners[1, :, 2]).mean())
    return (
        float(corners[:, ANTERIOR, 0].mean()),
        float(corners[:, POSTERIOR, 0].mean()),
        half,
        float(vertebra.plan.scale[0]),
    )


def _screw_line(vertebra: PosedVertebra, side: float, style: dict[str, float], rng: np.random.Generator) -> FloatArray:
    """Entry and tip (2, 3) of a pedicle screw in the patient frame; ``side`` is +1 left, -1 right."""
    front, back, half, scale = _body(vertebra)
    depth = front - back
    entry = [
        back - (style["behind"] + rng.normal(0, 1.2)) / scale,
        side * (0.42 * depth + rng.normal(0, 1.0)),
        half * (0.35 + rng.normal(0, 0.08)),
    ]
    reach = style["reach"] + rng.normal(0, 0.04)
    tip = [back + reach * depth, side * depth * 0.14 + rng.normal(0, 1.5), half * (style["rise"] + rng.normal(0, 0.12))]
    return vertebra.place(np.array([entry, tip]))


def screws_and_rods(posed: dict[VertebralLevel, PosedVertebra], state: State, seed: int) -> list[Mesh]:
    """Titanium meshes; the same seed gives the same hardware on every film of a patient."""
    rng = np.random.default_rng([seed, 5])
    style = {
        "behind": rng.uniform(17.0, 23.0),
        "reach": rng.uniform(0.68, 0.9),
        "rise": rng.uniform(-0.05, 0.4),
        "radius": rng.uniform(2.4, 3.4),
        "head": rng.uniform(4.8, 7.0),
        "tall": rng.uniform(11.0, 17.0),
        "rod": rng.uniform(2.4, 3.1),
    }
    one_sided = rng.random() < 0.3
    meshes: list[Mesh] = []
    for side in (1.0, -1.0):
        anchors = []
        for level in state.screws:
            line = _screw_line(posed[level], side, style, rng)
            if level is state.index_level and one_sided and side > 0:
                continue
            outward = line[0] - line[1]
            outward /= np.linalg.norm(outward)
            meshes.append(screw(line[0], line[1], style["radius"]))
            meshes.append(screw_head(line[0], outward + np.array([-0.3, 0.0, 0.0]), style["head"], style["tall"]))
            anchors.append(line[0] + outward * 0.6 * style["tall"])
        if len(anchors) >= 2:
            meshes.append(rod(np.array(anchors), style["rod"], rng.uniform(4.0, 12.0)))
    return meshes


def cement(posed: dict[VertebralLevel, PosedVertebra], state: State, seed: int) -> list[Mesh]:
    """Cement meshes in the cemented bodies, now and then leaking; the same on every film of a patient."""
    meshes: list[Mesh] = []
    for level in state.cemented:
        rng = np.random.default_rng([seed, 6, level.index])
        vertebra = posed[level]
        front, back, half, scale = _body(vertebra)
        height = _height_mm(vertebra.corners_mm)
        screwed = level in state.screws and level is not state.index_level
        for _ in range(int(rng.integers(1, 4)) if screwed else int(rng.integers(2, 6))):
            x = back + rng.uniform(0.3, 0.85) * (front - back)
            local = np.array([x, rng.uniform(-0.45, 0.45) * (front - back), half * rng.uniform(-0.4, 0.45)])
            size = rng.uniform(2.5, 6.0) if screwed else rng.uniform(3.5, 9.5)
            radii = size * rng.uniform(0.6, 1.4, 3)
            radii[2] = min(radii[2], 0.36 * height)
            meshes.append(cement_blob(vertebra.place(local), radii, rng.uniform(0.1, 0.35), rng))
        if rng.random() < 0.15:
            end = half * (1.25 if rng.random() < 0.6 else -1.25)
            where = vertebra.place(np.array([rng.uniform(back, front + 6.0 / scale), rng.normal(0, 6.0), end]))
            meshes.append(cement_blob(where, rng.uniform(1.5, 4.0, 3), 0.3, rng))
    return meshes


def cleft(vertebra: PosedVertebra, seed: int) -> Mesh:
    """A flat gas cleft under the superior endplate of a collapsed body."""
    rng = np.random.default_rng([seed, 7])
    front, back, half, _ = _body(vertebra)
    centre = vertebra.place(
        np.array([back + rng.uniform(0.45, 0.75) * (front - back), 0.0, half * rng.uniform(0.0, 0.5)])
    )
    radii = np.array([rng.uniform(4.0, 11.0), rng.uniform(6.0, 14.0), rng.uniform(0.8, 2.5)])
    return cement_blob(centre, radii, 0.15, rng)


def _height_mm(corners: FloatArray) -> float:
    return float(0.5 * (np.linalg.norm(corners[0] - corners[2]) + np.linalg.norm(corners[1] - corners[3])))


def merged(meshes: Sequence[Mesh]) -> Mesh | None:
    """One mesh of several shells, or None."""
    if not meshes:
        return None
    offsets = np.cumsum([0, *(len(v) for v, _ in meshes[:-1])])
    return np.concatenate([v for v, _ in meshes]), np.concatenate(
        [f + o for (_, f), o in zip(meshes, offsets, strict=True)]
    ).astype(np.int32)

"""Ribs 1 to 12 of both sides as swept tubes, in the frame of the vertebra of the same number."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FaceArray, FloatArray, no_rims
from kummell_ai.synthesis.anatomy.procedural.levels import BODIES, typical_posterior
from kummell_ai.synthesis.anatomy.procedural.mesh import mirrored, sweep
from kummell_ai.synthesis.anatomy.procedural.variation import Individual

RIBS: tuple[tuple[float, float, float, float, float], ...] = (
    (52, 45, 38, 24, 1.0), (74, 70, 62, 34, 1.0), (92, 92, 82, 40, 1.0), (104, 108, 97, 44, 1.0),
    (112, 120, 110, 47, 1.0), (118, 128, 120, 49, 1.0), (122, 130, 126, 50, 1.0), (125, 122, 128, 50, 1.0),
    (126, 104, 122, 49, 1.0), (124, 82, 108, 47, 0.95), (118, 40, 80, 44, 0.8), (98, 0, 50, 40, 0.7),
)  # fmt: skip
"""Greatest distance from the mid-line, reach in front of the body, drop of the anterior end, reach of the angle behind
the body's centre (mm), and thickness as a factor."""

_POINTS, _SIDES = 30, 10


def build_ribs(person: Individual) -> dict[str, BoneTemplate]:
    """Templates "rib_left_1" to "rib_right_12"."""
    found = {}
    for number in range(1, 13):
        vertices, faces = _left_rib(number)
        scaled = vertices * np.array([person.depth, person.width, person.height]) * person.size
        for side, mesh in (("left", (scaled, faces)), ("right", mirrored((scaled, faces)))):
            name = f"rib_{side}_{number}"
            found[name] = BoneTemplate(name, mesh[0], mesh[1], no_rims(), anchor=f"T{number}")
    return found


def _left_rib(number: int) -> tuple[FloatArray, FaceArray]:
    path = _centre_line(number)
    thickness = RIBS[number - 1][4]
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outward = path - np.array([0.3 * RIBS[number - 1][1], 0.0, 0.0])
    outward[:, 2] = 0.0
    if number == 1:  # the first rib lies flat
        outward = np.tile([0.0, 0.0, 1.0], (len(path), 1))
    outward -= np.einsum("ij,ij->i", outward, tangent)[:, None] * tangent
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    taper = np.ones(len(path))
    taper[[0, -1]], taper[[1, -2]] = 0.45, 0.85
    # the neck is rounder and slimmer than the body of the rib
    along = np.linspace(0.0, 1.0, len(path))
    height = np.interp(along, [0.0, 0.08, 0.25, 0.8, 1.0], [5.0, 4.2, 6.4, 6.8, 6.0]) * thickness * taper
    width = np.interp(along, [0.0, 0.08, 0.25, 1.0], [5.0, 3.8, 3.4, 3.2]) * thickness * taper
    return sweep(path, outward * width[:, None], np.cross(tangent, outward) * height[:, None], _SIDES)


def _centre_line(number: int) -> FloatArray:
    """Points (30, 3) from the head, over neck, tubercle and angle, around the chest."""
    wide, front, drop, angle_back, _ = RIBS[number - 1]
    depth, _, width, _, _, height = BODIES[f"T{number}"]
    transverse = typical_posterior(VertebralLevel[f"T{number}"]).transverse
    head_z = 0.45 * height if 1 < number < 11 else 0.1 * height
    tip = transverse[4:7] + np.array([-depth / 2, 0.0, 0.0])
    nodes = np.array(
        [
            (-0.30 * depth, 0.5 * width + 3.0, head_z),
            (tip[0] + 6.0, tip[1] + 1.0, tip[2] + 1.0),
            (-angle_back, 0.50 * wide, tip[2] - 0.10 * drop),
            (-0.55 * angle_back + 0.05 * front, 0.86 * wide, -0.28 * drop),
            (0.35 * front, wide, -0.62 * drop),
            (0.80 * front, 0.84 * wide, -0.90 * drop),
            (front, 0.56 * wide, -drop),
        ]
    )
    if number > 10:  # the floating ribs end at the flank
        nodes = nodes[: 6 if number == 11 else 5]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))])
    points: FloatArray = CubicSpline(length, nodes)(np.linspace(0.0, length[-1], _POINTS))
    return points

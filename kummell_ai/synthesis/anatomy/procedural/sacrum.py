"""The sacrum: S1 with a level endplate, S2 to S5 and coccyx curving behind it, wings, crest and foramina."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FaceArray, FloatArray
from kummell_ai.synthesis.anatomy.procedural.fields import (
    capsule,
    chain,
    rounded,
    sagittal_plate,
    smooth_max,
    smooth_min,
)
from kummell_ai.synthesis.anatomy.procedural.mesh import even_axis, extract_surface, graded_axis, join, sweep
from kummell_ai.synthesis.anatomy.procedural.variation import Individual
from kummell_ai.synthesis.anatomy.procedural.vertebra import BodyShape, body_field
from kummell_ai.synthesis.anatomy.rims import place_vertebra

S1_BODY = BodyShape(
    depths=(33.0, 25.0),
    widths=(50.0, 34.0),
    anterior_height=29.0,
    posterior_height=25.5,
    waist=0.03,
    hollows=(1.2, 0.0),
    notch=0.8,
    fullness=(2.2, 2.8),
    rim_mm=3.2,
)
LEAN_BACK = 0.3
"""Shift of the sacral bodies backward per mm downward."""

_BODIES = np.array([
    (8, -6), (2, -26), (-7, -44), (-13, -62), (-14.5, -79), (-11, -95), (-3, -111), (8, -124), (11, -129), (4, -132),
    (-9, -124), (-20, -108), (-27, -90), (-28, -66), (-26, -42), (-22, -18), (-16, -6),
], dtype=np.float64)  # fmt: skip
"""Lateral outline of S2 to S5 and the coccyx."""

_WING = np.array(
    [(0, 20, 0), (-8, 40, -6), (-15, 46, -22), (-20, 40, -42), (-23, 28, -62), (-22, 17, -84)], dtype=float
)
_WING_RADII = np.array([11.0, 11.0, 10.0, 8.0, 6.0, 4.0])
_BRIDGES = (
    ((-7, 8, -32), (-16, 40, -30), 7.0),
    ((-15, 8, -54), (-20, 32, -52), 6.0),
    ((-20, 6, -74), (-22, 21, -72), 5.0),
)
_TUBEROSITY = np.array([(-18, 36, 4), (-27, 40, -12), (-31, 36, -32), (-31, 26, -54), (-28, 16, -74)], dtype=float)
_TUBEROSITY_RADII = np.array([8.0, 9.0, 8.0, 6.5, 4.5])
_PILLAR = np.array([(-20, 18, 12), (-25, 18, 4), (-33, 14, -26), (-37, 10, -52), (-36, 8, -76)], dtype=float)
_PILLAR_RADII = np.array([4.5, 6.0, 4.5, 4.0, 3.5])
_CREST = np.array(
    [
        (-31, -1),
        (-45, -8),
        (-47, -20),
        (-44, -30),
        (-47, -40),
        (-43, -52),
        (-44, -62),
        (-38, -76),
        (-33, -84),
        (-33, -60),
    ],
    dtype=np.float64,
)


def sacrum_field(points: FloatArray, body: BodyShape, curve: float) -> FloatArray:
    """Signed distance of the sacrum; its lower end bends forward by ``curve`` / 100 mm times the distance squared."""
    p = points.copy()
    p[:, 0] -= curve * np.minimum(p[:, 2] + 15.0, 0.0) ** 2 / 100.0
    midline_y = p[:, 1].copy()
    half = np.interp(p[:, 2], [-130.0, -95.0, -70.0, -40.0, -10.0], [4.0, 8.5, 12.0, 14.5, 18.0])
    field = sagittal_plate(p, rounded(_BODIES), np.zeros(len(p)), half, 5.0)
    leaning = p.copy()
    leaning[:, 0] -= LEAN_BACK * (p[:, 2] - 12.0)
    p[:, 1] = np.abs(p[:, 1])
    rest = chain(p, _WING, _WING_RADII, 8.0)
    rest = smooth_min(rest, chain(p, _TUBEROSITY, _TUBEROSITY_RADII, 6.0), 6.0)
    for a, b, radius in _BRIDGES:
        rest = smooth_min(rest, capsule(p, np.array(a), np.array(b), radius, radius), 6.0)
    rest = smooth_min(rest, chain(p, _PILLAR, _PILLAR_RADII, 4.0), 4.0)
    for node in _PILLAR[1:]:  # pedicles in front, laminae behind
        rest = smooth_min(rest, capsule(p, node, node + np.array([14.0, 3.0, -3.0]), 4.5, 5.0), 4.0)
        rest = smooth_min(rest, capsule(p, node, np.array([node[0] - 3.0, 0.0, node[2] - 5.0]), 3.2, 3.2), 3.0)
    rest = smooth_max(rest, p[:, 2] - 8.0 - 0.6 * np.maximum(-10.0 - p[:, 0], 0.0), 4.0)
    p[:, 1] = midline_y
    rest = smooth_min(rest, sagittal_plate(p, rounded(_CREST), np.zeros(len(p)), np.full(len(p), 3.2)), 3.0)
    return smooth_min(smooth_min(field, rest, 5.0), body_field(leaning, body), 4.0)


def _disc_remnant(body: BodyShape) -> tuple[FloatArray, FaceArray]:
    """The cleft between S1 and S2 as a hollow shell, wound inward, so that it takes bone away."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 9)[1:-1]
    depth, width = 0.40 * body.depths[1], 0.36 * body.widths[1]
    slope = np.array([np.cos(0.45), 0.0, 0.0]) + np.array([0.0, 0.0, -np.sin(0.45)])
    centre = np.array([-0.5 * LEAN_BACK * 50.0 + 1.0, 0.0, -0.55 * body.anterior_height])
    path = centre + depth * np.sin(turn)[:, None] * slope
    across = np.cos(turn)[:, None] * np.array([0.0, width, 0.0])
    up = np.cos(turn)[:, None] * 0.8 * np.cross(slope, np.array([0.0, 1.0, 0.0]))
    vertices, faces = sweep(path, across, up, 12)
    return vertices, faces[:, ::-1].astype(np.int32)


def build_sacrum(person: Individual) -> BoneTemplate:
    """The whole sacrum as template "S1" in the canonical frame."""
    scale = np.array([person.depth, person.width, person.height]) * person.size
    body = replace(S1_BODY, rim_mm=person.rim_mm, hollows=(S1_BODY.hollows[0] * person.hollow, 0.0))
    axes = (
        graded_axis(-60.0, 62.0, 3.4, 1.4, (-16.0, 17.0), 4.0),
        even_axis(-63.0, 63.0, 3.4),
        graded_axis(-142.0, 30.0, 3.4, 1.4, (13.0,), 3.5),
    )
    surface = extract_surface(lambda p: sacrum_field(p, body, person.sacral_curve), axes)
    vertices, faces = join([surface, _disc_remnant(body)])
    placed = place_vertebra(VertebralLevel.S1.value, vertices * scale, faces, find_midline=False)
    return BoneTemplate(VertebralLevel.S1.value, placed.vertices_mm, faces, placed.rims_mm)

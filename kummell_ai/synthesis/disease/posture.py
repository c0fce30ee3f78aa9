"""Stacking the bones of an individual into a spine in the patient frame (mm: x anterior, y left, z cranial)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, VertebraPlan
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR, BoneTemplate
from kummell_ai.synthesis.disease.fracture import Collapse, deform
from kummell_ai.synthesis.disease.osteophytes import Osteophytes, grow

CLOSEST_MM = 0.8
"""Least distance of two bodies at the rims of a worn disc (mm)."""


@dataclass(frozen=True, slots=True)
class PosedVertebra:
    """A vertebra in the patient frame.

    Attributes:
        plan: what it was built from.
        rotation, translation: scaled canonical frame -> patient frame (mm).
        vertices_mm: (N, 3).
        rims_mm: (2, 2, 3, 3), see `BoneTemplate`.
        collapses: deformations applied to the template, in order.
    """

    plan: VertebraPlan
    rotation: FloatArray
    translation: FloatArray
    vertices_mm: FloatArray
    rims_mm: FloatArray
    collapses: tuple[Collapse, ...]

    @property
    def level(self) -> VertebralLevel:
        """Name of the vertebra."""
        return self.plan.level

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (M, 3)."""
        return self.plan.template.faces

    @property
    def corners_mm(self) -> FloatArray:
        """(4, 3) truth corners in `VertebralLandmark` order: middle of the left and right rim points."""
        c = self.rims_mm[:, :, [LEFT, RIGHT]].mean(axis=2)
        return np.stack([c[SUPERIOR, ANTERIOR], c[SUPERIOR, POSTERIOR], c[INFERIOR, ANTERIOR], c[INFERIOR, POSTERIOR]])

    def place(self, points_mm: FloatArray) -> FloatArray:
        """Points of the template's canonical frame (mm, before scaling) into the patient frame, deformed with it."""
        return _shape(self.plan, points_mm, self.collapses) @ self.rotation.T + self.translation


def rotation_matrix(pitch_deg: float, yaw_deg: float = 0.0, roll_deg: float = 0.0) -> FloatArray:
    """Rotation by pitch (about y; + tips the front down), yaw (about z) and roll (about x), degrees."""
    b, c, a = np.radians([pitch_deg, yaw_deg, roll_deg])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    product: FloatArray = ry @ rz @ rx
    return product


def _shape(plan: VertebraPlan, points_mm: FloatArray, collapses: tuple[Collapse, ...]) -> FloatArray:
    p = np.asarray(points_mm, dtype=np.float64)
    for collapse in collapses:
        p = deform(p, plan.template, collapse)
    return p * plan.scale


def _middle(rims: FloatArray, endplate: int) -> FloatArray:
    c = rims[endplate][:, [LEFT, RIGHT]].mean(axis=1)
    middle: FloatArray = 0.5 * (c[ANTERIOR] + c[POSTERIOR])
    return middle


def _normal(rims: FloatArray, endplate: int) -> FloatArray:
    """Cranial normal (3,) of an endplate in the mid-sagittal plane."""
    c = rims[endplate][:, [LEFT, RIGHT]].mean(axis=1)
    forward = c[ANTERIOR] - c[POSTERIOR]
    normal: FloatArray = np.array([-forward[2], 0.0, forward[0]]) / np.hypot(forward[0], forward[2])
    return normal


def _overlap_mm(above: FloatArray, below: FloatArray, up: FloatArray) -> float:
    """How far (mm) two bodies must move apart along ``up`` to leave `CLOSEST_MM` in front and behind."""
    gaps = (above[INFERIOR] - below[SUPERIOR]).mean(axis=1) @ up
    return max(0.0, CLOSEST_MM - float(gaps.min()))


def stack_spine(
    individual: Individual,
    fractures: Mapping[VertebralLevel, Collapse],
    extra_angle_deg: Mapping[VertebralLevel, float],
    lean_deg: float,
    osteophytes: Osteophytes | None = None,
) -> tuple[PosedVertebra, ...]:
    """Pose the whole spine, cranial to caudal, with the centre of L3 at the origin.

    Args:
        individual: the patient.
        fractures: collapse of levels, on top of their own shape.
        extra_angle_deg: rotation added between a level and the one below it (deg, kyphosis +): posture, and the kink
            above a fracture.
        lean_deg: forward tilt of L3's axis (deg).
        osteophytes: bony lips by level; they are on the surface alone, the rims stay the endplates' own.
    """
    osteophytes = osteophytes or {}
    plans = individual.vertebrae
    turn = np.array([-(p.angle_deg + extra_angle_deg.get(p.level, 0.0)) for p in plans])
    pitch = np.concatenate([[0.0], np.cumsum(turn[:-1])])
    l3 = next(k for k, p in enumerate(plans) if p.level is VertebralLevel.L3)
    pitch = pitch - pitch[l3] + lean_deg
    posed: list[PosedVertebra] = []
    for k, plan in enumerate(plans):
        collapses = (plan.collapse, *((fractures[plan.level],) if plan.level in fractures else ()))
        rotation = rotation_matrix(pitch[k], *plan.twist_deg)
        grown = grow(plan.template.vertices_mm, plan.template, osteophytes.get(plan.level, ()))
        vertices = _shape(plan, grown, collapses) @ rotation.T
        rims = _shape(plan, plan.template.rims_mm, collapses) @ rotation.T
        shift = np.zeros(3)
        if posed:
            above = posed[-1]
            n = _normal(above.rims_mm, INFERIOR) + _normal(rims, SUPERIOR)
            n /= np.linalg.norm(n)
            forward = np.array([n[2], 0.0, -n[0]])
            foot = _middle(above.rims_mm, INFERIOR) - above.plan.disc_mm * n - above.plan.slip_mm * forward
            shift = foot - _middle(rims, SUPERIOR)
            shift -= _overlap_mm(above.rims_mm, rims + shift, n) * n
            shift[0] += plan.shift_mm[0]
            shift[1] = plan.shift_mm[1]
        posed.append(PosedVertebra(plan, rotation, shift, vertices + shift, rims + shift, collapses))
    centre = posed[l3].rims_mm.reshape(-1, 3).mean(axis=0)
    centre[1] = 0.0
    return tuple(
        replace(v, translation=v.translation - centre, vertices_mm=v.vertices_mm - centre, rims_mm=v.rims_mm - centre)
        for v in posed
    )


def ride(bone: BoneTemplate, carrier: PosedVertebra) -> FloatArray:
    """Vertices (N, 3) of a bone that rides rigidly on the vertebra it is anchored to."""
    uniform = float(carrier.plan.scale[0])
    return bone.vertices_mm * uniform @ carrier.rotation.T + carrier.translation

"""One vertebra as a blend of signed distance fields, from a shape that says all its sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FaceArray, FloatArray
from kummell_ai.synthesis.anatomy.procedural.fields import capsule, rounded, sagittal_plate, smooth_max, smooth_min
from kummell_ai.synthesis.anatomy.procedural.levels import BODIES, PosteriorShape, typical_posterior
from kummell_ai.synthesis.anatomy.procedural.mesh import even_axis, extract_surface, graded_axis
from kummell_ai.synthesis.anatomy.rims import place_vertebra

CELL_MM, FINE_MM = 2.6, 1.3
"""Grid step, and grid step near the endplates and the front and back walls, where the rims lie."""

MARGIN_MM = 7.0


@dataclass(frozen=True, slots=True)
class BodyShape:
    """Vertebral body (mm).

    Attributes:
        depths, widths: of the superior and inferior endplate.
        anterior_height, posterior_height: of the walls.
        waist: share by which the body is narrower half-way between the endplates.
        hollows: depression of the superior and inferior endplate below their rims.
        notch: hollow of the posterior wall at the mid-line.
        fullness: exponents of the cross-section in front and behind; 2 is an ellipse, larger is squarer.
        rim_mm: rounding of the endplates' edges.
    """

    depths: tuple[float, float]
    widths: tuple[float, float]
    anterior_height: float
    posterior_height: float
    waist: float
    hollows: tuple[float, float]
    notch: float
    fullness: tuple[float, float]
    rim_mm: float


@dataclass(frozen=True, slots=True)
class VertebraShape:
    """Everything that makes one vertebra: level, body, posterior elements, and how far these lean to one side."""

    level: VertebralLevel
    body: BodyShape
    posterior: PosteriorShape
    lean_mm: float = 0.0


def typical_shape(level: VertebralLevel) -> VertebraShape:
    """The mean vertebra of a level."""
    depth_s, depth_i, width_s, width_i, front, back = BODIES[level.value]
    lumbar = np.clip((level.index - 5.0) / 9.0, 0.0, 1.0)
    body = BodyShape(
        depths=(depth_s, depth_i),
        widths=(width_s, width_i),
        anterior_height=front,
        posterior_height=back,
        waist=0.09 + 0.03 * float(lumbar),
        hollows=(1.1 + 0.6 * float(lumbar), 1.3 + 1.2 * float(lumbar)),
        notch=2.6 - 1.2 * float(lumbar) if level.value not in ("L5", "L6") else 0.4,
        fullness=(1.95 + 0.25 * float(lumbar), 2.6 + 0.3 * float(lumbar)),
        rim_mm=2.6 + 0.8 * float(lumbar),
    )
    return VertebraShape(level, body, typical_posterior(level))


def body_field(points: FloatArray, body: BodyShape) -> FloatArray:
    """Kidney-shaped cross-section with a waist, between two hollow endplates with raised rims."""
    x, y, z = points.T
    # rounding takes a quarter of the blend off each surface; the notch of the posterior wall rounds that corner more
    off = 0.25 * body.rim_mm
    anterior_height, posterior_height = body.anterior_height + 2.0 * off, body.posterior_height + 3.0 * off
    middle = (anterior_height + posterior_height) / 4.0
    slope = (anterior_height - posterior_height) / (body.depths[0] + body.depths[1])
    half_height = middle + slope * x
    height = np.clip(z / half_height, -1.0, 1.0)
    share = 0.5 * (1.0 + height)
    narrow = 1.0 - body.waist * (1.0 - height**2)
    semi_x = narrow * (0.5 * (body.depths[1] + share * (body.depths[0] - body.depths[1])) + 1.9 * off)
    semi_y = narrow * (0.5 * (body.widths[1] + share * (body.widths[0] - body.widths[1])) + off)
    power = np.where(x > 0.0, body.fullness[0], body.fullness[1])
    ratio = (np.abs(x / semi_x) ** power + np.abs(y / semi_y) ** power) ** (1.0 / power)
    radius = np.hypot(x, y)
    side = np.where(ratio > 1e-3, radius * (1.0 - 1.0 / np.maximum(ratio, 1e-3)), -semi_x)
    wall = -semi_x + body.notch * np.exp(-((y / (0.38 * semi_y)) ** 2))
    side = smooth_max(side, wall - x, 1.5)
    dish = np.maximum(1.0 - np.minimum(ratio, 1.0) ** 3 - 0.15 * np.clip(x / semi_x, -1.0, 1.0), 0.0)
    upper = z - half_height + body.hollows[0] * dish
    lower = -z - half_height + body.hollows[1] * dish
    return smooth_max(smooth_max(side, upper, body.rim_mm), lower, body.rim_mm)


def posterior_field(points: FloatArray, shape: PosteriorShape, wall_x: float) -> FloatArray:
    """Pedicles, articular processes, laminae, transverse and spinous processes behind the wall at ``wall_x``."""
    p = points - np.array([wall_x, 0.0, 0.0])
    spine_y = p[:, 1].copy()
    p[:, 1] = np.abs(p[:, 1])
    low, high, half, y = shape.pedicle
    field = np.full(len(p), np.inf)
    for z in np.linspace(low + half, high - half, 2):
        rod = capsule(p, np.array([7.0, y - 1.0, z]), np.array([-9.0, y + 0.5, z - 0.5]), half, half)
        field = np.minimum(field, rod)
    top, bottom = shape.pillar[:, 1].max(), shape.pillar[:, 1].min()
    share = np.clip((p[:, 2] - bottom) / (top - bottom), 0.0, 1.0)
    pillar_y = shape.pillar_y[1] + share * (shape.pillar_y[0] - shape.pillar_y[1])
    field = smooth_min(
        field, sagittal_plate(p, rounded(shape.pillar), pillar_y, np.full(len(p), shape.pillar_half[0])), 3.0
    )
    t = shape.transverse
    field = smooth_min(field, capsule(p, t[:3], t[4:7], t[3], t[7]), 3.0)
    x, upper, lower, slope = shape.lamina
    for z in np.linspace(upper - 3.0, lower + 3.0, 3):
        back = x - slope * (upper - z)
        outer = np.array([back + 3.5, float(shape.pillar_y.mean()), z - 1.0])
        field = smooth_min(field, capsule(p, np.array([back, 0.0, z]), outer, 3.0, 3.2), 2.0)
    run = np.clip((p[:, 0] - shape.spinous[0, 0]) / (shape.spinous[2, 0] - shape.spinous[0, 0]), 0.0, 1.0)
    thick = shape.spinous_half[0] + run**2 * (shape.spinous_half[1] - shape.spinous_half[0])
    p[:, 1] = spine_y
    return smooth_min(field, sagittal_plate(p, rounded(shape.spinous), np.zeros(len(p)), thick), 3.0)


def vertebra_field(points: FloatArray, shape: VertebraShape) -> FloatArray:
    """The whole vertebra; the posterior elements lean by ``lean_mm`` at the tip of the spinous process."""
    wall_x = -0.25 * (shape.body.depths[0] + shape.body.depths[1])
    tip = -float(shape.posterior.spinous[:, 0].min())
    leaning = points.copy()
    leaning[:, 1] -= shape.lean_mm * np.clip((wall_x - points[:, 0]) / tip, 0.0, 1.0) ** 2
    return smooth_min(body_field(points, shape.body), posterior_field(leaning, shape.posterior, wall_x), 3.0)


def vertebra_mesh(shape: VertebraShape) -> tuple[FloatArray, FaceArray]:
    """Closed surface of the vertebra, x anterior, y left, z cranial, body near the origin."""
    body, posterior = shape.body, shape.posterior
    front = 0.5 * max(body.depths)
    side = max(0.5 * max(body.widths), float(posterior.transverse[5] + posterior.transverse[7])) + MARGIN_MM
    half = 0.5 * max(body.anterior_height, body.posterior_height)
    low = min(-half, float(posterior.spinous[:, 1].min()), float(posterior.pillar[:, 1].min())) - MARGIN_MM
    high = max(half, float(posterior.pillar[:, 1].max())) + MARGIN_MM
    back = -front + float(posterior.spinous[:, 0].min()) - MARGIN_MM
    axes = (
        graded_axis(back, front + MARGIN_MM, CELL_MM, FINE_MM, (-front, front), 3.5),
        even_axis(-side, side, CELL_MM),
        graded_axis(low, high, CELL_MM, FINE_MM, (-half, half), 3.0),
    )
    return extract_surface(lambda p: vertebra_field(p, shape), axes)


def build_vertebra(shape: VertebraShape) -> BoneTemplate:
    """The vertebra in the canonical frame, with rims by the same rule as for meshes from files."""
    vertices, faces = vertebra_mesh(shape)
    placed = place_vertebra(shape.level.value, vertices, faces, find_midline=False)
    return BoneTemplate(shape.level.value, placed.vertices_mm, faces, placed.rims_mm)

"""Pelvis and femora for the lateral view: iliac wings, hip sockets, ischium, pubis, femoral heads and shafts.

Modelled standing, from the centre of S1, then turned into the frame of S1.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.spatial import cKDTree

from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FaceArray, FloatArray, no_rims
from kummell_ai.synthesis.anatomy.procedural.fields import FAR_MM, capsule, chain, smooth_max, smooth_min
from kummell_ai.synthesis.anatomy.procedural.mesh import even_axis, extract_surface, join, mirrored
from kummell_ai.synthesis.anatomy.procedural.variation import Individual

Mesh = tuple[FloatArray, FaceArray]

SACRAL_SLOPE_DEG = 40.0
"""Slope of the sacral endplate of the standing model."""

HIP_MM = np.array([24.0, 88.0, -104.0])
"""Centre of the left femoral head, standing, from the centre of S1."""

_WING = np.array([
    [(-66, 40, -14), (-57, 57, 15), (-35, 82, 40), (-6, 108, 50), (26, 129, 39), (50, 134, 12), (64, 126, -20)],
    [(-60, 42, -26), (-44, 57, -6), (-22, 75, 6), (2, 91, 6), (25, 104, -3), (43, 111, -20), (54, 111, -38)],
    [(-46, 47, -40), (-32, 56, -40), (-16, 63, -40), (0, 70, -42), (14, 79, -46), (28, 88, -52), (42, 94, -58)],
    [(-22, 58, -60), (-13, 62, -65), (-3, 67, -71), (7, 74, -75), (17, 80, -78), (28, 86, -77), (38, 89, -72)],
], dtype=np.float64)  # fmt: skip
"""Middle of the left iliac wing: rows from the crest down to the hip socket, columns from behind to the front."""

_WING_THICKNESS = np.array([
    [11, 10, 9, 10, 11, 10, 9], [18, 13, 9, 8, 8, 9, 9], [18, 17, 12, 10, 12, 13, 13], [14, 18, 20, 20, 20, 18, 15],
], dtype=np.float64)  # fmt: skip
"""Its thickness (mm)."""

_ISCHIUM = np.array([(-12, 64, -72), (2, 74, -88), (2, 78, -116), (-4, 68, -142), (-8, 62, -162)], dtype=np.float64)
_ISCHIUM_RADII = np.array([10.0, 14.0, 15.0, 13.0, 15.0])
_ARCH = np.array([(-46, 46, -18), (-30, 53, -34), (-14, 61, -54), (2, 72, -76)], dtype=np.float64)
_ARCH_RADII = np.array([8.0, 8.0, 9.0, 12.0])
_LOWER_RAMUS = np.array([(-8, 58, -168), (24, 34, -154), (46, 11, -130)], dtype=np.float64)
_LOWER_RAMUS_RADII = np.array([10.0, 7.5, 9.0])
_UPPER_RAMUS = np.array([(32, 84, -80), (50, 58, -86), (60, 34, -94), (61, 11, -104), (50, 11, -126)], dtype=np.float64)
_UPPER_RAMUS_RADII = np.array([13.0, 10.0, 8.5, 10.0, 9.0])
_SOCKET_MM, _HEAD_MM = 26.0, 23.5


def build_pelvis(person: Individual) -> dict[str, BoneTemplate]:
    """Templates "pelvis", "femur_left" and "femur_right", in the frame of S1."""
    half = _hip_bone()
    femur = _femur()
    return {
        "pelvis": _place("pelvis", join([half, mirrored(half)]), person),
        "femur_left": _place("femur_left", femur, person),
        "femur_right": _place("femur_right", mirrored(femur), person),
    }


def _place(name: str, mesh: Mesh, person: Individual) -> BoneTemplate:
    """Scaled to the individual and turned from standing into the frame of S1."""
    angle = np.radians(SACRAL_SLOPE_DEG)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
    scaled = mesh[0] * np.array([person.depth, person.width, person.height]) * person.size
    return BoneTemplate(name, scaled @ turn.T, mesh[1], no_rims(), anchor="S1")


def _wing_points(rows: int = 60, columns: int = 90) -> tuple[FloatArray, FloatArray]:
    """Dense points (P, 3) on the middle of the left iliac wing, and half its thickness there (P,)."""
    knots_u, knots_v = np.linspace(0.0, 1.0, 4), np.linspace(0.0, 1.0, 7)
    u, v = np.linspace(0.0, 1.0, rows), np.linspace(0.0, 1.0, columns)
    middle = np.stack([RectBivariateSpline(knots_u, knots_v, _WING[..., i])(u, v) for i in range(3)], axis=-1)
    thickness = RectBivariateSpline(knots_u, knots_v, _WING_THICKNESS, kx=1, ky=1)(u, v)
    return middle.reshape(-1, 3), 0.5 * thickness.ravel()


@cache
def _hip_bone() -> Mesh:
    """Left iliac wing, hip socket, ischium and pubis in one surface."""
    points, half = _wing_points()
    tree = cKDTree(points)

    def field(p: FloatArray) -> FloatArray:
        away, nearest = tree.query(p, distance_upper_bound=FAR_MM + half.max())
        bone = np.where(np.isfinite(away), np.minimum(away, 2.0 * FAR_MM) - np.append(half, FAR_MM)[nearest], FAR_MM)
        bone = smooth_min(bone, chain(p, _ARCH, _ARCH_RADII, 6.0), 10.0)
        bone = smooth_min(bone, chain(p, _ISCHIUM, _ISCHIUM_RADII, 8.0), 8.0)
        bone = smooth_min(bone, chain(p, _LOWER_RAMUS, _LOWER_RAMUS_RADII, 5.0), 6.0)
        bone = smooth_min(bone, chain(p, _UPPER_RAMUS, _UPPER_RAMUS_RADII, 5.0), 6.0)
        from_hip = p - HIP_MM
        radius: FloatArray = np.linalg.norm(from_hip, axis=1)
        opening = from_hip @ np.array([0.35, 0.85, -0.4])
        cup = smooth_max(radius - _SOCKET_MM - 7.0, opening - 6.0, 4.0)
        bone = smooth_min(bone, cup, 8.0)
        return smooth_max(smooth_max(bone, _SOCKET_MM - radius, 3.0), 3.0 - p[:, 1], 2.0)

    axes = (even_axis(-84.0, 84.0, 4.2), even_axis(-8.0, 150.0, 4.2), even_axis(-192.0, 66.0, 4.2))
    return extract_surface(field, axes)


@cache
def _femur() -> Mesh:
    """Left femoral head, neck, trochanters and the upper half of the shaft."""
    neck = np.array([24.0, 128.0, -134.0])
    shaft = np.array([(20, 134, -150), (22, 132, -190), (30, 128, -330)], dtype=np.float64)

    def field(p: FloatArray) -> FloatArray:
        head: FloatArray = np.linalg.norm(p - HIP_MM, axis=1) - _HEAD_MM
        bone = smooth_min(head, capsule(p, HIP_MM, neck, 15.0, 18.0), 6.0)
        bone = smooth_min(bone, capsule(p, neck, np.array([8.0, 142.0, -122.0]), 17.0, 14.0), 8.0)
        bone = smooth_min(bone, capsule(p, neck, np.array([10.0, 116.0, -164.0]), 14.0, 9.0), 8.0)
        return smooth_min(bone, chain(p, shaft, np.array([18.0, 15.0, 14.0]), 8.0), 8.0)

    axes = (even_axis(-18.0, 62.0, 5.0), even_axis(54.0, 170.0, 5.0), even_axis(-354.0, -70.0, 5.0))
    return extract_surface(field, axes)

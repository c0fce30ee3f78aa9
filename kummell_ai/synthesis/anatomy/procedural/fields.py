"""Signed distance fields (mm, negative inside) that bones are built from; points are (N, 3), fields (N,)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kummell_ai.synthesis.anatomy.bones import FloatArray

Field = Callable[[FloatArray], FloatArray]

FAR_MM = 20.0
"""Value given to points that are surely further from a part than any blend reaches."""


def smooth_min(a: FloatArray, b: FloatArray, blend_mm: float) -> FloatArray:
    """The lower of two fields, rounded where they differ by less than ``blend_mm``: a union with a fillet."""
    overlap = np.maximum(blend_mm - np.abs(a - b), 0.0)
    return np.minimum(a, b) - overlap * overlap / (4.0 * blend_mm)


def smooth_max(a: FloatArray, b: FloatArray, blend_mm: float) -> FloatArray:
    """The higher of two fields with a rounded edge: an intersection."""
    return -smooth_min(-a, -b, blend_mm)


def capsule(points: FloatArray, a: FloatArray, b: FloatArray, radius_a: float, radius_b: float) -> FloatArray:
    """Rod from ``a`` to ``b`` (3,) with round ends, its radius (mm) running from ``radius_a`` to ``radius_b``."""
    axis = np.asarray(b, dtype=np.float64) - np.asarray(a, dtype=np.float64)
    offset = points - np.asarray(a, dtype=np.float64)
    along = np.clip(offset @ axis / max(float(axis @ axis), 1e-12), 0.0, 1.0)
    apart: FloatArray = np.linalg.norm(offset - along[:, None] * axis, axis=1)
    return apart - (radius_a + along * (radius_b - radius_a))


def chain(points: FloatArray, nodes: FloatArray, radii: FloatArray, blend_mm: float = 2.0) -> FloatArray:
    """Rods through ``nodes`` (K, 3) with ``radii`` (K,), blended."""
    field = capsule(points, nodes[0], nodes[1], radii[0], radii[1])
    for i in range(1, len(nodes) - 1):
        field = smooth_min(field, capsule(points, nodes[i], nodes[i + 1], radii[i], radii[i + 1]), blend_mm)
    return field


def polygon(points_2d: FloatArray, corners: FloatArray) -> FloatArray:
    """Signed distance (N,) from points (N, 2) to a polygon (K, 2) of either winding."""
    nearest: FloatArray = np.full(len(points_2d), np.inf)
    inside = np.zeros(len(points_2d), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge, offset = b - a, points_2d - a
        along = np.clip(offset @ edge / max(float(edge @ edge), 1e-12), 0.0, 1.0)
        away = offset - along[:, None] * edge
        nearest = np.minimum(nearest, np.einsum("ij,ij->i", away, away))
        if a[1] != b[1]:
            crosses = (a[1] > points_2d[:, 1]) != (b[1] > points_2d[:, 1])
            inside ^= crosses & (offset[:, 0] < edge[0] * offset[:, 1] / edge[1])
    distance: FloatArray = np.sqrt(nearest)
    distance[inside] *= -1.0
    return distance


def rounded(outline: FloatArray) -> FloatArray:
    """A closed outline (K, 2) with its corners cut at a quarter and three quarters of each side: (2 K, 2)."""
    after = np.roll(outline, -1, axis=0)
    cut = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1)
    smooth: FloatArray = cut.reshape(-1, outline.shape[1])
    return smooth


def sagittal_plate(
    points: FloatArray, outline_xz: FloatArray, middle_y: FloatArray, half_thickness: FloatArray, blend_mm: float = 3.0
) -> FloatArray:
    """A plate with a given lateral outline (K, 2), around ``middle_y`` (N,), ``half_thickness`` (N,) thick each way."""
    flat = points[:, [0, 2]]
    field = np.full(len(points), FAR_MM)
    low, high = outline_xz.min(axis=0) - FAR_MM / 2, outline_xz.max(axis=0) + FAR_MM / 2
    aside = np.abs(points[:, 1] - middle_y) - half_thickness
    near = ((flat > low) & (flat < high)).all(axis=1) & (aside < FAR_MM / 2)
    field[near] = smooth_max(polygon(flat[near], outline_xz), aside[near], blend_mm)
    return field

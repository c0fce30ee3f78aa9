"""Pedicle screws, rods and bone cement as closed meshes (mm)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray

Mesh = tuple[FloatArray, NDArray[np.int32]]


def frame_along(axis: FloatArray) -> FloatArray:
    """A right-handed rotation (3, 3) whose third column is ``axis``."""
    w = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    helper = np.array([0.0, 0.0, 1.0]) if abs(w[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    u = np.cross(helper, w)
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(w, u), w], axis=1)


def tube(path_mm: FloatArray, radii_mm: FloatArray, sides: int = 14) -> Mesh:
    """A closed tube along ``path_mm`` (K, 3) with radius ``radii_mm`` (K,) at each point."""
    path = np.asarray(path_mm, dtype=np.float64)
    tangents = np.gradient(path, axis=0)
    rings = []
    angles = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    basis = frame_along(tangents[0])
    u = basis[:, 0]
    for point, tangent, radius in zip(path, tangents, radii_mm, strict=True):
        w = tangent / np.linalg.norm(tangent)
        u = u - w * (u @ w)
        u /= np.linalg.norm(u)
        v = np.cross(w, u)
        rings.append(point + radius * (np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v))
    vertices = np.concatenate([*rings, path[:1], path[-1:]])
    k = len(path)
    i = np.arange(sides)
    j = (i + 1) % sides
    faces = []
    for r in range(k - 1):
        a, b = r * sides, (r + 1) * sides
        faces += [np.stack([a + i, a + j, b + j], 1), np.stack([a + i, b + j, b + i], 1)]
    first, last = k * sides, k * sides + 1
    faces += [
        np.stack([np.full(sides, first), j, i], 1),
        np.stack([np.full(sides, last), (k - 1) * sides + i, (k - 1) * sides + j], 1),
    ]
    return vertices, np.concatenate(faces).astype(np.int32)


def screw(entry_mm: FloatArray, tip_mm: FloatArray, radius_mm: float, pitch_mm: float = 2.8) -> Mesh:
    """A threaded shaft from ``entry_mm`` to ``tip_mm`` with a conical tip."""
    axis = tip_mm - entry_mm
    length = float(np.linalg.norm(axis))
    n = max(6, int(2 * length / pitch_mm))
    s = np.linspace(0.0, 1.0, n)
    radii = radius_mm * np.where(np.arange(n) % 2 == 0, 1.0, 0.76)
    radii = radii * np.clip((1.0 - s) * length / 6.0 + 0.25, 0.25, 1.0)
    return tube(entry_mm + s[:, None] * axis, radii)


def screw_head(entry_mm: FloatArray, outward: FloatArray, radius_mm: float, height_mm: float) -> Mesh:
    """The tulip of a polyaxial screw, standing on ``entry_mm`` and pointing along ``outward``."""
    w = outward / np.linalg.norm(outward)
    s = np.array([-2.0, -1.0, 0.5, height_mm * 0.6, height_mm], dtype=np.float64)
    return tube(entry_mm + s[:, None] * w, radius_mm * np.array([0.45, 0.8, 1.0, 1.0, 0.9]))


def rod(points_mm: FloatArray, radius_mm: float, overhang_mm: float) -> Mesh:
    """A rod bent smoothly through ``points_mm`` (K, 3), standing out by ``overhang_mm`` at both ends."""
    points = np.asarray(points_mm, dtype=np.float64)
    first = points[0] - points[1]
    last = points[-1] - points[-2]
    ends = [
        points[:1] + overhang_mm * first / np.linalg.norm(first),
        points,
        points[-1:] + overhang_mm * last / np.linalg.norm(last),
    ]
    path = np.concatenate(ends)
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    fine: FloatArray = np.linspace(0.0, float(s[-1]), 16)
    degree = min(3, len(path) - 1)
    bend = [np.polyval(np.polyfit(s, path[:, k], degree), fine) for k in range(3)]
    smooth: FloatArray = np.stack(bend, axis=1).astype(np.float64)
    return tube(smooth, np.full(len(fine), radius_mm))


def sphere(subdivisions: int = 2) -> Mesh:
    """Unit icosphere."""
    g = (1.0 + 5.0**0.5) / 2.0
    v = np.array(
        [
            [-1, g, 0],
            [1, g, 0],
            [-1, -g, 0],
            [1, -g, 0],
            [0, -1, g],
            [0, 1, g],
            [0, -1, -g],
            [0, 1, -g],
            [g, 0, -1],
            [g, 0, 1],
            [-g, 0, -1],
            [-g, 0, 1],
        ],
        dtype=np.float64,
    )
    f = np.array(
        [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4], [11, 10, 2], [10, 7, 6],
         [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10],
         [8, 6, 7], [9, 8, 1]]
    )  # fmt: skip
    for _ in range(subdivisions):
        edges = np.sort(f[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        middle = len(v) + inverse.reshape(-1, 3)
        v = np.concatenate([v, v[unique].mean(axis=1)])
        a, b, c = f.T
        ab, bc, ca = middle.T
        f = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return v / np.linalg.norm(v, axis=1, keepdims=True), f.astype(np.int32)


def cement_blob(centre_mm: FloatArray, radii_mm: FloatArray, spikiness: float, rng: np.random.Generator) -> Mesh:
    """A spiky lump of cement around ``centre_mm`` with half axes ``radii_mm`` (3,)."""
    unit, faces = sphere(2)
    lift = np.zeros(len(unit))
    for _ in range(10):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        lift += rng.normal() * np.exp(7.0 * (unit @ direction - 1.0))
    factor = np.clip(1.0 + spikiness * lift, 0.3, 2.2)
    return centre_mm + unit * factor[:, None] * radii_mm, faces

"""Simple solids as closed, outward-wound meshes (mm), from which implants are put together."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kummell_ai.imaging.frames import FloatArray

Mesh = tuple[FloatArray, NDArray[np.int32]]


def frame_along(axis: ArrayLike, up: ArrayLike | None = None) -> FloatArray:
    """A right-handed rotation (3, 3) whose third column is ``axis``, and whose first is as near to ``up`` as may be."""
    w = np.asarray(axis, dtype=np.float64)
    w = w / np.sqrt(w @ w)
    if up is None:
        up = (0.0, 0.0, 1.0) if abs(w[2]) < 0.9 else (1.0, 0.0, 0.0)
    u = np.asarray(up, dtype=np.float64)
    u = u - w * (u @ w)
    u = u / np.sqrt(u @ u)
    v = (w[1] * u[2] - w[2] * u[1], w[2] * u[0] - w[0] * u[2], w[0] * u[1] - w[1] * u[0])
    return np.array([u, v, w]).T


@functools.lru_cache(maxsize=64)
def lattice_faces(rings: int, sides: int) -> NDArray[np.int32]:
    """Triangles of ``rings`` rings of ``sides`` vertices each, closed by two poles that come last."""
    i = np.arange(sides)
    j = (i + 1) % sides
    r = sides * np.arange(rings - 1)[:, None]
    walls = [np.stack([r + i, r + j, r + sides + j], -1), np.stack([r + i, r + sides + j, r + sides + i], -1)]
    first, last = rings * sides, rings * sides + 1
    top = (rings - 1) * sides
    caps = [
        np.stack([np.full(sides, first), j, i], 1),
        np.stack([np.full(sides, last), top + i, top + j], 1),
    ]
    faces = np.concatenate([*(w.reshape(-1, 3) for w in walls), *caps]).astype(np.int32)
    faces.setflags(write=False)
    return faces


def lattice(rings_mm: FloatArray) -> Mesh:
    """The closed surface through rings (K, S, 3) of points, counter-clockwise seen from the far end of their axis."""
    k, sides, _ = rings_mm.shape
    poles = rings_mm[[0, -1]].sum(axis=1) / sides
    return np.concatenate([rings_mm.reshape(-1, 3), poles]), lattice_faces(k, sides)


@functools.lru_cache(maxsize=16)
def _circle(sides: int) -> FloatArray:
    angles = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def tube(path_mm: ArrayLike, radii_mm: ArrayLike, sides: int = 14) -> Mesh:
    """A closed tube along ``path_mm`` (K, 3) with radius ``radii_mm`` (K,), or one for all, at each point."""
    path = np.asarray(path_mm, dtype=np.float64)
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    sideways = np.empty_like(path)
    u = frame_along(tangents[0])[:, 0]
    for k, w in enumerate(tangents):
        u = u - w * (u @ w)
        u = u / np.sqrt(u @ u)
        sideways[k] = u
    radii = np.broadcast_to(np.asarray(radii_mm, dtype=np.float64), (len(path),))[:, None, None]
    c = _circle(sides)
    across = np.cross(tangents, sideways)
    return lattice(path[:, None] + radii * (c[:, :1] * sideways[:, None] + c[:, 1:] * across[:, None]))


def prism(outline_mm: ArrayLike, heights_mm: ArrayLike, scales: ArrayLike = 1.0) -> Mesh:
    """A prism along z over a convex, counter-clockwise outline (S, 2), scaled by ``scales`` at each height (K,)."""
    outline = np.asarray(outline_mm, dtype=np.float64)
    heights = np.asarray(heights_mm, dtype=np.float64)
    rings = np.empty((len(heights), len(outline), 3))
    rings[..., :2] = outline * np.broadcast_to(np.asarray(scales, dtype=np.float64), heights.shape)[:, None, None]
    rings[..., 2] = heights[:, None]
    return lattice(rings)


def cylinder(radius_mm: float, low_mm: float, high_mm: float, sides: int = 14) -> Mesh:
    """A cylinder along z between two heights."""
    return prism(radius_mm * _circle(sides), (low_mm, high_mm))


def box(low_mm: ArrayLike, high_mm: ArrayLike) -> Mesh:
    """A box between two corners (3,)."""
    (x0, y0, z0), (x1, y1, z1) = np.asarray(low_mm, dtype=np.float64), np.asarray(high_mm, dtype=np.float64)
    return prism([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], (z0, z1))


def moved(mesh: Mesh, frame: FloatArray, origin_mm: FloatArray) -> Mesh:
    """A mesh with its axes along the columns of ``frame`` and its origin at ``origin_mm``."""
    return mesh[0] @ frame.T + origin_mm, mesh[1]


def hollow(mesh: Mesh) -> Mesh:
    """The mesh turned inside out: added to a solid around it, it is a hole in that."""
    return mesh[0], np.ascontiguousarray(mesh[1][:, ::-1])


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several shells, at least one."""
    offsets = np.cumsum([0, *(len(v) for v, _ in meshes[:-1])])
    faces = np.concatenate([f + np.int32(o) for (_, f), o in zip(meshes, offsets, strict=True)])
    return np.concatenate([v for v, _ in meshes]), faces


def merged(meshes: Sequence[Mesh]) -> Mesh | None:
    """One mesh of several shells, or None."""
    return joined(meshes) if meshes else None


@functools.lru_cache(maxsize=4)
def sphere(subdivisions: int = 2) -> Mesh:
    """Unit icosphere (read-only arrays)."""
    g = (1.0 + 5.0**0.5) / 2.0
    v = np.array(
        [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g], [0, -1, -g], [0, 1, -g], [g, 0, -1],
         [g, 0, 1], [-g, 0, -1], [-g, 0, 1]], dtype=np.float64,
    )  # fmt: skip
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
    points, faces = v / np.linalg.norm(v, axis=1, keepdims=True), f.astype(np.int32)
    points.setflags(write=False)
    faces.setflags(write=False)
    return points, faces

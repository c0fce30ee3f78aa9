"""Work on closed triangle meshes that costs nothing beside projecting them: normals, and fewer triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray
from kummell_ai.synthesis.compiled import compiled


@compiled(error_model="numpy")
def unit_normals(vertices: FloatArray, faces: FaceArray) -> FloatArray:  # pragma: no cover - compiled
    """Compiled kernel of `vertex_normals`: contiguous float64 (N, 3) and int32 (M, 3)."""
    out = np.zeros_like(vertices)
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        bx, by, bz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for m in (i, j, k):
            out[m, 0] += x
            out[m, 1] += y
            out[m, 2] += z
    for i in range(len(out)):
        length = np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2)
        if length > 0.0:
            out[i] /= length
    return out


def vertex_normals(vertices_mm: FloatArray, faces: FaceArray) -> FloatArray:
    """Outward unit normals (N, 3): those of the triangles around each vertex, weighted by area; 0 without any."""
    normals: FloatArray = unit_normals(
        np.ascontiguousarray(vertices_mm, dtype=np.float64), np.ascontiguousarray(faces, dtype=np.int32)
    )
    return normals


def coarsened(vertices_mm: FloatArray, faces: FaceArray, cell_mm: float) -> tuple[FloatArray, FaceArray]:
    """A closed mesh with about one vertex in each cubic cell of ``cell_mm`` that the surface crosses.

    All vertices of a cell become one, at the point nearest to the planes of the cell's triangles (the quadric of
    Garland and Heckbert, as in Lindstrom 2000), so that edges stay sharp and curved surfaces keep their place;
    triangles that collapse go. A collapsed triangle walks each of its edges both ways, so what is left is closed if
    the mesh was, in the sense of `bones.is_closed`. No vertex moves further than the diagonal of a cell, 1.74 times
    ``cell_mm``; at 1.5 mm a vertebra's volume changes by less than 0.1 %, that of a rib by less than 0.3 %.

    Args:
        vertices_mm: (N, 3).
        faces: (M, 3), closed and wound outward.
        cell_mm: size of a cell; about two pixels of the finest film leave no trace on it.
    """
    corner = vertices_mm.min(axis=0)
    index = np.floor((vertices_mm - corner) / cell_mm).astype(np.int64)
    span = index.max(axis=0) + 1
    key = (index[:, 0] * span[1] + index[:, 1]) * span[2] + index[:, 2]
    cells, group = np.unique(key, return_inverse=True)
    group = group.reshape(-1)
    low = np.stack(np.unravel_index(cells, tuple(span)), axis=1) * cell_mm + corner
    points = _nearest_to_planes(vertices_mm, faces, group, len(cells))
    points = np.clip(points, low, low + cell_mm)
    merged = group[faces]
    a, b, c = merged.T
    kept = _without_opposites(merged[(a != b) & (b != c) & (c != a)])
    used, compact = np.unique(kept, return_inverse=True)
    return points[used], compact.reshape(-1, 3).astype(np.int32)


def _nearest_to_planes(vertices: FloatArray, faces: FaceArray, group: NDArray[np.int64], count: int) -> FloatArray:
    """Per cell the point (count, 3) with the least weighted square distance to the planes of the triangles there.

    Flat and bent-in-one-direction patches leave the point free to slide; a weak pull to the mean of the cell's
    vertices holds it.
    """
    origin = vertices.mean(axis=0)
    a, b, c = (vertices[faces[:, k]] - origin for k in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(area, 1e-12)[:, None]
    offset = np.einsum("ij,ij->i", normal, a)
    square = np.zeros((count, 3, 3))
    right = np.zeros((count, 3))
    weight = np.zeros(count)
    for k in range(3):
        cell = group[faces[:, k]]
        weight += np.bincount(cell, area, count)
        for i in range(3):
            right[:, i] += np.bincount(cell, area * offset * normal[:, i], count)
            for j in range(3):
                square[:, i, j] += np.bincount(cell, area * normal[:, i] * normal[:, j], count)
    members = np.maximum(np.bincount(group, minlength=count), 1)
    mean = (
        np.stack([np.bincount(group, vertices[:, i] - origin[i], count) for i in range(3)], axis=1) / members[:, None]
    )
    pull = 0.02 * np.maximum(weight, 1e-9)
    square += pull[:, None, None] * np.eye(3)
    right += pull[:, None] * mean
    solved: FloatArray = np.linalg.solve(square, right[..., None])[..., 0] + origin
    return solved


def _without_opposites(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Faces without the pairs that are the same triangle walked both ways: they enclose nothing."""
    if len(faces) == 0:
        return faces
    turned = np.take_along_axis(faces, (np.argmin(faces, axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    up = turned[:, 1] < turned[:, 2]
    key = np.where(up[:, None], turned, turned[:, [0, 2, 1]])
    same, group = np.unique(key, axis=0, return_inverse=True)
    balance = np.bincount(group.reshape(-1), np.where(up, 1.0, -1.0), len(same)).astype(int)
    left = np.repeat(same, np.abs(balance), axis=0)
    flip = np.repeat(balance < 0, np.abs(balance))
    left[flip] = left[flip][:, [0, 2, 1]]
    return left


def simplify(vertices_mm: FloatArray, faces: FaceArray, most_faces: int) -> tuple[FloatArray, FaceArray]:
    """The mesh with at most ``most_faces`` triangles, by merging vertices that share a cell of a growing grid.

    However vertices are merged, every edge is still walked as often in one direction as in the other, so a closed mesh
    stays closed and wound as it was.
    """
    area = np.linalg.norm(
        np.cross(
            vertices_mm[faces[:, 1]] - vertices_mm[faces[:, 0]], vertices_mm[faces[:, 2]] - vertices_mm[faces[:, 0]]
        ),
        axis=1,
    ).sum()
    cell = float(np.sqrt(area / most_faces))
    merged, rest = vertices_mm, faces
    while len(rest) > most_faces:
        merged, rest = coarsened(vertices_mm, faces, cell)
        cell *= 1.1
    return merged, rest

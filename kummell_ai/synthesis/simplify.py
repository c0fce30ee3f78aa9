"""Fewer triangles for dense meshes, so that a film costs no more than its details are worth."""

from __future__ import annotations

import numpy as np

from kummell_ai.synthesis.bones import FaceArray, FloatArray


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
        merged, rest = _merge_cells(vertices_mm, faces, cell)
        cell *= 1.1
    return merged, rest


def _merge_cells(vertices_mm: FloatArray, faces: FaceArray, cell_mm: float) -> tuple[FloatArray, FaceArray]:
    _, group = np.unique(np.floor(vertices_mm / cell_mm).astype(np.int64), axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    means = np.stack([np.bincount(group, vertices_mm[:, axis]) / count for axis in range(3)], axis=-1)
    a, b, c = group[faces].T
    kept = group[faces][(a != b) & (b != c) & (c != a)]
    used, compact = np.unique(kept, return_inverse=True)
    return means[used], compact.reshape(-1, 3).astype(np.int32)

"""Plane sections of closed meshes."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray

_PER_MM = 4.0
"""Points per mm along a section outline."""


def section_loops(vertices_mm: FloatArray, faces: FaceArray, axis: int, at_mm: float) -> list[FloatArray]:
    """Segments (K, 2 ends, 3 xyz) of each closed outline where the plane ``axis`` = ``at_mm`` cuts the mesh.

    The largest outline (by the box around it) comes first.
    """
    height = vertices_mm[:, axis] - at_mm
    height[height == 0.0] = 1e-9
    above = height[faces] > 0.0
    crossed = faces[above.any(axis=1) & ~above.all(axis=1)]
    if len(crossed) == 0:
        return []
    ends = np.stack([crossed, np.roll(crossed, -1, axis=1)], axis=-1)  # (K, 3 edges, 2 vertices)
    cut = (height[ends[..., 0]] > 0.0) != (height[ends[..., 1]] > 0.0)
    edges = np.sort(ends[cut].reshape(-1, 2), axis=1)  # two edges of each triangle, in turn
    unique, node = np.unique(edges, axis=0, return_inverse=True)
    node = node.reshape(-1, 2)
    a, b = unique.T
    share = (height[a] / (height[a] - height[b]))[:, None]
    points = vertices_mm[a] + share * (vertices_mm[b] - vertices_mm[a])
    links = coo_array((np.ones(len(node)), (node[:, 0], node[:, 1])), shape=(len(unique), len(unique)))
    count, label = connected_components(links, directed=False)
    segments = points[node]
    loops = [segments[label[node[:, 0]] == i] for i in range(count)]
    return sorted(loops, key=_box_area, reverse=True)


def _box_area(segments: FloatArray) -> float:
    extent = np.sort(np.ptp(segments.reshape(-1, 3), axis=0))
    return float(extent[1] * extent[2])


def outline_points(segments: FloatArray) -> FloatArray:
    """Points (P, 3) along the segments, about 0.25 mm apart."""
    length = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    count = np.ceil(length * _PER_MM).astype(np.int64) + 1
    which = np.repeat(np.arange(len(segments)), count)
    rank = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    share = (rank / count[which])[:, None]
    ends: FloatArray = segments[which, 0] * (1.0 - share) + segments[which, 1] * share
    return ends

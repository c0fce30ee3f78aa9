"""Closed triangle meshes from signed distance fields (surface nets) and from swept tubes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray
from kummell_ai.synthesis.anatomy.procedural.fields import Field

_GRADIENT_STEP = 0.05


def extract_surface(field: Field, axes: tuple[FloatArray, FloatArray, FloatArray]) -> tuple[FloatArray, FaceArray]:
    """The zero surface of ``field``, as a closed mesh wound outward.

    One vertex in each grid cell that the surface crosses (surface nets), then drawn onto the surface along the
    gradient; one quadrilateral, cut in two, for each grid edge that crosses. Every edge is walked as often in one
    direction as in the other by construction.

    Args:
        field: negative inside.
        axes: rising grid coordinates along x, y and z (mm), with at least one step to spare around the bone.

    Raises:
        ValueError: the surface meets the border of the grid.
    """
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = field(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    values[values == 0.0] = 1e-9
    inside = values < 0.0
    if inside[[0, -1]].any() or inside[:, [0, -1]].any() or inside[:, :, [0, -1]].any():
        raise ValueError("the surface meets the border of the grid")
    vertices, number = _cell_vertices(grid, values)
    reach = 0.5 * max(float(np.diff(axis).max()) for axis in axes)
    return _draw_onto(field, vertices, reach), _quads(inside, number, vertices)


def _cell_vertices(grid: FloatArray, values: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Mean edge crossing (N, 3) of each crossed cell, and the cells' vertex numbers (-1 where not crossed)."""
    shape = tuple(n - 1 for n in values.shape)
    total, hits = np.zeros((*shape, 3)), np.zeros(shape)
    for axis in range(3):
        first = [slice(None)] * 3
        second = [slice(None)] * 3
        first[axis], second[axis] = slice(0, -1), slice(1, None)
        a, b = values[tuple(first)], values[tuple(second)]
        crossed = (a < 0.0) != (b < 0.0)
        share = np.where(crossed, a / np.where(crossed, a - b, 1.0), 0.0)[..., None]
        points = grid[tuple(first)] + share * (grid[tuple(second)] - grid[tuple(first)])
        others = [i for i in range(3) if i != axis]
        for i in (0, 1):
            for j in (0, 1):
                part = [slice(None)] * 3
                part[others[0]] = slice(i, shape[others[0]] + i)
                part[others[1]] = slice(j, shape[others[1]] + j)
                hit = crossed[tuple(part)]
                total += np.where(hit[..., None], points[tuple(part)], 0.0)
                hits += hit
    active = hits > 0
    number = np.full(shape, -1, dtype=np.int64)
    number[active] = np.arange(int(active.sum()))
    vertices: FloatArray = total[active] / hits[active][:, None]
    return vertices, number


def even_axis(low: float, high: float, step: float) -> FloatArray:
    """Grid coordinates from ``low`` to at least ``high``."""
    return np.linspace(low, low + step * np.ceil((high - low) / step), int(np.ceil((high - low) / step)) + 1)


def graded_axis(
    low: float, high: float, step: float, fine: float, edges: tuple[float, ...], reach: float
) -> FloatArray:
    """Grid coordinates ``step`` apart, but ``fine`` apart within ``reach`` of each of the ``edges`` (all mm)."""
    found = [low]
    while found[-1] < high:
        near = min(abs(found[-1] - edge) for edge in edges)
        found.append(found[-1] + (fine if near < reach else min(step, max(fine, near - reach))))
    return np.array(found)


def _draw_onto(field: Field, vertices: FloatArray, reach_mm: float) -> FloatArray:
    """Newton steps along the gradient, never further than ``reach_mm`` from the start along an axis."""
    moved: FloatArray = vertices
    for _ in range(2):
        value = field(moved)
        steps = np.eye(3) * _GRADIENT_STEP
        gradient = np.stack([(field(moved + s) - field(moved - s)) / (2.0 * _GRADIENT_STEP) for s in steps], axis=-1)
        square = np.maximum(np.einsum("ij,ij->i", gradient, gradient), 0.25)
        moved = moved - (value / square)[:, None] * gradient
        moved = vertices + np.clip(moved - vertices, -reach_mm, reach_mm)
    return moved


def _quads(inside: NDArray[np.bool_], number: NDArray[np.int64], vertices: FloatArray) -> FaceArray:
    """Two triangles around every crossed grid edge, wound outward, cut along the shorter diagonal."""
    found = []
    for axis in range(3):
        a, b = np.moveaxis(inside, axis, 0)[:-1], np.moveaxis(inside, axis, 0)[1:]
        cells = np.moveaxis(number, axis, 0)
        along, u, v = np.nonzero(a != b)
        quad = np.stack(
            [cells[along, u - 1, v - 1], cells[along, u, v - 1], cells[along, u, v], cells[along, u - 1, v]], axis=-1
        )
        # moveaxis keeps the other two axes in order, which is a left-handed triple for the middle axis
        outward = a[along, u, v] == (axis != 1)
        quad[~outward] = quad[~outward][:, ::-1]
        found.append(quad)
    quads = np.concatenate(found)
    corners = vertices[quads]
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    second = np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1)
    quads = np.where((first <= second)[:, None], quads, np.roll(quads, 1, axis=1))
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


def sweep(path: FloatArray, across: FloatArray, up: FloatArray, sides: int) -> tuple[FloatArray, FaceArray]:
    """A tube with elliptic cross-section along ``path`` (K, 3), closed by a point at each end.

    Args:
        path: centre line (mm).
        across: (K, 3) one half-axis of the cross-section (mm), perpendicular to the path.
        up: (K, 3) the other; (path direction, across, up) is right-handed.
        sides: points around.
    """
    turn = np.arange(sides) * (2.0 * np.pi / sides)
    rings = path[:, None] + np.cos(turn)[:, None] * across[:, None] + np.sin(turn)[:, None] * up[:, None]
    count = len(path)
    vertices = np.concatenate([rings.reshape(-1, 3), path[:1], path[-1:]])
    here, after = np.arange(sides), np.roll(np.arange(sides), -1)
    faces = []
    for k in range(count - 1):
        low, high = k * sides, (k + 1) * sides
        faces.append(np.stack([low + here, low + after, high + after], axis=-1))
        faces.append(np.stack([low + here, high + after, high + here], axis=-1))
    first, last = count * sides, count * sides + 1
    faces.append(np.stack([np.full(sides, first), after, here], axis=-1))
    end = (count - 1) * sides
    faces.append(np.stack([np.full(sides, last), end + here, end + after], axis=-1))
    return vertices, np.concatenate(faces).astype(np.int32)


def join(parts: list[tuple[FloatArray, FaceArray]]) -> tuple[FloatArray, FaceArray]:
    """Several closed shells as one mesh."""
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts[:-1]])
    return (
        np.concatenate([vertices for vertices, _ in parts]),
        np.concatenate([faces + start for (_, faces), start in zip(parts, starts, strict=True)]).astype(np.int32),
    )


def mirrored(mesh: tuple[FloatArray, FaceArray]) -> tuple[FloatArray, FaceArray]:
    """The mirror image on the other side of the mid-sagittal plane, still wound outward."""
    return mesh[0] * np.array([1.0, -1.0, 1.0]), mesh[1][:, ::-1].copy()

"""Cone-beam path lengths through closed meshes by signed-depth rasterisation.

Each triangle adds sign * (distance from the source) at every pixel it covers; over a closed, consistently wound mesh
the sum is the length of the ray inside it. Perspective is exact. On the film, the reciprocal of the depth is affine
over a triangle, so each vertex carries ``h = y / (source_y - y)``; a ray ``source + t * (cell - source)`` with
t = 1 on the plane y = 0 meets the triangle at ``t = 1 / (1 + h)``.

The sign is not that of a triangle's area but that of its two edges in a column: an edge shared by two triangles is
cut at bitwise the same place and walked both ways, so the signs at a pixel of a closed mesh always sum to zero:
nothing leaks, however thin or degenerate a triangle is.

Patient frame (mm): x anterior, y left, z cranial. The film is described on the plane y = 0, where one pixel is
``pixel_mm`` wide; the detector may lie anywhere behind it without changing a path length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.errors import ConfigError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.surfaces import unit_normals
from kummell_ai.synthesis.compiled import compiled

FaceArray = NDArray[np.int32]
Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ConeBeam:
    """A lateral exposure with the patient's front to the left of the film.

    Attributes:
        source_mm: (3,) focal spot in the patient frame; its y is the source to mid-plane distance (mm).
        origin_mm: (x, z) in the plane y = 0 that lands on the film's top-left corner (mm).
        pixel_mm: pixel size on the plane y = 0 (mm).
        shape: (rows, columns).
    """

    source_mm: FloatArray
    origin_mm: tuple[float, float]
    pixel_mm: float
    shape: tuple[int, int]

    def project(self, points_mm: FloatArray) -> FloatArray:
        """Image coordinates (..., 2) px of points (..., 3) mm."""
        p = np.asarray(points_mm, dtype=np.float64)
        t = self.source_mm[1] / (self.source_mm[1] - p[..., 1])
        x = self.source_mm[0] + (p[..., 0] - self.source_mm[0]) * t
        z = self.source_mm[2] + (p[..., 2] - self.source_mm[2]) * t
        return np.stack([(self.origin_mm[0] - x) / self.pixel_mm, (self.origin_mm[1] - z) / self.pixel_mm], axis=-1)

    def view(self, fine: tuple[int, int]) -> FloatArray:
        """(7,) source x, y, z, origin x, z, width and height of a cell (mm), for ``fine`` (rows, columns) of cells."""
        size = [self.shape[1] * self.pixel_mm / fine[1], self.shape[0] * self.pixel_mm / fine[0]]
        return np.array([*self.source_mm, *self.origin_mm, *size], dtype=np.float64)


@compiled(error_model="numpy")
def _to_film(
    vertices: FloatArray, view: FloatArray, film: FloatArray, cells: NDArray[np.int32]
) -> tuple[int, int, int, int, float]:  # pragma: no cover - compiled
    """Film coordinates and h (N, 3), first column and row whose centre is not before the vertex; bounds, nearest y."""
    c0 = r0 = 2**30
    c1 = r1 = -(2**30)
    nearest = -np.inf
    for i in range(vertices.shape[0]):
        y = vertices[i, 1]
        t = view[1] / (view[1] - y)
        u = (view[3] - view[0] - (vertices[i, 0] - view[0]) * t) / view[5]
        v = (view[4] - view[2] - (vertices[i, 2] - view[2]) * t) / view[6]
        film[i, 0], film[i, 1], film[i, 2] = u, v, y / (view[1] - y)
        # far outside the film all cells are alike, and int32 must hold them
        column, row = int(np.ceil(min(max(u, -1e8), 1e8) - 0.5)), int(np.ceil(min(max(v, -1e8), 1e8) - 0.5))
        cells[i, 0], cells[i, 1] = column, row
        c0, c1, r0, r1 = min(c0, column), max(c1, column), min(r0, row), max(r1, row)
        nearest = max(nearest, y)
    return c0, c1, r0, r1, nearest


@compiled(error_model="numpy")
def _add_triangles(  # noqa: C901 - one tight loop, compiled
    out: Map, film: FloatArray, cells: NDArray[np.int32], faces: FaceArray
) -> None:  # pragma: no cover - compiled
    """Add sign * (t - 1) of every triangle at the cells it covers; ``out`` is (columns, rows).

    Columns are walked one by one, since cells are smaller along rows where there is supersampling: fewer, longer runs.
    """
    cols, rows = out.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ca, cb, cc = cells[a, 0], cells[b, 0], cells[c, 0]
        c0, c1 = max(0, min(ca, cb, cc)), min(cols, max(ca, cb, cc))
        if c0 >= c1:
            continue
        ra, rb, rc = cells[a, 1], cells[b, 1], cells[c, 1]
        if max(0, min(ra, rb, rc)) >= min(rows, max(ra, rb, rc)):
            continue
        # order by column, then row, so that a shared edge is cut at bitwise the same place from both sides
        turn = 1.0
        if film[b, 0] < film[a, 0] or (film[b, 0] == film[a, 0] and film[b, 1] < film[a, 1]):
            a, b, turn = b, a, -turn
        if film[c, 0] < film[b, 0] or (film[c, 0] == film[b, 0] and film[c, 1] < film[b, 1]):
            b, c, turn = c, b, -turn
        if film[b, 0] < film[a, 0] or (film[b, 0] == film[a, 0] and film[b, 1] < film[a, 1]):
            a, b, turn = b, a, -turn
        ua, va, ha = film[a, 0], film[a, 1], film[a, 2]
        ub, vb, hb = film[b, 0], film[b, 1], film[b, 2]
        uc, vc, hc = film[c, 0], film[c, 1], film[c, 2]
        area = (ub - ua) * (vc - va) - (uc - ua) * (vb - va)
        along_u = along_v = 0.0
        if abs(area) > 1e-9:
            along_u = ((hb - ha) * (vc - va) - (hc - ha) * (vb - va)) / area
            along_v = ((hc - ha) * (ub - ua) - (hb - ha) * (uc - ua)) / area
        low_h, high_h = min(ha, hb, hc), max(ha, hb, hc)
        low_long, high_long, long_slope = min(va, vc), max(va, vc), (vc - va) / (uc - ua)
        middle = min(max(cells[b, 0], c0), c1)
        for half in range(2):
            first, last, up, vp, uq, vq = c0, middle, ua, va, ub, vb
            if half == 1:
                first, last, up, vp, uq, vq = middle, c1, ub, vb, uc, vc
            if first >= last:
                continue
            low_short, high_short, slope = min(vp, vq), max(vp, vq), (vq - vp) / (uq - up)
            for column in range(first, last):
                u = column + 0.5
                # rounding must not carry a cut beyond the edge's own ends, which the skip above counts on
                long_v = min(max(va + long_slope * (u - ua), low_long), high_long)
                short_v = min(max(vp + slope * (u - up), low_short), high_short)
                sign = np.float32(turn if long_v < short_v else -turn)
                start = max(0, int(np.ceil(max(min(long_v, short_v), -1.0) - 0.5)))
                stop = min(rows, int(np.ceil(min(max(long_v, short_v), rows + 1.0) - 0.5)))
                base = ha + along_u * (u - ua) - along_v * va
                for row in range(start, stop):
                    # grazing faces: keep the depth inside the triangle's own span
                    h = min(max(base + along_v * (row + 0.5), low_h), high_h)
                    out[column, row] += sign * np.float32(h / (1.0 + h))


@compiled(error_model="numpy")
def _add_lengths(
    out: Map, shares: Map, view: FloatArray, rows_each: int, columns_each: int
) -> None:  # pragma: no cover - compiled
    """Add shares (columns, rows) of the way from source to cell as lengths (mm), averaged over blocks of cells."""
    each = 1.0 / (rows_each * columns_each)
    strip = 16  # few enough columns that a line of each stays in the cache
    for first in range(0, out.shape[1], strip):
        for row in range(out.shape[0]):
            for column in range(first, min(first + strip, out.shape[1])):
                total = 0.0
                for q in range(column * columns_each, (column + 1) * columns_each):
                    for r in range(row * rows_each, (row + 1) * rows_each):
                        if shares[q, r] != 0.0:
                            dx = view[3] - (q + 0.5) * view[5] - view[0]
                            dz = view[4] - (r + 0.5) * view[6] - view[2]
                            total += shares[q, r] * np.sqrt(view[1] * view[1] + dz * dz + dx * dx)
                out[row, column] += np.float32(each * total)


def _on_film(
    vertices: FloatArray, view: FloatArray, fine: tuple[int, int]
) -> tuple[FloatArray, NDArray[np.int32], bool]:
    """Film coordinates with h, first cells, and whether the surface can cover a cell of the film.

    Raises:
        ConfigError: a vertex is not in front of the source.
    """
    film, cells = np.empty((len(vertices), 3)), np.empty((len(vertices), 2), dtype=np.int32)
    c0, c1, r0, r1, nearest = _to_film(vertices, view, film, cells)
    if not nearest < view[1]:
        raise ConfigError(
            f"a mesh reaches y = {nearest:.0f} mm, the source stands at y = {view[1]:.0f} mm; every vertex must lie "
            "on the film's side of the source: check the unit of the mesh or the source distance",
            nearest,
        )
    return film, cells, max(0, c0) < min(fine[1], c1) and max(0, r0) < min(fine[0], r1)


def bone_path_lengths(
    shells: Iterable[tuple[FloatArray, FaceArray, FloatArray]], beam: ConeBeam, supersample: tuple[int, int] = (1, 1)
) -> tuple[Map, Map]:
    """Lengths (mm) of each pixel's ray in whole bones and inside their cortex, two (rows, columns) float32.

    The inner surface is the outer one moved inward along its normals. Bones outside the film cost next to nothing.

    Args:
        shells: of each bone the vertices (N, 3) mm, faces (M, 3) and thickness of the cortex (N,) or (N, 1) mm.
        beam: the exposure.
        supersample: cells a pixel, along rows and columns, whose mean the pixel gets.

    Raises:
        ConfigError: a vertex is not in front of the source.
    """
    fine = (beam.shape[0] * supersample[0], beam.shape[1] * supersample[1])
    view = beam.view(fine)
    shares = np.zeros((2, *fine[::-1]), dtype=np.float32)
    for vertices, faces, cortex in shells:
        points, corners = np.ascontiguousarray(vertices, dtype=np.float64), np.ascontiguousarray(faces, dtype=np.int32)
        film, cells, seen = _on_film(points, view, fine)
        if seen:
            _add_triangles(shares[0], film, cells, corners)
            inner = points - np.reshape(cortex, (-1, 1)) * unit_normals(points, corners)
            film, cells, _ = _on_film(inner, view, fine)
            _add_triangles(shares[1], film, cells, corners)
    lengths = np.zeros((2, *beam.shape), dtype=np.float32)
    for k in range(2):
        _add_lengths(lengths[k], shares[k], view, *supersample)
    return lengths[0], lengths[1]


def add_path_length(out: Map, vertices_mm: FloatArray, faces: FaceArray, beam: ConeBeam) -> None:
    """Add the length (mm) of each pixel's ray inside a closed mesh to ``out``.

    Args:
        out: (rows * k, columns * m) float32 accumulator; k and m are whole supersampling factors.
        vertices_mm: (N, 3) in the patient frame, all nearer to the film than the source.
        faces: (M, 3) int32, counter-clockwise seen from outside.
        beam: the exposure.

    Raises:
        ConfigError: a vertex is not in front of the source.
    """
    fine = (out.shape[0], out.shape[1])
    _add_surface(out, vertices_mm, faces, beam.view(fine), fine)


def path_length(vertices_mm: FloatArray, faces: FaceArray, beam: ConeBeam, supersample: int = 1) -> Map:
    """Length (mm) of each pixel's ray inside a closed mesh, (rows, columns) float32, averaged over sub-pixels.

    Raises:
        ConfigError: a vertex is not in front of the source.
    """
    fine = (beam.shape[0] * supersample, beam.shape[1] * supersample)
    out = np.zeros(beam.shape, dtype=np.float32)
    _add_surface(out, vertices_mm, faces, beam.view(fine), fine)
    return out


def _add_surface(out: Map, vertices_mm: FloatArray, faces: FaceArray, view: FloatArray, fine: tuple[int, int]) -> None:
    """Add the lengths (mm) inside one closed mesh, from ``fine`` (rows, columns) of cells."""
    film, cells, seen = _on_film(np.ascontiguousarray(vertices_mm, dtype=np.float64), view, fine)
    if seen:
        shares = np.zeros(fine[::-1], dtype=np.float32)
        _add_triangles(shares, film, cells, np.ascontiguousarray(faces, dtype=np.int32))
        _add_lengths(out, shares, view, fine[0] // out.shape[0], fine[1] // out.shape[1])

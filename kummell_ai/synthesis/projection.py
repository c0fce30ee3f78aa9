"""Cone-beam path lengths through closed meshes by signed-depth rasterisation.

Each triangle adds sign * (distance from the source) at every pixel it covers; over a closed, consistently wound mesh
the sum is the length of the ray inside it. Perspective is exact: along a ray ``source + tau * d`` the triangle's plane
is met at ``tau = (c - n . source) / (n . d)``, and ``n . d`` is affine in the pixel coordinates.

Patient frame (mm): x anterior, y left, z cranial. The film is described on the plane y = 0, where one pixel is
``pixel_mm`` wide; the detector may lie anywhere behind it without changing a path length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray


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


@njit(cache=True, nogil=True)
def _add_triangles(  # noqa: C901 - one tight loop, compiled
    out: NDArray[np.float32],
    uv: FloatArray,
    xyz: FloatArray,
    faces: NDArray[np.int32],
    source: FloatArray,
    origin: FloatArray,
    cell: FloatArray,
) -> None:  # pragma: no cover - compiled
    rows, cols = out.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        # order by row, then column, so that a shared edge is cut at bitwise the same place from both sides
        if uv[b, 1] < uv[a, 1] or (uv[b, 1] == uv[a, 1] and uv[b, 0] < uv[a, 0]):
            a, b = b, a
        if uv[c, 1] < uv[b, 1] or (uv[c, 1] == uv[b, 1] and uv[c, 0] < uv[b, 0]):
            b, c = c, b
        if uv[b, 1] < uv[a, 1] or (uv[b, 1] == uv[a, 1] and uv[b, 0] < uv[a, 0]):
            a, b = b, a
        r0 = max(0, int(np.ceil(uv[a, 1] - 0.5)))
        r1 = min(rows, int(np.ceil(uv[c, 1] - 0.5)))
        if r0 >= r1:
            continue
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        e1x = xyz[j, 0] - xyz[i, 0]
        e1y = xyz[j, 1] - xyz[i, 1]
        e1z = xyz[j, 2] - xyz[i, 2]
        e2x = xyz[k, 0] - xyz[i, 0]
        e2y = xyz[k, 1] - xyz[i, 1]
        e2z = xyz[k, 2] - xyz[i, 2]
        nx = e1y * e2z - e1z * e2y
        ny = e1z * e2x - e1x * e2z
        nz = e1x * e2y - e1y * e2x
        numerator = nx * (xyz[i, 0] - source[0]) + ny * (xyz[i, 1] - source[1]) + nz * (xyz[i, 2] - source[2])
        if numerator == 0.0:
            continue
        sign = (
            1.0 if numerator > 0.0 else -1.0
        )  # the ray leaves the mesh through a face that looks away from the source
        tau_low = 1e30
        tau_high = -1e30
        for m in (i, j, k):
            tau = source[1] / (source[1] - xyz[m, 1])
            tau_low = min(tau_low, 1.0 / tau)
            tau_high = max(tau_high, 1.0 / tau)
        for r in range(r0, r1):
            v = r + 0.5
            long_u = uv[a, 0] + (uv[c, 0] - uv[a, 0]) * ((v - uv[a, 1]) / (uv[c, 1] - uv[a, 1]))
            if v < uv[b, 1]:
                short_u = uv[a, 0] + (uv[b, 0] - uv[a, 0]) * ((v - uv[a, 1]) / (uv[b, 1] - uv[a, 1]))
            else:
                short_u = uv[b, 0] + (uv[c, 0] - uv[b, 0]) * ((v - uv[b, 1]) / (uv[c, 1] - uv[b, 1]))
            low = min(long_u, short_u)
            high = max(long_u, short_u)
            c0 = max(0, int(np.ceil(low - 0.5)))
            c1 = min(cols, int(np.ceil(high - 0.5)))
            dz = origin[1] - v * cell[1] - source[2]
            for q in range(c0, c1):
                dx = origin[0] - (q + 0.5) * cell[0] - source[0]
                denominator = nx * dx - ny * source[1] + nz * dz
                if denominator == 0.0:
                    continue
                tau = numerator / denominator
                # grazing faces: keep the depth inside the triangle's own span
                tau = min(max(tau, tau_low), tau_high)
                out[r, q] += np.float32(sign * (tau - 1.0) * np.sqrt(dx * dx + source[1] * source[1] + dz * dz))


def add_path_length(
    out: NDArray[np.float32], vertices_mm: FloatArray, faces: NDArray[np.int32], beam: ConeBeam
) -> None:
    """Add the length (mm) of each pixel's ray inside a closed mesh to ``out``.

    Args:
        out: (rows * k, columns * m) float32 accumulator; k and m are whole supersampling factors.
        vertices_mm: (N, 3) in the patient frame, all nearer to the film than the source.
        faces: (M, 3) int32, counter-clockwise seen from outside.
        beam: the exposure.
    """
    factor = np.array([out.shape[1] / beam.shape[1], out.shape[0] / beam.shape[0]])
    uv = beam.project(vertices_mm) * factor
    _add_triangles(
        out,
        np.ascontiguousarray(uv),
        np.ascontiguousarray(vertices_mm, dtype=np.float64),
        np.ascontiguousarray(faces, dtype=np.int32),
        beam.source_mm,
        np.array(beam.origin_mm),
        beam.pixel_mm / factor,
    )


def path_length(
    vertices_mm: FloatArray, faces: NDArray[np.int32], beam: ConeBeam, supersample: int = 1
) -> NDArray[np.float32]:
    """Length (mm) of each pixel's ray inside a closed mesh, (rows, columns) float32, averaged over sub-pixels."""
    out = np.zeros((beam.shape[0] * supersample, beam.shape[1] * supersample), dtype=np.float32)
    add_path_length(out, vertices_mm, faces, beam)
    return average_cells(out, beam.shape)


def average_cells(fine: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Mean of whole blocks, so that ``fine`` gets ``shape``."""
    k, m = fine.shape[0] // shape[0], fine.shape[1] // shape[1]
    if k == m == 1:
        return fine
    averaged: NDArray[np.float32] = fine.reshape(shape[0], k, shape[1], m).mean(axis=(1, 3), dtype=np.float32)
    return averaged

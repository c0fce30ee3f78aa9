"""Path lengths of many films at once through torch: the sums of `projection`, on a GPU where there is one.

The same arithmetic as the compiled projector, in three expansions: triangles to the columns they cross, columns to runs
of rows, runs to cells, which are then added up. Nothing else of the simulator imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from kummell_ai.errors import ConfigError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.projection import ConeBeam, FaceArray

CELLS_AT_ONCE = 1 << 22
"""Cells in one expansion; each takes about 100 bytes while it is worked on."""


def path_lengths(
    meshes: Sequence[tuple[FloatArray, FaceArray]],
    beams: Sequence[ConeBeam],
    *,
    supersample: tuple[int, int] = (1, 1),
    device: str | torch.device = "cpu",
) -> Tensor:
    """Lengths (mm) of the rays of each film inside its mesh, (films, rows, columns) float32 on ``device``.

    On a GPU the order of additions, and with it the last digits, may differ from run to run.

    Args:
        meshes: of each film the vertices (N, 3) mm and faces (M, 3) of its closed surfaces, as one mesh.
        beams: of each film the exposure; all of one shape.
        supersample: cells a pixel, along rows and columns, whose mean the pixel gets.
        device: where to work.

    Raises:
        ConfigError: no film, shapes or counts that differ, or a vertex that is not in front of the source.
    """
    if not beams or len(meshes) != len(beams) or len({beam.shape for beam in beams}) != 1:
        raise ConfigError(
            f"{len(meshes)} meshes and {len(beams)} beams of shapes {sorted({b.shape for b in beams})}; "
            "expected one mesh a film and one shape: split the batch",
            len(meshes),
        )
    rows, cols = (n * k for n, k in zip(beams[0].shape, supersample, strict=True))
    shares = torch.zeros(len(beams) * cols * rows, dtype=torch.float32, device=device)
    views = torch.from_numpy(np.stack([beam.view((rows, cols)) for beam in beams])).to(device)
    for number, (vertices, faces) in enumerate(meshes):
        points = torch.from_numpy(np.ascontiguousarray(vertices, dtype=np.float64)).to(device)
        corners = torch.from_numpy(np.ascontiguousarray(faces, dtype=np.int64)).to(device)
        _add_mesh(shares[number * cols * rows : (number + 1) * cols * rows], points, corners, views[number], rows, cols)
    lengths = shares.view(-1, cols, rows) * _way_to_cell(views, rows, cols)
    blocks = lengths.view(len(beams), cols // supersample[1], supersample[1], rows // supersample[0], supersample[0])
    return blocks.mean(dim=(2, 4)).transpose(1, 2).contiguous()


def _way_to_cell(views: Tensor, rows: int, cols: int) -> Tensor:
    """Distance (films, columns, rows) mm from source to the centre of each cell."""
    view = views[:, :, None]
    dx = view[:, 3] - (torch.arange(cols, device=views.device) + 0.5) * view[:, 5] - view[:, 0]
    dz = view[:, 4] - (torch.arange(rows, device=views.device) + 0.5) * view[:, 6] - view[:, 2]
    squares = dx[:, :, None] ** 2 + dz[:, None, :] ** 2 + view[:, 1, :, None] ** 2
    return squares.sqrt().to(torch.float32)


def _add_mesh(out: Tensor, vertices: Tensor, faces: Tensor, view: Tensor, rows: int, cols: int) -> None:
    """Add sign * (t - 1) at every cell that a triangle of one film covers; ``out`` is flat (columns * rows,)."""
    y = vertices[:, 1]
    if not bool((y < view[1]).all()):
        raise ConfigError(
            f"a mesh reaches y = {float(y.max()):.0f} mm, the source stands at y = {float(view[1]):.0f} mm; every "
            "vertex must lie on the film's side of the source: check the unit of the mesh or the source distance",
            float(y.max()),
        )
    t = view[1] / (view[1] - y)
    u = (view[3] - view[0] - (vertices[:, 0] - view[0]) * t) / view[5]
    v = (view[4] - view[2] - (vertices[:, 2] - view[2]) * t) / view[6]
    film = torch.stack([u, v, y / (view[1] - y)], dim=1)
    faces, turn = _ordered(film, faces)
    first, last = _first_cell(u[faces[:, 0]], cols), _first_cell(u[faces[:, 2]], cols)
    top, bottom = v[faces].amin(dim=1), v[faces].amax(dim=1)
    seen = (last > first) & (_first_cell(bottom, rows) > _first_cell(top, rows))
    corners, turn, first, columns = film[faces[seen]], turn[seen], first[seen], (last - first)[seen]
    for part in _parts(columns * (_first_cell(bottom, rows) - _first_cell(top, rows))[seen]):
        _add_triangles(out, corners[part], turn[part], first[part], columns[part], rows)


def _parts(cells: Tensor) -> Iterator[slice]:
    """Slices of triangles that cover at most about CELLS_AT_ONCE cells of their boxes together."""
    if len(cells):
        part = torch.div(cells.cumsum(0), CELLS_AT_ONCE, rounding_mode="floor")
        ends = torch.unique_consecutive(part, return_counts=True)[1].cumsum(0).tolist()
        yield from (slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True))


def _first_cell(position: Tensor, count: int) -> Tensor:
    """First cell whose centre is not before ``position``, within 0 to ``count``."""
    return (position.clamp(-1.0, count + 1.0) - 0.5).ceil().clamp(0, count).to(torch.int64)


def _ordered(film: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Faces with corners ordered by column, then row, and the sign (M,) that the order turns the winding by."""
    a, b, c = faces.unbind(dim=1)
    turn = torch.ones(len(faces), dtype=torch.float64, device=faces.device)

    def swap(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal turn
        wrong = (film[q, 0] < film[p, 0]) | ((film[q, 0] == film[p, 0]) & (film[q, 1] < film[p, 1]))
        turn = torch.where(wrong, -turn, turn)
        return torch.where(wrong, q, p), torch.where(wrong, p, q)

    a, b = swap(a, b)
    b, c = swap(b, c)
    a, b = swap(a, b)
    return torch.stack([a, b, c], dim=1), turn


def _slopes(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Change of h (M,) along columns and rows; 0 for triangles seen edge on."""
    (du, dv, dh), (eu, ev, eh) = (corners[:, k].unbind(dim=1) for k in range(2))
    area = du * ev - eu * dv
    flat = area.abs() <= 1e-9
    area = torch.where(flat, 1.0, area)
    return torch.where(flat, 0.0, (dh * ev - eh * dv) / area), torch.where(flat, 0.0, (eh * du - dh * eu) / area)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Which item each place belongs to when item i gets ``counts[i]`` places, and its number among them."""
    item = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    start = counts.cumsum(0) - counts
    return item, torch.arange(len(item), device=counts.device) - start[item]


def _cut(p: Tensor, q: Tensor, u: Tensor) -> Tensor:
    """Row at which the edge from p to q (each (R, 3)) crosses the column centre ``u``."""
    row = p[:, 1] + (q[:, 1] - p[:, 1]) / (q[:, 0] - p[:, 0]) * (u - p[:, 0])
    return torch.minimum(torch.maximum(row, torch.minimum(p[:, 1], q[:, 1])), torch.maximum(p[:, 1], q[:, 1]))


def _add_triangles(out: Tensor, corners: Tensor, turn: Tensor, first: Tensor, columns: Tensor, rows: int) -> None:
    along_u, along_v = _slopes(corners[:, 1:] - corners[:, :1])
    triangle, step = _expand(columns)
    column = first[triangle] + step
    u = column + 0.5
    a, b, c = corners[triangle].unbind(dim=1)
    # by cells, not by u, so that all triangles around a vertex agree on which side of it the column runs
    before = (column < (b[:, 0] - 0.5).ceil())[:, None]
    long_v, short_v = _cut(a, c, u), _cut(torch.where(before, a, b), torch.where(before, b, c), u)
    sign = torch.where(long_v < short_v, turn[triangle], -turn[triangle]).to(torch.float32)
    start = _first_cell(torch.minimum(long_v, short_v), rows)
    base = a[:, 2] + along_u[triangle] * (u - a[:, 0]) - along_v[triangle] * a[:, 1]
    run, down = _expand(_first_cell(torch.maximum(long_v, short_v), rows) - start)
    row = start[run] + down
    owner = triangle[run]
    h = base[run] + along_v[owner] * (row + 0.5)
    # grazing faces: keep the depth inside the triangle's own span
    h = torch.minimum(torch.maximum(h, corners[:, :, 2].amin(dim=1)[owner]), corners[:, :, 2].amax(dim=1)[owner])
    out.index_add_(0, column[run] * rows + row, sign[run] * (h / (1.0 + h)).to(torch.float32))

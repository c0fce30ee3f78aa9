"""Heatmap targets of a batch of films on the device: what `landmarks.heatmaps.encode_heatmaps` makes film by film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kummell_ai.imaging.frames import FloatArray, cell_to_coordinate, coordinate_to_cell
from kummell_ai.landmarks.heatmaps import CENTRE_SIGMA, CORNER_SIGMA, USUAL_DEPTH, unknown_ends
from kummell_ai.landmarks.refiner import POINT_SIGMA, REFINER_STRIDE
from kummell_ai.training.on_device.draws import FRONTAL, LEFT
from kummell_ai.training.on_device.pixels import sent

NEAR = np.array([[i, j] for j in (-1, 0, 1) for i in (-1, 0, 1)])
"""The cells about a centre that offsets, level and states are trained at, (x, y) from it."""


@dataclass(frozen=True, slots=True)
class FilmTargets:
    """Targets of B films with maps of h x w cells.

    Attributes:
        maps: (B, 5, h, w) in [0, 1]: centre, corners.
        weights: (B, 5, h, w): 0 = not known.
        cells: (K,) flat cell number b * h * w + y * w + x, near centres.
        film, vertebra: (K,) which film and which of its vertebrae each cell belongs to.
        offsets_px: (K, 8) corner minus cell centre; NaN = not seen.
    """

    maps: Tensor
    weights: Tensor
    cells: NDArray[np.int64]
    film: NDArray[np.int64]
    vertebra: NDArray[np.int64]
    offsets_px: FloatArray


def film_targets(
    points_px: FloatArray,
    view: NDArray[np.integer],
    shape: tuple[int, int],
    stride: int,
    device: torch.device,
    open_ends: NDArray[np.bool_] | None = None,
) -> FilmTargets:
    """Targets of windows that show points (B, V, 4, 2) px, NaN = not seen, and a view (B,) each.

    Only windows with the front to the left have vertebrae; of those to the right nothing is known, of frontal ones
    that there is no centre; nor is anything known beyond ``open_ends`` (B, 2), None = there are none.
    """
    left: NDArray[np.bool_] = view == LEFT
    points = np.where(left[:, None, None, None], points_px, np.nan)
    corners = coordinate_to_cell(points, stride)
    seen: NDArray[np.bool_] = np.all(np.isfinite(corners), axis=3)
    any_seen: NDArray[np.bool_] = np.any(seen, axis=2)
    centre = np.where(seen[..., None], corners, 0.0).sum(axis=2) / np.maximum(seen.sum(axis=2), 1)[..., None]
    depth = _depths(corners)
    inside, centre_inside = _inside(corners, shape), _inside(centre, shape) & any_seen
    shown = centre_inside & ((seen & inside).sum(axis=2) >= 2)
    doubtful = centre_inside & ~shown
    places = np.concatenate([np.rint(centre)[:, :, None], corners], axis=2)  # (B, V, 5, 2)
    drawn = np.concatenate([shown[..., None], seen], axis=2)
    sigma = np.full(drawn.shape, CORNER_SIGMA)
    sigma[..., 0] = CENTRE_SIGMA * np.sqrt(depth / USUAL_DEPTH)
    radius = np.where(any_seen[..., None] & ~drawn, 0.9 * depth[..., None], -1.0)
    radius[..., 0] = np.where(doubtful, 0.5 * depth, -1.0)
    maps = _gaussians(np.where(drawn[..., None], places, -1e4), sigma, shape, device)
    weights = _outside(centre, radius, shape, device)
    ends = np.zeros((len(left), 2), dtype=np.bool_) if open_ends is None else open_ends
    for b in np.flatnonzero(left & ends.any(axis=1)):
        cranial, caudal = (bool(end) for end in ends[b])
        weights[int(b)].masked_fill_(sent(unknown_ends(corners[b], shape, (cranial, caudal)), device, np.bool_), 0.0)
    weights[sent(np.flatnonzero(~left & (view != FRONTAL)), device, np.int64)] = 0.0
    weights[sent(np.flatnonzero(view == FRONTAL), device, np.int64), 1:] = 0.0
    film, vertebra = np.nonzero(shown)
    near = np.rint(centre[film, vertebra]).astype(np.int64)[:, None] + NEAR
    on_map = (near >= 0).all(axis=2) & (near < np.array(shape[::-1])).all(axis=2)
    which, _ = np.nonzero(on_map)
    film, vertebra, near = film[which], vertebra[which], near[on_map]
    offsets = points[film, vertebra] - cell_to_coordinate(near.astype(np.float64), stride)[:, None]
    cells = (film * shape[0] + near[:, 1]) * shape[1] + near[:, 0]
    return FilmTargets(maps, weights, cells, film, vertebra, offsets.reshape(len(film), 8))


def crop_targets(points: FloatArray, shape: tuple[int, int], device: torch.device) -> Tensor:
    """As `landmarks.refiner.target_maps`, for points (B, 6, 2) crop px: (B, 6, h, w) of sum 1 or 0."""
    size = REFINER_STRIDE * np.array(shape[::-1])
    on_map = np.all((points > 0) & (points < size), axis=-1)
    places = coordinate_to_cell(np.where(on_map[..., None], points, -1e4), REFINER_STRIDE)
    across, along = _profiles(places, np.full(on_map.shape, POINT_SIGMA), shape, device)
    maps = along[..., :, None] * across[..., None, :]
    return maps / maps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-6)


def _profiles(
    places: FloatArray, sigma: FloatArray, shape: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Gaussians along x (..., w) and along y (..., h) about places (..., 2) in cells."""
    out = []
    for axis, cells in enumerate(shape[::-1]):
        middle, width = sent(places[..., axis], device)[..., None], sent(sigma, device)[..., None]
        out.append(torch.exp(-0.5 * ((torch.arange(cells, device=device) - middle) / width) ** 2))
    return out[0], out[1]


def _gaussians(places: FloatArray, sigma: FloatArray, shape: tuple[int, int], device: torch.device) -> Tensor:
    """(B, 5, h, w) the highest of the vertebrae's Gaussians (B, V, 5, 2)."""
    across, along = _profiles(places, sigma, shape, device)
    maps = torch.zeros(len(places), places.shape[2], *shape, device=device)
    for v in range(places.shape[1]):
        maps = torch.maximum(maps, along[:, v, :, :, None] * across[:, v, :, None, :])
    return maps


def _outside(centre: FloatArray, radius: FloatArray, shape: tuple[int, int], device: torch.device) -> Tensor:
    """(B, 5, h, w): 0 within ``radius`` (B, V, 5) of a centre (B, V, 2), else 1."""
    weights = torch.ones(len(centre), radius.shape[2], *shape, device=device)
    x, y = (torch.arange(n, device=device) for n in shape[::-1])
    for v in np.flatnonzero((radius > 0).any(axis=(0, 2))):
        cx, cy = (sent(centre[:, v, k], device)[:, None, None, None] for k in range(2))
        near = (x - cx) ** 2 + (y[:, None] - cy) ** 2 <= _signed_square(sent(radius[:, v], device))[..., None, None]
        weights = weights.masked_fill(near, 0.0)
    return weights


def _signed_square(radius: Tensor) -> Tensor:
    return radius * radius.abs()


def _depths(corners: FloatArray) -> FloatArray:
    """Mean endplate lengths (B, V) in cells, limited to what the Gaussians are meant for."""
    lengths = np.linalg.norm(corners[:, :, [0, 2]] - corners[:, :, [1, 3]], axis=3)
    known = np.isfinite(lengths)
    mean = np.where(known, lengths, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    return np.where(known.any(axis=2), np.clip(mean, 4.0, 40.0), USUAL_DEPTH)


def _inside(points: FloatArray, shape: tuple[int, int]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.all((points > -0.5) & (points < np.array(shape[::-1]) - 0.5), axis=-1)
    return inside

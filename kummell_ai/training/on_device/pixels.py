"""Grey values of a batch of looks on the device: resampled and varied as `training.photometric` does it film by film.

Looks are (B, H, W) float32, grey values of 255.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kummell_ai.imaging.frames import FloatArray, index_matrix
from kummell_ai.training.on_device.draws import PhotometricDraws
from kummell_ai.training.photometric import CLAHE_TILES

GREYS = 256
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
"""Quantisation of JPEG's luminance at quality 50 (ITU-T T.81, table K.1)."""


def warp(images: Tensor, matrix: FloatArray, size: tuple[int, int], border: NDArray[np.integer]) -> Tensor:
    """Resample images (B, H, W) uint8 to ``size`` (rows, columns) under ``matrix`` (B, 2, 3), image px -> target px.

    ``border`` (B,) is the grey value outside the image, or -1 to repeat its edge.
    """
    device, (rows, columns) = images.device, images.shape[1:]
    back = sent(_inverse(index_matrix(matrix)), device)[..., None, None]  # between pixel indices
    row, column = torch.arange(size[0], device=device)[:, None], torch.arange(size[1], device=device)
    x, y = (back[:, k, 0] * column + back[:, k, 1] * row + back[:, k, 2] for k in range(2))
    grid = torch.stack([2.0 * x / (columns - 1) - 1.0, 2.0 * y / (rows - 1) - 1.0], dim=-1)
    out = functional.grid_sample(images[:, None].float(), grid, padding_mode="border", align_corners=True)[:, 0]
    grey = sent(border, device)[:, None, None]
    covered_x, covered_y = (torch.minimum(at + 1, n - at).clamp(0.0, 1.0) for at, n in ((x, columns), (y, rows)))
    return torch.where(grey < 0.0, out, grey + covered_x * covered_y * (out - grey))


def vary(looks: Tensor, draws: PhotometricDraws) -> Tensor:
    """Apply ``draws`` to looks (B, H, W); the same draws give the same result on the same device."""
    generator = torch.Generator(looks.device).manual_seed(draws.seed)
    looks = _gradient(_contrast(looks, draws), draws.gradient)
    changes: tuple[tuple[FloatArray, Callable[[Tensor, FloatArray], Tensor]], ...] = (
        (draws.clahe, equalised),
        (draws.sharpen, sharpened),
        (draws.blur, blurred),
        (draws.downscale, coarsened),
        (draws.noise, lambda part, deviation: grained(part, deviation, generator)),
        (draws.jpeg, compressed),
        (draws.holes, lambda part, holes: holed(part, holes, generator)),
    )
    for values, change in changes:
        chosen = np.flatnonzero(np.isfinite(values.reshape(len(values), -1)).any(axis=1))
        if len(chosen):
            rows = sent(chosen, looks.device, np.int64)
            looks = looks.index_copy(0, rows, change(looks[rows], values[chosen]).clamp(0.0, 255.0))
    return looks


def with_strips(looks: Tensor, strip: FloatArray) -> Tensor:
    """Looks of which only the columns of ``strip`` (B, 3) are shown; NaN = all."""
    first, end, grey = (_each(strip[:, k], looks) for k in range(3))
    column = torch.arange(looks.shape[2], device=looks.device)
    return torch.where((column < first) | (column >= end), grey, looks)  # no comparison with NaN is true


def standardised(looks: Tensor) -> Tensor:
    """Mean 0 and deviation 1, look by look; a constant one becomes 0. As `imaging.intensity.standardise`."""
    middle = looks.mean(dim=(1, 2), keepdim=True)
    deviation = looks.std(dim=(1, 2), keepdim=True, correction=0)
    return torch.where(deviation > 1e-6, (looks - middle) / deviation.clamp(min=1e-6), 0.0)


def normalised(looks: Tensor) -> Tensor:
    """As `landmarks.fitting.normalise`: outliers clipped at the 0.5 and 99.5 percentiles of whole grey values."""
    whole = looks.round()
    low, high = (_percentile(whole, percent)[:, None, None] for percent in (0.5, 99.5))
    least, most = whole.amin(dim=(1, 2), keepdim=True), whole.amax(dim=(1, 2), keepdim=True)
    flat = high <= low
    low, high = torch.where(flat, least, low), torch.where(flat, most, high)
    return standardised(((whole - low) / (high - low).clamp(min=1e-6)).clamp(0.0, 1.0))


def equalised(looks: Tensor, clip: FloatArray) -> Tensor:
    """Contrast-limited adaptive histogram equalisation in `CLAHE_TILES`, as OpenCV does it; ``clip`` (B,)."""
    count, rows, columns = looks.shape
    across, along = CLAHE_TILES
    grey = looks.round().clamp(0, 255)
    whole = grey
    if rows % along or columns % across:  # OpenCV then adds to both sides, to one that fits a whole tile's row
        more = (0, across - columns % across, 0, along - rows % along)
        whole = functional.pad(grey[:, None], more, mode="reflect")[:, 0]
    high, wide = whole.shape[1] // along, whole.shape[2] // across
    tiles = whole.reshape(count, along, high, across, wide).permute(0, 1, 3, 2, 4).reshape(count * along * across, -1)
    limit = np.maximum(np.floor(clip * high * wide / GREYS), 1.0).repeat(along * across)
    tables = (_clipped(_histograms(tiles), limit).cumsum(dim=1) * (255.0 / (high * wide))).round().clamp(0, 255)
    return _between_tiles(grey.long(), tables.reshape(count, along, across, GREYS), (high, wide))


def _clipped(counts: Tensor, limit: FloatArray) -> Tensor:
    """Histograms (N, 256) cut at ``limit`` (N,), with what was cut off spread over all bins, the rest over a few."""
    kept = torch.minimum(counts, sent(limit, counts.device)[:, None])
    excess = (counts - kept).sum(dim=1, keepdim=True)
    each = (excess / GREYS).floor()
    rest = excess - GREYS * each
    step = (GREYS / rest.clamp(min=1.0)).floor()
    bins = torch.arange(GREYS, device=counts.device)
    return kept + each + ((bins % step == 0) & ((bins / step).floor() < rest)).float()


def _between_tiles(grey: Tensor, tables: Tensor, tile: tuple[int, int]) -> Tensor:
    """Bilinear between the tables of the four tiles whose middles lie about each pixel."""
    count, along, across, _ = tables.shape
    places = []
    for axis, (tiles, side) in enumerate(zip((along, across), tile, strict=True)):
        at = torch.arange(grey.shape[1 + axis], device=grey.device) / side - 0.5
        lower = at.floor()
        places.append((lower.clamp(0, tiles - 1).long(), (lower + 1).clamp(0, tiles - 1).long(), at - lower))
    (top, bottom, down), (left, right, over) = places
    flat = tables.reshape(count, -1)

    def looked_up(row: Tensor, column: Tensor) -> Tensor:
        place = (row[:, None] * across + column) * GREYS + grey
        return flat.gather(1, place.reshape(count, -1)).reshape(grey.shape)

    above = looked_up(top, left) * (1.0 - over) + looked_up(top, right) * over
    below = looked_up(bottom, left) * (1.0 - over) + looked_up(bottom, right) * over
    return above * (1.0 - down[:, None]) + below * down[:, None]


def sharpened(looks: Tensor, sharpen: FloatArray) -> Tensor:
    """The look and its Laplacian, ``sharpen`` (B, 2) share and lightness."""
    padded = functional.pad(looks[:, None], (1, 1, 1, 1), mode="reflect")
    around = 9.0 * functional.avg_pool2d(padded, 3, 1)[:, 0]
    share, lightness = _each(sharpen[:, 0], looks), _each(sharpen[:, 1], looks)
    return (1.0 - share) * looks + share * ((9.0 + lightness) * looks - around)


def blurred(looks: Tensor, sigma: FloatArray) -> Tensor:
    """A Gaussian of ``sigma`` (B,) px."""
    reach = max(int(3.5 * float(sigma.max())), 1)
    near = torch.arange(-reach, reach + 1, device=looks.device)
    kernel = torch.exp(-0.5 * (near / _each(sigma, looks)[:, 0]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    count = len(looks)
    padded = functional.pad(looks[None], (reach,) * 4, mode="reflect")
    once = functional.conv2d(padded, kernel[:, None, None, :], groups=count)
    return functional.conv2d(once, kernel[:, None, :, None], groups=count)[0]


def coarsened(looks: Tensor, share: FloatArray) -> Tensor:
    """Resampled to ``share`` (B,) of the pixels along a side and back."""
    size = (looks.shape[1], looks.shape[2])
    out = []
    for look, part in zip(looks[:, None, None], share, strict=True):
        small = (max(round(size[0] * float(part)), 1), max(round(size[1] * float(part)), 1))
        fewer = functional.interpolate(look, small, mode="bilinear", align_corners=False, antialias=True)
        out.append(functional.interpolate(fewer, size, mode="bilinear", align_corners=False)[0])
    return torch.cat(out)


def grained(looks: Tensor, deviation: FloatArray, generator: torch.Generator) -> Tensor:
    """White noise of ``deviation`` (B,) on top."""
    return looks + _each(deviation, looks) * torch.randn(looks.shape, generator=generator, device=looks.device)


def compressed(looks: Tensor, quality: FloatArray) -> Tensor:
    """What JPEG of ``quality`` (B,) leaves of looks whose sides are multiples of 8."""
    count, rows, columns = looks.shape
    scale = np.where(quality < 50, 5000.0 / quality, 200.0 - 2.0 * quality)
    table = np.clip(np.floor((np.array(LUMINANCE) * scale[:, None, None] + 50.0) / 100.0), 1.0, 255.0)
    steps = sent(table, looks.device)[:, None, None]
    cosines = sent(_cosines(), looks.device)
    blocks = looks.round().reshape(count, rows // 8, 8, columns // 8, 8).transpose(2, 3) - 128.0
    kept = ((cosines @ blocks @ cosines.T) / steps).round() * steps
    back = cosines.T @ kept @ cosines + 128.0
    return back.transpose(2, 3).reshape(count, rows, columns).round()


def holed(looks: Tensor, holes: FloatArray, generator: torch.Generator) -> Tensor:
    """Looks with the rectangles ``holes`` (B, 3, 4) filled with random grey values; NaN = none."""
    column, row = (torch.arange(n, device=looks.device) for n in (looks.shape[2], looks.shape[1]))
    x0, y0, x1, y1 = sent(holes, looks.device).unbind(-1)
    across = (column >= x0[..., None]) & (column < x1[..., None])
    along = (row >= y0[..., None]) & (row < y1[..., None])
    inside = (along[..., :, None] & across[..., None, :]).any(dim=1)
    filled = torch.randint(0, GREYS, looks.shape, generator=generator, device=looks.device).to(looks)
    return torch.where(inside, filled, looks)


def _contrast(looks: Tensor, draws: PhotometricDraws) -> Tensor:
    def chosen(values: FloatArray) -> Tensor:
        return _each(np.isfinite(values), looks) > 0.5

    grey = looks.clamp(0.0, 255.0) / 255.0
    low, high = (_each(np.nan_to_num(draws.window[:, k], nan=float(k)), looks) for k in range(2))
    grey = ((grey - low) / (high - low)).clamp(0.0, 1.0)
    bend, power = _each(np.nan_to_num(draws.tanh, nan=1.0), looks), _each(np.nan_to_num(draws.gamma, nan=1.0), looks)
    bent = 0.5 + 0.5 * torch.tanh(bend * (2.0 * grey - 1.0)) / torch.tanh(bend)
    grey = torch.where(chosen(draws.tanh), bent, grey).clamp(0.0, 1.0) ** power
    steps = _each(np.nan_to_num(draws.greys, nan=256.0) - 1.0, looks)
    return 255.0 * torch.where(chosen(draws.greys), (grey * steps).round() / steps, grey)


def _gradient(looks: Tensor, ends: FloatArray) -> Tensor:
    x, y = (torch.linspace(-1.0, 1.0, n, device=looks.device) for n in (looks.shape[2], looks.shape[1]))
    slope = np.nan_to_num(ends)
    added = _each(slope[:, 0], looks) * x + _each(slope[:, 1], looks) * y[:, None]
    return (looks + added).clamp(0.0, 255.0)


def _percentile(whole: Tensor, percent: float) -> Tensor:
    """(B,) percentile of whole grey values, linear between neighbours in order as in NumPy."""
    cumulated = _histograms(whole.flatten(1)).cumsum(dim=1)
    at = percent / 100.0 * (whole[0].numel() - 1)
    lower = (cumulated <= int(at)).sum(dim=1).float()
    upper = (cumulated <= int(at) + 1).sum(dim=1).float()
    return lower + (at - int(at)) * (upper - lower)


def _histograms(values: Tensor) -> Tensor:
    """(N, 256) counts of whole grey values (N, P)."""
    counts = torch.zeros(len(values), GREYS, device=values.device)
    return counts.scatter_add_(1, values.long().clamp(0, GREYS - 1), torch.ones_like(values, dtype=torch.float32))


def sent(values: NDArray[Any], device: torch.device, kind: type[np.generic] = np.float32) -> Tensor:
    """An array on ``device``; a GPU is not waited for, as CUDA takes pageable memory before it returns."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind)).to(device, non_blocking=device.type == "cuda")


def _each(values: FloatArray, like: Tensor) -> Tensor:
    """Values (B,) as (B, 1, 1)."""
    return sent(values, like.device)[:, None, None]


def _inverse(matrix: FloatArray) -> FloatArray:
    linear = np.linalg.inv(matrix[..., :2])
    inverse: FloatArray = np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)
    return inverse


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    """The orthonormal discrete cosine transform of 8 values (8, 8)."""
    k, n = np.arange(8)[:, None], np.arange(8)
    transform: FloatArray = np.cos(np.pi * (2 * n + 1) * k / 16.0) / 2.0
    transform[0] /= np.sqrt(2.0)
    return transform

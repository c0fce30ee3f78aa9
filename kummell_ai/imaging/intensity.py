"""Grey values: windows that survive outliers, and standardisation for a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) image px; x1 and y1 are the far edges."""

GreyArray = NDArray[np.float32]

_SAMPLES = 1 << 18


def box_slices(shape: tuple[int, ...], valid_box: Box | None) -> tuple[slice, slice]:
    """Rows and columns whose pixels lie wholly inside ``valid_box``; all of them when the box is None or empty.

    >>> box_slices((10, 20), (2.0, 1.0, 18.0, 9.0))
    (slice(1, 9, None), slice(2, 18, None))
    """
    rows, columns = shape[0], shape[1]
    if valid_box is None:
        return slice(0, rows), slice(0, columns)
    x0, y0, x1, y1 = valid_box
    left, top = max(0, int(np.ceil(x0))), max(0, int(np.ceil(y0)))
    right, bottom = min(columns, int(np.floor(x1))), min(rows, int(np.floor(y1)))
    if right <= left or bottom <= top:
        return slice(0, rows), slice(0, columns)
    return slice(top, bottom), slice(left, right)


def robust_limits(
    values: NDArray[np.generic], low_percent: float = 0.5, high_percent: float = 99.5
) -> tuple[float, float]:
    """Two percentiles of ``values``, from at most some 260,000 evenly spaced samples.

    When the two coincide (a film with few grey values) the full range is taken instead.
    """
    flat = values.reshape(-1)
    step = max(1, flat.size // _SAMPLES)
    low, high = (float(v) for v in np.percentile(flat[::step].astype(np.float64), (low_percent, high_percent)))
    if high > low:
        return low, high
    return float(flat.min()), float(flat.max())


def robust_window(pixels: NDArray[np.generic], valid_box: Box | None = None) -> GreyArray:
    """Scale (H, W) pixels so that the 0.5 and 99.5 percentiles inside ``valid_box`` become 0 and 1; clip the rest.

    A film of one single value becomes 0.

    >>> robust_window(np.array([[10.0, 20.0, 30.0]])).round(1).tolist()
    [[0.0, 0.5, 1.0]]
    """
    inside = pixels[box_slices(pixels.shape, valid_box)]
    return rescale(pixels, *robust_limits(inside))


def square_about(pixels: GreyArray, centre_px: tuple[float, float], reach_px: float) -> GreyArray:
    """The pixels (h, w) of a film that a square about ``centre_px`` touches; empty where it lies beside the film.

    Args:
        pixels: (H, W).
        centre_px: (x, y) image px; pixel [r, c] covers x in [c, c + 1], y in [r, r + 1].
        reach_px: half the side of the square, image px.
    """
    x, y = centre_px
    left, top = max(0, int(np.floor(x - reach_px))), max(0, int(np.floor(y - reach_px)))
    right, bottom = max(0, int(np.ceil(x + reach_px))), max(0, int(np.ceil(y + reach_px)))
    return pixels[top:bottom, left:right]


def grey_spread(pixels: GreyArray, centre_px: tuple[float, float], reach_px: float) -> float:
    """Difference of the 97 and 3 percentiles of the grey values in the square of `square_about`.

    Returns:
        In the units of ``pixels``; NaN where the square shares no pixel with the film.

    >>> ramp = np.tile(np.linspace(0, 1, 101, dtype=np.float32), (9, 1))
    >>> round(grey_spread(ramp, (50.5, 4.5), 50.5), 2), grey_spread(ramp, (-30.0, 4.5), 5.0)
    (0.94, nan)
    """
    patch = square_about(pixels, centre_px, reach_px)
    if patch.size == 0:
        return float("nan")
    low, high = np.percentile(patch, (3.0, 97.0))
    return float(high - low)


def rescale(pixels: NDArray[np.generic], low: float, high: float) -> GreyArray:
    """Scale so that ``low`` becomes 0 and ``high`` 1, clipped; all 0 when ``high`` is not above ``low``."""
    if not high > low:
        return np.zeros(pixels.shape, np.float32)
    out: GreyArray = pixels.astype(np.float32)
    out -= np.float32(low)
    out *= np.float32(1.0 / (high - low))
    np.clip(out, 0.0, 1.0, out=out)
    return out


def standardise(pixels: NDArray[np.generic], valid_box: Box | None = None) -> GreyArray:
    """Pixels (H, W) minus their mean, over their standard deviation, both taken inside ``valid_box``.

    Pixels outside the box are set to 0, the mean. A constant film becomes 0.
    """
    rows, columns = box_slices(pixels.shape, valid_box)
    inside = pixels[rows, columns].astype(np.float32)
    mean, deviation = float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64))
    out: GreyArray = np.zeros(pixels.shape, np.float32)
    if deviation > 1e-6:
        out[rows, columns] = (inside - np.float32(mean)) / np.float32(deviation)
    return out

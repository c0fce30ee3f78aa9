"""Vectors in an isotropic plane with y pointing down: lengths and signed angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def cross(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Cross product of two plane vectors (..., 2) -> (...), in squared units."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def length(vector: ArrayLike) -> FloatArray:
    """Length of plane vectors (..., 2) -> (...), in the unit of the vector; NaN where a part is NaN.

    >>> float(length([3.0, 4.0]))
    5.0
    """
    v = np.asarray(vector, dtype=np.float64)
    return np.hypot(v[..., 0], v[..., 1])


def signed_angle(start: ArrayLike, end: ArrayLike) -> FloatArray:
    """Turn from ``start`` to ``end`` (degrees, -180 to 180), + when clockwise as seen on the film (y down).

    Args:
        start: vectors (..., 2).
        end: vectors (..., 2).

    Returns:
        (...) degrees; NaN where a vector has no length or a NaN part.

    >>> float(signed_angle([1.0, 0.0], [0.0, 1.0]))
    90.0
    """
    a, b = np.broadcast_arrays(np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64))
    turn = np.degrees(np.arctan2(cross(a, b), np.sum(a * b, axis=-1)))
    has_direction = (length(a) > 0) & (length(b) > 0)
    return np.where(has_direction, turn, np.nan)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> FloatArray:
    """``numerator / denominator`` (...); NaN where the denominator is 0.

    >>> ratio([1.0, 1.0], [2.0, 0.0]).tolist()
    [0.5, nan]
    """
    a, b = np.broadcast_arrays(np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64))
    return np.asarray(np.divide(a, b, out=np.full(a.shape, np.nan), where=b != 0), dtype=np.float64)

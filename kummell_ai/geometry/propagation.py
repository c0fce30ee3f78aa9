"""First-order propagation of point covariances to the covariance of measured quantities.

With y = f(x), cov(y) = J cov(x) Jᵀ, J being the matrix of derivatives taken by central differences. The steps are
1e-5 of the figure's size, where the differences agree with analytic derivatives to about nine digits. Quantities
that share points (two angles on one endplate) come out correlated, as they are: the full matrix is returned.

At a kink (the length of a collapsed wall, |SA - IA| = 0) no derivative exists; the variance is then NaN, not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.geometry.lines import FloatArray

Function = Callable[[FloatArray], FloatArray]

_RELATIVE_STEP = 1e-5
_KINK = 0.05


@dataclass(frozen=True, slots=True)
class Propagated:
    """Quantities with their joint covariance.

    Attributes:
        value: (..., Q).
        covariance: (..., Q, Q), in products of the quantities' units; NaN where it does not exist.
    """

    value: FloatArray
    covariance: FloatArray

    @property
    def standard_error(self) -> FloatArray:
        """(..., Q), in the unit of each quantity; NaN where it does not exist."""
        variance = np.diagonal(self.covariance, axis1=-2, axis2=-1)
        return np.sqrt(np.where(variance >= 0, variance, np.nan))


def propagate(function: Function, points: ArrayLike, covariance: ArrayLike) -> Propagated:
    """Value and covariance of a vector of quantities of plane points.

    Args:
        function: maps points (..., P, 2) to quantities (..., Q), any leading axes.
        points: (..., P, 2), isotropic.
        covariance: (..., P, 2, 2), squared units; the points are independent of each other.
    """
    p = np.asarray(points, dtype=np.float64)
    value, jacobian = _differentiate(function, p, _figure_step(p))
    by_point = jacobian.reshape(*value.shape, p.shape[-2], 2)
    cov = np.asarray(covariance, dtype=np.float64)
    # A point that a quantity does not use may be unseen (NaN) without spoiling the quantity.
    unused = (by_point == 0).all(axis=-1)[..., None]
    pushed = np.einsum("...qpi,...pij->...qpj", by_point, cov)
    pushed = np.where(unused, 0.0, pushed)
    return Propagated(value, np.einsum("...qpj,...rpj->...qr", pushed, by_point))


def propagate_values(function: Function, values: ArrayLike, standard_errors: ArrayLike) -> Propagated:
    """Value and covariance of quantities of independent numbers.

    Args:
        function: maps numbers (..., N) to quantities (..., Q).
        values: (..., N).
        standard_errors: (..., N), in the unit of each number.
    """
    x = np.asarray(values, dtype=np.float64)
    step = _RELATIVE_STEP * np.fmax(np.abs(x), 1.0)
    value, jacobian = _differentiate(lambda v: function(v[..., 0]), x[..., None], step[..., None])
    errors = np.asarray(standard_errors, dtype=np.float64)[..., None, :]
    scaled = np.where(jacobian == 0, 0.0, jacobian * errors)
    return Propagated(value, np.einsum("...qn,...rn->...qr", scaled, scaled))


def _figure_step(points: FloatArray) -> FloatArray:
    """Difference step (..., 1, 1): 1e-5 of the extent of the points that are seen, or of 1 when that is 0."""
    seen = np.isfinite(points)
    high = np.where(seen, points, -np.inf).max(axis=-2, keepdims=True)
    low = np.where(seen, points, np.inf).min(axis=-2, keepdims=True)
    extent = np.maximum(high - low, 0.0).max(axis=-1, keepdims=True)
    return _RELATIVE_STEP * np.where(extent > 0, extent, 1.0)


def _differentiate(function: Function, x: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Value (..., Q) and derivatives (..., Q, N) of ``function`` at x (..., P, D), N = P D; NaN rows at a kink."""
    rows, columns = x.shape[-2:]
    count = rows * columns
    moves = np.eye(count).reshape(count, *(1,) * (x.ndim - 2), rows, columns) * step
    value = np.asarray(function(x), dtype=np.float64)
    ahead = np.asarray(function(x + moves), dtype=np.float64)
    behind = np.asarray(function(x - moves), dtype=np.float64)
    width = np.broadcast_to(2.0 * step, x.shape).reshape(*x.shape[:-2], count)
    slope = np.moveaxis(ahead - behind, 0, -1) / width[..., None, :]
    bend = np.abs(ahead + behind - 2.0 * value).max(axis=0)
    reach = np.maximum(np.abs(ahead - value), np.abs(behind - value)).max(axis=0)
    kinked = bend > _KINK * reach
    return value, np.where(kinked[..., None], np.nan, slope)

"""What an operation changed and what was lost again. Definitions: docs/definitions.md.

All functions work element by element on arrays (...); heights in mm (or one common length unit), angles in degrees
with kyphosis +. A gain is positive: higher after than before, less kyphosis after than before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.geometry.lines import FloatArray, ratio
from kummell_ai.quantities import Z95


def _array(value: ArrayLike) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


def mdc95(standard_error_before: ArrayLike, standard_error_after: ArrayLike) -> FloatArray:
    """Minimal detectable change at 95 %: 1.96 sqrt(se1² + se2²), the errors of the two films being independent.

    >>> round(float(mdc95(3.0, 4.0)), 2)
    9.8
    """
    return Z95 * np.hypot(_array(standard_error_before), _array(standard_error_after))


def height_restoration(before: ArrayLike, after: ArrayLike) -> FloatArray:
    """Height after minus height before."""
    return _array(after) - _array(before)


def height_restoration_rate(before: ArrayLike, after: ArrayLike, reference: ArrayLike) -> FloatArray:
    """100 (after - before) / (reference - before) (%): the share of the lost height that was won back.

    NaN where nothing was lost (reference = before).

    >>> float(height_restoration_rate(15.0, 20.0, 25.0))
    50.0
    """
    return 100.0 * ratio(_array(after) - _array(before), _array(reference) - _array(before))


def height_gain_rate(before: ArrayLike, after: ArrayLike) -> FloatArray:
    """100 (after - before) / before (%): the gain in terms of the height before; NaN for a height of 0.

    >>> float(height_gain_rate(16.0, 20.0))
    25.0
    """
    return 100.0 * ratio(_array(after) - _array(before), before)


def kyphosis_correction(before_deg: ArrayLike, after_deg: ArrayLike) -> FloatArray:
    """Angle before minus angle after (degrees)."""
    return _array(before_deg) - _array(after_deg)


def correction_rate(before_deg: ArrayLike, after_deg: ArrayLike, guard_deg: ArrayLike) -> FloatArray:
    """100 (before - after) / before (%): the share of a kyphosis that was taken away.

    NaN where ``before`` does not exceed ``guard_deg``: of no kyphosis, or of a lordosis, there is no share.

    Args:
        before_deg: angle before (degrees).
        after_deg: angle after (degrees).
        guard_deg: the minimal detectable change (degrees), 0 or more; an angle within it cannot be told from 0.

    >>> correction_rate([20.0, 3.0, -10.0], [5.0, 1.0, -15.0], 5.6).tolist()
    [75.0, nan, nan]
    """
    before = _array(before_deg)
    rate = 100.0 * ratio(before - _array(after_deg), before)
    return np.where(before > _array(guard_deg), rate, np.nan)


def loss_of_correction(after_deg: ArrayLike, last_deg: ArrayLike) -> FloatArray:
    """Angle at the last follow-up minus angle after the operation (degrees); + when kyphosis came back."""
    return _array(last_deg) - _array(after_deg)


def height_loss_after_surgery(after: ArrayLike, last: ArrayLike) -> FloatArray:
    """Height after the operation minus height at the last follow-up; + when height was lost."""
    return _array(after) - _array(last)


def intravertebral_instability(lying: ArrayLike, sitting: ArrayLike) -> FloatArray:
    """Anterior height lying minus anterior height sitting (or standing); + when the body opens on lying down."""
    return _array(lying) - _array(sitting)

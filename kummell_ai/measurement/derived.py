"""Numbers that follow from two films: restoration, correction, their rates, and what was lost again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kummell_ai.geometry import correction as formulas
from kummell_ai.geometry.propagation import propagate_values
from kummell_ai.measurement.results import Change
from kummell_ai.measurement.scale import without_length_caveat
from kummell_ai.measurement.vertebrae import FloatArray, join_caveats, to_quantity
from kummell_ai.quantities import Interval, Quantity

Quantities = dict[str, Quantity]

Factor = Callable[[str], float]
"""Factor on the standard error of a number by its id; 1 where none was set."""

RATES = ("height_restoration_rate", "height_gain_rate", "correction_rate")
"""What an operation won as a share, in %."""

USUAL_MDC_DEG = 5.6
"""Minimal detectable change of a Cobb angle at a corner error of 0.75 mm; the guard when no interval is known."""

USUAL_LOSS = 0.09
"""Detectable loss of anterior height as a share of the reference height (2.3 of 26 mm); likewise at 0.75 mm."""

RATE_TOO_WIDE = 100.0
"""Half width of an interval (%) from which a rate says nothing: none and all of it are both within."""


def combine(
    function: Callable[..., FloatArray], *parts: Quantity, unit: str | None = None, factor: float = 1.0
) -> Quantity:
    """``function`` of independent quantities, ``factor`` on its standard error; missing when one is missing."""
    unit = unit or parts[0].unit
    lacking = next((q for q in parts if q.value is None), None)
    if lacking is not None:
        return Quantity.missing(unit, lacking.caveat or "a part of it is missing")
    errors = [np.nan if q.standard_error is None else q.standard_error for q in parts]
    values = [0.0 if q.value is None else q.value for q in parts]
    result = propagate_values(lambda v: function(*np.moveaxis(v, -1, 0))[..., None], values, errors)
    caveat = join_caveats(*(q.caveat for q in parts))
    return to_quantity(result, 0, unit, "undefined: its denominator is 0", caveat, factor)


def _difference(function: Callable[..., FloatArray], before: Quantity, after: Quantity, change: Change) -> Quantity:
    """``function``, a plain difference of the two, with the interval of their change."""
    result = combine(function, before, after)
    if result.value is None or change.mdc95 is None:
        return result
    return replace(result, interval=Interval(result.value - change.mdc95, result.value + change.mdc95))


def _restoration_rate(before: Quantity, after: Quantity, reference: Quantity, factor: float) -> Quantity:
    if before.value is not None and reference.value is not None:
        lost = combine(lambda r, b: r - b, reference, before)
        guard = USUAL_LOSS * reference.value if lost.interval is None else lost.interval.half_width
        if lost.value is not None and lost.value <= guard:
            why = f"undefined: the height lost before, {lost.text()}, cannot be told from 0"
            return Quantity.missing("%", why)
    return combine(formulas.height_restoration_rate, before, after, reference, unit="%", factor=factor)


def _correction_rate(before: Quantity, after: Quantity, mdc: float | None, factor: float) -> Quantity:
    own = 0.0 if before.interval is None else before.interval.half_width
    guard = max(USUAL_MDC_DEG if mdc is None else mdc, own)
    if before.value is not None and before.value <= guard:
        limit = f"the detectable change or its own interval, {guard:.1f}°"
        where = f"within {limit}" if before.value >= -guard else "a lordosis, of which no kyphosis can be corrected"
        return Quantity.missing("%", f"undefined: the angle before, {before.value:.1f}°, is {where}")
    return combine(lambda b, a: formulas.correction_rate(b, a, guard), before, after, unit="%", factor=factor)


def _told(rate: Quantity, too_wide: float) -> Quantity:
    if rate.interval is None or rate.interval.half_width <= too_wide:
        return rate
    half = rate.interval.half_width
    return Quantity.missing("%", f"not measurable: its 95 % interval is ± {half:.0f} %, the value before is too small")


def rates(
    first: Quantities,
    second: Quantities,
    mdc_deg: float | None,
    factor: Factor,
    too_wide: float = RATE_TOO_WIDE,
) -> Quantities:
    """The `RATES` of the quantities before and after; without that of the Cobb angle where either film has none.

    Args:
        first: before: ``anterior_height``, ``reference_height`` and ``segmental_cobb``.
        second: after: ``anterior_height`` and ``segmental_cobb``.
        mdc_deg: minimal detectable change of the Cobb angle (degrees), or None.
        factor: by rate, on its standard error, which takes the two films for independent.
        too_wide: half width (%) beyond which a rate is withheld.
    """
    height, cobb = "anterior_height", "segmental_cobb"
    of_restoration, of_gain, of_correction = (factor(rate) for rate in RATES)
    lengths = (first[height], second[height], first["reference_height"])
    before, after, reference = (without_length_caveat(length) for length in lengths)
    gain = combine(formulas.height_gain_rate, before, after, unit="%", factor=of_gain)
    restored = _restoration_rate(before, after, reference, of_restoration)
    result = {"height_restoration_rate": restored, "height_gain_rate": gain}
    if cobb in first and cobb in second:
        result["correction_rate"] = _correction_rate(first[cobb], second[cobb], mdc_deg, of_correction)
    return {name: _told(rate, too_wide) for name, rate in result.items()}


def _gains(first: Quantities, second: Quantities, changes: dict[str, Change], factor: Factor) -> Quantities:
    """What the operation won, or what is left of it at the last follow-up."""
    height, wedge, cobb = "anterior_height", "wedge_angle", "segmental_cobb"
    result = {
        "height_restoration": _difference(formulas.height_restoration, first[height], second[height], changes[height]),
        "wedge_correction": _difference(formulas.kyphosis_correction, first[wedge], second[wedge], changes[wedge]),
    }
    if cobb in first and cobb in second:
        turned = _difference(formulas.kyphosis_correction, first[cobb], second[cobb], changes[cobb])
        result["kyphosis_correction"] = turned
    detectable = changes[cobb].mdc95 if cobb in changes else None
    return result | rates(first, second, detectable, factor)


def _losses(first: Quantities, second: Quantities, changes: dict[str, Change], factor: Factor) -> Quantities:
    """What was lost again after the operation."""
    height, cobb = "anterior_height", "segmental_cobb"
    lost = _difference(formulas.height_loss_after_surgery, first[height], second[height], changes[height])
    result = {"height_loss_after_surgery": lost}
    if cobb in first and cobb in second:
        turned = _difference(formulas.loss_of_correction, first[cobb], second[cobb], changes[cobb])
        result["loss_of_correction"] = turned
    return result


DERIVED: dict[str, Callable[[Quantities, Quantities, dict[str, Change], Factor], Quantities]] = {
    "correction": _gains,
    "loss": _losses,
    "net": _gains,
}
"""What each named comparison derives from the quantities before, after, their changes, and the factors of rates."""

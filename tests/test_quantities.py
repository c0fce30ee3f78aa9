"""A quantity keeps its own rules: a missing value has a reason, an interval is an interval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.quantities import UNITS, Z95, Interval, Quantity


def test_z95_is_the_normal_quantile() -> None:
    assert math.isclose(0.5 * (1 + math.erf(Z95 / math.sqrt(2))), 0.975, abs_tol=1e-15)


@pytest.mark.parametrize(
    ("unit", "text"), [("mm", "12.5 mm"), ("deg", "12.5°"), ("%", "12.5 %"), ("px", "12.5 px"), ("1", "12.5")]
)
def test_text_by_unit(unit: str, text: str) -> None:
    assert Quantity(12.5, unit).text() == text


def test_text_with_interval_and_digits() -> None:
    assert Quantity(1.234, "mm", Interval(1.0, 1.5)).text(2) == "1.23 mm (1.00 to 1.50)"


def test_missing() -> None:
    quantity = Quantity.missing("mm", "not seen")
    assert (quantity.value, quantity.unit, quantity.interval, quantity.caveat) == (None, "mm", None, "not seen")
    assert quantity.text() == "n/a"


@given(st.floats(-1e6, 1e6), st.floats(0, 1e3))
def test_standard_error_is_the_half_width_over_z(value: float, error: float) -> None:
    interval = Interval(value - Z95 * error, value + Z95 * error)
    found = Quantity(value, "deg", interval).standard_error
    assert found is not None
    assert math.isclose(found, error, abs_tol=1e-9, rel_tol=1e-9)


def test_no_interval_no_standard_error() -> None:
    assert Quantity(1.0, "mm").standard_error is None


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.inf)])
def test_impossible_interval(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="must be finite with low <= high"):
        Interval(low, high)


def test_unknown_unit() -> None:
    with pytest.raises(ValueError, match=f"unit 'inch' is not one of {', '.join(UNITS)}"):
        Quantity(1.0, "inch")


@pytest.mark.parametrize("caveat", [None, ""])
def test_missing_without_a_reason(caveat: str | None) -> None:
    with pytest.raises(ValueError, match="a missing value needs a caveat that says why"):
        Quantity(None, "mm", None, caveat)


def test_missing_with_an_interval() -> None:
    with pytest.raises(ValueError, match="a missing value has no interval"):
        Quantity(None, "mm", Interval(0.0, 1.0), "not seen")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_value_that_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="must be finite; use None and a caveat"):
        Quantity(value, "mm")

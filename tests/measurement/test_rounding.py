"""Numbers that cross a limit do not read as the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.measurement.rounding import apart_from


@pytest.mark.parametrize(
    ("value", "limits", "digits", "text"),
    [
        (3.7, (3.0,), 1, "3.7"),
        (3.04, (3.0,), 1, "3.04"),
        (3.0004, (3.0,), 1, "3.0004"),
        (3.0, (3.0,), 1, "3.0"),
        (0.499, (0.5,), 2, "0.499"),
        (1.6004, (0.15, 1.6), 2, "1.6004"),
        (float("inf"), (0.15, 1.6), 2, "inf"),
    ],
)
def test_as_few_digits_as_say_it(value: float, limits: tuple[float, ...], digits: int, text: str) -> None:
    assert apart_from(value, *limits, digits=digits) == text


@given(st.floats(-10.0, 10.0), st.sampled_from([0.5, 3.0]))
def test_the_text_is_on_the_same_side_as_the_value(value: float, limit: float) -> None:
    told = float(apart_from(value, limit))
    assert (told > limit) == (value > limit) or abs(value - limit) < 1e-6

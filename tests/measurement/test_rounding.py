"""Numbers that cross a limit do not read as the limit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.geometry.propagation import Propagated
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.measurement.common_scale import common_scale
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.measurement.shared_shapes import TOLD_MISFIT, BodyApart, SharedShapes, _findings
from kummell_ai.measurement.vertebrae import TOO_WIDE, calibrated_quantity
from kummell_ai.quantities import Z95
from tests.measurement.spines import L, measured, spine


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


@given(st.floats(1e-4, 1.0), st.sampled_from(sorted(TOO_WIDE)))
def test_an_interval_that_is_too_wide_reads_as_too_wide(beyond: float, unit: str) -> None:
    error = TOO_WIDE[unit] * (1.0 + beyond) / Z95
    found = calibrated_quantity(
        Propagated(np.array([20.0]), np.array([[error**2]])),
        0,
        "x",
        unit,
        "",
        None,
        IntervalFactors("intact", {"x": 1.0}),
    )
    assert found.caveat is not None
    half, limit = re.findall(r"[\d.]+", found.caveat.split("interval is")[1])[:2]
    assert float(half) > float(limit)


@given(st.floats(1e-4, 1.0))
def test_a_misfit_that_is_told_reads_as_beyond_the_expected(beyond: float) -> None:
    (found,) = _findings(SharedShapes((), (), (BodyApart(L.L2, TOLD_MISFIT * (1.0 + beyond), None),)), [])
    misfit, limit = re.findall(r"misfit ([\d.]+), at most ([\d.]+)", found.message)[0]
    assert float(misfit) > float(limit)


@pytest.mark.parametrize("size", [1.1004, 1.104, 1.15, 0.896, 0.8997])
def test_a_magnification_that_is_told_reads_as_beyond_the_expected(size: float) -> None:
    films = [measured(spine(px_per_mm=4.0 * k)) for k in (1.0, size)]
    (found,) = common_scale(films[0], films[1], L.L1).findings
    told, low, high = map(float, re.findall(r"([\d.]+) % on .*; (\d+) to (\d+) %", found.message)[0])
    assert not low <= told <= high


@given(st.floats(1.6, 30.0))
def test_a_misfit_far_from_the_expected_is_told_with_one_digit(misfit: float) -> None:
    (found,) = _findings(SharedShapes((), (), (BodyApart(L.L2, misfit, None),)), [])
    assert f"(misfit {misfit:.1f}, at most 1.5 is expected)" in found.message

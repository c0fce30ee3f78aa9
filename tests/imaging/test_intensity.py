"""Windows and standardisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.imaging.intensity import box_slices, grey_spread, rescale, robust_limits, robust_window, standardise


@given(st.integers(0, 1000), st.floats(0.01, 1000), st.floats(-1000, 1000))
def test_robust_window_ignores_gain_and_offset(seed: int, gain: float, offset: float) -> None:
    pixels = np.random.default_rng(seed).random((40, 30))
    np.testing.assert_allclose(robust_window(pixels * gain + offset), robust_window(pixels), atol=2e-2)


def test_robust_window_survives_outliers() -> None:
    pixels = np.random.default_rng(0).random((100, 100))
    pixels[0, 0] = 1e6
    window = robust_window(pixels)
    assert window.dtype == np.float32
    assert 0.3 < float(np.median(window)) < 0.7
    assert window.max() == 1.0


def test_the_valid_box_alone_sets_the_window() -> None:
    pixels = np.zeros((40, 40))
    pixels[10:30, 10:30] = np.linspace(5, 6, 20)
    inside = robust_window(pixels, (10.0, 10.0, 30.0, 30.0))[10:30, 10:30]
    assert inside.min() == 0.0
    assert inside.max() == 1.0


def test_few_grey_values_take_the_full_range() -> None:
    pixels = np.zeros(10000)
    pixels[0] = 7.0
    assert robust_limits(pixels) == (0.0, 7.0)


def test_a_constant_film_becomes_zero() -> None:
    assert not robust_window(np.full((20, 20), 3.0)).any()
    assert not standardise(np.full((20, 20), 3.0)).any()
    assert not rescale(np.full((20, 20), 3.0), 5.0, 5.0).any()


def test_standardise_has_zero_mean_and_unit_deviation_inside_the_box() -> None:
    pixels = np.random.default_rng(1).random((60, 50)).astype(np.float32)
    out = standardise(pixels, (5.0, 10.0, 45.0, 50.0))
    assert out.dtype == np.float32
    assert out[10:50, 5:45].mean() == pytest.approx(0, abs=1e-5)
    assert out[10:50, 5:45].std() == pytest.approx(1, abs=1e-4)
    assert not out[:10].any()


def test_an_empty_box_is_the_whole_film() -> None:
    assert box_slices((10, 20), (5.0, 5.0, 5.0, 9.0)) == (slice(0, 10), slice(0, 20))


@given(
    st.integers(0, 1000),
    st.floats(-10, 40),
    st.floats(-10, 50),
    st.floats(0.6, 30),
    st.floats(0.0, 5),
    st.floats(-3, 3),
)
def test_grey_spread_follows_gain_and_ignores_offset(
    seed: int, x: float, y: float, reach: float, gain: float, offset: float
) -> None:
    pixels = np.random.default_rng(seed).random((40, 30)).astype(np.float32)
    spread = grey_spread(pixels, (x, y), reach)
    changed = grey_spread((gain * pixels + offset).astype(np.float32), (x, y), reach)
    np.testing.assert_allclose(changed, gain * spread, atol=1e-5)
    beside = x + reach <= 0 or y + reach <= 0 or x - reach >= 30 or y - reach >= 40
    assert np.isnan(spread) if beside else 0.0 <= spread <= 1.0


@pytest.mark.parametrize(("reach", "expected"), [(4.0, 0.0), (6.0, 1.0)])
def test_grey_spread_sees_what_lies_within_its_reach(reach: float, expected: float) -> None:
    pixels = np.zeros((20, 20), dtype=np.float32)
    pixels[:, 15:] = 1.0
    assert grey_spread(pixels, (10.0, 10.0), reach) == expected


@pytest.mark.parametrize("size", [1 << 18, (1 << 18) + 7, 5 << 18])
def test_limits_of_large_films_are_those_of_all_their_pixels(size: int) -> None:
    """Of a ramp from 0 to 1 they are 0.005 and 0.995, but for the step from one sample to the next."""
    low, high = robust_limits(np.linspace(0.0, 1.0, size))
    assert (low, high) == pytest.approx((0.005, 0.995), abs=1e-5)


@pytest.mark.parametrize("size", [101, 1001])
def test_grey_spread_of_a_ramp_leaves_3_percent_at_either_end(size: int) -> None:
    ramp = np.tile(np.linspace(0.0, 1.0, size, dtype=np.float32), (3, 1))
    assert grey_spread(ramp, (size / 2, 1.5), float(size)) == pytest.approx(0.94, abs=1e-4)

"""Kendall's W by ranks, two methods turned round, and values that are equal but for rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.quantities import Interval
from kummell_ai.statistics.agreement import bland_altman, is_constant, reliability
from kummell_ai.statistics.omnibus import friedman

unhurried = settings(deadline=None)


@unhurried
@given(st.integers(3, 12), st.integers(3, 5), st.integers(0, 999))
def test_kendalls_w_is_that_of_the_sums_of_ranks(patients: int, phases: int, seed: int) -> None:
    """W = 12 S / (n² (k³ - k)), S the squares of the rank sums about their mean; chi-squared is n (k - 1) W."""
    ranks = np.array([np.random.default_rng(seed + i).permutation(phases) + 1.0 for i in range(patients)])
    sums = ranks.sum(axis=0)
    w = 12 * ((sums - sums.mean()) ** 2).sum() / (patients**2 * (phases**3 - phases))
    found = friedman(np.exp(ranks))
    assert found.effect == pytest.approx(w, abs=1e-12)
    assert found.statistic == pytest.approx(patients * (phases - 1) * w, abs=1e-9)
    assert (found.n, found.df1, found.effect_name) == (patients, phases - 1, "Kendall's W")


@unhurried
@given(st.integers(3, 20), st.integers(0, 99))
def test_patients_who_all_change_alike_agree_wholly(patients: int, seed: int) -> None:
    own = np.random.default_rng(seed).normal(0.0, 50.0, (patients, 1))
    assert friedman(own + np.array([0.0, 3.0, 2.0])).effect == pytest.approx(1.0)


@unhurried
@given(st.floats(-1e9, 1e9), st.integers(1, 4))
def test_values_that_differ_by_rounding_alone_are_constant_at_any_size(value: float, steps: int) -> None:
    last = value
    for _ in range(steps):
        last = float(np.nextafter(last, np.inf))
    assert is_constant(np.array([value, last, value]))
    apart = 1e-9 * max(1.0, abs(value))
    assert not is_constant(np.array([value, value + apart, value]))


def turned(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return pytest.approx((-interval.high, -interval.low))  # type: ignore[return-value]


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@unhurried
@given(st.integers(3, 30), st.integers(0, 999), st.floats(-5.0, 5.0), st.floats(0.1, 4.0))
def test_two_methods_turned_round_have_the_limits_turned_round(n: int, seed: int, bias: float, error: float) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(20.0, 8.0, n)
    second = first - bias + rng.normal(0.0, error, n)
    one, other = bland_altman(first, second), bland_altman(second, first)
    assert (other.bias, other.sd) == pytest.approx((-one.bias, one.sd))
    assert (other.lower, other.upper) == pytest.approx((-one.upper, -one.lower))
    assert ends(other.bias_interval) == turned(one.bias_interval)
    assert ends(other.lower_interval) == turned(one.upper_interval)
    assert ends(other.upper_interval) == turned(one.lower_interval)
    for end in ends(one.bias_interval):
        assert stats.ttest_1samp(first - second, end).pvalue == pytest.approx(0.05, rel=1e-6)
    for limit, interval in ((one.lower, one.lower_interval), (one.upper, one.upper_interval)):
        assert limit == pytest.approx(np.mean(ends(interval)))
    there, back = (reliability(np.stack(pair, axis=1)) for pair in ((first, second), (second, first)))
    assert (there.icc, there.sem, there.mdc95) == pytest.approx((back.icc, back.sem, back.mdc95))

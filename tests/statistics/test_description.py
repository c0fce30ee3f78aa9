"""Description of a phase, and what a sign test tells of those who do not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.statistics.cohort import summarise
from kummell_ai.statistics.paired import sign_test

unhurried = settings(deadline=None)
numbers = st.lists(st.integers(-500, 500), min_size=3, max_size=20)


@unhurried
@given(numbers, st.integers(0, 4))
def test_the_interval_of_a_mean_is_that_of_students_test(values: list[int], missing: int) -> None:
    """It holds every mean that the one-sample t test does not exclude at 5 %."""
    known = np.array(values) / 10
    found = summarise(np.append(known, np.full(missing, np.nan)), "pre")
    assert (found.n, found.missing) == (len(values), missing)
    assert found.mean is not None
    assert found.mean_interval is not None
    low, high = found.mean_interval.low, found.mean_interval.high
    assert found.mean - low == pytest.approx(high - found.mean)
    if np.ptp(known) > 0:
        for end in (low, high):
            assert stats.ttest_1samp(known, end).pvalue == pytest.approx(0.05, rel=1e-6)


def test_of_one_patient_there_is_a_mean_and_no_interval() -> None:
    found = summarise(np.array([4.0, np.nan]), "pre")
    assert (found.mean, found.median, found.sd, found.mean_interval, found.shapiro_p) == (4.0, 4.0, None, None, None)


@unhurried
@given(st.lists(st.integers(-2, 2), min_size=3, max_size=30).filter(any))
def test_improved_worsened_and_unchanged_are_all_patients(grades: list[int]) -> None:
    """P is that of heads and tails of those who changed; the others tell nothing of a direction."""
    found = sign_test(np.array(grades, float))
    assert found.directions is not None
    up, down = found.directions
    assert (up, down) == (sum(g > 0 for g in grades), sum(g < 0 for g in grades))
    assert (up + down + (found.unchanged or 0), found.n) == (len(grades), len(grades))
    assert found.unchanged == grades.count(0)
    fewer = sum(math.comb(up + down, i) for i in range(min(up, down) + 1))
    assert found.p == pytest.approx(min(1.0, 2 * fewer / 2 ** (up + down)))
    assert found.effect == pytest.approx(up / (up + down))

"""Laws of the two one-sided tests of one change, and of paired tests turned round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.statistics.paired import equivalence, equivalence_p, paired_t, wilcoxon

unhurried = settings(deadline=None)
changes, errors, margins = st.floats(-20.0, 20.0), st.floats(0.05, 10.0), st.floats(0.1, 20.0)


@unhurried
@given(changes, errors, margins)
def test_p_is_the_larger_one_of_the_two_tests(change: float, error: float, margin: float) -> None:
    """Each asks whether the change lies beyond one end of the margin."""
    below, above = stats.norm.sf((change + margin) / error), stats.norm.sf((margin - change) / error)
    assert equivalence_p(change, error, margin) == pytest.approx(max(below, above))
    assert equivalence_p(-change, error, margin) == equivalence_p(change, error, margin)


@unhurried
@given(changes, errors, margins)
def test_a_change_is_within_the_margin_at_5_percent_where_its_90_percent_interval_is(
    change: float, error: float, margin: float
) -> None:
    half = float(stats.norm.ppf(0.95)) * error
    assume(abs(abs(change) + half - margin) > 1e-9)
    assert (equivalence_p(change, error, margin) < 0.05) is (-margin < change - half and change + half < margin)


@unhurried
@given(changes, margins, st.sampled_from([-1.0, 1.0]))
def test_a_change_as_large_as_the_margin_is_a_toss(change: float, margin: float, sign: float) -> None:
    assert equivalence_p(sign * margin, abs(change) + 0.1, margin) == pytest.approx(0.5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.floats(0.2, 2.0))
def test_of_many_patients_it_is_the_test_by_students_t(seed: int, margin: float) -> None:
    """With 400 patients t and the normal distribution differ by 1 % of their tails."""
    difference = np.random.default_rng(seed).normal(0.3, 2.0, 400)
    error = float(difference.std(ddof=1)) / 20.0
    by_t = equivalence(difference, margin).p
    assert equivalence_p(float(difference.mean()), error, margin) == pytest.approx(by_t, rel=0.1, abs=1e-3)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(-90, 90), min_size=6, max_size=15, unique_by=abs))
def test_changes_turned_round_have_the_same_p_and_the_other_sign(changes: list[int]) -> None:
    difference = np.array(changes) / 10
    for test in (paired_t, wilcoxon):
        there, back = test(difference), test(-difference)
        assert back.p == pytest.approx(there.p)
        assert (back.change, back.effect) == pytest.approx((-there.change, -there.effect))
        one, other = there.change_interval, back.change_interval
        assert one is not None
        assert other is not None
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    interval = paired_t(difference).change_interval
    assert interval is not None
    for end in (interval.low, interval.high):  # the means that the test does not exclude
        assert stats.ttest_1samp(difference, end).pvalue == pytest.approx(0.05, rel=1e-6)
    same, other_same = equivalence(difference, 3.0), equivalence(-difference, 3.0)
    assert other_same.p == pytest.approx(same.p)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_changes_that_differ_by_rounding_alone_have_no_spread(sign: float) -> None:
    alike = sign * np.array([0.1 + 0.2, 0.3, 0.3])
    assert np.ptp(alike) > 0.0
    for call in (lambda: paired_t(alike), lambda: equivalence(alike, 1.0)):
        with pytest.raises(ValueError, match="all differences are equal"):
            call()

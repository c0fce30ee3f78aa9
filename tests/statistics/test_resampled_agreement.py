"""Resamples written out film by film, and Student's t, are the oracles of the intervals over patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kummell_ai.statistics import resampled_agreement
from kummell_ai.statistics.agreement import bland_altman, reliability

SIZES = (1, 3, 2, 3, 1, 2)
PATIENT = np.repeat(np.arange(6), SIZES)


def pairs(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    true = rng.normal(30.0, 5.0, 12)
    return np.column_stack([true + rng.normal(1.0, 2.0, 12), true])


def test_figures_are_those_of_the_films_written_out() -> None:
    """A film that is drawn twice stands twice in the table."""
    weights = np.random.default_rng(1).multinomial(6, np.full(6, 1 / 6), size=40)[:, PATIENT].astype(float)
    found = np.column_stack(resampled_agreement._figures(pairs(), weights))
    for row, weight in zip(found, weights, strict=True):
        films = np.repeat(pairs(), weight.astype(int), axis=0)
        limits, trust = bland_altman(*films.T), reliability(films)
        assert row == pytest.approx([limits.bias, limits.lower, limits.upper, trust.icc])


def test_the_interval_of_few_patients_is_that_of_student() -> None:
    table = np.column_stack([np.random.default_rng(1).normal(size=8), np.zeros(8)])
    found = resampled_agreement.agreement_intervals(table, np.arange(8)).bias
    half = float(stats.t.ppf(0.975, 7)) * table[:, 0].std(ddof=1) / 8**0.5
    assert found is not None
    assert found.half_width == pytest.approx(half, rel=0.08), "4,000 resamples tell a far tail to some %"


def test_the_order_of_the_films_does_not_matter_and_the_seed_holds() -> None:
    order = np.random.default_rng(2).permutation(12)
    one = resampled_agreement.agreement_intervals(pairs(), PATIENT)
    other = resampled_agreement.agreement_intervals(pairs()[order], PATIENT[order])
    assert one == resampled_agreement.agreement_intervals(pairs(), PATIENT)
    for name in ("bias", "lower", "upper", "icc"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first.low, first.high) == pytest.approx((second.low, second.high))


def test_where_there_is_no_interval() -> None:
    few = resampled_agreement.agreement_intervals(pairs()[:4], PATIENT[:4])
    assert (few.bias, few.lower, few.upper, few.icc) == (None, None, None, None), "two patients"
    alike = resampled_agreement.agreement_intervals(np.full((12, 2), 5.0), PATIENT)
    assert (alike.bias, alike.icc) == (None, None)

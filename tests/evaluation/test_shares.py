"""Shares that few patients fail: exact intervals in closed form, and their coverage on simulated patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.evaluation.bootstrap import Bootstrap, Estimate
from kummell_ai.evaluation.shares import FEW_CARRIERS, carriers, design_effect, exact_interval

PATIENTS, FILMS = 300, 3


@pytest.fixture(scope="module")
def bootstrap() -> Bootstrap:
    return Bootstrap.of(PATIENTS, 1000, seed=0)


def share_of(bootstrap: Bootstrap, failures: np.ndarray, films: int) -> Estimate:
    """Of patients of ``films`` films each, of which ``failures`` (P,) fail."""
    yes = (np.arange(films) >= failures[:, None]).astype(np.float64)
    return bootstrap.proportion(yes.ravel(), np.repeat(np.arange(len(failures)), films))


def failing(patients: int, films: int) -> np.ndarray:
    """``films`` failures of each of ``patients``."""
    failures = np.zeros(PATIENTS, dtype=np.int64)
    failures[:patients] = films
    return failures


@pytest.mark.parametrize("failed", [0, 1, 5, 19])
def test_one_film_a_patient_has_the_interval_of_clopper_and_pearson(bootstrap: Bootstrap, failed: int) -> None:
    estimate = share_of(bootstrap, failing(failed, 1), 1)
    exact = stats.binomtest(PATIENTS - failed, PATIENTS).proportion_ci(method="exact")
    of_bootstrap = bootstrap.mean(100.0 * (np.arange(PATIENTS) >= failed), np.arange(PATIENTS)).interval
    assert (estimate.method, estimate.patients) == ("exact", PATIENTS)
    assert estimate.interval.low == pytest.approx(100 * exact.low)
    high = 100 * exact.high if of_bootstrap is None else max(100 * exact.high, of_bootstrap.high)
    assert estimate.interval.high == pytest.approx(high)


@pytest.mark.parametrize("failed", [0, 1, 5, 19])
def test_films_that_fail_together_count_once(bootstrap: Bootstrap, failed: int) -> None:
    one, three = (share_of(bootstrap, failing(failed, films), films) for films in (1, 3))
    assert one.value == pytest.approx(three.value)
    assert (one.interval.low, one.interval.high) == pytest.approx((three.interval.low, three.interval.high))


def test_scattered_failures_count_each_once_there_are_enough() -> None:
    """Nine of 300 patients fail on one of three films: 9 of 900 trials, whose films are not alike."""
    ends = exact_interval(FILMS - failing(9, 1).astype(np.float64), np.full(PATIENTS, float(FILMS)))
    exact = stats.binomtest(891, 900).proportion_ci(method="exact")
    assert ends == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize(("films", "failures"), [(1, 1), (3, 1), (3, 2), (3, 3), (9, 9)])
def test_more_failures_never_raise_the_low_end(bootstrap: Bootstrap, films: int, failures: int) -> None:
    lows = [share_of(bootstrap, failing(patients, failures), films).interval.low for patients in range(26)]
    # Where the bootstrap takes over, the end may rise by less than one patient more that fails makes it fall.
    assert (np.diff(lows) < 100.0 * failures / (films * PATIENTS)).all()
    assert (np.diff(lows[: int(FEW_CARRIERS)]) < 0.0).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=30))
def test_laws_of_a_share(patients: list[tuple[int, int]]) -> None:
    """It lies in its interval, that of the failures is its mirror image, and the bootstrap's is not wider."""
    rows = [(yes, p) for p, (ones, zeros) in enumerate(patients) for yes in [1.0] * ones + [0.0] * zeros]
    yes, patient = np.array([y for y, _ in rows]), np.array([p for _, p in rows], dtype=np.int64)
    resamples = Bootstrap.of(len(patients), 50, seed=1)
    ours, other = resamples.proportion(yes, patient), resamples.proportion(1.0 - yes, patient)
    if ours.patients < 5:
        assert ours.interval is None
        return
    if ours.interval is None:
        assert ours.patients >= FEW_CARRIERS
        return
    assert ours.interval.low - 1e-9 <= ours.value <= ours.interval.high + 1e-9
    assert (ours.interval.low, ours.interval.high) == pytest.approx(
        (100 - other.interval.high, 100 - other.interval.low)
    )
    ones, counts = (np.bincount(patient, weights, len(patients)) for weights in (yes, np.ones(len(yes))))
    drawn = [100.0 * (draw @ ones) / (draw @ counts) for draw in resamples.draws if draw @ counts > 0]
    low, high = np.quantile(drawn, (0.025, 0.975))
    if low < high:
        assert ours.interval.low <= low + 1e-9
        assert high - 1e-9 <= ours.interval.high


def test_patients_that_carry_most_failures_count_most() -> None:
    assert carriers(np.array([25.0] + [1.0] * 5)) == pytest.approx(900 / 630)
    of = np.full(300, 25.0)
    assert design_effect(of - np.repeat([25.0, 0.0], [3, 297]), of) == pytest.approx(25.0)
    assert design_effect(np.ones(5), np.full(5, 2.0)) == pytest.approx(1.0 + 4 / 9), "five patients, all alike"


@pytest.mark.parametrize("alike", [0.0, 0.7])
@pytest.mark.parametrize("rate", [0.003, 0.01, 0.025])
def test_the_low_end_lies_above_the_truth_as_seldom_as_it_should(
    bootstrap: Bootstrap, rate: float, alike: float
) -> None:
    """Patients of three films which fail together in a share ``alike`` of them, by which the films correlate."""
    rng, runs = np.random.default_rng(11), 200
    together = (rng.random((runs, PATIENTS)) < alike)[..., None]
    one, each = rng.random((runs, PATIENTS, 1)) < rate, rng.random((runs, PATIENTS, FILMS)) < rate
    failures = np.where(together, one, each).sum(axis=2)
    lows = np.array([share_of(bootstrap, row, FILMS).interval.low for row in failures])
    assert (lows > 100.0 * (1.0 - rate)).mean() <= 0.04  # 2.5 % ought to be; that of the bootstrap in up to 14 %

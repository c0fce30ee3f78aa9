"""Resamples written out one by one are the oracle of those that are taken all at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.evaluation.bootstrap import Bootstrap
from kummell_ai.statistics.agreement import bland_altman, reliability

PATIENTS = 6
SIZES = (1, 4, 2, 3, 1, 5)
PATIENT = np.repeat(np.arange(PATIENTS), SIZES)


@pytest.fixture(scope="module")
def bootstrap() -> Bootstrap:
    return Bootstrap.of(PATIENTS, 120, seed=7)


def values(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(10.0, 3.0, len(PATIENT))


def written_out(
    bootstrap: Bootstrap, function: Callable[[np.ndarray], float], *columns: np.ndarray
) -> tuple[float, float]:
    """Interval of ``function`` over resamples in which every patient's rows are repeated as often as it was drawn."""
    drawn = []
    for draw in bootstrap.draws:
        rows = [np.flatnonzero(p == PATIENT) for p in range(PATIENTS) for _ in range(draw[p])]
        drawn.append(function(*(column[np.concatenate(rows)] for column in columns)))
    tail = stats.norm.sf(stats.t.ppf(0.975, PATIENTS - 1) * (PATIENTS / (PATIENTS - 1)) ** 0.5)
    low, high = np.quantile(drawn, (tail, 1.0 - tail))
    return float(low), float(high)


def test_a_resample_draws_as_many_patients_as_there_are(bootstrap: Bootstrap) -> None:
    assert (bootstrap.draws.sum(axis=1) == PATIENTS).all()
    np.testing.assert_array_equal(bootstrap.draws, Bootstrap.of(PATIENTS, 120, seed=7).draws)
    assert (bootstrap.draws != Bootstrap.of(PATIENTS, 120, seed=8).draws).any()


def test_mean(bootstrap: Bootstrap) -> None:
    estimate = bootstrap.mean(values(), PATIENT)
    assert estimate.value == pytest.approx(values().mean())
    assert (estimate.n, estimate.patients, estimate.method) == (16, 6, "bootstrap")
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx(written_out(bootstrap, np.mean, values()))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_quantiles_are_those_of_numpy(bootstrap: Bootstrap, share: float) -> None:
    for column in (values(), np.round(values())):  # with and without ties
        (estimate,) = bootstrap.quantiles(column, PATIENT, (share,))
        assert estimate.value == pytest.approx(np.quantile(column, share))
        expected = written_out(bootstrap, lambda v: float(np.quantile(v, share)), column)
        assert (estimate.interval.low, estimate.interval.high) == pytest.approx(expected)


def test_agreement_is_that_of_the_statistics_room(bootstrap: Bootstrap) -> None:
    true = values(1) + np.linspace(-8, 8, len(PATIENT))
    measured = true + values(2) - 9.0
    estimates = bootstrap.agreement(measured, true, PATIENT)

    def of(name: str, m: np.ndarray, t: np.ndarray) -> float:
        if name == "slope":
            return float(np.polyfit(t, m, 1)[0])
        if name == "icc":
            return reliability(np.stack([m, t], 1)).icc
        limits = bland_altman(m, t)
        own = {"sem": limits.sd, "mdc95": 1.959963984540054 * 2.0**0.5 * limits.sd}
        return own[name] if name in own else float(getattr(limits, name))

    assert list(estimates) == ["bias", "sd", "lower", "upper", "slope", "icc", "sem", "mdc95"]
    for name, estimate in estimates.items():
        assert estimate.value == pytest.approx(of(name, measured, true))
        expected = written_out(bootstrap, lambda m, t, n=name: of(n, m, t), measured, true)
        assert (estimate.interval.low, estimate.interval.high) == pytest.approx(expected), name


def test_two_films_of_an_unchanged_patient_differ_by_less_than_the_detectable_change() -> None:
    """Simulated: the program errs by a known standard deviation and a bias, which both films share."""
    rng = np.random.default_rng(5)
    patients = np.arange(4000)
    true = rng.normal(20.0, 8.0, len(patients))
    films = [true + 1.5 + rng.normal(0.0, 2.0, len(patients)) for _ in range(3)]
    found = Bootstrap.of(len(patients), 20, seed=0).agreement(films[0], true, patients)
    assert found["sem"].value == pytest.approx(2.0, abs=0.1)  # 4 standard errors of a standard deviation
    within = np.abs(films[2] - films[1]) <= found["mdc95"].value
    assert within.mean() == pytest.approx(0.95, abs=0.02)  # 4 standard errors of a share, and those of the SEM
    change, none = films[2] - films[1], np.zeros(len(patients))
    of_changes = Bootstrap.of(len(patients), 20, seed=0).agreement(change, none, patients, of_changes=True)
    assert of_changes["mdc95"].value == pytest.approx(found["mdc95"].value, rel=0.05)


def test_intervals_of_ten_patients_hold_the_mean() -> None:
    """Three alike films each; plain percentiles hold it in 89 of 100 such sets."""
    rng = np.random.default_rng(11)
    patient = np.repeat(np.arange(10), 3)
    resamples = Bootstrap.of(10, 1000, seed=0)
    held = 0
    for _ in range(600):
        interval = resamples.mean(rng.normal(size=10)[patient] + 0.5 * rng.normal(size=30), patient).interval
        held += interval.low <= 0.0 <= interval.high
    assert held / 600 == pytest.approx(0.95, abs=0.03)  # 3.4 standard errors


def test_readings_that_are_alike_but_for_rounding_have_no_spread(bootstrap: Bootstrap) -> None:
    for measured, true in ((0.1, 0.3), (33.3, 33.1)):
        found = bootstrap.agreement(np.full(len(PATIENT), measured), np.full(len(PATIENT), true), PATIENT)
        assert "icc" not in found
        assert found["bias"].interval is None


def test_the_slope_of_readings_that_are_a_line_of_the_truth(bootstrap: Bootstrap) -> None:
    estimate = bootstrap.agreement(3.0 + 0.8 * values(), values(), PATIENT)["slope"]
    assert estimate.value == pytest.approx(0.8)
    assert estimate.interval is None or (estimate.interval.low, estimate.interval.high) == pytest.approx((0.8, 0.8))


def test_agreement_without_spread_has_no_icc(bootstrap: Bootstrap) -> None:
    same = np.full(len(PATIENT), 5.0)
    estimates = bootstrap.agreement(same + 1.0, same, PATIENT)
    assert estimates["bias"].value == 1.0
    assert "icc" not in estimates
    assert "slope" not in estimates
    assert estimates["sem"].value == estimates["mdc95"].value == 0.0
    assert bootstrap.agreement(same[:2], same[:2], PATIENT[:2]) == {}


def test_difference_draws_both_groups_together(bootstrap: Bootstrap) -> None:
    first, second = values(3), values(4)
    estimate = bootstrap.difference((first, PATIENT), (second, PATIENT))
    assert estimate.value == pytest.approx(second.mean() - first.mean())
    expected = written_out(bootstrap, lambda a, b: float(b.mean() - a.mean()), first, second)
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx(expected)
    assert bootstrap.difference((np.empty(0), PATIENT[:0]), (second, PATIENT)).value is None


@pytest.mark.parametrize("yes", [1.0, 0.0])
def test_a_proportion_without_spread_has_the_exact_interval_of_its_patients(bootstrap: Bootstrap, yes: float) -> None:
    estimate = bootstrap.proportion(np.full(len(PATIENT), yes), PATIENT)
    exact = stats.binomtest(int(PATIENTS * yes), PATIENTS).proportion_ci(method="exact")
    assert estimate.method == "exact"
    assert estimate.value == 100.0 * yes
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx((100 * exact.low, 100 * exact.high))


def test_what_is_missing_does_not_count(bootstrap: Bootstrap) -> None:
    column = values()
    column[3:5] = np.nan
    assert bootstrap.mean(column, PATIENT).n == 14
    assert bootstrap.mean(np.full(16, np.nan), PATIENT).value is None
    assert bootstrap.quantiles(np.full(16, np.nan), PATIENT, (0.5,))[0].value is None


@pytest.mark.parametrize("few", [2, 4])
def test_few_patients_give_no_interval(bootstrap: Bootstrap, few: int) -> None:
    rows = few > PATIENT
    estimate = bootstrap.mean(values()[rows], PATIENT[rows])
    assert (estimate.patients, estimate.interval, estimate.method) == (few, None, "none")
    assert Bootstrap.of(0, 10, 0).mean(np.empty(0), np.empty(0, np.int64)).value is None


@given(st.permutations(range(16)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    bootstrap = Bootstrap.of(PATIENTS, 20, seed=1)
    column, rows = values(), np.array(order)
    ours, theirs = bootstrap.mean(column, PATIENT), bootstrap.mean(column[rows], PATIENT[rows])
    assert (ours.interval.low, ours.interval.high) == pytest.approx((theirs.interval.low, theirs.interval.high))
    assert bootstrap.quantiles(column, PATIENT, (0.9,)) == bootstrap.quantiles(column[rows], PATIENT[rows], (0.9,))


def test_without_resamples_there_is_a_value_and_no_interval() -> None:
    none = Bootstrap.of(PATIENTS, 0, seed=1)
    for estimate in (none.mean(values(), PATIENT), *none.quantiles(values(), PATIENT, (0.5, 0.9))):
        assert estimate.value is not None
        assert (estimate.interval, estimate.method) == (None, "none")


@pytest.mark.parametrize("missing", ["measured", "true", "both"])
def test_readings_without_a_partner_are_in_no_agreement(bootstrap: Bootstrap, missing: str) -> None:
    measured, true = values(1), values(2)
    rows = np.arange(len(PATIENT)) >= 3
    expected = bootstrap.agreement(measured[rows], true[rows], PATIENT[rows])
    if missing != "true":
        measured[:3] = np.nan
    if missing != "measured":
        true[:3] = np.nan
    assert bootstrap.agreement(measured, true, PATIENT) == expected

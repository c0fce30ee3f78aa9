"""Fixed tables against literals that two programs print; laws; what cannot be tested.

tests/oracles/statistics_by_definition.py works from textbook sums in 30 digits, tests/oracles/statistics.R by R 4.2,
lme4 and psych; where both know a number they agree to 1e-8.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.quantities import Interval
from kummell_ai.statistics import agreement, cohort, omnibus, paired
from tests.oracles.statistics_by_definition import JUDGES, MISSING, TABLE

T = np.array(TABLE)
GAPS = T.copy()
GAPS[tuple(zip(*MISSING, strict=True))] = np.nan
LOSS = T[:, 2] - T[:, 1]
PHASES = ("pre", "post", "last")


def close(value: float | None, literal: float) -> None:
    """To 1e-6 of the literal; the literals have 12 digits."""
    assert value == pytest.approx(literal, rel=1e-6)


def test_repeated_measures_anova() -> None:
    found = omnibus.rm_anova(T)
    close(found.statistic, 332.191530454)
    close(found.epsilon, 0.854557261127)
    close(found.p, 4.81208470084e-13)
    close(found.effect, 0.973621854013)


def test_friedman() -> None:
    found = omnibus.friedman(T)
    close(found.statistic, 18.2)
    close(found.p, 0.00011166580849)


def test_mixed_model_with_missing_phases() -> None:
    found = omnibus.mixed_model(GAPS)
    close(found.statistic, 267.384373166)
    close(found.epsilon, 0.855293795792)
    close(found.df2, 12.8294069369)
    close(found.p, 6.35450635248e-11)
    assert (found.n, found.note) == (10, None)


def test_mixed_model_without_missing_phases_is_the_anova() -> None:
    found, anova = omnibus.mixed_model(T), omnibus.rm_anova(T)
    close(found.statistic, anova.statistic)
    close(found.epsilon, anova.epsilon or 0.0)
    close(found.p, anova.p)


def test_epsilon_of_complete_values_is_that_of_their_covariance() -> None:
    """Box's (1954) formula in the covariance itself, of four phases that vary unlike."""
    values = np.random.default_rng(5).normal(size=(12, 4)) * [4.0, 1.0, 1.0, 2.0]
    s = np.cov(values, rowvar=False)
    centred = s - s.mean(axis=0) - s.mean(axis=1)[:, None] + s.mean()
    close(omnibus.greenhouse_geisser(values), float(np.trace(centred) ** 2 / (3 * (centred**2).sum())))


def test_epsilon_where_it_cannot_be_told_is_the_least() -> None:
    """No patient has both the first and the last phase; with differences that do not vary there is nothing to lower."""
    assert omnibus.greenhouse_geisser(np.array([[1, 2, np.nan]] * 3 + [[np.nan, 2, 3]] * 3, float)) == 0.5
    assert omnibus.greenhouse_geisser(np.tile([1.0, 2.0, 3.0], (5, 1))) == 1.0


def test_variances_of_differences_that_contradict_each_other_are_no_negative_variance() -> None:
    """Each difference is of other patients; SDs of 1, 1 and 10 are no triangle, so one direction has no variance."""
    gap, one = np.nan, np.array([-1.0, 0.0, 1.0])
    rows = [[0, d, gap] for d in one] + [[gap, 0, d] for d in one] + [[0, gap, 10 * d] for d in one]
    assert omnibus.greenhouse_geisser(np.array(rows, float)) == 0.5


@pytest.mark.parametrize("errors", [(4.0, 1.0, 1.0), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("missing", [1, 5])
def test_mixed_model_of_phases_that_vary_unlike_is_wrong_as_often_as_it_says(
    errors: tuple[float, float, float], missing: int
) -> None:
    """15 patients without any change; of 500 tables 5 % are 25, standard error 4.9; without epsilon 40 of the first."""
    rng, found = np.random.default_rng(11), 0
    for _ in range(500):
        values = 4.0 * rng.normal(size=(15, 1)) + rng.normal(size=(15, 3)) * errors
        values.ravel()[rng.choice(45, missing, replace=False)] = np.nan
        found += omnibus.mixed_model(values).p < 0.05
    assert found <= 25 + 2 * 4.9


def test_mixed_model_whose_patients_do_not_differ_is_that_of_separate_groups() -> None:
    """Every patient has the sum 30: the patients' variance is 0 at the edge, and F that of Fisher's one-way ANOVA."""
    table = np.array([[5, 10, 15], [6, 11, 13], [4, 9, 17], [7, 12, 11], [3, 13, 14]], float)
    found = omnibus.mixed_model(table)
    assert found.note == "the patients' variance is estimated as 0"
    close(found.statistic, float(stats.f_oneway(*table.T).statistic))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.0, 2.0))
def test_mixed_model_finds_the_largest_restricted_likelihood(seed: int, patients: float) -> None:
    """No other ratio of variances on a fine grid is likelier; the likelihood by dense matrices, as defined."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(8, 3)) + patients * rng.normal(size=(8, 1))
    values[rng.random((8, 3)) < 0.15] = np.nan
    assume(np.isfinite(values).any(axis=0).all())
    seen = np.isfinite(values)
    patient, phase = np.nonzero(seen)
    y, design = values[seen], np.eye(3)[phase]
    design[:, 0] = 1.0
    fit = omnibus._reml(y, design, np.unique(patient, return_inverse=True)[1])

    def deviance(ratio: float) -> float:
        v = np.eye(len(y)) + ratio * (patient[:, None] == patient[None, :])
        information = design.T @ np.linalg.solve(v, design)
        rest = y - design @ np.linalg.solve(information, design.T @ np.linalg.solve(v, y))
        free = len(y) - 3
        scale = free * np.log(rest @ np.linalg.solve(v, rest) / free)
        return float(scale + np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1])

    assert fit.deviance == pytest.approx(deviance(fit.ratio), abs=1e-9)
    assert fit.deviance <= min(deviance(r) for r in (0.0, *np.geomspace(1e-4, 1e3, 60))) + 1e-8


def test_paired_t_and_equivalence() -> None:
    found = paired.paired_t(LOSS)
    close(found.statistic, 5.15736995567)
    close(found.p, 0.000597196089547)
    assert found.change_interval is not None
    assert found.effect_interval is not None
    close(found.change_interval.low, 1.24625001802)
    close(found.effect, 1.6309035796)
    close(found.effect_interval.low, 0.647001230651)
    close(found.effect_interval.high, 2.57938854283)
    same = paired.equivalence(LOSS, 5.0)
    close(same.p, 5.84987152733e-05)
    assert same.is_maintained
    assert not paired.equivalence(LOSS, 2.0).is_maintained


def test_equivalence_by_ranks_is_scipys_one_sided_test_at_either_end_of_the_margin() -> None:
    loss = LOSS + np.arange(10) / 1000  # without ties
    for margin in (3.0, 5.0):
        found = paired.equivalence_by_ranks(loss, margin)
        ends = [stats.wilcoxon(margin + d, alternative="greater", method="exact").pvalue for d in (loss, -loss)]
        close(found.p, max(ends))
        close(found.change, paired.wilcoxon(loss).change)


@given(
    st.lists(st.integers(-300, 300), min_size=5, max_size=20, unique_by=abs),
    st.integers(1, 40),
)
def test_equivalence_by_ranks_and_its_interval_agree(differences: list[int], margin: int) -> None:
    """Without ties the tests rule the margin out where the 90 % interval of Hodges and Lehmann lies within it."""
    difference, edge = np.array(differences) / 10, margin / 3  # no average of two differences is a third
    found = paired.equivalence_by_ranks(difference, edge)
    moved = [np.unique(np.abs(edge + sign * difference)).size == len(difference) for sign in (1, -1)]
    if not all(moved):
        return
    assert found.interval90 is not None
    assert found.is_maintained == (-edge < found.interval90.low and found.interval90.high < edge)


def test_equivalence_by_ranks_holds_its_level_where_t_does_not() -> None:
    """Skewed changes whose typical one is the margin are called maintained in some 5 %, by t in twice as many."""
    rng = np.random.default_rng(2)
    walsh = rng.lognormal(size=(2, 200_000)).mean(axis=0)
    change = rng.lognormal(size=(800, 20)) - np.median(walsh) + 0.5
    by_ranks = np.mean([paired.equivalence_by_ranks(d, 0.5).p < 0.05 for d in change])
    assert by_ranks < 0.09


def test_wilcoxon() -> None:
    found = paired.wilcoxon(LOSS + np.arange(10) / 1000)
    assert found.test == "Wilcoxon signed-rank test (exact)"
    assert found.change_interval is not None
    assert found.effect_interval is not None
    close(found.p, 0.00390625)
    close(found.change, 2.254)
    close(found.change_interval.low, 1.254)
    close(found.change_interval.high, 3.3045)
    close(found.effect, 0.963636363636)
    close(found.effect_interval.low, 0.860500247079)


def test_p_is_of_the_pairs_that_differ_and_the_change_of_all() -> None:
    """Of 20 patients 6 gain 1: of the 210 Walsh averages 105 are 0, 84 are 0.5 and 21 are 1. P = 2 / 2^6."""
    found, plain = paired.wilcoxon(np.array([0.0] * 14 + [1.0] * 6)), paired.wilcoxon(np.ones(6))
    assert (found.n, found.unchanged, found.change) == (20, 14, 0.25)
    assert (found.p, found.effect) == (plain.p, plain.effect) == (0.03125, 1.0)
    assert found.change_interval is not None
    assert (found.change_interval.low, found.change_interval.high) == (0.0, 0.5)
    assert found.note == (
        "P is of the 6 of 20 pairs that differ, the interval of all: only one of them excludes no change"
    )
    assert (plain.unchanged, plain.note) == (0, None)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-9, 9).filter(bool), min_size=6, max_size=14, unique_by=abs))
def test_without_zeros_and_ties_p_and_interval_never_disagree(differences: list[int]) -> None:
    """The interval is the test turned round: it excludes 0 where P is below 5 %."""
    found = paired.wilcoxon(np.array(differences, float))
    assert found.change_interval is not None
    assert (found.p < 0.05) is not (found.change_interval.low <= 0 <= found.change_interval.high)
    assert found.note is None


def test_ties_may_part_p_and_interval_and_that_is_said() -> None:
    contrary = paired._contradiction(0.04, Interval(-1.0, 2.0), 9, 9)
    assert contrary == "P and the interval lie on either side of 5 %, by ties or the normal approximation: go by P"
    assert paired._contradiction(0.06, Interval(1.0, 2.0), 9, 9) == contrary
    assert paired._contradiction(0.04, Interval(1.0, 2.0), 8, 9) is None
    assert paired._contradiction(0.04, None, 8, 9) is None


def test_the_change_of_ranks_agrees_with_the_number_of_patients() -> None:
    """Symmetric changes of half-point scores with many zeros: the interval holds the true 0 in 95 % or more."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        change = paired.hodges_lehmann(np.round(rng.normal(0.0, 0.8, 15)))[1]
        held += change is not None and change.low <= 0 <= change.high
    assert held >= 380


def test_a_change_without_error_is_within_the_margin_or_not() -> None:
    assert [paired.equivalence_p(change, 0.0, 2.0) for change in (0.0, -1.9, 2.0, 3.0)] == [0.0, 0.0, 1.0, 1.0]


def test_wilcoxon_with_all_one_way_has_no_interval_of_its_effect() -> None:
    found = paired.wilcoxon(np.array([1.0, 2.0, 3.5, 4.0]))
    assert (found.effect, found.effect_interval, found.change_interval) == (1.0, None, None)
    close(found.p, 0.125)


def test_wilcoxon_of_many_pairs_by_the_formula() -> None:
    """Normal approximation with correction for ties: variance m (m+1) (2m+1) / 24 - sum of (t^3 - t) / 48."""
    moved = np.tile([1, 1, -2, 3, 4, 4, 5, -1, 6], 6).astype(float)
    found = paired.wilcoxon(np.append(moved, np.zeros(6)))
    assert found.test == "Wilcoxon signed-rank test (normal approximation)"
    m, ties = len(moved), np.unique(np.abs(moved), return_counts=True)[1].astype(float)
    variance = m * (m + 1) * (2 * m + 1) / 24 - float((ties**3 - ties).sum()) / 48
    z = (found.statistic - m * (m + 1) / 4) / math.sqrt(variance)
    close(found.p, math.erfc(abs(z) / math.sqrt(2)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=9).filter(any))
def test_wilcoxon_with_ties_and_zeros_counts_all_signs(differences: list[int]) -> None:
    """Every way of giving signs to the ranks of the differences that are not 0, one by one."""
    moved = np.array([d for d in differences if d], float)
    ranks = stats.rankdata(np.abs(moved))
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(moved))])
    smaller = min(ranks[moved > 0].sum(), ranks[moved < 0].sum())
    found = paired.wilcoxon(np.array(differences, float))
    assert found.test == "Wilcoxon signed-rank test (exact)"
    close(found.p, min(1.0, 2.0 * float((sums <= smaller + 1e-9).mean())))


def test_differences_that_are_one_but_for_rounding_tie() -> None:
    """0.3 - 0.1 and 0.9 - 0.7 are 0.2 in either case."""
    before, after = np.array([0.1, 0.7, 0.5, 1.1, 0.2]), np.array([0.3, 0.9, 0.4, 1.0, 0.9])
    close(paired.wilcoxon(after - before).p, paired.wilcoxon(np.array([2.0, 2.0, -1.0, -1.0, 7.0])).p)


def test_differences_that_are_rounding_alone_are_none() -> None:
    noise = np.array([0.1 + 0.2, 0.7, 0.5]) - np.array([0.3, 0.7, 0.5])
    assert noise.any()
    with pytest.raises(ValueError, match="all differences are equal"):
        paired.wilcoxon(noise)


@pytest.mark.parametrize(("count", "p"), [(4, 0.125), (5, 0.0625)])
def test_a_few_patients_who_all_gain_alike_prove_nothing(count: int, p: float) -> None:
    close(paired.wilcoxon(np.full(count, -5.0)).p, p)


@given(st.lists(st.floats(0.0, 60.0), min_size=3, max_size=12).filter(lambda v: np.ptp(v) > 0.1))
def test_readers_who_agree_wholly_have_an_icc_of_1(readings: list[float]) -> None:
    found = agreement.reliability(np.stack([readings, readings], axis=1))
    close(found.icc, 1.0)
    assert found.icc_interval.low == pytest.approx(1.0, abs=1e-6)


def test_shapiro_wilk_and_friedman_of_grades_as_r_has_them() -> None:
    close(paired.shapiro_p(LOSS), 0.0722615392444)
    grades = omnibus.friedman(np.array([[2, 3, 3], [3, 4, 4], [1, 2, 3], [4, 4, 4], [2, 3, 4]], float))
    close(grades.statistic, 7.4285714285714)
    close(grades.p, 0.0243728440733)


def test_sign_test() -> None:
    found = paired.sign_test(LOSS)
    close(found.p, 0.021484375)
    assert found.effect_interval is not None
    close(found.effect_interval.low, 0.554983882972)
    close(found.effect_interval.high, 0.997471421456)


def test_holm() -> None:
    """By hand: 3 x 0.01, 2 x 0.02, then not below the one before."""
    assert paired.holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert paired.holm([]) == []


def test_reliability_of_the_judges_of_shrout_and_fleiss() -> None:
    found = agreement.reliability(JUDGES)
    close(found.icc, 0.289763779528)
    close(found.icc_interval.low, 0.0187865133747)
    close(found.icc_interval.high, 0.761084369649)
    close(found.sem, 2.50277623628)
    close(found.mdc95, 2.50277623628 * 1.959963984540054 * 2**0.5)


def test_an_icc_whose_interval_breaks_down_keeps_its_error_of_measurement() -> None:
    """Three films of noise: where there is an interval it is finite and holds the ICC; SEM and MDC95 always stay."""
    found = [agreement.reliability(t) for t in np.random.default_rng(3).normal(size=(4000, 3, 2))]
    gone = [f for f in found if f.icc_interval is None]
    assert 0 < len(gone) < 200
    assert all(f.icc < 0 < f.sem < f.mdc95 for f in gone)
    assert all(f.icc_interval.low - 1e-9 <= f.icc <= f.icc_interval.high + 1e-9 for f in found if f.icc_interval)


def test_bland_altman() -> None:
    first, fourth = np.array(JUDGES, float)[:, 0], np.array(JUDGES, float)[:, 3]
    found = agreement.bland_altman(np.append(first, np.nan), np.append(fourth, 1.0))
    assert found.n == 6
    close(found.bias_interval.high, 2.75604170064)
    close(found.upper, 4.27964703862)
    close(found.upper_interval.low, 1.08728334487)
    close(found.upper_interval.high, 7.47201073237)


def test_the_non_central_t_agrees_where_scipy_has_one() -> None:
    for t, df, shift in ((2.0, 9, 1.5), (5.2, 9, 3.0), (3.0, 19, 8.0)):
        assert paired.noncentral_t_cdf(t, df, shift) == pytest.approx(stats.nct.cdf(t, df, shift), abs=1e-12)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**31), st.floats(0.1, 50), st.floats(-100, 100))
def test_tests_do_not_depend_on_unit_order_or_offset(seed: int, scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(8, 3)) + np.array([0.0, 0.5, 0.2])
    moved = offset + scale * rng.permutation(values)
    assert omnibus.friedman(moved).p == pytest.approx(omnibus.friedman(values).p, rel=1e-9)
    assert omnibus.greenhouse_geisser(moved) == pytest.approx(omnibus.greenhouse_geisser(values), rel=1e-6)
    a, b = paired.paired_t(values[:, 1] - values[:, 0]), paired.paired_t(moved[:, 1] - moved[:, 0])
    assert b.effect == pytest.approx(a.effect, rel=1e-8)


def test_a_success_beyond_scipys_reach_still_has_an_interval() -> None:
    found = paired.paired_t(np.array([-15.0, -15.1, -14.9, -15.05, -14.95]))
    assert found.effect_interval is not None
    assert found.effect_interval.low < found.effect < found.effect_interval.high


class TestRule:
    def test_normal(self) -> None:
        found = cohort.analyse(T, PHASES, margin=5.0)
        assert found.omnibus is not None
        assert found.omnibus.test.startswith("repeated-measures ANOVA")
        assert [c.result.test for c in found.comparisons if c.result] == ["paired t test"] * 3
        assert found.comparisons[2].equivalence is not None
        assert found.comparisons[2].equivalence.is_maintained
        assert found.is_normal

    def test_missing(self) -> None:
        found = cohort.analyse(GAPS, PHASES)
        assert found.omnibus is not None
        assert "mixed model" in found.omnibus.test
        assert [(s.n, s.missing) for s in found.summaries] == [(10, 0), (9, 1), (8, 2)]
        assert [c.result.n for c in found.comparisons if c.result] == [9, 8, 7]

    def test_a_patient_without_any_value_changes_no_test(self) -> None:
        """An empty row would make the mixed model of it, without the correction for unlike variances."""
        found, plain = (cohort.analyse(t, PHASES) for t in (np.vstack([T, np.full((1, 3), np.nan)]), T))
        assert (found.kind, found.omnibus) == ("normal", plain.omnibus)
        assert [c.result for c in found.comparisons] == [c.result for c in plain.comparisons]
        assert [s.missing for s in found.summaries] == [1, 1, 1]

    def test_not_normal(self) -> None:
        skewed = np.exp(T / 3)
        found = cohort.analyse(skewed, PHASES)
        assert found.omnibus is not None
        assert found.omnibus.test == "Friedman test"
        assert found.kind == "ranks"
        assert found.least_shapiro_p is not None
        assert found.least_shapiro_p < 0.05
        assert all(c.result and c.result.test.startswith("Wilcoxon") for c in found.comparisons)

    def test_grades(self) -> None:
        grades = np.array([[2, 3, 3], [3, 4, 4], [1, 2, 3], [4, 4, 4], [2, 3, 4]], float)
        found = cohort.analyse(grades, PHASES, ordinal=True, margin=1.0)
        assert found.comparisons[0].result is not None
        assert found.comparisons[0].result.test == "exact sign test"
        assert found.comparisons[0].equivalence is None
        assert not found.is_normal

    def test_two_phases(self) -> None:
        found = cohort.analyse(T[:, :2], PHASES[:2])
        assert (found.omnibus, found.omnibus_caveat) == (None, "two phases: the paired test says all")

    def test_too_few_patients_are_described_and_not_tested(self) -> None:
        found = cohort.analyse(T[:2], PHASES)
        assert found.summaries[0].mean == pytest.approx(21.8)
        assert found.summaries[0].mean_interval is not None
        # t with 1 degree of freedom leaves 2.5 % beyond 12.706; the values are 24.1 and 19.5
        assert found.summaries[0].mean_interval.high == pytest.approx(21.8 + 12.7062047 * 2.3)
        assert found.omnibus_caveat == "complete rows: 2 given, at least 3 are needed; add some without a missing value"
        assert found.comparisons[0].caveat == "pairs: 2 given, a test needs at least 3; add patients"

    def test_a_phase_nobody_has(self) -> None:
        found = cohort.analyse(np.column_stack([T[:, :2], np.full(10, np.nan)]), PHASES, margin=5.0)
        assert found.summaries[2].mean is None
        assert [c.result is not None for c in found.comparisons] == [True, False, False]

    def test_nobody_changes(self) -> None:
        found = cohort.analyse(np.ones((5, 3)), PHASES, margin=1.0)
        assert found.comparisons[0].caveat == "all differences are equal; there is no spread to test against"
        same = found.comparisons[0].equivalence
        assert same is not None
        assert (same.change, same.p) == (0.0, 2.0**-5)  # five ranks that all point one way
        assert same.is_maintained


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: cohort.analyse(T, ("pre", "post")), r"\(10, 3\); expected \(patients, 2\)"),
        (lambda: omnibus.friedman(T[:, :2]), "2 phases are given"),
        (lambda: omnibus.friedman(np.ones((4, 3))), "no patient differs"),
        (lambda: omnibus.mixed_model(T[:2]), "2 patients with 6 values"),
        (lambda: omnibus.rm_anova(T[:2]), "complete rows: 2"),
        (lambda: paired.paired_t(np.ones(5)), "all differences are equal"),
        (lambda: paired.sign_test(np.zeros(5)), "all differences are equal"),
        (lambda: paired.wilcoxon(np.ones(2)), "pairs: 2 given"),
        (lambda: paired.equivalence(LOSS, 0.0), "margin is 0.0"),
        (lambda: agreement.reliability(np.ones((4, 1))), "1 rater is given"),
        (lambda: agreement.reliability(np.ones((4, 2))), "all readings are equal"),
        (lambda: agreement.reliability(np.full((3, 2), 0.1)), "all readings are equal"),
        (lambda: paired.equivalence_by_ranks(LOSS, 0.0), "margin is 0.0"),
        (lambda: paired.equivalence_by_ranks(LOSS[:2], 1.0), "2 given"),
        (lambda: agreement.bland_altman([1.0, 2.0], [1.0, 2.0]), "complete rows: 2"),
    ],
)
def test_what_cannot_be_computed_is_said(call: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        call()  # type: ignore[operator]

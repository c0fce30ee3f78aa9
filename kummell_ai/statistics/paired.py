"""Two phases of the same patients: test, size of the change, size of the effect, equivalence.

Arrays are (n,) differences, later minus earlier, without missing values.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from kummell_ai.quantities import Z95, Interval
from kummell_ai.statistics.agreement import is_constant

FloatArray = NDArray[np.float64]
EXACT_PAIRS = 50
"""Up to this number of pairs that differ the signed-rank test is exact."""
LEAST_PAIRS = 3
"""Below this number of pairs no test is made."""
WALSH_AT_ONCE = 1000
"""Up to this number of pairs all their averages are held at once (4 MB)."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """One test of two phases.

    Attributes:
        test: name for people.
        n: pairs used.
        statistic: t, the smaller signed rank sum W, or the number of improved grades.
        p: two-sided.
        change: mean difference, Hodges-Lehmann estimate of all pairs, or None for grades; in the unit of the values.
        change_interval: its 95 % interval.
        effect_name: what ``effect`` is.
        effect: Cohen's dz, matched rank-biserial correlation, or share improved among those that changed.
        effect_interval: its 95 % interval; None for a rank-biserial correlation of 1 or -1, as all differences point
            one way.
        directions: numbers of patients improved and worsened, for grades; else None.
        unchanged: pairs that do not differ, of which the P of ranks and of signs knows nothing; None for means.
        note: what a reader must know, or None.
    """

    test: str
    n: int
    statistic: float
    p: float
    change: float | None
    change_interval: Interval | None
    effect_name: str
    effect: float
    effect_interval: Interval | None
    directions: tuple[int, int] | None = None
    unchanged: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests (TOST): whether a change lies within ± ``margin``.

    Attributes:
        n: pairs.
        margin: largest change that does not matter, in the unit of the values.
        change: mean difference, or the Hodges-Lehmann estimate.
        interval90: its 90 % interval; None where ranks of so few pairs give none.
        p: the larger one of the two.
    """

    n: int
    margin: float
    change: float
    interval90: Interval | None
    p: float

    @property
    def is_maintained(self) -> bool:
        """Whether a change as large as the margin is ruled out at 5 %."""
        return self.p < 0.05


def shapiro_p(values: FloatArray) -> float | None:
    """P of Shapiro-Wilk; None where it cannot be computed (under 3 values, or all equal)."""
    if len(values) < LEAST_PAIRS or is_constant(values):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns above 5000 values only
        return float(stats.shapiro(values).pvalue)


def paired_t(difference: FloatArray) -> PairedTest:
    """Paired t test with Cohen's dz.

    Raises:
        ValueError: fewer than 3 pairs, or all differences equal.
    """
    n = _check(difference)
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    t, half = mean * math.sqrt(n) / sd, float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    p = float(stats.ttest_1samp(difference, 0.0).pvalue)
    interval = Interval(mean - half, mean + half)
    return PairedTest("paired t test", n, t, p, mean, interval, "Cohen's dz", mean / sd, _dz_interval(t, n))


def wilcoxon(difference: FloatArray) -> PairedTest:
    """Wilcoxon signed-rank test with the Hodges-Lehmann estimate and the rank-biserial correlation.

    The change and its interval are of all pairs: a patient who stays the same is one with a change of 0. P and the
    correlation are of the pairs that differ, as the sign of a zero is not known. Up to 50 of them P is exact, from all
    ways in which their ranks could bear signs, also with ties; beyond that normal with correction for ties.
    The interval of the correlation is that of Fisher's z with the standard deviation of the rank sum.

    With many unchanged pairs P may be below 0.05 while the interval holds 0: those who change go one way, and the
    typical patient does not change. ``note`` then says so.

    Raises:
        ValueError: fewer than 3 pairs, or no pair differs.
    """
    difference = np.round(difference, 9)  # 0.3 - 0.1 and 0.2 are one difference
    n = _check(difference, may_be_equal=True)
    moved = difference[difference != 0]
    ranks = stats.rankdata(np.abs(moved))
    up, down = float(ranks[moved > 0].sum()), float(ranks[moved < 0].sum())
    m = len(moved)
    is_exact = m <= EXACT_PAIRS
    p = _signed_rank_p(ranks, min(up, down)) if is_exact else float(stats.wilcoxon(moved, method="asymptotic").pvalue)
    effect = (up - down) / (up + down)
    half = Z95 * math.sqrt((2 * m**3 + 3 * m**2 + m) / 6) / ((m**2 + m) / 2)
    interval = None
    if abs(effect) < 1:
        z = math.atanh(effect)
        interval = Interval(math.tanh(z - half), math.tanh(z + half))
    change, change_interval = hodges_lehmann(difference)
    return PairedTest(
        test=f"Wilcoxon signed-rank test ({'exact' if is_exact else 'normal approximation'})",
        n=n,
        statistic=min(up, down),
        p=p,
        change=change,
        change_interval=change_interval,
        effect_name="rank-biserial r",
        effect=effect,
        effect_interval=interval,
        unchanged=n - m,
        note=_contradiction(p, change_interval, m, n),
    )


def _contradiction(p: float, interval: Interval | None, moved: int, n: int) -> str | None:
    """Why one of P and the interval of the change speaks of a change and the other does not; None where they agree."""
    if interval is None or (p < 0.05) is not (interval.low <= 0 <= interval.high):
        return None
    if moved < n:
        return f"P is of the {moved} of {n} pairs that differ, the interval of all: only one of them excludes no change"
    return "P and the interval lie on either side of 5 %, by ties or the normal approximation: go by P"


def sign_test(difference: FloatArray) -> PairedTest:
    """Exact sign test: only the direction counts, as befits grades, of which a higher one is better.

    Raises:
        ValueError: fewer than 3 pairs, or no pair differs.
    """
    n = _check(difference, may_be_equal=True)
    up, moved = int((difference > 0).sum()), int((difference != 0).sum())
    result = stats.binomtest(up, moved, 0.5)
    ends = result.proportion_ci(0.95, method="exact")
    interval = Interval(float(ends.low), float(ends.high))
    p, name = float(result.pvalue), "share improved among changed"
    return PairedTest(
        *("exact sign test", n, float(up), p, None, None, name, up / moved, interval),
        directions=(up, moved - up),
        unchanged=n - moved,
    )


def hodges_lehmann(difference: FloatArray, tail: float = 0.025) -> tuple[float, Interval | None]:
    """Median of the Walsh averages and its distribution-free interval; None where so few pairs give none.

    Args:
        difference: (n,).
        tail: what lies beyond either end of the interval at most; 0.025 needs 6 pairs, 0.05 five.
    """
    n = len(difference)
    count, rank = n * (n + 1) // 2, _signed_rank_quantile(n, tail)
    ranks = [(count + 1) // 2, count // 2 + 1, *([rank, count + 1 - rank] if rank > 0 else [])]
    low, high, *ends = _walsh_averages(difference, ranks)
    return (low + high) / 2, Interval(*ends) if ends else None


def _walsh_averages(difference: FloatArray, ranks: Sequence[int]) -> list[float]:
    """Those of all averages of two differences, and of one with itself, that have these ranks (from 1) by size."""
    if len(difference) > WALSH_AT_ONCE:
        values = np.sort(difference)
        return [_walsh_average(values, rank) for rank in ranks]
    first, second = np.triu_indices(len(difference))
    walsh = np.sort((difference[first] + difference[second]) / 2)
    return [float(walsh[rank - 1]) for rank in ranks]


def _walsh_average(values: FloatArray, rank: int) -> float:
    """The Walsh average of this rank, without holding all: narrowed down between two averages until one is left.

    Args:
        values: (n,), sorted; row i of the averages is that of value i with itself and all above it.
        rank: from 1.
    """
    n = len(values)
    rows = np.arange(n)
    start, stop = rows, np.full(n, n)  # columns of each row that are not ruled out
    while True:
        left = np.maximum(stop - start, 0)
        middles = (values + values[np.minimum((start + stop) // 2, n - 1)]) / 2
        order = np.argsort(np.where(left > 0, middles, np.inf))
        guess = middles[order[np.searchsorted(np.cumsum(left[order]), left.sum() / 2)]]  # rows count by their columns
        below, upto = _columns(values, guess, np.less), _columns(values, guess, np.less_equal)
        if rank <= (below - rows).sum():
            stop = np.minimum(stop, below)
        elif rank > (upto - rows).sum():
            start = np.maximum(start, upto)
        else:
            return float(guess)


def _columns(values: FloatArray, limit: float, compare: Callable[..., NDArray[np.bool_]]) -> NDArray[np.intp]:
    """In each row of the averages of sorted ``values`` the first column that does not ``compare`` so to ``limit``."""
    n = len(values)
    first, last = np.arange(n), np.full(n, n)
    for _ in range(n.bit_length()):
        middle = np.minimum((first + last) // 2, n - 1)
        goes_on = (first < last) & compare((values + values[middle]) / 2, limit)
        first, last = np.where(goes_on, middle + 1, first), np.where(goes_on, last, middle)
    return first


def equivalence(difference: FloatArray, margin: float) -> Equivalence:
    """Two one-sided paired t tests against ± ``margin`` (unit of the values, > 0).

    Raises:
        ValueError: fewer than 3 pairs, all differences equal, or a margin of 0 or less.
    """
    from statsmodels.stats.weightstats import ttost_paired

    n = _check(difference)
    _check_margin(margin)
    p = float(ttost_paired(difference, np.zeros(n), -margin, margin)[0])
    mean = float(difference.mean())
    half = float(stats.t.ppf(0.95, n - 1)) * float(difference.std(ddof=1)) / math.sqrt(n)
    return Equivalence(n, margin, mean, Interval(mean - half, mean + half), p)


def equivalence_by_ranks(difference: FloatArray, margin: float) -> Equivalence:
    """Two one-sided signed-rank tests against ± ``margin`` (unit of the values, > 0), for changes that are not normal.

    Each asks whether the typical change, in the sense of Hodges and Lehmann, lies beyond one end of the margin: all
    differences are moved by it and tested as in `wilcoxon`. A patient whose change is the margin itself tells nothing.

    Raises:
        ValueError: fewer than 3 pairs, or a margin of 0 or less.
    """
    n = len(difference)
    if n < LEAST_PAIRS:
        raise ValueError(_too_few(n))
    _check_margin(margin)
    change, interval = hodges_lehmann(difference, tail=0.05)
    p = max(_p_above_zero(margin + difference), _p_above_zero(margin - difference))
    return Equivalence(n, margin, change, interval, p)


def _p_above_zero(difference: FloatArray) -> float:
    """One-sided P of the signed ranks against a typical difference of 0 or less; 1 where none differs from 0."""
    difference = np.round(difference, 9)
    moved = difference[difference != 0]
    if not len(moved):
        return 1.0
    if len(moved) > EXACT_PAIRS:
        return float(stats.wilcoxon(moved, alternative="greater", method="asymptotic").pvalue)
    ranks = stats.rankdata(np.abs(moved))
    return _rank_sum_p(ranks, float(ranks[moved < 0].sum()))


def _check_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"margin is {margin}; it must be above 0: give the largest change that does not matter")


def equivalence_p(change: float, standard_error: float, margin: float) -> float:
    """P of two one-sided tests of one change whose standard error is known, against ± ``margin`` (normal).

    Without any error (0) it is 0 where the change lies within the margin and 1 where it does not.

    >>> round(equivalence_p(0.0, 1.0, 1.6448536269514722), 6)
    0.05
    """
    if standard_error == 0:
        return 0.0 if abs(change) < margin else 1.0
    return float(stats.norm.sf((margin - abs(change)) / standard_error))


def holm(p_values: list[float]) -> list[float]:
    """P values corrected for their number by Holm's step-down rule, in the same order."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []


def _check(difference: FloatArray, *, may_be_equal: bool = False) -> int:
    n = len(difference)
    if n < LEAST_PAIRS:
        raise ValueError(_too_few(n))
    if not np.any(difference) if may_be_equal else np.ptp(difference) <= 1e-12 * float(np.abs(difference).max()):
        raise ValueError("all differences are equal; there is no spread to test against")
    return n


def _too_few(pairs: int) -> str:
    return f"pairs: {pairs} given, a test needs at least {LEAST_PAIRS}; add patients"


def _dz_interval(t: float, n: int) -> Interval:
    """95 % interval of dz: the non-central t distributions that leave 2.5 % beyond the observed t."""
    reach = 8.0 + 8.0 * abs(t) / math.sqrt(2 * (n - 1))

    def end(share: float) -> float:
        root = optimize.brentq(lambda nc: noncentral_t_cdf(t, n - 1, nc) - share, t - reach, t + reach, xtol=1e-12)
        return float(root) / math.sqrt(n)

    return Interval(end(0.975), end(0.025))


def noncentral_t_cdf(t: float, df: int, noncentrality: float) -> float:
    """P(T <= t) as the mean of Phi(t s - noncentrality) over s = chi / sqrt(df), by Gauss-Legendre quadrature.

    `scipy.stats.nct` gives NaN for the large t of a successful operation.
    """
    nodes, weights = _quadrature()
    low, high = (stats.chi.ppf(q, df) for q in (1e-15, 1 - 1e-15))
    chi = low + (nodes + 1) / 2 * (high - low)
    inner = stats.chi.pdf(chi, df) * stats.norm.cdf(t * chi / math.sqrt(df) - noncentrality)
    return float((weights * inner).sum() * (high - low) / 2)


@cache
def _quadrature() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(600)
    return nodes, weights


def _signed_rank_p(ranks: FloatArray, smaller: float) -> float:
    """Two-sided P of the ``smaller`` signed rank sum."""
    return min(1.0, 2.0 * _rank_sum_p(ranks, smaller))


def _rank_sum_p(ranks: FloatArray, most: float) -> float:
    """Chance of a rank sum of ``most`` or less where each of ``ranks`` (mid-ranks at ties) counts or does not."""
    chance = np.ones(1)
    for twice in np.rint(2.0 * ranks).astype(int):
        chance = 0.5 * (np.pad(chance, (0, twice)) + np.pad(chance, (twice, 0)))
    return float(chance[: round(2.0 * most) + 1].sum())


def _signed_rank_quantile(n: int, tail: float) -> int:
    """Largest rank whose tail, P(W < rank), is ``tail`` at most under the exact distribution."""
    if n > 300:
        mean, sd = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(mean + float(stats.norm.ppf(tail)) * sd)
    chance = np.ones(1)
    for rank in range(1, n + 1):
        chance = 0.5 * (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0)))
    return int((np.cumsum(chance) <= tail).sum())

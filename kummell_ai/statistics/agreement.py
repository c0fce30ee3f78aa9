"""How well two methods, or several readers, agree on the same films.

NaN marks a missing reading; a film counts only where every method has read it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kummell_ai.quantities import Z95, Interval

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Differences of two methods (first minus second), in the unit of the readings.

    Attributes:
        n: pairs used.
        bias: mean difference, with its interval; None where resamples give none.
        sd: standard deviation of the differences.
        lower, upper: 95 % limits of agreement, each with its interval.
    """

    n: int
    bias: float
    bias_interval: Interval | None
    sd: float
    lower: float
    lower_interval: Interval | None
    upper: float
    upper_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """ICC(2,1) and what follows from the same table of variances.

    Attributes:
        n: films used.
        raters: methods or readers.
        icc: two-way random effects, absolute agreement, single reading; it depends on the spread of the cohort.
        icc_interval: 95 % interval (McGraw and Wong); None where its formula breaks down, as it may for a negative
            ICC of few films.
        sem: standard error of measurement, sqrt(between raters + residual variance), in the unit of the readings.
        mdc95: minimal detectable change, 1.96 sqrt(2) sem.
    """

    n: int
    raters: int
    icc: float
    icc_interval: Interval | None
    sem: float
    mdc95: float


def bland_altman(first: ArrayLike, second: ArrayLike) -> BlandAltman:
    """Bias and limits of agreement, bias ± 1.96 sd, with the intervals of Bland and Altman (1999).

    The standard error of a limit is sd sqrt(1/n + 1.96² / (2 (n - 1))); t with n - 1 degrees of freedom.

    Raises:
        ValueError: fewer than 3 complete pairs.
    """
    table = complete_rows(np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)], axis=1), 3)
    difference = table[:, 0] - table[:, 1]
    n = len(difference)
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = float(stats.t.ppf(0.975, n - 1))
    half_bias = t * sd / math.sqrt(n)
    half_limit = t * sd * math.sqrt(1 / n + Z95**2 / (2 * (n - 1)))
    lower, upper = bias - Z95 * sd, bias + Z95 * sd
    return BlandAltman(
        n=n,
        bias=bias,
        bias_interval=Interval(bias - half_bias, bias + half_bias),
        sd=sd,
        lower=lower,
        lower_interval=Interval(lower - half_limit, lower + half_limit),
        upper=upper,
        upper_interval=Interval(upper - half_limit, upper + half_limit),
    )


def reliability(readings: ArrayLike) -> Reliability:
    """ICC(2,1), SEM and MDC95 of readings (films, raters).

    Raises:
        ValueError: fewer than 3 complete films, fewer than 2 raters, or films that do not differ by any rater.
    """
    table = complete_rows(np.asarray(readings, np.float64), 3)
    n, k = table.shape
    if k < 2:
        raise ValueError(f"{k} rater is given; agreement needs at least 2: add a column of readings")
    between, raters, residual = _mean_squares(table)
    denominator = between + (k - 1) * residual + k * (raters - residual) / n
    if all(is_constant(column) for column in table.T) or denominator <= 0:
        raise ValueError("all readings are equal; an ICC needs films that differ: add films")
    icc = (between - residual) / denominator
    sem = math.sqrt(max(raters - residual, 0.0) / n + residual)
    return Reliability(n, k, icc, _icc_interval(between, raters, residual, n, k), sem, Z95 * math.sqrt(2) * sem)


def is_constant(values: FloatArray) -> bool:
    """Whether values are all equal but for rounding."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def complete_rows(table: FloatArray, least: int) -> FloatArray:
    """The rows without a missing value.

    Raises:
        ValueError: fewer than ``least`` of them.
    """
    complete = table[np.isfinite(table).all(axis=1)]
    if len(complete) < least:
        raise ValueError(
            f"complete rows: {len(complete)} given, at least {least} are needed; add some without a missing value"
        )
    return complete


def _mean_squares(table: FloatArray) -> tuple[float, float, float]:
    """Mean squares between films, between raters, and residual."""
    n, k = table.shape
    mean = table.mean()
    films, raters = table.mean(axis=1), table.mean(axis=0)
    between = k * float(((films - mean) ** 2).sum()) / (n - 1)
    across = n * float(((raters - mean) ** 2).sum()) / (k - 1)
    rest = table - films[:, None] - raters[None, :] + mean
    return between, across, float((rest**2).sum()) / ((n - 1) * (k - 1))


def _icc_interval(between: float, raters: float, residual: float, n: int, k: int) -> Interval | None:
    """McGraw and Wong (1996), table 7, ICC(A,1); its degrees of freedom follow Satterthwaite.

    Of a negative ICC the two terms of Satterthwaite's sum may cancel. The degrees of freedom are then next to 0, both
    ends fall together beside the ICC, and there is no interval.
    """
    icc = (between - residual) / (between + (k - 1) * residual + k * (raters - residual) / n)
    if icc >= 1.0:  # nothing differs but for rounding
        return Interval(1.0, 1.0)
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    spread = (a * raters) ** 2 / (k - 1) + (b * residual) ** 2 / ((n - 1) * (k - 1))
    if spread == 0:
        raise ValueError("the films do not differ and each rater reads all alike; an ICC needs films that differ")
    v = (a * raters + b * residual) ** 2 / spread
    rest = k * raters + (k * n - k - n) * residual
    # The quantile of F(n - 1, v) as the reciprocal of that of F(v, n - 1): it overflows for small v, which goes to 0.
    low_share, high_share = (float(stats.f.ppf(share, v, n - 1)) for share in (0.025, 0.975))
    low, high = (n * (share * between - residual) / (rest + n * share * between) for share in (low_share, high_share))
    if not low - 1e-9 <= icc <= high + 1e-9:  # beyond rounding
        return None
    return Interval(low, high)

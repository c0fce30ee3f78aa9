"""Agreement of two readings of films of which a patient has several: intervals of resampled patients.

Errors on films of one patient are alike, so that the films are fewer than they seem; patients are drawn anew, with all
their films.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kummell_ai.quantities import Z95, Interval
from kummell_ai.statistics.agreement import is_constant

FloatArray = NDArray[np.float64]

MIN_PATIENTS = 5
"""With fewer patients there is no interval; those of a mean of five hold it in 91 % (scripts/check_statistics.py)."""
RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class AgreementIntervals:
    """95 % intervals over patients; None for fewer than `MIN_PATIENTS`, or where all resamples are alike.

    Attributes:
        bias, lower, upper: of the bias and the limits of agreement, see `BlandAltman`, in the unit of the readings.
        icc: of ICC(2,1), see `Reliability`.
    """

    bias: Interval | None
    lower: Interval | None
    upper: Interval | None
    icc: Interval | None


def agreement_intervals(pairs: FloatArray, patient: NDArray[np.int64], seed: int = 0) -> AgreementIntervals:
    """Intervals of the agreement of ``pairs`` (n, 2), those of ``patient`` (n,) numbered from 0.

    Percentiles of 4,000 resamples. Those of few patients would be too narrow, so that the tails lie further out, where
    the interval of a mean is that of Student's t: Phi(-t sqrt(P / (P - 1))) of P patients (Hesterberg, What teachers
    should know about the bootstrap, 2015, expanded percentiles).
    """
    patients = len(np.unique(patient))
    if patients < MIN_PATIENTS:
        return AgreementIntervals(None, None, None, None)
    shares = np.full(patients, 1.0 / patients)
    drawn = np.random.default_rng(seed).multinomial(patients, shares, size=RESAMPLES)
    figures = _figures(pairs, drawn[:, patient].astype(np.float64))
    return AgreementIntervals(*(_interval(figure, expanded_tail(patients)) for figure in figures))


def expanded_tail(patients: int) -> float:
    """Share of the resamples of so many ``patients`` that lies beyond either end of a 95 % interval.

    That of a mean is then as wide as by Student's t (Hesterberg 2015, expanded percentiles): 0.0086 with 10 patients,
    0.0231 with 100.
    """
    reach = float(stats.t.ppf(0.975, patients - 1)) * math.sqrt(patients / (patients - 1))
    return float(stats.norm.sf(reach))


def _figures(pairs: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Bias, lower and upper limit and ICC (B,) of ``pairs`` (n, 2) that count ``weights`` (B, n) times.

    ICC(2,1) of two raters is 2 c / (a + b + bias² - var(difference) / n), a and b their variances, c the covariance.
    """
    first, second = (pairs - pairs.mean(axis=0)).T  # centred, so that no digits are lost in the squares
    n = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # one film, drawn alone, has no variance
        one, other = weights @ first / n, weights @ second / n
        a = (weights @ first**2 - n * one**2) / (n - 1)
        b = (weights @ second**2 - n * other**2) / (n - 1)
        c = (weights @ (first * second) - n * one * other) / (n - 1)
        variance = np.maximum(a + b - 2 * c, 0.0)
        bias = one - other + float(pairs[:, 0].mean() - pairs[:, 1].mean())
        icc = 2 * c / (a + b + bias**2 - variance / n)
    sd = np.sqrt(variance)
    return bias, bias - Z95 * sd, bias + Z95 * sd, icc


def _interval(drawn: FloatArray, tail: float) -> Interval | None:
    known = drawn[np.isfinite(drawn)]
    if not len(known) or is_constant(known):
        return None
    low, high = np.quantile(known, (tail, 1.0 - tail))
    return Interval(float(low), float(high))

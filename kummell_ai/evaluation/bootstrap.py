"""95 % intervals by drawing patients anew: the films of a patient are alike, so they are drawn together.

Every resample is a row of how often each patient is drawn. Figures are taken of all rows at once: sums over a patient
are made first, so that a resample costs a dot product and not a pass over the films.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.evaluation.shares import FEW_CARRIERS, exact_interval, rarer_carriers
from kummell_ai.quantities import Z95, Interval
from kummell_ai.statistics.agreement import bland_altman, is_constant, reliability
from kummell_ai.statistics.resampled_agreement import MIN_PATIENTS, expanded_tail

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PLAIN_TAIL = 0.025
"""Beyond either end of an interval of plain percentiles."""
_CHUNK = 50
"""Resamples that are held at once for quantiles."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of a set of values.

    Attributes:
        value: the figure, or None when there is nothing to take it of.
        interval: 95 %, or None.
        n: values.
        patients: that they come from.
        method: of the interval: ``bootstrap``, ``exact`` where it is one of Clopper and Pearson, or ``none``, also
            where all resamples are alike.
    """

    value: float | None
    interval: Interval | None
    n: int
    patients: int
    method: str


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Resamples of patients.

    Attributes:
        draws: (B, P) how often patient p is drawn in resample b; every row sums to P.
    """

    draws: NDArray[np.int32]

    @classmethod
    def of(cls, patients: int, resamples: int, seed: int) -> Bootstrap:
        """``resamples`` draws of ``patients`` with replacement."""
        if patients == 0:
            return cls(np.zeros((resamples, 0), np.int32))
        shares = np.full(patients, 1.0 / patients)
        return cls(np.random.default_rng(seed).multinomial(patients, shares, size=resamples).astype(np.int32))

    def mean(self, values: FloatArray, patient: IntArray) -> Estimate:
        """Mean of ``values`` (N,), those of ``patient`` (N,); NaN is left out."""
        return self._mean(values, patient, None)

    def _mean(self, values: FloatArray, patient: IntArray, tail: float | None) -> Estimate:
        values, patient = _known(values, patient)
        if not len(values):
            return _nothing()
        sums, counts = self._sums(values, patient), self._sums(np.ones(len(values)), patient)
        return self._estimate(float(values.mean()), _divide(self.draws @ sums, self.draws @ counts), patient, tail)

    def proportion(self, yes: FloatArray, patient: IntArray) -> Estimate:
        """Share (%) of ones among ``yes`` (N,) of 0, 1 and NaN.

        Where fewer than `FEW_CARRIERS` patients carry the ones, or the zeros, the interval is that of Clopper and
        Pearson on the values divided by their design effect, see `exact_interval`, and nowhere narrower than that of
        the bootstrap. Its percentiles are the plain ones here, as that interval knows how few patients there are.
        """
        known, of = _known(yes, patient)
        estimate = self._mean(100.0 * known, of, _PLAIN_TAIL)
        if estimate.patients < MIN_PATIENTS:
            return estimate
        ones, values = self._sums(known, of), self._sums(np.ones(len(known)), of)
        if rarer_carriers(ones, values) >= FEW_CARRIERS:
            return estimate
        low, high = (100.0 * end for end in exact_interval(ones, values))
        if estimate.interval is not None:
            low, high = min(low, estimate.interval.low), max(high, estimate.interval.high)
        return Estimate(estimate.value, Interval(low, high), estimate.n, estimate.patients, "exact")

    def quantiles(self, values: FloatArray, patient: IntArray, shares: tuple[float, ...]) -> tuple[Estimate, ...]:
        """Quantiles of ``values`` (N,), as ``numpy.quantile`` takes them of each resample written out."""
        values, patient = _known(values, patient)
        if not len(values):
            return (_nothing(),) * len(shares)
        order = np.argsort(values, kind="stable")
        ranked, owner = values[order], patient[order]
        drawn = np.concatenate(
            [
                _weighted_quantiles(ranked, self.draws[start : start + _CHUNK][:, owner], shares)
                for start in range(0, len(self.draws), _CHUNK)
            ]
            or [np.empty((0, len(shares)))]
        )
        return tuple(
            self._estimate(float(np.quantile(values, share)), drawn[:, i], patient) for i, share in enumerate(shares)
        )

    def agreement(
        self, measured: FloatArray, true: FloatArray, patient: IntArray, *, of_changes: bool = False
    ) -> dict[str, Estimate]:
        """``bias, sd, lower, upper, slope, icc, sem, mdc95`` of measured and true values (N,).

        Bias, limits and ICC are those of `statistics.agreement`. The slope is that of the least-squares line of the
        measured on the true values: below 1 where large ones are read too small. The truth is taken to be exact, so
        that the whole difference is the program's error: its standard error of measurement is the standard deviation
        of the differences, and MDC95, the least change of two films that is told from none, 1.96 sqrt(2) times that.
        `statistics.agreement` shares the error out among two readers instead. Where the truth is a person's marks,
        which err too, SEM and MDC95 are upper bounds. The bias is in neither: two films of a patient have the same.

        Args:
            measured: (N,), NaN where missing.
            true: (N,), likewise, in the same unit.
            patient: (N,) number of the patient.
            of_changes: the values are changes, of two films each already: MDC95 is 1.96 times their SEM.

        Returns:
            By name, in the unit of the values, slope and ICC without one. Empty for fewer than three values; without
            a slope where the true ones are alike, without an ICC where the readings do not differ.
        """
        complete = np.isfinite(measured) & np.isfinite(true)
        measured, true, patient = measured[complete], true[complete], patient[complete]
        if len(measured) < 3:
            return {}
        centre = float(true.mean())
        m, t = measured - centre, true - centre
        moments = np.stack([np.ones(len(m)), m, t, m * m, t * t, m * t], axis=-1)
        sums = np.stack([self._sums(column, patient) for column in moments.T], axis=-1)
        drawn = _agreement(self.draws @ sums)
        values = _agreement_of_all(measured, true)
        detectable = Z95 if of_changes else Z95 * math.sqrt(2.0)
        for figures in (values, drawn):
            figures |= {"sem": figures["sd"], "mdc95": detectable * figures["sd"]}
        return {name: self._estimate(value, drawn[name], patient) for name, value in values.items()}

    def difference(self, first: tuple[FloatArray, IntArray], second: tuple[FloatArray, IntArray]) -> Estimate:
        """Mean of ``second`` minus mean of ``first``, each (values, patients); patients of both are drawn together."""
        one, other = _known(*first), _known(*second)
        if not len(one[0]) or not len(other[0]):
            return _nothing()
        drawn = [
            _divide(self.draws @ self._sums(values, of), self.draws @ self._sums(np.ones(len(values)), of))
            for values, of in (one, other)
        ]
        value = float(other[0].mean() - one[0].mean())
        return self._estimate(value, drawn[1] - drawn[0], np.concatenate([one[1], other[1]]))

    def _sums(self, values: FloatArray, patient: IntArray) -> FloatArray:
        """Sum of each patient's values, (P,)."""
        sums: FloatArray = np.bincount(patient, values, minlength=self.draws.shape[1]).astype(np.float64)
        return sums

    def _estimate(self, value: float, drawn: FloatArray, patient: IntArray, tail: float | None = None) -> Estimate:
        """A figure and the interval of its resamples; ``tail`` lies beyond either end, by default what befits the n."""
        patients = len(np.unique(patient))
        drawn = drawn[np.isfinite(drawn)]
        if patients < MIN_PATIENTS or not len(drawn) or is_constant(drawn):
            return Estimate(value, None, len(patient), patients, "none")
        tail = expanded_tail(patients) if tail is None else tail
        low, high = (float(end) for end in np.quantile(drawn, (tail, 1.0 - tail)))
        return Estimate(value, Interval(low, high), len(patient), patients, "bootstrap")


def _known(values: FloatArray, patient: IntArray) -> tuple[FloatArray, IntArray]:
    finite = np.isfinite(values)
    return values[finite], patient[finite]


def _nothing() -> Estimate:
    return Estimate(None, None, 0, 0, "none")


def _divide(above: FloatArray, below: FloatArray) -> FloatArray:
    """``above / below``; NaN where a resample holds no value."""
    ratio: FloatArray = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return ratio


def _weighted_quantiles(ranked: FloatArray, weights: NDArray[np.int32], shares: tuple[float, ...]) -> FloatArray:
    """Quantiles (B, Q) of sorted values (N,) that occur ``weights`` (B, N) times each; NaN where none occurs."""
    ends = np.cumsum(weights, axis=1, dtype=np.int64)
    count = ends[:, -1:]
    place = np.maximum(count - 1, 0) * np.asarray(shares)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    # Each row's ranks are shifted beyond those of the row before, so that one search serves all rows.
    shift = np.arange(len(ends))[:, None] * (int(count.max()) + 1)
    low, high = (_value_at(ranked, ends + shift, rank + shift) for rank in (below, above))
    quantiles: FloatArray = np.where(count > 0, low + (place - below) * (high - low), np.nan)
    return quantiles


def _value_at(ranked: FloatArray, ends: IntArray, rank: IntArray) -> FloatArray:
    """The value (B, Q) of each rank when value i of row b fills the ranks up to ``ends[b, i]``."""
    place = np.searchsorted(ends.ravel(), rank.ravel(), side="right").reshape(rank.shape)
    first = np.arange(len(ends))[:, None] * len(ranked)
    found: FloatArray = ranked[np.clip(place - first, 0, len(ranked) - 1)]
    return found


def _agreement_of_all(measured: FloatArray, true: FloatArray) -> dict[str, float]:
    limits = bland_altman(measured, true)
    values = {"bias": limits.bias, "sd": limits.sd, "lower": limits.lower, "upper": limits.upper}
    centred = true - true.mean()
    if not is_constant(true):
        values["slope"] = float(centred @ measured / (centred @ centred))
    try:
        trust = reliability(np.stack([measured, true], axis=1))
    except ValueError:  # films that do not differ
        return values
    return values | {"icc": trust.icc}


def _agreement(sums: FloatArray) -> dict[str, Any]:
    """Figures (...) from sums (..., 6) of 1, m, t, m², t², m t; two raters make the mean squares simple.

    Between films 2 var((m + t) / 2), between raters n (mean m - mean t)² / 2, residual var(m - t) / 2.
    """
    n = np.where(sums[..., 0] > 1, sums[..., 0], np.nan)
    fewer = n - 1
    mean_m, mean_t = sums[..., 1] / n, sums[..., 2] / n
    var_m, var_t = (sums[..., 3] - n * mean_m**2) / fewer, (sums[..., 4] - n * mean_t**2) / fewer
    covariance = (sums[..., 5] - n * mean_m * mean_t) / fewer
    bias, variance = mean_m - mean_t, np.maximum(var_m + var_t - 2.0 * covariance, 0.0)
    between, raters, residual = (var_m + var_t + 2.0 * covariance) / 2.0, n * bias**2 / 2.0, variance / 2.0
    icc = _divide(between - residual, between + residual + 2.0 * (raters - residual) / n)
    sd = np.sqrt(variance)
    return {
        "bias": bias,
        "sd": sd,
        "lower": bias - Z95 * sd,
        "upper": bias + Z95 * sd,
        "slope": _divide(covariance, np.where(var_t > 1e-12 * sums[..., 4] / n, var_t, 0.0)),  # beyond rounding
        "icc": icc,
    }

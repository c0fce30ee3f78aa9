"""Risk and coverage: how the error falls when the least certain answers are withheld."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray

KEPT = (0.5, 0.8, 0.9, 0.95, 1.0)
"""Shares kept at which the risk is told."""


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The curve of one signal of certainty.

    Attributes:
        subject: whose error, for example ``segmental_cobb``.
        signal: what answers are sorted by, for example ``interval width``.
        unit: of the risk.
        coverage: (N,) share kept, 1/N ... 1.
        risk: (N,) mean error of what is kept.
        best: (N,) the same when sorted by the error itself: no signal can do better.
        patients: that the answers are of.
    """

    subject: str
    signal: str
    unit: str
    coverage: FloatArray
    risk: FloatArray
    best: FloatArray
    patients: int

    @property
    def aurc(self) -> float:
        """Mean of the risk over all coverages; the whole risk for a signal that says nothing."""
        return float(self.risk.mean())

    @property
    def gain(self) -> float | None:
        """1 for the best order, 0 for one that says nothing, below 0 for one that misleads; None without any error."""
        full, best = float(self.risk[-1]), float(self.best.mean())
        return (full - self.aurc) / (full - best) if full - best > 1e-12 else None

    def risk_at(self, share: float) -> float:
        """Risk when at least ``share`` of the answers are kept."""
        return float(self.risk[max(int(np.ceil(share * len(self.risk) - 1e-9)), 1) - 1])


def risk_coverage(
    certainty: FloatArray,
    error: FloatArray,
    patient: NDArray[np.int64],
    *,
    subject: str,
    signal: str,
    unit: str,
) -> RiskCoverage | None:
    """The curve of ``certainty`` (N,), higher is surer, against ``error`` (N,); None when nothing is known.

    Answers without either, NaN, are left out: what was missed or withheld is in no curve. Among answers of equal
    certainty the order is left to chance; the curve is its mean, so that rows may come in any order. ``patient`` (N,)
    is the number of each answer's patient.

    >>> certainty, error, patient = np.array([3.0, 1.0, 2.0]), np.array([0.0, 6.0, 3.0]), np.array([4, 0, 4])
    >>> curve = risk_coverage(certainty, error, patient, subject="s", signal="c", unit="mm")
    >>> curve.risk.tolist(), curve.patients
    ([0.0, 1.5, 3.0], 2)
    """
    known = np.isfinite(certainty) & np.isfinite(error)
    if not known.any():
        return None
    risk = _mean_of_surest(certainty[known], error[known])
    best = _mean_of_surest(-error[known], error[known])
    coverage = np.arange(1, len(risk) + 1) / len(risk)
    patients = len(np.unique(patient[known]))
    return RiskCoverage(subject, signal, unit, coverage, risk, best, patients)


def _mean_of_surest(certainty: FloatArray, error: FloatArray) -> FloatArray:
    """Mean error (N,) of the k surest, k = 1 ... N."""
    order = np.argsort(-certainty, kind="stable")
    ranked = certainty[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(ranked) != 0), len(ranked) - 1)
    sums = np.cumsum(error[order])[last_of_equals]
    count = np.arange(1, len(ranked) + 1)
    mean: FloatArray = np.interp(count, np.append(0, last_of_equals + 1), np.append(0.0, sums)) / count
    return mean

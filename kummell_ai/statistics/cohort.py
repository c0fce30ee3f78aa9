"""One measure of a cohort over the phases: description, tests chosen by rule, and the reason for the choice.

Rules. Grades: Friedman and the exact sign test. Numbers: when the differences of every pair of phases pass Shapiro-Wilk
(P >= 0.05) the repeated-measures ANOVA, or, when values are missing, the mixed model, and paired t tests; else Friedman
on the complete patients and Wilcoxon's test. The pairs are corrected by Holm. Missing values stay missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kummell_ai.quantities import Interval
from kummell_ai.statistics.omnibus import Omnibus, friedman, mixed_model, rm_anova
from kummell_ai.statistics.paired import (
    Equivalence,
    PairedTest,
    equivalence,
    equivalence_by_ranks,
    holm,
    paired_t,
    shapiro_p,
    sign_test,
    wilcoxon,
)

FloatArray = NDArray[np.float64]
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Summary:
    """Values of one phase, in their own unit.

    Attributes:
        phase: name of the phase.
        n, missing: patients with and without a value.
        mean, sd, median, q1, q3: None where ``n`` is too small; quartiles by linear interpolation.
        shapiro_p: P of Shapiro-Wilk, or None.
        mean_interval: 95 % interval of the mean over patients (t), None under 2 patients.
    """

    phase: str
    n: int
    missing: int
    mean: float | None
    sd: float | None
    median: float | None
    q1: float | None
    q3: float | None
    shapiro_p: float | None
    mean_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two phases of the same patients.

    Attributes:
        earlier, later: names of the phases.
        result: the test, or None with ``caveat`` saying why.
        p_holm: P corrected for the number of pairs tested.
        caveat: why there is no test.
        equivalence: TOST of the pair, where a margin is given.
    """

    earlier: str
    later: str
    result: PairedTest | None
    p_holm: float | None = None
    caveat: str | None = None
    equivalence: Equivalence | None = None


@dataclass(frozen=True, slots=True)
class CohortAnalysis:
    """All there is to say about one measure.

    Attributes:
        summaries: one a phase, in order.
        omnibus: test over all phases, or None with ``omnibus_caveat``.
        comparisons: every pair of phases, earlier first.
        kind: which tests were chosen: ``ordinal``, ``ranks``, ``mixed`` or ``normal``.
        least_shapiro_p: smallest P of Shapiro-Wilk over the differences of phases, the reason for ``kind``; None where
            it cannot be computed or the values are grades.
    """

    summaries: tuple[Summary, ...]
    omnibus: Omnibus | None
    omnibus_caveat: str | None
    comparisons: tuple[Comparison, ...]
    kind: str
    least_shapiro_p: float | None

    @property
    def is_normal(self) -> bool:
        """Whether means are tested, so that mean and SD describe the values, and not median and quartiles."""
        return self.kind in ("mixed", "normal")


def analyse(
    values: ArrayLike, phases: Sequence[str], *, ordinal: bool = False, margin: float | None = None
) -> CohortAnalysis:
    """Describe and test one measure.

    Args:
        values: (n, k) patients, phases; NaN = missing. Grades as numbers in their order.
        phases: k names, in order of time.
        ordinal: whether the values are grades.
        margin: largest change that does not matter, for the equivalence test; None for none.

    Raises:
        ValueError: the table does not have one column a phase.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.shape[1] != len(phases):
        raise ValueError(f"values are {table.shape}; expected (patients, {len(phases)}): one column a phase")
    summaries = tuple(summarise(table[:, i], phase) for i, phase in enumerate(phases))
    seen = table[np.isfinite(table).any(axis=1)]  # a patient without any value is no missing value of a test
    kind, least_p = _choose(seen, ordinal)
    omnibus, caveat = _omnibus(seen, kind)
    return CohortAnalysis(
        summaries=summaries,
        omnibus=omnibus,
        omnibus_caveat=caveat,
        comparisons=_compare(table, phases, kind, margin),
        kind=kind,
        least_shapiro_p=least_p,
    )


def summarise(values: FloatArray, phase: str) -> Summary:
    """Description of the values of one phase (n,), NaN = missing."""
    known = values[np.isfinite(values)]
    n, missing = len(known), int(len(values) - len(known))
    if not n:
        return Summary(phase, 0, missing, None, None, None, None, None, None)
    q1, median, q3 = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    mean, sd, interval = float(known.mean()), None, None
    if n > 1:
        sd = float(known.std(ddof=1))
        half = float(stats.t.ppf(0.975, n - 1)) * sd / n**0.5
        interval = Interval(mean - half, mean + half)
    return Summary(phase, n, missing, mean, sd, median, q1, q3, shapiro_p(known), interval)


def _choose(table: FloatArray, ordinal: bool) -> tuple[str, float | None]:
    """``ordinal``, ``normal``, ``mixed`` or ``ranks``, and the smallest P of Shapiro-Wilk that decided it."""
    if ordinal:
        return "ordinal", None
    p_values = [shapiro_p(_differences(table, i, j)) for i, j in combinations(range(table.shape[1]), 2)]
    known = [p for p in p_values if p is not None]
    least = min(known, default=None)
    if least is None or len(known) < len(p_values) or least < ALPHA:
        return "ranks", least
    return ("mixed" if table.shape[1] > 2 and not np.isfinite(table).all() else "normal"), least


_OMNIBUS: dict[str, Callable[[FloatArray], Omnibus]] = {
    "ordinal": friedman,
    "ranks": friedman,
    "mixed": mixed_model,
    "normal": rm_anova,
}
_PAIRED: dict[str, Callable[[FloatArray], PairedTest]] = {
    "ordinal": sign_test,
    "ranks": wilcoxon,
    "mixed": paired_t,
    "normal": paired_t,
}


def _omnibus(table: FloatArray, kind: str) -> tuple[Omnibus | None, str | None]:
    if table.shape[1] < 3:
        return None, "two phases: the paired test says all"
    try:
        return _OMNIBUS[kind](table), None
    except ValueError as error:
        return None, str(error)


def _differences(table: FloatArray, earlier: int, later: int) -> FloatArray:
    difference: FloatArray = table[:, later] - table[:, earlier]
    return difference[np.isfinite(difference)]


def _compare(table: FloatArray, phases: Sequence[str], kind: str, margin: float | None) -> tuple[Comparison, ...]:
    pairs = list(combinations(range(len(phases)), 2))
    tests = [_test(_differences(table, i, j), kind) for i, j in pairs]
    corrected = iter(holm([test.p for test, _ in tests if test is not None]))
    return tuple(
        Comparison(
            earlier=phases[i],
            later=phases[j],
            result=test,
            p_holm=next(corrected) if test is not None else None,
            caveat=caveat,
            equivalence=None if margin is None else _equivalence(_differences(table, i, j), kind, margin),
        )
        for (i, j), (test, caveat) in zip(pairs, tests, strict=True)
    )


def _test(difference: FloatArray, kind: str) -> tuple[PairedTest | None, str | None]:
    try:
        return _PAIRED[kind](difference), None
    except ValueError as error:
        return None, str(error)


def _equivalence(difference: FloatArray, kind: str, margin: float) -> Equivalence | None:
    if kind == "ordinal":
        return None
    try:
        return (equivalence_by_ranks if kind == "ranks" else equivalence)(difference, margin)
    except ValueError:
        return None

"""Every change that the patients' reports give, held against its truth: coverage, false verdicts, confusion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kummell_ai.evaluation.bootstrap import Bootstrap
from simulated_cohort.truth import read_truth

COLUMNS = {
    "anterior_height": "anterior_height_mm",
    "segmental_cobb": "segmental_cobb_deg",
    "wedge_angle": "wedge_angle_deg",
}
HIGHER_IS_BETTER = ("anterior_height",)
PAIRS = ("correction", "loss", "net")
ALL = "all"
VERDICTS = ("improved", "worse", "not distinguishable", "unknown")
TRUTHS = ("better", "worse", "the same")
RESAMPLES, SEED = 2000, 1


@dataclass(frozen=True, slots=True)
class Held:
    """One change against its truth, in the unit of the quantity; ``better`` is the true change towards the good."""

    patient: str
    pair: str
    quantity: str
    measured: float
    low: float | None
    high: float | None
    verdict: str
    truth: float
    better: float

    @property
    def true_verdict(self) -> str:
        """What the patient's bones did, however little."""
        return TRUTHS[0] if self.better > 0 else TRUTHS[1] if self.better < 0 else TRUTHS[2]

    @property
    def is_covered(self) -> bool | None:
        """Whether the interval holds the truth; None without one."""
        return None if self.low is None or self.high is None else self.low <= self.truth <= self.high


@dataclass(frozen=True, slots=True)
class Reports:
    """What became of the patients: names without a report, and with a report about another level than the true one."""

    written: int
    without: tuple[str, ...]
    wrong: tuple[str, ...]


def changes(data: Path, results: Path) -> tuple[list[Held], Reports]:
    """Every change of the patients with the right injured level, and what became of the patients."""
    truth = {(row["patient"], row["phase"]): row for row in read_truth(data).values()}
    found: list[Held] = []
    seen, wrong = [], []
    for path in sorted(results.glob("patient-*/report.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        patient = report["patient_id"]
        seen.append(patient)
        if truth[patient, "pre-op"]["index_level"] != report["index_level"]:
            wrong.append(patient)
            continue
        for correction in report["corrections"]:
            before, after = (truth[patient, correction[end]] for end in ("before", "after"))
            found += _held(patient, correction, before, after)
    without = sorted({patient for patient, _ in truth} - set(seen))
    return found, Reports(len(seen), tuple(without), tuple(wrong))


def _held(patient: str, correction: dict[str, Any], before: dict[str, str], after: dict[str, str]) -> Iterator[Held]:
    for quantity, change in correction["changes"].items():
        column, measured = COLUMNS.get(quantity), change["change"]["value"]
        if column is None or measured is None or not before[column] or not after[column]:
            continue
        true = float(after[column]) - float(before[column])
        low, high = change["change"]["interval_95"] or (None, None)
        better = true if quantity in HIGHER_IS_BETTER else -true
        yield Held(patient, correction["name"], quantity, measured, low, high, change["verdict"], true, better)


def select(held: Sequence[Held], pair: str, quantity: str) -> list[Held]:
    """The changes of a pair of phases and a quantity; ``all`` for either takes every one."""
    return [h for h in held if pair in (h.pair, ALL) and quantity in (h.quantity, ALL)]


def summary(held: Sequence[Held]) -> list[dict[str, str]]:
    """One row a pair of phases and quantity, and over all of them.

    Where a patient has one change the interval of a share is Wilson's; over several changes of a patient it is that
    of a bootstrap of the patients. A verdict "worse" is false where the truth is no worse, "improved" where it is no
    better.
    """
    names = sorted({h.patient for h in held})
    bootstrap = Bootstrap.of(len(names), RESAMPLES, SEED)
    rows = []
    for pair in (*PAIRS, ALL):
        for quantity in (*COLUMNS, ALL):
            own = select(held, pair, quantity)
            if not own:
                continue
            patient = np.array([names.index(h.patient) for h in own])
            tell = _Shares(bootstrap, patient, is_single=ALL not in (pair, quantity))
            row = {"pair": pair, "quantity": quantity, "n": str(len(own)), **_errors(own, quantity)}
            row["coverage"] = tell.share([h.is_covered for h in own])
            row["worse"] = tell.share([h.verdict == "worse" for h in own])
            row["false worse of all"] = tell.share([h.verdict == "worse" and h.better >= 0 for h in own])
            row["false worse of those no worse"] = tell.share([_said(h, "worse", h.better >= 0) for h in own])
            row["false improved of those no better"] = tell.share([_said(h, "improved", h.better <= 0) for h in own])
            rows.append(row)
    return rows


def _said(held: Held, verdict: str, counts: bool) -> bool | None:
    return held.verdict == verdict if counts else None


def _errors(own: Sequence[Held], quantity: str) -> dict[str, str]:
    if quantity == ALL:  # mm and degrees have no mean
        return {"mean absolute error": "", "bias": ""}
    errors = np.array([h.measured - h.truth for h in own])
    return {"mean absolute error": f"{np.abs(errors).mean():.2f}", "bias": f"{errors.mean():+.2f}"}


@dataclass(frozen=True, slots=True)
class _Shares:
    """Shares with their 95 % interval; ``patient`` (N,) is the place of each value's patient in ``bootstrap``."""

    bootstrap: Bootstrap
    patient: NDArray[np.int64]
    is_single: bool

    def share(self, yes: Sequence[bool | None]) -> str:
        """``k/n = s % (low to high)``; None is left out."""
        known = [y for y in yes if y is not None]
        if self.is_single:
            return wilson(sum(known), len(known))
        values = np.array([np.nan if y is None else float(y) for y in yes])
        interval = self.bootstrap.proportion(values, self.patient).interval
        return _text(sum(known), len(known), (interval.low, interval.high) if interval else None)


def wilson(hits: int, of: int) -> str:
    """A share of independent trials with Wilson's 95 % interval.

    >>> wilson(1, 2)
    '1/2 = 50.0 % (9.5 to 90.5)'
    """
    if not of:
        return "–"
    ends = stats.binomtest(hits, of).proportion_ci(0.95, method="wilson")
    return _text(hits, of, (100 * ends.low, 100 * ends.high))


def _text(hits: int, of: int, ends: tuple[float, float] | None) -> str:
    if not of:
        return "–"
    interval = f" ({ends[0]:.1f} to {ends[1]:.1f})" if ends else ""
    return f"{hits}/{of} = {100 * hits / of:.1f} %{interval}"


def confusion(held: Sequence[Held], pair: str = ALL, quantity: str = ALL) -> list[list[str | int]]:
    """Rows: what is true, with the number of each verdict; the first row is the head."""
    own = select(held, pair, quantity)
    rows: list[list[str | int]] = [["truth", *VERDICTS]]
    for true in TRUTHS:
        rows.append([true, *(sum((h.true_verdict, h.verdict) == (true, v) for h in own) for v in VERDICTS)])
    return rows

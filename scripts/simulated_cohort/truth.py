"""What is true of simulated films, beside what the cohort's tables say of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

MEASURES = ("anterior_height_mm", "segmental_cobb_deg", "wedge_angle_deg")
PHASES = ("pre-op", "post-op", "follow-up")


@dataclass(frozen=True, slots=True)
class Pair:
    """One value of the statistics and its truth, in the unit of the measure."""

    patient: str
    phase: str
    measure: str
    measured: float
    truth: float


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over patients of one measure at one phase.

    Attributes:
        n: films.
        truth, measured: means.
        low, high: 95 % interval of the measured mean over patients (t).
        bias, bias_low, bias_high: mean of measured minus true, with its 95 % interval (t).
    """

    measure: str
    phase: str
    n: int
    truth: float
    measured: float
    low: float
    high: float
    bias: float
    bias_low: float
    bias_high: float

    @property
    def is_inside(self) -> bool:
        """Whether the true mean lies in the interval of the measured one."""
        return self.low <= self.truth <= self.high


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_truth(data: Path) -> dict[str, dict[str, str]]:
    """Row of truth.csv by the name of the film."""
    return {Path(row["file_name"]).name: row for row in read_rows(data / "truth.csv")}


def pairs(data: Path, results: Path) -> Iterator[Pair]:
    """Every measured value of the statistics that has a truth."""
    truth = read_truth(data)
    for row in read_rows(results / "values.csv"):
        true = truth.get(Path(row["source"]).name, {}).get(row["measure"], "")
        if row["measure"] in MEASURES and row["in_statistics"] == "1" and true:
            yield Pair(row["patient_id"], row["phase"], row["measure"], float(row["value"]), float(true))


def means(data: Path, results: Path) -> list[Mean]:
    """Truth beside measured for every measure and phase."""
    found = list(pairs(data, results))
    rows = []
    for measure in MEASURES:
        for phase in PHASES:
            own = [(p.measured, p.truth) for p in found if (p.measure, p.phase) == (measure, phase)]
            if len(own) > 1:
                measured, true = np.array(own).T
                bias, bias_low, bias_high = _with_interval(measured - true)
                mean, low, high = _with_interval(measured)
                true_mean = float(true.mean())
                rows.append(Mean(measure, phase, len(own), true_mean, mean, low, high, bias, bias_low, bias_high))
    return rows


def wrong_levels(data: Path, results: Path) -> dict[str, tuple[str, str]]:
    """True and found injured level of the patients where they differ; further levels do not count."""
    true = {row["patient"]: row["index_level"] for row in read_truth(data).values()}
    rows = read_rows(results / "values.csv")
    found = {row["patient_id"]: row["level"] for row in rows if row["level"] and row["in_statistics"] == "1"}
    return {name: (true[name], level) for name, level in found.items() if true.get(name, level) != level}


def _with_interval(values: np.ndarray) -> tuple[float, float, float]:
    mean = float(values.mean())
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return mean, mean - half, mean + half

"""Made-up scores of the clinic for simulated patients: a row a patient, some values missing."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

COURSES = {"vas": ((7.8, 1.0), (2.6, 0.9), (2.1, 0.9)), "odi": ((72.0, 9.0), (31.0, 8.0), (24.0, 8.0))}
"""Mean and SD before surgery, after it and at the last follow-up, of the size that the literature reports."""
RANGE = {"vas": (0.0, 10.0), "odi": (0.0, 100.0)}
PHASES = ("pre", "post", "last")
MISSING = 0.05


def write_scores(path: Path, patients: Sequence[str], seed: int) -> None:
    """The same patient and seed give the same scores."""
    columns = ["patient_id", *(f"{score}_{phase}" for score in (*COURSES, "frankel") for phase in PHASES)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([name, *_row(np.random.default_rng([seed, k]))] for k, name in enumerate(patients))


def _row(rng: np.random.Generator) -> list[str]:
    cells = []
    for score, course in COURSES.items():
        own = rng.normal()  # a patient who feels more at one phase feels more at all
        for mean, sd in course:
            value = np.clip(mean + sd * (0.7 * own + 0.7 * rng.normal()), *RANGE[score])
            cells.append(f"{value:.0f}")
    grade = int(rng.choice([2, 3, 4], p=[0.25, 0.45, 0.3]))
    for _ in PHASES:
        cells.append("ABCDE"[grade])
        grade = min(grade + int(rng.random() < 0.6), 4)
    return [cell if rng.random() > MISSING else "NA" for cell in cells]

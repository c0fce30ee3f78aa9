"""Why changes after surgery are read too small: the slope of the errors on the true change, by how sure the height is.

    kummell-ai evaluate runs/test --out runs/test-evaluation
    python scripts/change_slopes.py runs/test-evaluation

Reads ``vertebrae.csv`` of evaluations, each film measured by itself. Takes the injured vertebra of each patient on the
first film after surgery and on the last one, sorts the patients by the half width of the interval on the last film,
and prints for each third of them the slope of the measured on the true change, and that of the error on either film on
the true change: 0 where the error does not hang on it, below 0 where a large change is read too small. Intervals are
those of 2,000 samples of the patients.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ending import end
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase
from kummell_ai.errors import InputError

QUANTITIES = {"anterior height": "anterior_height_mm", "wedge angle": "wedge_angle_deg"}
PARTS = 3
SAMPLES = 2000
LEAST = 10 * PARTS
"""Patients with which thirds have a slope at all."""


class Courses(NamedTuple):
    """The injured vertebra of n patients on the first film after surgery and on the last one: measured, true, (n, 2).

    ``half_width`` (n,) is that of the interval on the last film.
    """

    measured: NDArray[np.float64]
    true: NDArray[np.float64]
    half_width: NDArray[np.float64]


def read_courses(folders: Sequence[Path], column: str) -> Courses:
    """What evaluations hold of one quantity, mm or degrees.

    Raises:
        InputError: too few patients with both films.
    """
    films: dict[tuple[str, str], dict[str, tuple[float, ...]]] = {}
    columns = (column, f"{column}_true", f"{column}_low", f"{column}_high")
    for folder in folders:
        with (folder / "vertebrae.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                cells = [row.get(name, "") for name in columns]
                if row["is_index"] == "1" and all(cells):
                    own = films.setdefault((str(folder), row["patient_id"]), {})
                    values = tuple(map(float, cells))
                    if row["phase"] == Phase.POST_OP.value:
                        own.setdefault("first", values)
                    elif row["phase"] == Phase.FOLLOW_UP.value:
                        own["last"] = values
    both = np.array([(own["first"], own["last"]) for own in films.values() if len(own) == 2])
    if len(both) < LEAST:
        told = ", ".join(map(str, folders))
        raise InputError(f"{told}: {len(both)} patients with {column} before and after; at least {LEAST} are needed")
    return Courses(both[..., 0], both[..., 1], (both[:, 1, 3] - both[:, 1, 2]) / 2)


def slopes(courses: Courses) -> NDArray[np.float64]:
    """Slopes on the true change of the measured change, and of the error on the first and on the last film."""
    true = np.diff(courses.true)[:, 0]
    centred = true - true.mean()
    errors = courses.measured - courses.true
    asked = np.column_stack([np.diff(courses.measured)[:, 0], errors])
    return np.asarray(centred @ asked / (centred @ centred))


def part_of(courses: Courses, chosen: NDArray[np.int64]) -> Courses:
    """The courses of some patients."""
    return Courses(*(values[chosen] for values in courses))


def main() -> int:
    """Print the slopes of the evaluations that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders that kummell-ai evaluate wrote")
    folders = parser.parse_args().folders
    rng = np.random.default_rng(0)
    for name, column in QUANTITIES.items():
        courses = read_courses(folders, column)
        order = np.argsort(courses.half_width, kind="stable")
        for patients in (order, *np.array_split(order, PARTS)):
            own = part_of(courses, patients)
            drawn = [slopes(part_of(own, rng.integers(0, len(patients), len(patients)))) for _ in range(SAMPLES)]
            low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
            words = [f"{s:+.2f} ({a:+.2f} to {b:+.2f})" for s, a, b in zip(slopes(own), low, high, strict=True)]
            widths = f"{own.half_width.min():.2f} to {own.half_width.max():.2f}"
            print(f"{name}, {len(patients)} patients, half width {widths}: change {words[0]}, "
                  f"error on the first film {words[1]}, on the last {words[2]}")  # fmt: skip
    return 0


if __name__ == "__main__":
    end(main)

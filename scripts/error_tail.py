"""How much of the mean corner error the worst corners and films make.

    kummell-ai evaluate runs/test --out runs/test-evaluation
    python scripts/error_tail.py runs/test-evaluation

Reads ``vertebrae.csv`` of an evaluation of films with a scale. Prints the share of the located corners beyond 1, 2, 3
and 5 mm and of the mean error that they make, on how many films half of the corners beyond 2 mm stand, the mean
error without the films that have most of them, and how many corners lie within 2 mm on the vertebrae that the program
itself does not flag as showing nothing (``no-contrast``), and how many lie further off by part of the spine.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ending import end

from kummell_ai.anatomy import CORNERS, LEVELS, VertebralLevel
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import NO_CONTRAST

RADII_MM = (1.0, 2.0, 3.0, 5.0)
LEFT_OUT = (10, 20, 50, 100)
ENDS = (("T4", "T7"), ("T8", "T12"), ("L1", "L5"))
PARTS = {
    f"{upper} to {lower}": {str(level) for level in LEVELS if VertebralLevel(upper) <= level <= VertebralLevel(lower)}
    for upper, lower in ENDS
}
"""Levels by part of the spine."""


class Corner(NamedTuple):
    """A located corner: its film, level and distance from the truth (mm); whether its body is flagged `NO_CONTRAST`."""

    film: str
    level: str
    distance_mm: float
    flagged: bool


def read_corners(folder: Path) -> list[Corner]:
    """The located corners of an evaluation.

    Raises:
        InputError: none is known in mm.
    """
    corners = []
    with (folder / "vertebrae.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            flagged = NO_CONTRAST in (row.get("predicted_flags") or "").split()
            cells = [row.get(f"{corner.key}_distance_mm") for corner in CORNERS]
            corners += [Corner(row["film"], row.get("level") or "", float(cell), flagged) for cell in cells if cell]
    if not corners:
        raise InputError(f"{folder}: no corner errors in mm; give the --out of an evaluation of films with a scale")
    return corners


def main() -> int:
    """Print the tail of the evaluation that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder that kummell-ai evaluate wrote")
    corners = read_corners(parser.parse_args().folder)
    every = np.array([corner.distance_mm for corner in corners])
    errors: dict[str, list[float]] = defaultdict(list)
    for corner in corners:
        errors[corner.film].append(corner.distance_mm)
    films = {film: np.array(own) for film, own in errors.items()}
    print(f"{len(films)} films, {len(every)} located corners, mean error {every.mean():.3f} mm")
    for radius in RADII_MM:
        beyond = every > radius
        print(f"beyond {radius:g} mm: {100 * beyond.mean():.1f} % of the corners, "
              f"{100 * every[beyond].sum() / every.sum():.0f} % of the mean")  # fmt: skip
    worst = sorted(films, key=lambda film: -(films[film] > RADII_MM[1]).sum())
    counts = np.cumsum([(films[film] > RADII_MM[1]).sum() for film in worst])
    print(f"half of those beyond 2 mm stand on {int(np.searchsorted(counts, counts[-1] / 2)) + 1} films")
    for count in LEFT_OUT:
        if count < len(worst):
            left = np.concatenate([films[film] for film in worst[count:]])
            print(f"without the {count} worst films: mean error {left.mean():.3f} mm")
    seen = np.array([corner.distance_mm for corner in corners if not corner.flagged])
    if len(seen) < len(every):
        near, near_of_all = (100 * (values <= RADII_MM[1]).mean() for values in (seen, every))
        words = f"of {len(seen)} corners of vertebrae not flagged {NO_CONTRAST} {near:.1f} % lie within 2 mm"
        print(f"{words}, of all {near_of_all:.1f} %")
    for name, levels in PARTS.items():
        own = np.array([corner.distance_mm for corner in corners if corner.level in levels and not corner.flagged])
        if len(own):
            print(f"{name}, not flagged: {100 * (own > RADII_MM[1]).mean():.1f} % of {len(own)} beyond 2 mm")
    return 0


if __name__ == "__main__":
    end(main)

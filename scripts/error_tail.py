"""How much of the mean corner error the worst corners and films make.

    kummell-ai evaluate runs/test --out runs/test-evaluation
    python scripts/error_tail.py runs/test-evaluation

Reads ``vertebrae.csv`` of an evaluation of films with a scale. Prints the share of the located corners beyond 1, 2, 3
and 5 mm and of the mean error that they make, on how many films half of the corners beyond 2 mm stand, the mean
error without the films that have most of them, and how many corners lie within 2 mm on the vertebrae that the program
itself does not flag as showing nothing (``no-contrast``).
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from ending import end

from kummell_ai.anatomy import CORNERS
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import NO_CONTRAST

RADII_MM = (1.0, 2.0, 3.0, 5.0)
LEFT_OUT = (10, 20, 50, 100)


def read_errors(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Film -> distances (n,) mm of its located corners; and those (m,) of all vertebrae not flagged `NO_CONTRAST`."""
    errors: dict[str, list[float]] = defaultdict(list)
    seen: list[float] = []
    with (folder / "vertebrae.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            cells = [row.get(f"{corner.key}_distance_mm") for corner in CORNERS]
            own = [float(cell) for cell in cells if cell]
            errors[row["film"]] += own
            if NO_CONTRAST not in (row.get("predicted_flags") or "").split():
                seen += own
    found = {film: np.array(own) for film, own in errors.items() if own}
    if not found:
        raise InputError(f"{folder}: no corner errors in mm; give the --out of an evaluation of films with a scale")
    return found, np.array(seen)


def main() -> int:
    """Print the tail of the evaluation that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder that kummell-ai evaluate wrote")
    films, seen = read_errors(parser.parse_args().folder)
    every = np.concatenate(list(films.values()))
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
    if len(seen) < len(every):
        near, near_of_all = (100 * (values <= RADII_MM[1]).mean() for values in (seen, every))
        words = f"of {len(seen)} corners of vertebrae not flagged {NO_CONTRAST} {near:.1f} % lie within 2 mm"
        print(f"{words}, of all {near_of_all:.1f} %")
    return 0


if __name__ == "__main__":
    end(main)

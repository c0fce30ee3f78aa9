"""Mean and spread of the true measurements of simulated patients before surgery, after it and at follow-up.

python scripts/describe_course.py [--patients 150] [--seed 0]
"""

from __future__ import annotations

import argparse

import numpy as np

from kummell_ai.synthesis.case import generate_case
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.truth import true_measurements


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    recipe = Recipe(rows=128)  # truth does not depend on the size of the film
    rows = []
    for seed in range(args.seed, args.seed + args.patients):
        case = generate_case(seed, recipe)
        rows.append([true_measurements(film.corners_mm, case.index_level) for film in case.films])
    for name in rows[0][0]:
        values = np.array([[film[name] for film in row] for row in rows])
        parts = [f"{m:6.1f} ± {s:4.1f}" for m, s in zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)]
        print(f"{name:<24}" + "   ".join(parts))


if __name__ == "__main__":
    main()

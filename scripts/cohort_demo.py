"""A whole simulated study: films, scores, `kummell-ai cohort`, and the truth beside every mean it reports.

    python scripts/cohort_demo.py --out out/cohort

Makes the films of configs/synthesis/cohort.yaml (three a patient) and made-up scores, measures them with the shipped
network, and writes truth_beside_measured.csv next to the results. Films that exist are not made again. All simulated.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict
from pathlib import Path

from simulated_cohort.scores import write_scores
from simulated_cohort.truth import Mean, means, read_truth, wrong_levels

from kummell_ai.cli.main import main as kummell_ai

RECIPE = Path(__file__).parents[1] / "configs" / "synthesis" / "cohort.yaml"
SEED = 5000


def make_cohort(data: Path, patients: int, seed: int, workers: int) -> list[str]:
    """Films with their truth, manifest.csv and scores.csv under ``data``; returns the words that name both to `cohort`.

    The manifest keeps films of an earlier run with more patients out.
    """
    words = ["synthesize", "--recipe", str(RECIPE), "--out", str(data), "--count", str(3 * patients)]
    code = kummell_ai([*words, "--seed", str(seed), "--workers", str(workers)])
    if code:
        sys.exit(code)
    rows = read_truth(data).values()
    write_scores(data / "scores.csv", sorted({row["patient"] for row in rows}), seed)
    films = "".join(f"{row['file_name']}\n" for row in rows)
    (data / "manifest.csv").write_text(f"film\n{films}", encoding="utf-8")
    return [str(data / "manifest.csv"), "--clinical", str(data / "scores.csv")]


def show(rows: list[Mean]) -> str:
    lines = [
        f"{'':<24}{'':<11}{'n':>3}{'truth':>8}{'measured':>10}  {'95 % of the mean':<18}{'bias (95 %)':<24}truth inside"
    ]
    for m in rows:
        interval, bias = f"{m.low:.1f} to {m.high:.1f}", f"{m.bias:+.2f} ({m.bias_low:+.2f} to {m.bias_high:+.2f})"
        lines.append(
            f"{m.measure:<24}{m.phase:<11}{m.n:>3}{m.truth:>8.1f}{m.measured:>10.1f}  {interval:<18}{bias:<24}"
            f"{'yes' if m.is_inside else 'NO'}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/cohort"))
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    args = parser.parse_args()
    data, results = args.out / "data", args.out / "results"
    inputs = make_cohort(data, args.patients, args.seed, args.workers)
    code = kummell_ai(["cohort", *inputs, "--out", str(results), "--lang", args.lang])
    if code not in (0, 2):
        sys.exit(code)
    rows = means(data, results)
    with (args.out / "truth_beside_measured.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*asdict(rows[0]), "is_inside"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(row), "is_inside": int(row.is_inside)} for row in rows)
    print(show(rows))
    wrong = wrong_levels(data, results)
    print(f"{sum(row.is_inside for row in rows)} of {len(rows)} true means lie in the interval of the measured one.")
    for name, (true, found) in wrong.items():
        print(f"{name}: the injured level is {true}, found was {found}")


if __name__ == "__main__":
    main()

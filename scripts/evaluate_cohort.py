"""Coverage of the intervals of change, and false verdicts, over simulated patients.

    python scripts/evaluate_cohort.py --out runs/cohort --patients 200

Makes the films of configs/synthesis/cohort.yaml, runs `kummell-ai cohort` on them, and holds every change of the
patients' reports (correction, loss, net) against its truth. A verdict "worse" is false where the truth is no worse, and
"improved" where it is no better; shares stand with their exact 95 % interval. Patients whose injured level was found
wrong are counted apart and left out of the rest. Films and results that exist are used again. All simulated.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cohort_demo import make_cohort
from scipy import stats
from simulated_cohort.truth import read_truth

from kummell_ai.cli.main import main as kummell_ai

COLUMNS = {
    "anterior_height": "anterior_height_mm",
    "segmental_cobb": "segmental_cobb_deg",
    "wedge_angle": "wedge_angle_deg",
}
HIGHER_IS_BETTER = ("anterior_height",)


@dataclass(frozen=True, slots=True)
class Held:
    """One change against its truth, in the unit of the quantity; ``better`` is the true change towards the good."""

    patient: str
    name: str
    quantity: str
    measured: float
    low: float | None
    high: float | None
    verdict: str
    truth: float
    better: float


def changes(data: Path, results: Path) -> tuple[list[Held], int, int]:
    """Every change of the patients with the right injured level; reports; reports with the wrong level."""
    truth = read_truth(data)
    by_phase = {(row["patient"], row["phase"]): row for row in truth.values()}
    found: list[Held] = []
    reports = sorted(results.glob("patient-*/report.json"))
    wrong = 0
    for path in reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        patient = report["patient_id"]
        if by_phase[patient, "pre-op"]["index_level"] != report["index_level"]:
            wrong += 1
            continue
        for correction in report["corrections"]:
            before, after = (by_phase[patient, correction[end]] for end in ("before", "after"))
            found += _held(patient, correction, before, after)
    return found, len(reports), wrong


def _held(patient: str, correction: dict[str, object], before: dict[str, str], after: dict[str, str]) -> Iterator[Held]:
    for quantity, change in correction["changes"].items():  # type: ignore[attr-defined]
        column, measured = COLUMNS.get(quantity), change["change"]["value"]
        if column is None or measured is None or not before[column] or not after[column]:
            continue
        true = float(after[column]) - float(before[column])
        low, high = change["change"]["interval_95"] or (None, None)
        better = true if quantity in HIGHER_IS_BETTER else -true
        yield Held(patient, str(correction["name"]), quantity, measured, low, high, change["verdict"], true, better)


def share(hits: int, of: int) -> str:
    if not of:
        return "–"
    ends = stats.binomtest(hits, of).proportion_ci(0.95, method="exact")
    return f"{hits}/{of} = {100 * hits / of:.1f} % ({100 * ends.low:.1f} to {100 * ends.high:.1f})"


def summary(held: list[Held]) -> list[dict[str, str]]:
    rows = []
    for name in ("correction", "loss", "net", "all"):
        for quantity in COLUMNS:
            own = [h for h in held if h.quantity == quantity and name in (h.name, "all")]
            if not own:
                continue
            errors = np.array([h.measured - h.truth for h in own])
            covered = [h.low <= h.truth <= h.high for h in own if h.low is not None and h.high is not None]
            not_worse, not_better = [h for h in own if h.better >= 0], [h for h in own if h.better <= 0]
            rows.append(
                {
                    "comparison": name,
                    "quantity": quantity,
                    "n": str(len(own)),
                    "mean absolute error": f"{np.abs(errors).mean():.2f}",
                    "bias": f"{errors.mean():+.2f}",
                    "coverage of the 95 % interval": share(sum(covered), len(covered)),
                    "worse of all": share(sum(h.verdict == "worse" for h in own), len(own)),
                    "false worse": share(sum(h.verdict == "worse" for h in not_worse), len(not_worse)),
                    "false improved": share(sum(h.verdict == "improved" for h in not_better), len(not_better)),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=76_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    args = parser.parse_args()
    data, results = args.out / "data", args.out / "results"
    inputs = make_cohort(data, args.patients, args.seed, args.workers)
    if not (results / "report.html").exists():
        model = ["--model", str(args.model)] if args.model else []
        code = kummell_ai(["cohort", *inputs, "--out", str(results), *model])
        if code not in (0, 2):
            sys.exit(code)
    held, reports, wrong = changes(data, results)
    print(f"{args.patients} patients, {reports} reports, {wrong} with another injured level than the true one")
    rows = summary(held)
    with (args.out / "changes.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["comparison"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("; ".join(f"{key} {value}" if i > 1 else value for i, (key, value) in enumerate(row.items())))


if __name__ == "__main__":
    main()

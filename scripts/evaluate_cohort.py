"""Coverage of the intervals of change, false verdicts, means and memory over simulated patients.

    python scripts/evaluate_cohort.py --out runs/cohort --patients 200 --workers 2

Makes the films of configs/synthesis/cohort.yaml, runs `kummell-ai cohort` once over all of them, and holds every change
of the patients' reports (correction, loss, net) against its truth, and every mean of the table. A verdict "worse" is
false where the truth is no worse, and "improved" where it is no better. Patients whose injured level was found wrong
are counted apart and left out of the changes. Stopped, it goes on where it was: films, located corners and results are
kept, the latter two for each network apart. All simulated.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cohort_demo import make_cohort, show
from simulated_cohort.changes import ALL, COLUMNS, PAIRS, changes, confusion, summary
from simulated_cohort.stored import StoredPredictor, fill, peak_memory
from simulated_cohort.truth import means, read_rows

from kummell_ai.cli import models
from kummell_ai.cli.main import main as kummell_ai

SEED = 81_000_000


def run_cohort(inputs: Sequence[str], folder: Path, network: models.Locator, args: argparse.Namespace) -> None:
    """One run of `kummell-ai cohort` over all films, with what it took."""
    start = time.monotonic()
    predictor = StoredPredictor(folder / "landmarks", network)
    if args.workers > 1:
        manifest = Path(inputs[0])
        films = [manifest.parent / row["film"] for row in read_rows(manifest)]
        fill(predictor.folder, args.model, films, args.workers)
    models.load_predictor = lambda folder, **_: predictor
    code = kummell_ai(["cohort", *inputs, "--out", str(folder / "results")])
    if code not in (0, 2):
        sys.exit(code)
    peaks = predictor.peaks
    took = {
        "films": len(peaks),
        "peak_mib_after_a_tenth": round(peaks[len(peaks) // 10]),
        "peak_mib_after_all_films": round(peaks[-1]),
        "peak_mib_at_the_end": round(peak_memory()),
        "peak_mib_of_a_worker": round(peak_memory(resource.RUSAGE_CHILDREN)) if args.workers > 1 else None,
        "seconds": round(time.monotonic() - start),
    }
    (folder / "run.json").write_text(json.dumps(took, indent=2) + "\n", encoding="utf-8")


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["nothing"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def table(rows: Sequence[dict[str, str]]) -> list[str]:
    """Lines of columns as wide as their longest cell, a blank one before each pair of phases."""
    names = list(rows[0]) if rows else []
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in names]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    for row, before in zip(rows, [None, *rows], strict=False):
        if before is None or before["pair"] != row["pair"]:
            lines.append("")
        lines.append("  ".join(row[name].ljust(width) for name, width in zip(names, widths, strict=True)).rstrip())
    return lines


def tell(data: Path, folder: Path) -> None:
    """Print everything, and write it beside the results."""
    held, reports = changes(data, folder / "results")
    made = reports.written + len(reports.without)
    print(f"{made} simulated patients, {reports.written} reports, {len(reports.without)} without a report;")
    print(f"{len(reports.wrong)} reports are about another injured level than the true one and left out of the changes")
    rows = summary(held)
    write_rows(folder / "changes.csv", [asdict(h) for h in held])
    write_rows(folder / "summary.csv", rows)
    print("\ncorrection: before surgery to after it; loss: after it to the last follow-up; net: before it to the last")
    for line in table(rows):
        print(line)
    for pair in (*PAIRS, ALL):
        print(f"\nVerdicts against truth, {pair} ({' + '.join(COLUMNS)}), rows are what is true:")
        for first, *counts in confusion(held, pair):
            print(f"  {first:<10}" + "".join(f"{count:>21}" for count in counts))
    mean_rows = means(data, folder / "results")
    write_rows(folder / "means.csv", [{**asdict(m), "is_inside": int(m.is_inside)} for m in mean_rows])
    print(f"\n{show(mean_rows)}")
    print(
        f"{sum(m.is_inside for m in mean_rows)} of {len(mean_rows)} true means lie in the interval of the measured one."
    )
    took = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    print("\nThe run: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in took.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1, help="processes that make and locate films")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    args = parser.parse_args()
    data = args.out / "data"
    inputs = make_cohort(data, args.patients, args.seed, args.workers)
    network = models.load_predictor(args.model)
    folder = args.out / f"{network.bundle.weights_sha256[:12]}-{args.patients}-{args.seed}"
    if not (folder / "results" / "report.html").exists():
        run_cohort(inputs, folder, network, args)
    tell(data, folder)


if __name__ == "__main__":
    main()

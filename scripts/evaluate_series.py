"""Hold `kummell-ai series` against the truth of simulated patients.

kummell-ai synthesize --out runs/series --count 180 --seed 79000000
python scripts/evaluate_series.py --data runs/series --out runs/series-reports

Prints how often the injured level was found, and the error of each change (before to after surgery, after surgery to
follow-up) over the patients whose level was right. The films are simulated.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from kummell_ai.cli.main import main as kummell_ai

QUANTITIES = {
    "anterior_height": "anterior_height_mm",
    "segmental_cobb": "segmental_cobb_deg",
    "wedge_angle": "wedge_angle_deg",
}


def read_truth(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    truth: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            truth[row["patient"]][row["phase"]] = row
    return truth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that `kummell-ai synthesize` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the reports")
    args = parser.parse_args()
    truth = read_truth(args.data / "truth.csv")
    code = kummell_ai(["series", str(args.data / "films"), "--out", str(args.out)])
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(args.out.rglob("report.json"))]
    right, errors, inside = 0, defaultdict(list), defaultdict(list)
    for report in reports:
        rows = truth[report["patient_id"]]
        if report["index_level"] != rows["pre-op"]["index_level"]:
            continue
        right += 1
        for correction in report["corrections"]:
            before, after = rows[correction["before"]], rows[correction["after"]]
            for quantity, change in correction["changes"].items():
                column = QUANTITIES.get(quantity)
                found = change["change"]
                if column is None or found["value"] is None:
                    continue
                true = float(after[column]) - float(before[column])
                key = (correction["name"], quantity)
                errors[key].append(found["value"] - true)
                if found["interval_95"]:
                    inside[key].append(found["interval_95"][0] <= true <= found["interval_95"][1])
    print(f"exit code {code}; {len(truth)} simulated patients, {len(reports)} reports, injured level right in {right}")
    for key, values in errors.items():
        size = np.abs(values)
        print(
            f"{key[0]:<11}{key[1]:<17}n {len(values):<4} error mean {size.mean():.2f}, median {np.median(size):.2f}  "
            f"bias {np.mean(values):+.2f}  truth inside the 95 % interval {100 * np.mean(inside[key]):.0f} %"
        )
    return code


if __name__ == "__main__":
    from ending import end

    end(main)

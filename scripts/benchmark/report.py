"""From the results of the designs to results.json and the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from kummell_ai.cli.files import write_atomic

COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("found, %", "found_percent", 1),
    ("false", "false", 0),
    ("level right, %", "level_right_percent", 0),
    ("placed, %", "placed_percent", 1),
    ("median, % of depth", "corner_median_percent_of_depth", 1),
    ("mean", "corner_mean_percent_of_depth", 1),
    ("p90", "corner_p90_percent_of_depth", 1),
    ("median, px", "corner_median_px", 2),
    ("s a film", "seconds_a_film", 2),
)
"""Heading, key of the test figures, decimals."""

MARKS = ("<!-- table -->", "<!-- end of table -->")
"""Lines of a document between which the table stands."""


def collect(out: Path, order: Sequence[str]) -> list[dict[str, Any]]:
    """All results in the folder, in the order of the designs, then of the seeds."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in out.glob("*/result.json")]
    return sorted(found, key=lambda r: (order.index(r["design"]), r["seed"]))


def write(out: Path, order: Sequence[str], missing: dict[str, str]) -> str:
    """Write results.json and table.md; returns the table."""
    out.mkdir(parents=True, exist_ok=True)
    results = collect(out, order)
    record = {"results": results, "left_out": missing}
    write_atomic(out / "results.json", json.dumps(record, indent=1) + "\n")
    text = table(results, missing)
    write_atomic(out / "table.md", text)
    return text


def insert(page: Path, text: str) -> None:
    """Put the table between the two marks of a document, in the place of the one that is there."""
    before, found, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (found and end):
        raise SystemExit(
            f"error: {page} has no line {MARKS[0]} followed by {MARKS[1]}; add both where the table belongs"
        )
    page.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{after}", encoding="utf-8")


def table(results: Sequence[dict[str, Any]], missing: dict[str, str]) -> str:
    """The figures on the test films in Markdown: a row a design, the mean of its seeds and their range."""
    heads = ["design", "seeds", "parameters, M", "films seen", *(head for head, _, _ in COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for _, group in groupby(results, key=lambda r: r["design"]):
        runs = list(group)
        cells = [runs[0]["title"], str(len(runs)), f"{runs[0]['parameters'] / 1e6:.1f}"]
        cells.append(_range([run["films_seen"] for run in runs], 0))
        cells += [_range([run["test"][key] for run in runs], decimals) for _, key, decimals in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\nLeft out: {name}, {reason}." for name, reason in missing.items()]
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float | None], decimals: int) -> str:
    """The mean of the known values, and from where to where they lie.

    >>> _range([1.0, 2.5, None], 1), _range([2.0], 0), _range([None], 1)
    ('1.8 (1.0-2.5)', '2', '–')
    """
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean, low, high = (f"{value:.{decimals}f}" for value in (sum(known) / len(known), min(known), max(known)))
    return mean if low == high else f"{mean} ({low}-{high})"

"""From the folders of the arms to results.json and the tables."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from domain_gap.arms import ABLATIONS, ENDS, SCREENING
from domain_gap.screening import screening_table
from domain_gap.steps import read_json

ORDER = (*ENDS, *(f"without-{ingredient}" for ingredient in ABLATIONS), *SCREENING)

CORNERS = {
    "superior_anterior": "SA",
    "superior_posterior": "SP",
    "inferior_posterior": "IP",
    "inferior_anterior": "IA",
}


def collect(out: Path) -> dict[str, Any]:
    """Everything that is done in the folder of a comparison, by arm and seed, whichever call did it."""
    return {name: _collect_arm(out / name) for name in ORDER if (out / name).is_dir()}


def _collect_arm(folder: Path) -> dict[str, Any]:
    times = read_json(folder / "times.json")
    seeds: dict[str, Any] = {}
    for path in sorted(folder.glob("val10-*.json")):
        seed = path.stem.removeprefix("val10-")
        crosswise = {
            match[1]: read_json(other)
            for other in sorted(folder.glob(f"on-*-{seed}.json"))
            if (match := re.fullmatch(rf"on-(.+)-{seed}", other.stem))
        }
        model = read_json(folder / f"model-{seed}" / "model.json")
        seeds[seed] = {
            "steps": model.get("steps"),
            "time": times.get(f"train-{seed}"),
            "reader": times.get(f"val10-{seed}", {}).get("reader"),
            "val10": read_json(path)["summary"],
            "simulated": crosswise,
        }
    films = {kind: times.get(f"films-{kind}") for kind in ("train", "validation", "test")}
    return {"films": read_json(folder / "films.json"), "films_time": films, "seeds": seeds}


def tables(results: dict[str, Any]) -> str:
    """Markdown: the real films, where corners lie on them, and crosswise on simulated films."""
    done = {name: arm for name, arm in results.items() if arm["seeds"]}
    parts = [_real_table(done), _offset_table(done), _crosswise_table(done)]
    if screened := screening_table(done):
        parts.append(screened)
    notes = _notes(done)
    return "\n\n".join([*parts, *notes])


def _real_table(arms: dict[str, Any]) -> str:
    rows = []
    for name, arm in arms.items():
        films = [seed["val10"] for seed in arm["seeds"].values()]
        trained = [seed["time"] for seed in arm["seeds"].values() if seed["time"]]
        rows.append(
            [
                name,
                ", ".join(arm["seeds"]),
                f"{spread([f['found'] for f in films], 1)} of {films[0]['annotated_above_sacrum']}",
                spread([f["false_vertebrae"] for f in films], 1),
                spread([f["corner_median_percent_of_depth"] for f in films], 2),
                spread([f["corner_p90_percent_of_depth"] for f in films], 1),
                spread([f["lateral_films_refused"] for f in films], 1),
                f"{spread([f['frontal_films_refused'] for f in films], 1)} of {films[0]['frontal_films']}",
                spread([t["wall_s"] / 60 for t in trained], 1),
                spread([t["cpu_s"] / 60 for t in trained], 1),
            ]
        )
    head = ["arm", "seeds", "found", "false", "median %", "p90 %", "lateral refused", "frontal refused"]
    return "Real films (mean of the seeds, lowest to highest in brackets)\n\n" + _table(
        [*head, "training, wall min", "training, CPU min"], rows
    )


def _offset_table(arms: dict[str, Any]) -> str:
    rows = []
    for name, arm in arms.items():
        row = [name]
        for key in CORNERS:
            for axis in (0, 1):
                values = [seed["val10"]["signed_median_dx_dy_percent"].get(key) for seed in arm["seeds"].values()]
                row.append(spread([value[axis] for value in values if value], 1))
        rows.append(row)
    head = ["arm", *(f"{short} {axis}" for short in CORNERS.values() for axis in ("dx", "dy"))]
    return "Real films, median offset of each corner (% of depth; x to the right, y down)\n\n" + _table(head, rows)


def _crosswise_table(arms: dict[str, Any]) -> str:
    tested = [
        name for name in arms if any(name in s["simulated"] for arm in arms.values() for s in arm["seeds"].values())
    ]
    rows = []
    for name, arm in arms.items():
        row = [name]
        for other in tested:
            found = [seed["simulated"][other] for seed in arm["seeds"].values() if other in seed["simulated"]]
            share = spread([f["found_percent"] for f in found], 1)
            false = spread([100 * f["false_vertebrae"] / max(f["lateral_films"], 1) for f in found], 0)
            median = spread([f["corner_median_percent_of_depth"] for f in found], 2)
            row.append(f"{share} / {false} / {median}" if found else "–")
        rows.append(row)
    return "Simulated films: found % / false in 100 films / median %\n\n" + _table(
        ["trained on", *(f"tested on {name}" for name in tested)], rows
    )


def _notes(arms: dict[str, Any]) -> list[str]:
    """What a reader must know before comparing: networks trained by different code or for different times."""
    seeds = [(f"{name} {key}", seed) for name, arm in arms.items() for key, seed in arm["seeds"].items()]
    trainers = {(seed["time"] or {}).get("trainer") for _, seed in seeds} - {None}
    notes = []
    if len(trainers) > 1:
        notes.append("Not all networks were trained by the same code; see `trainer` in results.json.")
    if len({seed["reader"] for _, seed in seeds}) > 1:
        notes.append("Not all networks were judged by the same code; see `reader` in results.json.")
    if adopted := [label for label, seed in seeds if seed["time"] is None]:
        notes.append(f"Trained outside this script, times unknown: {', '.join(adopted)}.")
    if resumed := [label for label, seed in seeds if (seed["time"] or {}).get("resumed")]:
        notes.append(f"Stopped and gone on, times are those of the last part: {', '.join(resumed)}.")
    return notes


def spread(values: Iterable[float | None], digits: int) -> str:
    """Mean, and lowest to highest in brackets when they differ; a dash without values."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean, low, high = (f"{v:.{digits}f}".removesuffix(".0") for v in (statistics.fmean(known), min(known), max(known)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

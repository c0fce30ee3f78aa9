"""The simulated study's own arithmetic: scores that can be read, truth joined to values, false verdicts counted."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.cohort.scores import read_scores
from kummell_ai.synthesis import load_recipe

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "scripts"))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_shipped_recipe_is_of_whole_standing_films_of_operated_patients() -> None:
    recipe = load_recipe(ROOT / "configs" / "synthesis" / "cohort.yaml")
    assert (recipe.operated, recipe.frontal, recipe.narrow, recipe.film.postures) == (1.0, 0.0, 0.0, 0.0)


def test_scores_are_read_without_a_fault_and_are_those_of_the_seed(scripts: Any, tmp_path: Path) -> None:
    write_scores = scripts("simulated_cohort.scores").write_scores
    names = [f"P{i:02d}" for i in range(20)]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_scores(tmp_path / f"{name}.csv", names, seed)
    found, problems = read_scores(tmp_path / "a.csv")
    assert problems == []
    assert 150 < len(found) < 180, "about one in twenty is missing"
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text() != (tmp_path / "c.csv").read_text()


def test_means_stand_beside_the_truth_of_the_same_films(scripts: Any, tmp_path: Path) -> None:
    """By hand: three measured values 10, 12, 14 have the mean 12 ± t(2) 2 / sqrt(3) = 12 ± 4.968."""
    true, measured = [9.0, 11.0, 12.0, 50.0], [10.0, 12.0, 14.0, 99.0]
    films = [f"{i}.dcm" for i in range(4)]
    truth = [
        {"file_name": f"films/{f}", "patient": f, "index_level": "L1", "wedge_angle_deg": t}
        for f, t in zip(films, true, strict=True)
    ]
    values = [
        {
            **{"patient_id": f, "phase": "pre-op", "measure": "wedge_angle_deg", "value": v, "source": f},
            **{"level": "L2" if f == "1.dcm" else "L1", "in_statistics": int(f != "3.dcm")},
        }
        for f, v in zip(films, measured, strict=True)
    ]
    write(tmp_path / "truth.csv", truth)
    write(tmp_path / "values.csv", values)
    module = scripts("simulated_cohort.truth")
    (row,) = module.means(tmp_path, tmp_path)
    assert (row.n, row.truth, row.measured) == (3, pytest.approx(32 / 3), 12.0)
    assert row.high == pytest.approx(12 + 4.3026527 * 2 / 3**0.5)
    assert row.bias == pytest.approx(4 / 3)
    assert row.is_inside
    assert module.wrong_levels(tmp_path, tmp_path) == {"1.dcm": ("L1", "L2")}


def test_coverage_and_false_verdicts_are_counted(scripts: Any, tmp_path: Path) -> None:
    """Three patients whose kyphosis truly falls, rises, stays; all are called worse by 5 ± 2 degrees."""
    rows = []
    for name, after in (("a", 5.0), ("b", 14.0), ("c", 10.0)):
        for phase, angle in (("pre-op", 10.0), ("post-op", after)):
            level = "L1"
            row = {"file_name": f"{name}-{phase}", "patient": name, "phase": phase, "index_level": level}
            rows.append({**row, "segmental_cobb_deg": angle})
        change = {"change": {"value": 5.0, "interval_95": [3.0, 7.0]}, "verdict": "worse"}
        correction = {
            "name": "correction",
            "before": "pre-op",
            "after": "post-op",
            "changes": {"segmental_cobb": change},
        }
        folder = tmp_path / f"patient-{name}"
        folder.mkdir()
        report = {"patient_id": name, "index_level": "L1", "corrections": [correction]}
        (folder / "report.json").write_text(json.dumps(report))
    write(tmp_path / "truth.csv", rows)
    module = scripts("evaluate_cohort")
    held, reports, wrong = module.changes(tmp_path, tmp_path)
    assert (len(held), reports, wrong) == (3, 3, 0)
    row = module.summary(held)[0]
    assert row["coverage of the 95 % interval"].startswith("1/3")
    assert row["worse of all"].startswith("3/3")
    assert row["false worse"].startswith("2/2 = 100.0 % (15.8 to 100.0)")
    assert row["false improved"].startswith("0/2")

"""The simulated study's own arithmetic: scores that can be read, truth joined to values, false verdicts counted."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.scores import read_scores
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.synthesis import load_recipe
from tests import made_up
from tests.cli.conftest import FakePredictor

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
    values.append({**values[0], "level": "T8", "in_statistics": 0})  # a further level of the first patient
    write(tmp_path / "truth.csv", truth)
    write(tmp_path / "values.csv", values)
    module = scripts("simulated_cohort.truth")
    (row,) = module.means(tmp_path, tmp_path)
    assert (row.n, row.truth, row.measured) == (3, pytest.approx(32 / 3), 12.0)
    assert row.high == pytest.approx(12 + 4.3026527 * 2 / 3**0.5)
    assert row.bias == pytest.approx(4 / 3)
    assert row.is_inside
    assert module.wrong_levels(tmp_path, tmp_path) == {"1.dcm": ("L1", "L2")}


def report(patient: str, level: str, changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    correction = {"name": "correction", "before": "pre-op", "after": "post-op", "changes": changes}
    return {"patient_id": patient, "index_level": level, "corrections": [correction]}


def change(value: float, half: float | None, verdict: str) -> dict[str, Any]:
    interval = None if half is None else [value - half, value + half]
    return {"change": {"value": value, "interval_95": interval}, "verdict": verdict}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Kyphosis of a, b and c truly falls, rises, stays, and is called worse by 5 ± 2 degrees each; a's height truly
    rises by 2 and is measured so without an interval; d is about another level, e has no report."""
    rows = []
    for name, after in (("a", 5.0), ("b", 14.0), ("c", 10.0), ("d", 10.0), ("e", 10.0)):
        for phase, angle, height in (("pre-op", 10.0, 20.0), ("post-op", after, 22.0)):
            row = {"file_name": f"{name}-{phase}", "patient": name, "phase": phase, "index_level": "L1"}
            rows.append({**row, "segmental_cobb_deg": angle, "anterior_height_mm": height})
    write(tmp_path / "truth.csv", rows)
    for name in "abcd":
        found = {"segmental_cobb": change(5.0, 2.0, "worse")}
        if name == "a":
            found["anterior_height"] = change(2.0, None, "unknown")
        (tmp_path / f"patient-{name}").mkdir()
        text = json.dumps(report(name, "T12" if name == "d" else "L1", found))
        (tmp_path / f"patient-{name}" / "report.json").write_text(text)
    return tmp_path


def test_coverage_and_false_verdicts_are_counted(scripts: Any, study: Path) -> None:
    """Of three changes called worse by 3 to 7, b's is 4, a's -5 and c's 0; Wilson's interval of 1 of 3 and 2 of 2 is
    known (scipy.stats.binomtest(1, 3).proportion_ci(method="wilson"))."""
    module = scripts("simulated_cohort.changes")
    held, reports = module.changes(study, study)
    assert (len(held), reports.written, reports.without, reports.wrong) == (4, 4, ("e",), ("d",))
    rows = {(row["pair"], row["quantity"]): row for row in module.summary(held)}
    assert set(rows) == {(p, q) for p in ("correction", "all") for q in ("anterior_height", "segmental_cobb", "all")}
    cobb = rows["correction", "segmental_cobb"]
    assert cobb["coverage"] == "1/3 = 33.3 % (6.1 to 79.2)"
    assert cobb["worse"].startswith("3/3")
    assert cobb["false worse of all"].startswith("2/3")
    assert cobb["false worse of those no worse"] == "2/2 = 100.0 % (34.2 to 100.0)"
    assert cobb["false improved of those no better"].startswith("0/2")
    assert (cobb["mean absolute error"], cobb["bias"]) == ("5.33", "+5.33"), "(10 + 1 + 5) / 3"
    height = rows["correction", "anterior_height"]
    assert (height["coverage"], height["false worse of those no worse"]) == ("–", "0/1 = 0.0 % (0.0 to 79.3)")
    pooled = rows["all", "all"]
    assert (pooled["n"], pooled["mean absolute error"]) == ("4", "")
    assert pooled["coverage"].startswith("1/3")


def test_verdicts_stand_against_the_truth(scripts: Any, study: Path) -> None:
    module = scripts("simulated_cohort.changes")
    held, _ = module.changes(study, study)
    assert module.confusion(held) == [
        ["truth", "improved", "worse", "not distinguishable", "unknown"],
        ["better", 0, 1, 0, 1],
        ["worse", 0, 1, 0, 0],
        ["the same", 0, 1, 0, 0],
    ]
    assert sum(map(sum, (row[1:] for row in module.confusion(held, "loss")[1:]))) == 0


def test_shares_over_several_changes_of_a_patient_are_those_of_resampled_patients(scripts: Any) -> None:
    """Ten patients, five wrong at all three pairs: the interval is that of ten trials, not of thirty."""
    module = scripts("simulated_cohort.changes")
    held = [
        module.Held(f"p{i}", pair, "wedge_angle", 1.0, 0.0, 2.0, "worse", 1.0 if i < 5 else 5.0, -1.0)
        for i in range(10)
        for pair in module.PAIRS
    ]
    row = next(r for r in module.summary(held) if (r["pair"], r["quantity"]) == ("all", "wedge_angle"))
    low, high = (float(end) for end in row["coverage"].partition("(")[2].rstrip(")").split(" to "))
    assert row["coverage"].startswith("15/30 = 50.0 %")
    assert (low, high) == (18.7, 81.3), "Clopper and Pearson of 5 of 10"


def test_the_table_has_a_line_a_row_and_a_gap_before_each_pair(scripts: Any) -> None:
    rows = [{"pair": "loss", "n": "4"}, {"pair": "loss", "n": "12"}, {"pair": "all", "n": "16"}]
    assert scripts("evaluate_cohort").table(rows) == ["pair  n", "", "loss  4", "loss  12", "", "all   16"]


def test_a_film_is_located_once(scripts: Any, tmp_path: Path) -> None:
    module = scripts("simulated_cohort.stored")
    located: list[str] = []

    class Network(FakePredictor):
        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            located.append(radiograph.reference.name)
            return super().locate(radiograph)

    film = made_up.radiograph(Phase.PRE_OP)
    first = module.StoredPredictor(tmp_path, Network())
    points = first.locate(film).vertebrae[0].points_px
    renamed = replace(film, reference=replace(film.reference, name="other"))
    again = module.StoredPredictor(tmp_path, Network()).locate(renamed)
    assert located == [film.reference.name]
    assert again.reference.name == "other"
    assert (again.vertebrae[0].points_px == points).all()
    assert first.peaks[0] > 1.0

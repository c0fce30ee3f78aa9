"""Documents have the figures that the evaluations have, each in its own unit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.errors import InputError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import document_figures as made  # noqa: E402

QUANTITIES = {
    "anterior_height": "mm",
    "posterior_height": "mm",
    "wedge_angle": "deg",
    "segmental_cobb": "deg",
    "height_loss": "%",
}


def summary(shift: float) -> dict[str, Any]:
    """An evaluation's summary with a value of its own for each figure that a table asks for."""
    keys: list[tuple[str, str, str, str]] = [("vertebrae", "vertebra", "found", "%")]
    for way in ("", " together"):
        keys += [(f"corners{way}", "error", figure, unit) for figure, unit in product(("mean", "median"), ("mm", "%"))]
        keys += [(f"corners{way}", "ellipse", "coverage", "%")]
        for quantity, unit in QUANTITIES.items():
            keys += [(f"quantities{way}", quantity, figure, unit) for figure in ("mae", "width_mean")]
            keys += [(f"quantities{way}", quantity, "coverage", "%")]
            for change, (figure, of) in product(
                ("correction", "loss"),
                (("mae", unit), ("bias", unit), ("width_mean", unit), ("coverage", "%"), ("slope", "1")),
            ):
                keys += [(f"changes{way}", quantity, f"{change}_{figure}", of)]
        for rate in ("height_restoration_rate", "height_gain_rate", "correction_rate"):
            keys += [
                (f"changes{way}", rate, f"correction_{figure}", "%") for figure in ("mae", "width_mean", "coverage")
            ]
    strata = ("all", "intact", "fractured", "instrumented", "cemented", "injured")
    figures = [
        {
            **dict(zip(("section", "subject", "figure", "unit"), key, strict=True)),
            "stratum": stratum,
            "phase": "all",
            "value": shift + 10 * i + j,
            "n": 1000 + i,
        }
        for (i, key), (j, stratum) in product(enumerate(keys), enumerate(strata))
    ]
    names = {*made.METRICS.values(), "cobb_mae_post_minus_pre_deg"}
    names |= {f"usable_{way}films_percent_{phase}_op" for way in ("", "jointly_") for phase in ("pre", "post")}
    main = {name: {"value": shift + i / 8} for i, name in enumerate(sorted(names))}
    return {"figures": figures, "main": main, "films": 300}


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, made.Evaluation]:
    found = {}
    for i, name in enumerate(made.SETS):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(summary(0.25 * i)), encoding="utf-8")
        found[name] = made.Evaluation.read(tmp_path / name)
    return found


def value(of: made.Evaluation, *key: str) -> float:
    raw = json.loads((of.folder / "summary.json").read_text(encoding="utf-8"))
    names = ("section", "subject", "figure", "unit", "stratum", "phase")
    (found,) = [f["value"] for f in raw["figures"] if all(f[n] == k for n, k in zip(names, key, strict=True))]
    return float(found)


def test_millimetres_are_not_percent(sets: dict[str, made.Evaluation]) -> None:
    alone = value(sets["own"], "corners", "error", "mean", "mm", "all", "all")
    together = value(sets["own"], "corners together", "error", "mean", "mm", "all", "all")
    (line,) = [line for line in made.shapes(sets) if line.startswith("| corner error, mean, mm |")]
    assert line.split(" | ")[1] == f"{alone:.2f} → {together:.2f}"


def test_half_widths_are_halves(sets: dict[str, made.Evaluation]) -> None:
    width = value(sets["own"], "quantities", "wedge_angle", "width_mean", "deg", "all", "all")
    lines = made.intervals(sets, "")
    assert next(line for line in lines if "half width" in line).split(" | ")[3] == f"{width / 2:.1f}°"


def test_every_table_is_as_wide_as_its_head(sets: dict[str, made.Evaluation]) -> None:
    for name, table in made.TABLES.items():
        lines = table(sets)
        assert {line.count("|") for line in lines} == {lines[0].count("|")}, name


def test_every_table_stands_in_a_document_once(sets: dict[str, made.Evaluation]) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    assert sorted(name for page in pages for _, name, _ in made.TABLE.findall(page)) == sorted(made.TABLES)


def test_documents_are_written_once_and_then_agree(sets: dict[str, made.Evaluation], tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        (tmp_path / path.relative_to(ROOT)).write_bytes(path.read_bytes())
    changed = made.documents(sets, tmp_path)
    assert {path.name for path in changed} == {"README.md", "accuracy.md", "shapes.md", "uncertainty.md"}
    for path, text in changed.items():
        before = path.read_text(encoding="utf-8")
        kept = [line for line in before.splitlines() if not line.startswith("|")]
        assert [line for line in text.splitlines() if not line.startswith("|")] == kept
        path.write_text(text, encoding="utf-8")
    assert not made.documents(sets, tmp_path)


def test_a_row_that_is_not_there_is_said() -> None:
    with pytest.raises(InputError, match="0 rows"):
        made.with_rows("| a | 1 |\n", {"b": ["2"]})


def test_figures_of_real_films_stay_on_the_card(sets: dict[str, made.Evaluation]) -> None:
    metrics = made.card_metrics(sets, {"10 real films: found": 58, "9 simulated films: found": 1})
    assert metrics["10 real films: found"] == 58
    assert "9 simulated films: found" not in metrics


@pytest.mark.parametrize("fault", ["twice", "missing"])
def test_figures_that_are_doubtful_or_missing_are_said(tmp_path: Path, fault: str) -> None:
    found = summary(0.0)
    if fault == "twice":
        found["figures"].append(found["figures"][0])
    else:
        found["main"]["cobb_mae_deg"]["value"] = None
    (tmp_path / "summary.json").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(InputError, match="two figures of one name" if fault == "twice" else "no cobb_mae_deg"):
        made.Evaluation.read(tmp_path)


def test_another_folder_is_one_line(tmp_path: Path) -> None:
    script = str(ROOT / "scripts" / "document_figures.py")
    words = [word for name in made.SETS for word in (f"--{name}", str(tmp_path))]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def shipped(words: str, name: str) -> float:
    info = json.loads((ROOT / "checkpoints" / "kummell-corners" / "model.json").read_text(encoding="utf-8"))
    return float(info["metrics"][f"{made.SETS[name]}: {words}"])


@pytest.mark.parametrize(
    ("label", "words", "form"),
    [
        ("corner error, mean, mm", "corner error, mean (mm)", ".2f"),
        ("– of the injured vertebra", "corner error of injured vertebrae, mean (mm)", ".2f"),
        ("corners within 2 mm, missed ones counted, %", "corners within 2 mm, missed ones counted (%)", ".1f"),
        ("Cobb angle, MAE, °", "segmental Cobb, mean absolute error (deg)", ".2f"),
        ("wedge angle, MAE, °", "wedge angle, mean absolute error (deg)", ".2f"),
        ("anterior height, MAE, mm", "anterior height, mean absolute error (mm)", ".2f"),
        ("names right, %", "level right, film by film (%)", ".1f"),
        ("vertebrae found, %", "vertebrae found (%)", ".1f"),
        ("false vertebrae a film", "false vertebrae a film", ".3f"),
    ],
)
def test_accuracy_page_agrees_with_the_card(label: str, words: str, form: str) -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| {re.escape(label)} \| (.*) \|$", page, re.MULTILINE)
    assert found
    for cell, name in zip(found[1].split(" | "), made.SETS, strict=True):
        shown = cell.split(" → ")[0]
        assert abs(float(shown) - shipped(words, name)) <= 0.51 * 10.0 ** -int(form[1])

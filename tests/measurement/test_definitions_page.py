"""docs/definitions.md defines every id that a result can carry, and its figures are those the geometry draws."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.geometry.angles import NORMAL_SEGMENTAL
from kummell_ai.measurement.compare import intravertebral_instability
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.provenance import DEFINITIONS_VERSION
from tests.measurement.spines import L, film

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")


def result_ids() -> set[str]:
    held: dict[L, set[str]] = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}
    films = [film(Phase.PRE_OP, 13.0), film(Phase.POST_OP, 22.0, flags=held), film(Phase.FOLLOW_UP, 20.0, flags=held)]
    report = measure_series([(f.phase, f.measurement) for f in films])
    measurement = films[1].measurement
    ids = {name for v in measurement.vertebrae for name in v.quantities}
    ids |= {segment.quantity_id for segment in measurement.segments}
    for correction in report.corrections:
        ids |= set(correction.derived) | {change.quantity_id for change in correction.changes}
    return ids | {intravertebral_instability.__name__}


def test_every_id_is_defined_with_an_anchor() -> None:
    for name in result_ids():
        assert f'<a id="{name.replace("_", "-")}"></a>`{name}`' in PAGE, name


def test_version() -> None:
    assert f"Version {DEFINITIONS_VERSION}." in PAGE


def test_normal_angles_are_those_of_the_page() -> None:
    text = PAGE[PAGE.index("Normal angle from V−1 to V+1") : PAGE.index("Other levels have no sagittal index")]
    (people,) = re.findall(r"n = (\d+)", text)
    rows = re.findall(r"(T\d+|L\d)\s+(−?[\d.]+) ± ([\d.]+)°", text)
    told = {VertebralLevel.parse(name): (float(m.replace("−", "-")), float(sd), int(people)) for name, m, sd in rows}
    assert told == {level: (a.mean_deg, a.sd_deg, a.n) for level, a in NORMAL_SEGMENTAL.items()}


FIGURES = runpy.run_path(str(ROOT / "scripts" / "draw_definitions.py"))["FIGURES"]


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_the_script(name: str) -> None:
    assert f"(figures/{name}.svg)" in PAGE
    assert (ROOT / "docs" / "figures" / f"{name}.svg").read_text(encoding="utf-8") == FIGURES[name]()


def test_the_example_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/definitions.md", "exec"), {})

"""The table of a run's patients."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.measurement.results import Finding, Severity
from kummell_ai.reporting.index_rows import index_row
from kummell_ai.reporting.page import write_index
from tests import made_up
from tests.reporting.test_page import HOSTILE, Balance, text_of


def test_the_index_counts_patients_and_names_level_and_course() -> None:
    one, other = made_up.report("A"), made_up.report("B")
    broken = Finding("new-fracture", Severity.WARNING, "new vertebral fracture at L3", VertebralLevel.L3)
    further = replace(one, index_level=VertebralLevel.L2, findings=(broken,))
    page = write_index([(one, "a/report.html"), (further, "a/report-L2.html"), (other, "b/report.html")], ["a line"])
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    text = text_of(page)
    assert "Simulated films" in text
    assert "Patients: 2 The films belong to 2 patients; one report was written for each." in text
    assert re.findall(r'<a href="([^"]*)">([^<]*)</a>', page) == [
        ("a/report.html", "A, L1"), ("a/report-L2.html", "A, L2"), ("b/report.html", "B, L1")
    ]  # fmt: skip
    assert "3 films 4 Mar 2024 to 2 Apr 2025 13.3 / 21.8 / 20.9 mm 23.2 / 10.5 / 11.5°" in text
    assert "new fracture L3" in text
    assert "a line" in text


def test_a_row_has_the_verdicts_of_every_comparison() -> None:
    row = index_row(made_up.report(), "report.html")
    said = [[f"{v.mark} {v.label} {v.change}".replace("\u202f", " ") for v in cell] for cell in row.verdicts]
    assert said[0][:2] == ["✓ Height +8.5 mm", "✓ Cobb −12.8°"]
    assert all(v.startswith("≈") for v in said[1])
    assert len(said[2]) == 3
    alone = replace(made_up.report(), films=made_up.report().films[:1], corrections=())
    assert index_row(alone, "report.html").verdicts == [[], [], []]


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ((0, 1, 2), "13.3 / 21.8 / 20.9 mm"),
        ((0, 1), "13.3 / 21.8 mm"),
        ((0, 2), "13.3 / – / 20.9 mm"),
        ((1, 2), "– / 21.8 / 20.9 mm"),
        ((0,), "13.3 mm"),
        ((2,), "– / – / 20.9 mm"),
    ],
)
def test_a_value_stands_at_the_place_of_its_phase(kept: tuple[int, ...], shown: str) -> None:
    report = made_up.report()
    some = replace(report, films=tuple(report.films[i] for i in kept), corrections=())
    assert index_row(some, "report.html").values[0][1].replace("\u202f", " ") == shown


def test_the_index_speaks_chinese_and_escapes_what_is_hostile() -> None:
    chinese = write_index([(made_up.report(), "a/report.html")], [], "zh")
    assert '<html lang="zh-CN">' in chinese
    assert all(text in text_of(chinese) for text in ("患者：1", "3 张影像", "2024年3月4日至2025年4月2日", "手术矫正"))
    index = write_index([(made_up.report(HOSTILE), "a/report.html")], [HOSTILE])
    assert "<script" not in index

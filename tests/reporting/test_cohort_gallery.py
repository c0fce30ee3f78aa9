"""What the cohort's figures show: benefit by colour, the error by outline, names, intervals, values in words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.measures import FILM_MEASURES, SCORES, Measure
from kummell_ai.cohort.study import CohortStudy, Flow, Line, Member
from kummell_ai.measurement.results import Verdict
from kummell_ai.reporting import cohort_figures as draw
from kummell_ai.reporting.cohort_figures import ACCENT, WARM
from kummell_ai.reporting.cohort_gallery import change_bars, figures
from kummell_ai.reporting.cohort_patients import film_rows, levels_text, posture_text, verdict_rows
from kummell_ai.reporting.cohort_rows import table_row
from kummell_ai.reporting.cohort_words import words
from kummell_ai.statistics.cohort import analyse

PHASES = ("pre-op", "post-op", "follow-up")
HEIGHT, COBB, _ = FILM_MEASURES
VAS = SCORES[0]
NET = (Phase.PRE_OP, Phase.FOLLOW_UP)
TABLE = np.array([[10.0, 20.0, 18.0], [11.0, 19.0, 10.0], [12.0, 21.5, 12.5], [9.0, 18.2, np.nan]])


def study(measure: Measure, verdicts: tuple[Verdict, ...] = ()) -> CohortStudy:
    names = ("A", "B", "C", "D")
    said = dict(zip(names, verdicts, strict=False))
    members = {
        name: Member(
            *("L1" if name != "B" else "T12", ("L3",) if name == "C" else (), None, 3),
            postures={
                Phase.PRE_OP: "SUPINE",
                Phase.POST_OP: "ERECT" if name == "A" else "SUPINE",
                Phase.FOLLOW_UP: None,
            },
            verdicts={(*NET, measure.key): said[name]} if name in said else {},
        )
        for name in names
    }
    line = Line(measure, TABLE, analyse(TABLE, PHASES, margin=measure.margin))
    return CohortStudy(names, members, (), (line,), (), Flow(12, 11, (), (), 4), (), None)


@pytest.mark.parametrize(
    ("measure", "better"), [(HEIGHT, [True, False, True, True]), (COBB, [False, True, False, False])]
)
def test_colours_follow_the_benefit(measure: Measure, better: list[bool]) -> None:
    found = study(measure)
    assert [bar.is_better for bar in change_bars(found, found.lines[0])] == better
    assert [bar.change for bar in change_bars(found, found.lines[0])] == pytest.approx([8.0, -1.0, 0.5, 9.2])
    svg = figures(found, "en")[f"waterfall_{measure.key}"]
    bars = re.findall(r'<rect x="[\d.]+" y="([\d.]+)" width="6\d[\d.]*" height="[\d.]+" fill="([^"]+)"', svg)
    assert [colour for _, colour in bars] == [
        ACCENT if b else WARM for b in (better[1], better[2], better[0], better[3])
    ]
    assert re.findall(r'font-size="8">([^<]+)<', svg) == ["B", "C", "A", "D"], "the names stand below, in order"
    assert ">Improved<" in svg
    assert ">Within the error<" not in svg


def test_a_change_within_the_error_is_an_outline() -> None:
    found = study(HEIGHT, (Verdict.IMPROVED, Verdict.NOT_DISTINGUISHABLE, Verdict.NOT_DISTINGUISHABLE))
    assert [bar.is_certain for bar in change_bars(found, found.lines[0])] == [True, False, False, True]
    svg = figures(found, "en")["waterfall_anterior_height"]
    assert svg.count('fill="#fff" stroke') == 3, "two bars and their sign in the legend"
    assert "4 patients, changes −1.0 to +9.2; improved 2, worse 0, within the error or unchanged 2" in svg


def test_a_change_without_a_known_error_is_no_improvement() -> None:
    """As the table of verdicts counts it: a film without intervals tells neither better nor worse."""
    found = study(HEIGHT, (Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.NOT_DISTINGUISHABLE, Verdict.IMPROVED))
    assert [bar.is_certain for bar in change_bars(found, found.lines[0])] == [False, False, False, True]
    svg = figures(found, "en")["waterfall_anterior_height"]
    assert "improved 1, worse 0, within the error or unchanged 1" in svg
    assert "Not known 2" in svg
    assert ">Within the error / Not known<" in svg


def test_figures_are_pictures_with_their_values_in_words() -> None:
    for svg in figures(study(HEIGHT), "en").values():
        assert re.search(r'<svg [^>]*role="img" aria-label="Anterior height \(mm\): [^"]*\d', svg)
        assert not re.search(r">-\d", svg), "axes have a minus sign"


def test_means_that_are_tested_are_what_table_and_figure_show() -> None:
    """VAS whose values are not normal but whose changes are: paired t tests, so mean and SD, mean and interval."""
    fall = np.array([0.3, -0.6, 0.1, -0.2, 0.5, -0.1, 0.6, -0.4])
    before = np.array([9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 2.0])
    values = before[:, None] + np.column_stack([0 * fall, fall - 3.0, fall[::-1] - 3.2])
    line = Line(VAS, values, analyse(values, PHASES))
    assert line.analysis.summaries[0].shapiro_p is not None
    assert line.analysis.summaries[0].shapiro_p < 0.05
    assert line.analysis.kind == "normal"
    assert table_row(line, words("en")).cells[0] == "8.1 ± 2.5"
    svg = figures(replace(study(HEIGHT), patients=tuple("ABCDEFGH"), lines=(line,)), "en")["courses_vas"]
    interval = line.analysis.summaries[0].mean_interval
    assert interval is not None
    assert f"Pre-op 8.1 ({interval.low:.1f} to {interval.high:.1f})" in svg
    assert "mean with 95 % interval" in svg


def test_the_patients_behind_the_means() -> None:
    found, w = study(HEIGHT, (Verdict.IMPROVED, Verdict.WORSE, Verdict.NOT_DISTINGUISHABLE)), words("en")
    assert [(r.label, r.counts) for r in film_rows(found, w)] == [
        ("Films", (4, 4, 4)),
        ("erect", (0, 1, 0)),
        ("supine", (4, 3, 0)),
        ("posture not recorded", (0, 0, 4)),
    ]
    assert posture_text(found, w).startswith(
        "Of 4 patients with films of several phases, 1 have films in different postures; for 3 a posture is not"
    )
    assert levels_text(found, w) == "Injured level (patients): T12 1, L1 3. Patients with a further injured level: 1."
    (row,) = verdict_rows(found, w)
    assert (row.label, row.pair) == ("Anterior height (mm)", "Pre-op → Last follow-up")
    assert (row.n, row.improved, row.worse, row.within_error, row.unknown) == (3, 1, 1, 1, 1)


def ticks_of(svg: str) -> list[tuple[float, str]]:
    """Row and text of the marks of the vertical axis, from below."""
    found = re.findall(r'<text x="40.0" y="([\d.]+)" text-anchor="end"[^>]*>([^<]+)<', svg)
    return sorted(((float(y) - 4, text) for y, text in found), reverse=True)


@pytest.mark.parametrize(
    ("value", "expected"), [(7.0, ["6", "7", "8"]), (7.3, ["7", "8"]), (-120.0, ["−121", "−120", "−119"])]
)
def test_equal_values_stand_in_the_middle_of_an_axis_whose_marks_differ(value: float, expected: list[str]) -> None:
    table = np.array([[value, value, np.nan], [value, value + 1e-7, np.nan]])
    for svg in (draw.courses(table, PHASES, (None,) * 3, "VAS"), draw.boxes(table, PHASES, "VAS")):
        assert [text for _, text in ticks_of(svg)] == expected
        rows = re.findall(
            r'<circle cx="[\d.]+" cy="([\d.]+)"|<polyline points="[\d.]+,([\d.]+) [^"]*" [^>]*#b9c4ce', svg
        )
        middle = (draw.TOP + draw.HEIGHT - draw.BOTTOM) / 2
        assert rows
        assert all(float(a or b) == pytest.approx(middle, abs=0.1) for a, b in rows)


def test_patients_who_all_stay_have_a_line_at_zero_in_the_middle() -> None:
    bars = [draw.Bar(name, 0.0, False, False) for name in "ABC"]
    svg = draw.waterfall(bars, ("better", "worse", "none"), "VAS")
    assert [text for _, text in ticks_of(svg)] == ["−1", "0", "1"]


def test_films_that_all_have_one_height_stand_in_the_middle_of_their_plot() -> None:
    same = np.full(4, 20.0)
    svg = draw.bland_altman_plot(same, same, None, "Height: agreement", axes=("mean (mm)", "difference (mm)"))
    dots = {(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)}
    ((x, y),) = dots
    assert x == pytest.approx((draw.LEFT + draw.WIDTH - draw.RIGHT) / 2)
    assert y == pytest.approx((draw.TOP + draw.HEIGHT - draw.BOTTOM) / 2, abs=0.1)
    assert re.findall(r'text-anchor="middle"[^>]*>([^<]+)<', svg) == ["mean (mm)", "19.0", "21.0"]
    assert [text for _, text in ticks_of(svg)] == ["−1", "0", "1"]


@pytest.mark.parametrize(("low", "high"), [(0.0, 100.0), (7.0, 7.3), (-3.2, 12.6), (19.97, 20.08), (5.0, 5.0)])
def test_the_marks_of_an_axis_differ_and_hold_the_values(low: float, high: float) -> None:
    svg = draw.boxes(np.array([[low, high]]), PHASES[:2], "VAS")
    marks = [text for _, text in ticks_of(svg)]
    assert len(set(marks)) == len(marks) >= 2
    dots = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', svg)]
    assert all(draw.TOP - 0.1 <= y <= draw.HEIGHT - draw.BOTTOM + 0.1 for y in dots)

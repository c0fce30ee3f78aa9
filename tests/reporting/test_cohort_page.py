"""What the rows of the cohort's page say: counts of grades, margins, P values, the reason of the tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.agreement import Agreement, Reading
from kummell_ai.cohort.measures import FILM_MEASURES, SCORES, Measure
from kummell_ai.cohort.study import CohortStudy, Flow, Line, build_study
from kummell_ai.quantities import Interval
from kummell_ai.reporting.cohort_format import minus, p_text
from kummell_ai.reporting.cohort_page import methods, write_cohort_page
from kummell_ai.reporting.cohort_rows import PairRow, agreement_rows, pair_rows, rule_text
from kummell_ai.reporting.cohort_tables import tables
from kummell_ai.reporting.cohort_words import words
from kummell_ai.statistics.agreement import Reliability
from kummell_ai.statistics.cohort import analyse
from kummell_ai.statistics.paired import EXACT_PAIRS

PHASES = ("pre-op", "post-op", "follow-up")
BEFORE = np.array([7.0, 8.0, 6.5, 9.0, 7.5, 8.2])
AFTER = np.array([2.0, 2.5, 3.1, 3.2, 2.4, 2.2])


@pytest.mark.parametrize(
    ("last", "start"),
    [
        (AFTER, "Differences not shown to be normal (too few or equal values for Shapiro-Wilk): Friedman"),
        (AFTER - np.array([0.2, 0.5, 0.1, 0.4, 0.3, 0.6]), "Differences normal (Shapiro-Wilk, smallest P = 0."),
        (AFTER - np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.9]), "Differences not normal (Shapiro-Wilk, P < 0.001)"),
    ],
)
def test_the_reason_of_the_choice(last: np.ndarray, start: str) -> None:
    table = np.column_stack([BEFORE, AFTER, last])
    line = Line(SCORES[0], table, analyse(table, PHASES))
    assert rule_text(line, words("en")).startswith(start)


def line(measure: Measure, *columns: object) -> Line:
    table = np.column_stack([np.asarray(column, float) for column in columns])
    return Line(measure, table, analyse(table, PHASES, ordinal=bool(measure.grades), margin=measure.margin))


def pairs(found: Line, language: str = "en") -> dict[str, PairRow]:
    rows = pair_rows(found, words(language))
    return {f"{c.earlier} {c.later}": row for c, row in zip(found.analysis.comparisons, rows, strict=True)}


def test_grades_say_how_many_rose_fell_and_stayed() -> None:
    """Three of ten rise: 3 of 3 that moved, not 10 of 10; the interval is that of Clopper and Pearson, 0.025^(1/3)."""
    before = np.full(10, 2.0)
    after = before + np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    found = line(SCORES[2], before, after, after)
    row = pairs(found)["pre-op post-op"]
    assert row.change == "improved 3, worsened 0, unchanged 7 of 10"
    assert row.effect == "of those changed 100 % improved (29 to 100 %)"
    assert pairs(found, "zh")["pre-op post-op"].change == "共 10 例：改善 3，恶化 0，不变 7"
    assert pairs(found, "zh")["pre-op post-op"].effect == "变化者中改善 100 %（29 至 100 %）"


def test_a_change_within_the_margin_is_not_called_none() -> None:
    """A loss of 1.0 mm in everyone is beyond chance and within 2 mm; one that goes up and down is within it alone."""
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.07])
    height = AFTER + 16.0
    lost = pairs(line(FILM_MEASURES[0], BEFORE, height, height - 1.0 + noise))["post-op follow-up"]
    assert lost.margin == "yes: changed on average, by less than 2 mm (P < 0.001)"
    same = pairs(line(FILM_MEASURES[0], BEFORE, height, height + noise))["post-op follow-up"]
    assert same.margin == "yes (± 2 mm, P < 0.001)"
    far = pairs(line(FILM_MEASURES[0], BEFORE, height, height - 1.9 + 10 * noise))["post-op follow-up"]
    assert far.margin.startswith("not shown (± 2 mm, P = 0.")


def test_p_is_told_before_and_after_holm_with_halves_rounded_up() -> None:
    """Five patients who all gain: P of the signed ranks is 2 / 2^5 = 0.0625, twice that after Holm for two pairs."""
    found = line(SCORES[0], [9, 9, 9, 9, 9], [4, 3, 2, 3, 4], [4, 3, 2, 3, 4])
    row = pairs(found)["pre-op post-op"]
    assert (row.p, row.p_holm) == ("P = 0.063", "P = 0.125"), "two of the three pairs can be tested"
    assert p_text(0.0005) == "P < 0.001"
    assert (p_text(0.06), p_text(0.0015), p_text(1.0)) == ("P = 0.060", "P = 0.002", "P = 1.000")


def test_what_is_significant_and_what_is_not_never_read_alike() -> None:
    assert [p_text(p) for p in (0.0494, 0.0495, 0.0499, 0.0506)] == [
        *("P = 0.049", "P = 0.0495", "P = 0.0499", "P = 0.051"),
    ]
    assert [p_text(p) for p in (0.04999, 0.05, 0.05001)] == ["P = 0.04999", "P = 0.050", "P = 0.05001"]
    assert p_text(3 * 0.01666666666666666) == "P < 0.050", "significant by less than nine digits"


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_p_that_is_printed_lies_on_its_own_side_of_5_percent(p: float, other: float) -> None:
    near = 0.05 + (p - 0.5) * 10.0 ** (-12 * other)
    sign, value = p_text(near).removeprefix("P ").split()
    assert (float(value) < 0.05 or (sign, value) == ("<", "0.050")) is (near < 0.05)


def test_ranks_say_how_many_stayed_and_where_interval_and_p_part() -> None:
    """Six of 20 rise by 1; P = 2 / 2^6 is of those, the change of all."""
    after = np.array([0.0] * 14 + [1.0] * 6)
    found = line(SCORES[0], np.zeros(20), after, after)
    row = pairs(found)["pre-op post-op"]
    assert (row.change, row.p) == ("+0.2 (0.0 to 0.5)", "P = 0.031")
    assert row.test == (
        "Wilcoxon signed-rank test (exact), n = 20; 14 unchanged; "
        "P is of the 6 of 20 pairs that differ, the interval of all: only one of them excludes no change"
    )
    chinese = pairs(found, "zh")["pre-op post-op"].test
    assert chinese.endswith("n = 20；14 例不变；P 针对 20 对中有差异的 6 对，区间针对全部：仅其一排除无变化")
    study = CohortStudy((), {}, (), (found,), (), Flow(0, 0, (), (), 0), (), None)
    rows = tables(study)["tests"][1]
    assert [(r.get("improved"), r.get("unchanged")) for r in rows] == [
        (None, None),
        (None, 14),
        (None, 14),
        (None, None),
    ]
    assert str(rows[1]["note"]).startswith("P is of the 6 of 20 pairs")


def test_a_minus_is_no_hyphen_and_a_hyphen_no_minus() -> None:
    assert minus("-1.5 (-2.0 to -1.0)（-3 至 2） post-op 3–4") == "−1.5 (−2.0 to −1.0)（−3 至 2） post-op 3–4"


def test_methods_name_the_margins_as_a_sentence_does() -> None:
    lines = (line(FILM_MEASURES[0], BEFORE, AFTER, AFTER), line(SCORES[0], BEFORE, AFTER, AFTER))
    study = CohortStudy((), {}, (), lines, (), Flow(0, 0, (), (), 0), (), None)
    assert "(TOST): ± 2 mm for anterior height, ± 1.5 for VAS. P < 0.05" in methods(study, words("en"))
    assert "界值：椎体前缘高度 ± 2 mm，VAS ± 1.5。" in methods(study, words("zh"))


def test_methods_name_both_tests_of_equivalence() -> None:
    study = CohortStudy((), {}, (), (), (), Flow(0, 0, (), (), 0), (), None)
    english, chinese = methods(study, words("en")), methods(study, words("zh"))
    assert "two one-sided tests, t tests where means were tested and else signed-rank tests (exact up to 50" in english
    assert "双单侧检验（TOST）判定，比较均数者用 t 检验，否则用符号秩检验（不超过 50 对时为精确检验）" in chinese
    assert f"up to {EXACT_PAIRS} pairs" in english
    assert "mean change" not in english


def test_what_cannot_be_tested_is_not_called_abnormal_in_chinese_either() -> None:
    found = line(SCORES[0], BEFORE, AFTER, AFTER)
    assert rule_text(found, words("zh")).startswith("数据过少或全部相等，无法以 Shapiro-Wilk 检验差值的正态性：")


@pytest.mark.parametrize(("language", "head"), [("en", "program minus reader"), ("zh", "程序减人工")])
def test_the_page_says_which_way_the_bias_goes(language: str, head: str) -> None:
    """The program reads 1 mm more than the person on each film."""
    readings = [Reading(f"P{i}", Phase.PRE_OP, "anterior_height", v + 1.0, v) for i, v in enumerate(BEFORE)]
    study = build_study({}, [], readings, Flow(0, 0, (), (), 0), (), None)
    (row,) = agreement_rows(study, words(language))
    assert row.cells[1].startswith("1.00")
    page = write_cohort_page(study, language, {})
    table, figures = page.split('class="plots"')
    assert f'<th scope="col">{words(language)["bias"]}</th>' in table
    assert head in words(language)["bias"]
    assert f">{words(language)['difference_axis'].format(unit='mm')}</text>" in figures
    assert f">{words(language)['mean_axis'].format(unit='mm')}</text>" in figures
    assert head in words(language)["difference_axis"]


def test_a_negative_figure_that_is_printed_as_zero_has_no_sign() -> None:
    trust = Reliability(5, 2, -0.0004, Interval(-0.6, 0.7), 1.0, 2.8)
    agreement = Agreement(FILM_MEASURES[0], Phase.PRE_OP, BEFORE, BEFORE, 6, None, trust)
    study = CohortStudy((), {}, (), (), (agreement,), Flow(0, 0, (), (), 0), (), None)
    (row,) = agreement_rows(study, words("en"))
    assert row.cells[3] == "0.000 (−0.600 to 0.700)"

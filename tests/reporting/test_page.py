from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from rich.console import Console

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.interval_factors import ANNOTATED_FILMS, SIMULATED_FILMS
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.results import Change, CorrectionReport, Finding, PhasedMeasurement, Severity, Verdict
from kummell_ai.quantities import Quantity
from kummell_ai.reporting.caveat_words_zh import short_reason
from kummell_ai.reporting.course import course_plots
from kummell_ai.reporting.index_rows import index_row
from kummell_ai.reporting.page import write_page
from kummell_ai.reporting.page_findings import alert_rows, finding_rows, finding_text, option_rows
from kummell_ai.reporting.page_rows import (
    definition_rows,
    derived_table,
    quantity_rows,
    verdict_and_margin,
)
from kummell_ai.reporting.page_words import translator
from kummell_ai.reporting.prose import summary_sentences, value_text
from kummell_ai.reporting.shapes import text_width
from kummell_ai.reporting.terminal import report_caption, report_table
from kummell_ai.reporting.words import COMPARISON_WORDS, DERIVED_WORDS, SEGMENT_WORDS, VERTEBRA_WORDS
from tests import made_up
from tests.measurement import spines

HOSTILE = '<script>alert("x")</script>"\'&'


class Balance(HTMLParser):
    """Counts open elements, so that an unclosed or doubly closed one shows."""

    VOID = frozenset({"meta", "rect", "line", "circle", "polygon", "polyline", "image", "br", "i"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    films = {made_up.reference(phase): made_up.radiograph(phase) for phase in made_up.DATES}
    return write_page(made_up.report(), films)


def text_of(html: str) -> str:
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\u202f", " ").split())


def with_intervals_of(report: CorrectionReport, calibrated_on: str | None, simulated: bool) -> CorrectionReport:
    films = [
        replace(
            film,
            measurement=replace(
                film.measurement,
                reference=replace(film.measurement.reference, simulated=simulated),
                provenance=replace(film.measurement.provenance, calibrated_on=calibrated_on),
            ),
        )
        for film in report.films
    ]
    return replace(report, films=tuple(films))


@pytest.mark.parametrize(("language", "sentence"), [("en", "were set on simulated films"), ("zh", "依据模拟影像设定")])
def test_real_films_with_intervals_of_simulated_ones_are_told(language: str, sentence: str) -> None:
    told = [
        sentence in write_page(with_intervals_of(made_up.report(), calibrated_on, simulated), {}, language)
        for calibrated_on in (SIMULATED_FILMS, ANNOTATED_FILMS, None)
        for simulated in (False, True)
    ]
    assert told == [True, False, False, False, False, False]


def test_the_page_is_well_formed_and_self_contained(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert not re.search(r"<script|<link|@import|url\(|(src|href)=\"(?!data:|#)", page)


def test_a_reader_finds_the_numbers_and_the_verdicts(page: str) -> None:
    text = text_of(page)
    assert "Research use, not a medical device" in text
    assert "Kyphosis is positive, lordosis negative." in text
    assert "Anterior height L1 13.3 mm 11.6 to 15.0 21.8 mm" in text
    assert "Segmental kyphosis (Cobb) T12 superior to L2 inferior 23.2°" in text
    assert text.count("✓ improved") >= 6
    assert text.count("≈ within measurement error") >= 3
    assert "✓ improved MDC 2.4 mm" in text
    assert "Changes are computed from unrounded values and may differ by 0.1" in text
    assert "L1 is the injured level, found automatically: L1 has the largest height loss" in text
    assert "kummell_ai 0.1.0, definitions 1" in text
    assert "4 Mar 2024" in text


def test_hostile_text_is_escaped_wherever_it_stands() -> None:
    report = made_up.report(HOSTILE)
    film = report.films[0].measurement
    named = replace(film, reference=replace(film.reference, name=HOSTILE))
    hostile = replace(
        report,
        films=(PhasedMeasurement(Phase.PRE_OP, named), *report.films[1:]),
        findings=(Finding("x", Severity.WARNING, HOSTILE),),
        provenance=replace(report.provenance, model=HOSTILE, options=((HOSTILE, HOSTILE),)),
    )
    html = write_page(hostile, {named.reference: made_up.radiograph()})
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_report_without_comparison_says_what_it_has() -> None:
    report = made_up.report()
    alone = replace(report, films=report.films[:1], corrections=())
    text = text_of(write_page(alone, {}))
    assert "Anterior height L1 13.3 mm" in text
    assert "Correction rates" not in text
    assert summary_sentences(alone) == []


def test_an_unknown_phase_is_numbered() -> None:
    report = made_up.report()
    unknown = replace(report, films=tuple(replace(f, phase=Phase.UNKNOWN) for f in report.films), corrections=())
    text = text_of(write_page(unknown, {}))
    assert all(f"Film {i}" in text for i in (1, 2, 3))


def without_scale(report: CorrectionReport, count: int = 3) -> CorrectionReport:
    """The report with its first films, ``count`` of them, without a scale."""
    bare = [replace(f, measurement=made_up.measurement(f.phase, metric=False)) for f in report.films[:count]]
    return replace(report, films=(*bare, *report.films[count:]))


def test_missing_numbers_are_a_dash_with_the_reason() -> None:
    html = write_page(without_scale(made_up.report(), 2), {})
    assert "no scale: angles and ratios only" in html
    assert '<small class="why">the film has no pixel spacing</small>' in html


def test_without_any_scale_the_height_loss_is_what_counts() -> None:
    report = without_scale(made_up.report())
    assert [row.label for row in quantity_rows(report) if row.main] == [
        *("Anterior height loss", "Segmental kyphosis (Cobb)", "Wedge angle")
    ]
    assert "Anterior height" not in [row.label for row in quantity_rows(report)]
    assert "Anterior height loss" in course_plots(report)[0]
    sentence = summary_sentences(report)[0][1].replace("\u202f", " ").replace("\u00a0", " ")
    assert sentence.startswith("anterior height loss of L1 49.9 → 17.8 % (−32.1 pp, improved)"), sentence


def test_the_sentence_says_from_where_to_where() -> None:
    span, sentence = summary_sentences(made_up.report())[0]
    assert span == "Pre-op to post-op"
    assert "segmental kyphosis 23.2 → 10.5° (−12.8°, improved)" in sentence.replace("\u00a0", " ")


def test_values_read_well() -> None:
    assert value_text(Quantity(-0.04, "deg")) == "0.0°"
    assert value_text(Quantity(3.14, "mm")) == "3.1\u202fmm"
    assert value_text(Quantity.missing("mm", "why")) == "–"


def test_a_course_needs_two_values_and_shows_each_with_its_interval() -> None:
    report = made_up.report()
    assert len(course_plots(report)) == 3
    assert course_plots(replace(report, films=report.films[:1])) == []
    height = course_plots(report)[0]
    assert height.count("h0") == 3, "a dot a film"
    assert height.count("<polyline") == 4, "an interval a film, and the line between them"
    assert all(text in height for text in ("mm; bars: 95 % interval", "Pre-op", "11 Mar 2024", "Follow-up"))


def test_a_loss_within_the_margin_is_maintained_only_where_that_is_shown() -> None:
    """Two one-sided tests: 1.645 standard errors beside the change must stay within the margin."""
    loss = made_up.report().corrections[1]
    sharp = replace(loss, changes=tuple(replace(change, mdc95=0.5) for change in loss.changes))
    rows = {
        mdc: quantity_rows(replace(made_up.report(), corrections=(c,))) for mdc, c in (("sharp", sharp), ("", loss))
    }
    assert [row.changes[0].margin for row in rows["sharp"][:3]] == [
        *["maintained within ± 2\u202fmm", "maintained within ± 5°", "maintained within ± 5°"]
    ]
    assert rows[""][0].changes[0].margin == "a loss of 2\u202fmm or more is not excluded"
    correction = replace(sharp, name="correction")
    assert quantity_rows(replace(made_up.report(), corrections=(correction,)))[0].changes[0].margin == ""


@pytest.mark.parametrize(
    ("value", "mdc", "verdict", "said"),
    [
        (2.0, 1.0, Verdict.WORSE, ("worse, by less than 5°", "")),
        (-2.0, 1.0, Verdict.IMPROVED, ("improved, by less than 5°", "")),
        (5.0, 2.0, Verdict.WORSE, ("worse", "a loss of 5° or more is not excluded")),
        (9.0, 2.0, Verdict.WORSE, ("worse", "")),
        (-9.0, 2.0, Verdict.IMPROVED, ("improved", "")),
        (4.0, 4.5, Verdict.NOT_DISTINGUISHABLE, ("within measurement error", "a loss of 5° or more is not excluded")),
        (-4.0, 4.5, Verdict.NOT_DISTINGUISHABLE, ("within measurement error", "")),
    ],
)
def test_verdict_and_margin_do_not_contradict_each_other(
    value: float, mdc: float, verdict: Verdict, said: tuple[str, str]
) -> None:
    angle = Quantity(value, "deg")
    assert verdict_and_margin(Change("segmental_cobb", angle, angle, angle, mdc, verdict), "loss") == said


def with_change(quantity_id: str, change: float, unit: str, verdict: Verdict) -> CorrectionReport:
    quantity = Quantity(change, unit)
    changed = Change(quantity_id, quantity, quantity, quantity, 1.0, verdict)
    report = made_up.report()
    return replace(report, corrections=(replace(report.corrections[0], changes=(changed,)),))


def test_a_posterior_height_is_higher_or_lower_and_no_better() -> None:
    rows = quantity_rows(with_change("posterior_height", -2.0, "mm", Verdict.WORSE))
    (cell,) = next(row for row in rows if row.label == "Posterior height").changes
    assert (cell.verdict, cell.mark, cell.verdict_class) == ("lower", "", "plain")


def test_a_change_of_a_share_is_in_percentage_points() -> None:
    rows = quantity_rows(with_change("wedge_ratio", 32.7, "%", Verdict.IMPROVED))
    (cell,) = next(row for row in rows if row.label == "Wedge ratio").changes
    assert (cell.value, cell.mdc) == ("+32.7\u202fpp", "MDC 1.0\u202fpp")
    assert translator("zh")(cell.value) == "+32.7 个百分点"


def with_surgical_segment(upper: VertebralLevel) -> CorrectionReport:
    films = []
    for film in made_up.report().films:
        segment = film.measurement.segment("segmental_cobb", VertebralLevel.L1)
        assert segment is not None
        own = replace(segment, quantity_id="surgical_segment_cobb", upper=upper)
        films.append(replace(film, measurement=replace(film.measurement, segments=(*film.measurement.segments, own))))
    return replace(made_up.report(), films=tuple(films))


def test_a_surgical_segment_of_the_same_endplates_has_no_row_of_its_own() -> None:
    same, apart = (with_surgical_segment(upper) for upper in (VertebralLevel.T12, VertebralLevel.T11))
    label = "Surgical segment (Cobb)"
    assert label not in [row.label for row in quantity_rows(same)] + [row[0] for row in definition_rows(same)]
    assert quantity_rows(same)[1].note == "surgical segment = T12–L2"
    assert label in [row.label for row in quantity_rows(apart)]
    assert quantity_rows(apart)[1].note == ""


def test_the_second_table_does_not_repeat_changes() -> None:
    table = derived_table(made_up.report())
    assert [label for label, _ in table.rows] == ["Height restoration rate", "Kyphosis correction rate"]
    loss = replace(made_up.report().corrections[1], derived={"loss_of_correction": Quantity(1.0, "deg")})
    report = replace(made_up.report(), corrections=(made_up.report().corrections[0], loss))
    assert derived_table(report).heads == [("Change by surgery", "Pre-op → Post-op")]


def test_doubts_about_vertebrae_that_no_number_needs_are_one_note_a_film() -> None:
    report = made_up.report()
    film = report.films[0].measurement
    about = {level: Finding("cropped", Severity.WARNING, f"{level} extends", level) for level in made_up.LEVELS}
    doubtful = tuple(replace(v, findings=(about[v.level],)) for v in film.vertebrae if v.level is not None)
    rows = finding_rows(
        replace(report, films=(replace(report.films[0], measurement=replace(film, vertebrae=doubtful)),))
    )
    note = next(row for row in rows if row.message.startswith("Incomplete"))
    assert note.message == "Incomplete at the film's edge or unsure, not used for L1: T10, T11, L3."
    assert note.severity == "info"
    assert [row.message for row in rows if row.severity == "warning"] == ["T12 extends.", "L1 extends.", "L2 extends."]


def test_the_provenance_has_words_for_its_options() -> None:
    report = made_up.report()
    options = (("index_level", "L1 (found)"), ("shapes", "shared"), ("other", "x"))
    told = replace(report, provenance=replace(report.provenance, options=options))
    assert option_rows(told) == [
        ("Injured level", "L1 (detected automatically)"),
        ("Shape of intact vertebrae", "shared by all films"),
        ("other", "x"),
    ]
    assert option_rows(told, "zh")[:2] == [("伤椎", "L1（自动判定）"), ("未骨折椎体的形状", "各影像共用")]


def test_an_angle_that_is_not_defined_says_so_in_place_of_its_endplates() -> None:
    level, phases = VertebralLevel.L5, (Phase.PRE_OP, Phase.POST_OP)
    films = [(phase, spines.measured(spines.spine(name=phase.value), index_level=level)) for phase in phases]
    report = measure_series(films, index_level=level)
    (row,) = (row for row in quantity_rows(report) if row.label == "Segmental kyphosis (Cobb)")
    assert row.detail == "not defined for L5: the sacrum has no inferior endplate"
    reason = "the sacrum has no inferior endplate; the angle is not defined for L5"
    assert [cell.reason for cell in row.values] == [reason, reason]
    assert translator("zh")(row.detail) == "L5 无定义：骶骨无下终板"


def test_the_terminal_tables_hold_the_main_rows() -> None:
    assert len(report_table(made_up.report()).rows) == 3
    assert "may differ by 0.1" in report_caption(made_up.report())


def test_names_that_are_uncertain_together_are_one_finding() -> None:
    report = made_up.report()
    doubt = Finding("uncertain-level", Severity.WARNING, "the name has probability 0.46; below 0.7 check it")
    films = []
    for film in report.films:
        doubtful = tuple(replace(v, findings=(doubt,)) for v in film.measurement.vertebrae)
        films.append(replace(film, measurement=replace(film.measurement, vertebrae=doubtful)))
    rows = [row for row in finding_rows(replace(report, films=tuple(films))) if "level names" in row.message]
    assert len(rows) == 1
    assert "(T10, T11, T12, L1, L2, L3 have probability 0.97): count them" in rows[0].message
    assert rows[0].about == "pre-op.dcm, post-op.dcm, follow-up.dcm"


def test_one_film_is_of_one_day_and_has_no_scale_to_share() -> None:
    report = made_up.report()
    one = replace(report, films=report.films[:1], corrections=())
    assert index_row(one, "report.html").dates == "4 Mar 2024"
    assert "All films at one scale" not in write_page(one, {})
    assert "All films at one scale" in write_page(report, {})


def test_what_may_be_wrong_with_the_series_stands_before_the_films() -> None:
    report = made_up.report()
    doubt = Finding("index-level-disagrees", Severity.WARNING, "on post-op.dcm L2 looks injured, not L1")
    page = write_page(replace(report, findings=(*report.findings, doubt)), {})
    assert 0 < page.index("On post-op.dcm L2 looks injured, not L1.") < page.index('class="films"')


@pytest.mark.parametrize("code", ["posture-unknown", "posture-unlike"])
def test_the_position_of_the_patient_is_checked_before_all_else(code: str) -> None:
    report = made_up.report()
    doubt = Finding("index-level-disagrees", Severity.WARNING, "on post-op.dcm L2 looks injured, not L1")
    position = Finding(code, Severity.INFO, "patient position is not recorded on any film")
    told = alert_rows(replace(report, findings=(doubt, *report.findings, position)))
    assert [row.message for row in told[:2]] == [
        "Patient position is not recorded on any film.",
        "On post-op.dcm L2 looks injured, not L1.",
    ]


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_table_names_its_rows_on_a_narrow_terminal(width: int) -> None:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(report_table(made_up.report()))
    text = capture.get()
    assert "…" not in text
    assert "Anterior height" in text
    assert "11.6 to 15.0" in text, "no cell is broken"
    assert re.search(r"within.*measurement error" if width == 160 else "within measurement error", text, re.DOTALL)
    assert max(map(len, text.splitlines())) <= width


def test_the_chinese_page_has_no_english_but_names_and_findings() -> None:
    report = made_up.report()
    page = write_page(report, {}, "zh")
    assert '<html lang="zh-CN"' in page
    assert "术前至术后" in text_of(page)
    assert "L1 椎体前缘高度 13.3 → 21.8 mm（+8.5 mm，改善）" in text_of(page)
    body = re.sub(
        r'<ul class="findings">.*?</ul>|<style>.*?</style>|title="[^"]*"|<code>.*?</code>', "", page, flags=re.DOTALL
    )
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]+>", " ", body)))
    names = {"KUM", "Cobb", "Gardner", "Farcy", "Genant", "dcm", "pre", "post", "follow", "UTC"} | {
        "Orthop",
        "Surg",
        "Res",
    }
    assert words - names | {"MDC"} <= {"kummell", "spine", "corners", "MDC"}, "the first are of the provenance"


def test_every_label_has_its_chinese() -> None:
    for table in (VERTEBRA_WORDS, SEGMENT_WORDS, DERIVED_WORDS):
        for words in table.values():
            for text in (words.label, words.definition):
                assert re.search(r"[\u4e00-\u9fff]", translator("zh")(text)), text
    for text in (*COMPARISON_WORDS, *COMPARISON_WORDS.values()):
        assert re.search(r"[\u4e00-\u9fff]", translator("zh")(text)), text


def test_the_page_names_every_injured_level_and_where_it_comes_from() -> None:
    report = replace(made_up.report(), further_levels=(VertebralLevel.T8, VertebralLevel.T12))
    page = write_page(report, {}, links={VertebralLevel.T8: "report-T8.html"})
    facts = text_of(page.partition('<dl class="facts">')[2].partition("</dl>")[0])
    said = " ".join(facts.split())
    found = "(detected automatically)"
    assert said.startswith(f"Patient KUM-001 Injured level L1 {found} Further injured levels T8 , T12 {found}"), said
    assert '<a href="report-T8.html">T8</a>' in page
    assert "Two one-sided tests at 5 % rule out" in text_of(page)


@pytest.mark.parametrize("follow_ups", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("hour", [0, 23])
def test_words_below_a_course_do_not_run_into_each_other(follow_ups: int, language: str, hour: int) -> None:
    report = made_up.report()
    films = (*report.films[:2], *[report.films[2]] * follow_ups)
    latest = replace(films[-1].measurement.reference, acquired=dt.datetime(2024, 12, 28, hour))  # the longest there are
    films = tuple(replace(f, measurement=replace(f.measurement, reference=latest)) for f in films)
    for svg in course_plots(replace(report, films=films), language):
        found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="middle"[^>]*>([^<]*)<', svg)
        words = {"en": {"Pre-op", "Post-op", "Follow-up"}, "zh": {"术前", "术后", "随访"}}[language]
        assert words <= {word for *_, word in found}
        halves = [(row, float(x), text_width(word, 11) / 2) for x, row, word in found]
        spans = sorted((row, x - half, x + half) for row, x, half in halves)
        for (row, _, end), (other, start, _) in pairwise(spans):
            assert row != other or end <= start + 1.0, "the widths are a little generous"


def test_films_of_one_day_are_told_apart_by_their_times() -> None:
    report = made_up.report()
    moments = [dt.datetime(2024, 3, 4, 9, 30), dt.datetime(2024, 3, 4, 17), dt.datetime(2024, 6, 3, 8, 15)]
    films = []
    for film, moment in zip(report.films, moments, strict=True):
        reference = replace(film.measurement.reference, acquired=moment)
        films.append(replace(film, measurement=replace(film.measurement, reference=reference)))
    of_one_day = replace(report, films=tuple(films))
    below = re.findall(r'text-anchor="middle"[^>]*>(\d[^<]*)<', course_plots(of_one_day)[0])
    assert below == ["4 Mar 09:30", "4 Mar 17:00", "3 Jun 2024"]
    page = text_of(write_page(of_one_day, {}))
    assert page.count("4 Mar 2024 09:30") == page.count("4 Mar 2024 17:00") == 3, "facts, pictures, table"
    assert "3 Jun 2024 08:15" not in page


def test_the_reference_of_a_course_names_its_film_and_axes_hold_zero() -> None:
    films = []
    for film in made_up.report().films:
        body = film.measurement.at(VertebralLevel.L1)
        assert body is not None
        known = replace(body, quantities={**body.quantities, "reference_height": Quantity(26.2, "mm")})
        bodies = tuple(known if v is body else v for v in film.measurement.vertebrae)
        films.append(replace(film, measurement=replace(film.measurement, vertebrae=bodies)))
    height = course_plots(replace(made_up.report(), films=tuple(films)))[0]
    assert "mean of the neighbours 26.2 (follow-up)" in height
    assert ">0</text>" in height
    assert ">30</text>" in height, "a whisker does not end at the frame"


def test_a_reason_on_the_page_is_short() -> None:
    assert short_reason("no scale; give it (row and column in mm), or read the ratios") == "no scale"
    assert (
        short_reason("lost before, -0.6 mm (-2.4 to 1.2); look at its corners") == "lost before, −0.6 mm (−2.4 to 1.2)"
    )


def test_printed_pages_name_the_patient_at_their_foot() -> None:
    page = write_page(made_up.report(), {})
    assert 'style="--about: &quot;Patient KUM-001, L1&quot;"' in page
    assert re.search(r"@page \{[^}]*@bottom-left \{ content: var\(--about\);", page)
    assert 'style="--about: &quot;患者 KUM-001, L1&quot;"' in write_page(made_up.report(), {}, "zh")


def test_a_hostile_identifier_cannot_leave_the_foot_of_a_page() -> None:
    name = 'A"; background: u\\rl(x)\n}</style><script>'
    (about,) = re.findall(r'style="--about: ([^>]*)">', write_page(made_up.report(name), {}))
    assert unescape(about) == '"Patient A\\"; background: u\\\\rl(x) }</style><script>, L1"'
    assert "<" not in about


@pytest.mark.parametrize(
    ("message", "chinese"),
    [
        ("a.png names no patient and is taken for one of this patient's.", "a.png 未注明患者，视为该患者的影像。"),
        (
            "Phases follow the dates, and on one day the screws or cement that are seen: a is taken to be before b; c "
            "is taken to be before b.",
            "时相按日期确定，同一日的影像按所见螺钉或骨水泥区分：a 视为早于 b；c 视为早于 b。",
        ),
    ],
)
def test_what_was_assumed_of_the_films_is_chinese_on_a_chinese_page(message: str, chinese: str) -> None:
    told = finding_text(Finding("series-note", Severity.INFO, message), "", "zh")
    assert (told.message, told.detail) == (chinese, "")


def test_films_of_one_day_have_their_times_where_these_are_known() -> None:
    report = made_up.report()
    day = dt.datetime(2024, 3, 7)
    moments = (day.replace(hour=17), day.replace(hour=9, minute=5), day)
    films = [
        replace(f, measurement=replace(f.measurement, reference=replace(f.measurement.reference, acquired=moment)))
        for f, moment in zip(report.films, moments, strict=True)
    ]
    told = replace(report, films=tuple(films))
    assert report_table(told).films == [
        ("Pre-op", "7 Mar 2024 17:00"), ("Post-op", "7 Mar 2024 09:05"), ("Follow-up", "7 Mar 2024")
    ]  # fmt: skip
    text = text_of(write_page(told, {}))
    assert "Pre-op 7 Mar 2024 17:00 Post-op 7 Mar 2024 09:05 Follow-up 7 Mar 2024" in text
    assert "00:00" not in text
    assert "09:30" not in text_of(write_page(report, {})), "films of different days need no time"

"""Every finding and fault has a Chinese sentence, and the pages show it with the English line and its values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import kummell_ai
from kummell_ai.anatomy import VertebralLevel
from kummell_ai.cohort.measures import SCORES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.study import CohortStudy, Flow, Line
from kummell_ai.measurement.compare import UNLIKE_SCALES, UNLIKE_SIZES
from kummell_ai.measurement.derived import rates
from kummell_ai.measurement.results import CorrectionReport, Finding, Severity
from kummell_ai.quantities import Interval, Quantity
from kummell_ai.reporting.caveat_words_zh import caveat_translator
from kummell_ai.reporting.cohort_page import write_cohort_page
from kummell_ai.reporting.cohort_words import name_of, words
from kummell_ai.reporting.finding_words_zh import FAULT_ZH, FINDING_ZH, finding_in_chinese
from kummell_ai.reporting.page import write_page
from kummell_ai.reporting.page_findings import finding_text, index_text
from kummell_ai.statistics.cohort import analyse
from tests import made_up

PACKAGE = Path(kummell_ai.__file__).parent
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
BY_VARIABLE = {"quality.py"}
"""The modules that give `Finding` its code in a variable; their codes are the heads of the pairs they collect."""


def strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def codes_in(path: Path) -> set[str]:
    """Codes a module gives to findings, or names in a constant of codes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = {
        t.id: n.value for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
    }
    found = {code for name, value in assigned.items() if name.endswith("_CODES") for code in strings(value)}
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name == "Finding":
            code = call.args[0] if call.args else next(k.value for k in call.keywords if k.arg == "code")
            code = assigned.get(code.id, code) if isinstance(code, ast.Name) else code
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
            else:
                reads_stored = path.name == "serialise.py"
                assert reads_stored or path.name in BY_VARIABLE, f"{path.name} line {call.lineno}: a code in a variable"
        if path.name in BY_VARIABLE and name == "append" and isinstance(call.args[0], ast.Tuple):
            head = call.args[0].elts[0]
            assert isinstance(head, ast.Constant), f"{path.name} line {call.lineno}: a code in a variable"
            found.add(str(head.value))
    return found


def test_every_code_of_the_package_has_its_chinese_sentence_and_no_other() -> None:
    codes = set().union(*(codes_in(path) for path in PACKAGE.rglob("*.py")))
    assert {"no-spacing", "cropped", "uncertain-level", "scale-unlike"} <= codes, "the walk finds what it should"
    assert codes == FINDING_ZH.keys()


def test_every_fault_has_its_chinese_sentence() -> None:
    assert list(FAULT_ZH) == list(Fault)


@pytest.mark.parametrize("sentence", [*FINDING_ZH.values(), *FAULT_ZH.values()])
def test_a_sentence_is_one_chinese_sentence(sentence: str) -> None:
    assert sentence.endswith("。")
    assert sentence.count("。") == 1
    assert not re.search(r"[,;:?!\"']", sentence), "Chinese punctuation stands in a Chinese sentence"


def report_with_every_finding() -> CorrectionReport:
    """A report whose series, first comparison, first film and vertebrae share out a finding of every code."""
    report, severities = made_up.report(), list(Severity)
    levels = (None, VertebralLevel.L1, VertebralLevel.T12)
    every = [
        Finding(code, severities[i % 3], f"value {i}.25 of <{code}> is told", levels[i % 3])
        for i, code in enumerate(FINDING_ZH)
        if code != "uncertain-level"
    ]
    film = report.films[0]
    body = film.measurement.vertebrae[0]
    doubt = Finding("uncertain-level", Severity.WARNING, "the name T10 has probability 0.46", VertebralLevel.T10)
    vertebrae = (replace(body, findings=(doubt,)), *film.measurement.vertebrae[1:])
    measured = replace(film.measurement, findings=tuple(every[2::3]), vertebrae=vertebrae)
    first = replace(report.corrections[0], findings=tuple(every[1::3]))
    return replace(
        report,
        findings=tuple(every[::3]),
        corrections=(first, *report.corrections[1:]),
        films=(replace(film, measurement=measured), *report.films[1:]),
    )


def findings_of(report: CorrectionReport) -> list[Finding]:
    film = report.films[0].measurement
    return [*report.findings, *report.corrections[0].findings, *film.findings, *film.vertebrae[0].findings]


def lines_of(page: str) -> dict[str, str]:
    """Detail in English by the line it stands beneath."""
    about = r"(?: <span class=\"soft\">[^<]*</span>)?"
    pattern = rf"<span>([^<]*){about}<small class=\"detail\" lang=\"en\">([^<]*)</small>"
    return {unescape(line + detail): unescape(detail) for line, detail in re.findall(pattern, page)}


def test_the_chinese_page_has_each_sentence_with_its_english_line_beneath() -> None:
    report = report_with_every_finding()
    assert {f.code for f in findings_of(report)} == FINDING_ZH.keys()
    page = write_page(report, {}, "zh")
    shown = lines_of(page)
    for finding in findings_of(report):
        english = finding.message[:1].upper() + finding.message[1:] + "."
        chinese = finding_in_chinese(finding)
        assert chinese is not None
        assert chinese.endswith(FINDING_ZH[finding.code])
        assert shown.get(chinese + english) == english, finding.code
    alerts = page.partition('<div class="films">')[0]
    for finding in report.findings:
        is_alert = finding.severity is Severity.WARNING
        assert (FINDING_ZH[finding.code] in alerts) == is_alert
    assert '<span class="soft">手术矫正</span><small' in page, "what a finding is about is Chinese too"


def test_the_english_page_has_no_chinese() -> None:
    page = write_page(report_with_every_finding(), {})
    assert not CHINESE.search(page)
    assert 'class="detail"' not in page
    assert "Value 0.25 of &lt;reader-note&gt; is told." in page


def test_a_code_without_a_sentence_stays_english() -> None:
    report = replace(made_up.report(), findings=(Finding("brand-new", Severity.WARNING, "no word for it"),))
    page = write_page(report, {}, "zh")
    assert page.count("No word for it.") == 2, "before the films and among the findings"
    assert "No word for it.</small>" not in page


@pytest.mark.parametrize(
    ("source", "english", "chinese"),
    [
        ("given", "L1 is the injured level, given by the user.", "L1 为伤椎，由用户指定。"),
        ("found", "L1 is the injured level, found automatically.", "L1 为伤椎，自动判定。"),
    ],
)
def test_a_level_without_a_reason_says_where_it_comes_from(source: str, english: str, chinese: str) -> None:
    report = replace(made_up.report(), findings=(), index_level_source=source)
    assert index_text(report).message == english
    assert index_text(report, "zh").message == chinese


REASONS = "height loss 45 % on a.dcm, wedge angle 17° (usual 4°) on a.dcm, marked as fractured on b.dcm"
VALUED = [
    ("low-confidence", "T7: low detection confidence (0.37, below 0.5); check its corners", "0.37，低于 0.5"),
    ("uncertain-level", "the level names may be shifted (T8, T9 have probability 0.4 to 0.5): count", "T8、T9 的概率"),
    ("corner-not-seen", "T8: superior anterior and superior posterior corners not visible; x", "前上角、后上角"),
    ("implausible-body", "T8 has posterior height / depth 1.70; 0.15 to 1.6 are plausible: x", "1.70，合理范围"),
    ("implausible-depth", "T8 is 0.50 times as deep as the median body; 0.6 to 1.6 are plausible: x", "0.50 倍"),
    ("new-fracture", "new vertebral fracture at L1 on the follow-up film: anterior height 22.0 → 17.0 mm; the "
     "segmental Cobb angle T11–L1 includes this vertebra; it has a report of its own",
     "随访影像上新发椎体骨折，椎体前缘高度 22.0 → 17.0 mm；节段性后凸 Cobb 角（T11–L1）包含该椎体；另有单独报告"),
    ("new-fracture", "new vertebral fracture at L1 on b.dcm; add L1 to --index-level for its own report",
     "b.dcm 上新发椎体骨折；如需单独报告"),
    ("index-level-found", f"injured vertebra found: T12: {REASONS}", "高度丢失 45%（a.dcm），椎体楔变角 17°，通常 4°"),
    ("also-looks-fractured", f"T11 also looks fractured ({REASONS}); it is neither treated", "（b.dcm）；未经"),
    ("surgical-segment", "the surgical segment is T12 to L2, from the screws seen on a.dcm, b.dcm", "a.dcm、b.dcm"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "part"), VALUED)
def test_a_chinese_sentence_has_the_simple_values_of_its_finding(code: str, message: str, part: str) -> None:
    finding = Finding(code, Severity.WARNING, message, VertebralLevel.T7)
    told = finding_text(finding, "", "zh")
    assert part in told.message
    assert told.message.startswith("T7：")
    assert told.detail == "", "the English line adds nothing"
    assert finding_text(replace(finding, message="no value"), "", "zh").detail == "No value."


@pytest.mark.parametrize(
    ("caveat", "chinese"),
    [
        ("the film has no pixel spacing", "影像无像素间距"),
        ("L1 is fractured; L2 is the reference below", "L1 为骨折椎体；以 L2 为下方参考"),
        (
            "undefined: the height lost before, 0.4 mm (-1.0 to 1.8), cannot be told from 0",
            "无定义：此前高度丢失 0.4 mm，与 0 无法区分",
        ),
        ("a corner it needs is not seen", "所需角点不可见"),
        (
            "the sacrum has no inferior endplate; the angle is not defined for L5",
            "骶骨无下终板；该角度对 L5 无定义",
        ),
        (
            "not measurable: its 95 % interval is ± 8.1 mm, more than a typical correction of 6.5 mm",
            "无法测量：95% 区间为 ± 8.1 mm，超过常见矫正量 6.5 mm",
        ),
        ("T12 is named twice; L2 is the reference below", "T12 被重复命名；以 L2 为下方参考"),
        (UNLIKE_SCALES, "两张影像的校准方式不同，又无共同可见的未骨折椎体"),
        (UNLIKE_SIZES, "同一未骨折椎体在两张影像上的大小相差超过 10 %"),
        ("a part of its own", "a part of its own"),
    ],
)
def test_a_reason_is_chinese_where_it_has_words(caveat: str, chinese: str) -> None:
    assert caveat_translator("zh")(caveat) == chinese
    assert caveat_translator("en")(caveat) == caveat


def test_the_reasons_for_a_missing_rate_are_chinese_as_they_are_given() -> None:
    def given(cobb: Quantity, height: float, name: str) -> str:
        body = {"anterior_height": Quantity(height, "mm", Interval(height - 1, height + 1)), "segmental_cobb": cobb}
        first = body | {"reference_height": Quantity(26.0, "mm", Interval(25.0, 27.0))}
        after = {
            "anterior_height": Quantity(26.0, "mm", None),
            "segmental_cobb": Quantity(40.0, "deg", Interval(0, 80)),
        }
        rate = rates(first, after, 5.0, lambda _: 1.0)[name]
        assert rate.value is None
        return str(rate.caveat)

    small, lordotic, wide = (
        Quantity(a, "deg", Interval(a - w, a + w)) for a, w in ((2.0, 1.0), (-9.0, 1.0), (6.0, 5.5))
    )
    caveats = [given(cobb, 15.0, "correction_rate") for cobb in (small, lordotic, wide)]
    caveats.append(given(small, 25.9, "height_restoration_rate"))
    for caveat in caveats:
        assert not re.search("[a-z]{3}", caveat_translator("zh")(caveat)), caveat


def study_with_every_fault() -> CohortStudy:
    before, after = np.array([7.0, 8.0, 6.5, 9.0, 7.5, 8.2]), np.array([2.0, 2.5, 3.1, 3.2, 2.4, 2.2])
    values = np.column_stack([before, after, after - [0.2, 0.5, 0.1, 0.4, 0.3, 0.6]])
    line = Line(SCORES[0], values, analyse(values, ("pre-op", "post-op", "follow-up")))
    problems = tuple(Problem(fault, f"scores.csv row {i}", f"{fault.value} is '{i}'") for i, fault in enumerate(Fault))
    flow = Flow(4, 2, problems[:2], problems[2:4], 1)
    return CohortStudy(tuple("ABCDEF"), {}, (), (line,), (), flow, problems[4:], None)


def test_a_patients_finding_has_its_own_sentence_on_the_cohort_page() -> None:
    finding = Finding("low-confidence", Severity.WARNING, "L1 is found with confidence 0.3", VertebralLevel.L1)
    told = Problem(Fault.FINDING, "patient P1", finding.message, finding)
    page = write_cohort_page(replace(study_with_every_fault(), problems=(told,)), "zh", {})
    shown = lines_of(page)
    assert shown.get("L1：" + FINDING_ZH["low-confidence"] + told.line) == told.line
    assert FAULT_ZH[Fault.FINDING] not in page
    unknown = replace(told, finding=replace(finding, code="brand-new"))
    assert FAULT_ZH[Fault.FINDING] in write_cohort_page(
        replace(study_with_every_fault(), problems=(unknown,)), "zh", {}
    )


def test_the_cohort_page_has_each_fault_in_chinese_with_its_line_beneath() -> None:
    study = study_with_every_fault()
    shown = lines_of(write_cohort_page(study, "zh", {}))
    for problem in (*study.flow.refused, *study.flow.unused, *study.problems):
        assert shown.get(FAULT_ZH[problem.fault] + problem.line) == problem.line
    english = write_cohort_page(study, "en", {})
    assert not CHINESE.search(english)
    assert all(problem.line in unescape(english) for problem in study.problems)


def test_every_test_the_statistics_may_choose_has_its_chinese_name() -> None:
    zh = words("zh")
    rng = np.random.default_rng(5)
    tables = {
        "normal": rng.normal([10.0, 4.0, 5.0], 1.0, (12, 3)),
        "ranks": np.column_stack([rng.exponential(9.0, 12), np.zeros(12), rng.exponential(1.0, 12) ** 3]),
    }
    tables["missing"] = np.where(np.eye(12, 3, dtype=bool), np.nan, tables["normal"])
    seen = set()
    for values in tables.values():
        analysis = analyse(values, ("pre-op", "post-op", "follow-up"))
        results = [c.result for c in analysis.comparisons if c.result is not None]
        seen |= {r.test for r in results} | ({analysis.omnibus.test} if analysis.omnibus else set())
    assert {"paired t test", "Friedman test"} <= seen
    assert any(name.startswith("Wilcoxon signed-rank") for name in seen)
    assert all(CHINESE.search(name_of(name, zh)) for name in seen)
    assert CHINESE.search(zh["p"])

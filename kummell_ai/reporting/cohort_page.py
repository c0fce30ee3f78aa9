"""The cohort's page: table in the shape of a journal's, comparisons, figures, methods, flow of films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.study import CohortStudy, Line
from kummell_ai.imaging.radiograph import Calibration
from kummell_ai.quantities import Interval
from kummell_ai.reporting import cohort_figures as draw
from kummell_ai.reporting.cohort_flow import flow_rows
from kummell_ai.reporting.cohort_words import caveat_of, name_of, words
from kummell_ai.reporting.finding_words_zh import problem_in_chinese
from kummell_ai.statistics.cohort import ALPHA, Comparison, Summary

DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class TableRow:
    """One measure of the cohort table."""

    label: str
    cells: tuple[str, ...]
    overall: str
    hint: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """One comparison of two phases."""

    label: str
    pair: str
    change: str
    test: str
    p: str
    effect: str
    maintained: str


def write_cohort_page(study: CohortStudy, language: str, links: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """HTML text, self-contained.

    Args:
        study: the cohort.
        language: ``en`` or ``zh``.
        links: injured level and relative link to its page, by patient.
    """
    w = words(language)
    environment = Environment(
        loader=PackageLoader("kummell_ai.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("cohort.html").render(
        w=w,
        language={"en": "en", "zh": "zh-CN"}[language],
        study=study,
        links=links,
        phases=[w[phase.value] for phase in PHASES],
        rows=[table_row(line, w) for line in study.lines],
        pairs=[row for line in study.lines for row in pair_rows(line, w)],
        rules=[(w[line.measure.key], rule_text(line, w)) for line in study.lines],
        follow_up=follow_up_text(study, w),
        scale=scale_text(study, w),
        flow=flow_rows(study, w),
        chinese=lambda problem: problem_in_chinese(problem) if language == "zh" else "",
        agreement=agreement_rows(study, w),
        figures=list(figures(study, language).values()),
        methods=methods(study, w),
    )


def table_row(line: Line, w: Mapping[str, str]) -> TableRow:
    """Description by phase and P over all of them."""
    analysis = line.analysis
    overall = analysis.omnibus
    return TableRow(
        label=w[line.measure.key],
        cells=tuple(_describe(line, s, i) for i, s in enumerate(analysis.summaries)),
        overall=p_text(overall.p) if overall else "–",
        hint=f"{name_of(overall.test, w)}, n = {overall.n}" if overall else caveat_of(analysis.omnibus_caveat, w),
    )


def rule_text(line: Line, w: Mapping[str, str]) -> str:
    """Which tests were chosen, and why."""
    kind, p = line.analysis.kind, line.analysis.least_shapiro_p
    is_reason = p is not None and (kind != "ranks" or p < ALPHA)  # ranks also where a difference cannot be tested
    why = f"P = {p:.3g}" if is_reason else w["too_few"]
    return w[f"rule_{kind}"].format(why=why)


def follow_up_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """Length of the follow-up in months, mean and range; empty when no dates tell it."""
    days = [m.follow_up_days for m in study.members.values() if m.follow_up_days is not None]
    if not days:
        return ""
    months = np.array(days) / DAYS_A_MONTH
    return w["follow_up_length"].format(mean=months.mean(), low=months.min(), high=months.max(), n=len(days))


def scale_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """On what scales the heights of how many patients are; empty without a height."""
    scale_of = {o.patient_id: o.scale for o in study.observations if o.counts and o.scale is not None}
    counts = Counter(scale_of.values())
    parts = (f"{w[f'scale_{kind.value}']}: {counts[kind]}" for kind in Calibration if counts[kind])
    if not counts:
        return ""
    return w["scale_text"].format(counts=w["then"].join(parts)) + (w["scales_differ"] if len(counts) > 1 else "")


def _describe(line: Line, summary: Summary, phase: int) -> str:
    if not summary.n:
        return "–"
    suffix = f" (n = {summary.n})" if summary.missing else ""
    if line.measure.grades:
        column = line.values[:, phase]
        counts = ((g, int((column == i).sum())) for i, g in enumerate(line.measure.grades))
        return ", ".join(f"{grade} {count}" for grade, count in counts if count) + suffix
    if line.analysis.is_normal and summary.sd is not None:
        return f"{summary.mean:.1f} ± {summary.sd:.1f}{suffix}"
    return f"{summary.median:.1f} ({summary.q1:.1f}–{summary.q3:.1f}){suffix}"


def pair_rows(line: Line, w: Mapping[str, str]) -> list[PairRow]:
    """Every pair of phases of a measure."""
    return [_pair_row(line, comparison, w) for comparison in line.analysis.comparisons]


def _pair_row(line: Line, comparison: Comparison, w: Mapping[str, str]) -> PairRow:
    label, pair = w[line.measure.key], f"{w[comparison.earlier]} → {w[comparison.later]}"
    same = comparison.equivalence
    maintained = "–"
    if same is not None and comparison.earlier == PHASES[1].value:
        verdict = w["yes"] if same.is_maintained else w["not_shown"]
        maintained = f"{verdict} (± {same.margin:g}, {p_text(same.p)})"
    result = comparison.result
    if result is None:
        return PairRow(label, pair, "–", caveat_of(comparison.caveat, w), "–", "–", maintained)
    change = f"{result.change:+.1f}{_interval(result.change_interval, 1, w)}" if result.change is not None else "–"
    effect = f"{name_of(result.effect_name, w)} {result.effect:.2f}{_interval(result.effect_interval, 2, w)}"
    p = p_text(comparison.p_holm) if comparison.p_holm is not None else "–"
    return PairRow(
        label, pair, _minus(change), f"{name_of(result.test, w)}, n = {result.n}", p, _minus(effect), maintained
    )


def _interval(interval: Interval | None, digits: int, w: Mapping[str, str]) -> str:
    return f" ({interval.low:.{digits}f} {w['to']} {interval.high:.{digits}f})" if interval else ""


def _minus(text: str) -> str:
    return " ".join(word.replace("-", "−", 1) if word.lstrip("(").startswith("-") else word for word in text.split(" "))


def p_text(p: float) -> str:
    """P as journals print it.

    >>> p_text(0.0004), p_text(0.0312), p_text(0.5)
    ('P < 0.001', 'P = 0.031', 'P = 0.500')
    """
    return "P < 0.001" if p < 0.001 else f"P = {p:.3f}"


def agreement_rows(study: CohortStudy, w: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Measure, n, bias, limits, ICC, SEM and MDC95 of program against person."""
    rows: list[tuple[str, ...]] = []
    for a in study.agreement:
        limits, trust = a.limits, a.reliability
        rows.append(
            (
                w[a.measure.key],
                str(len(a.program)),
                _minus(f"{limits.bias:.2f}{_interval(limits.bias_interval, 2, w)}") if limits else "–",
                _minus(f"{limits.lower:.2f} {w['to']} {limits.upper:.2f}") if limits else "–",
                f"{trust.icc:.3f}{_interval(trust.icc_interval, 3, w)}" if trust else "–",
                f"{trust.sem:.2f}" if trust else "–",
                f"{trust.mdc95:.2f}" if trust else "–",
            )
        )
    return rows


def figures(study: CohortStudy, language: str) -> dict[str, str]:
    """SVG text by file stem: courses, boxes and waterfall of each measure that is no grade; Bland-Altman plots."""
    w = words(language)
    phases = [w[phase.value] for phase in PHASES]
    drawn: dict[str, str] = {}
    for line in study.lines:
        key, title = line.measure.key, w[line.measure.key]
        if line.measure.grades:
            continue
        drawn[f"courses_{key}"] = draw.courses(line.values, phases, f"{title}: {w['courses']}")
        drawn[f"boxes_{key}"] = draw.boxes(line.values, phases, f"{title}: {w['boxes']}")
        last = np.where(np.isfinite(line.values[:, 2]), line.values[:, 2], line.values[:, 1])
        if np.isfinite(last - line.values[:, 0]).any():
            drawn[f"waterfall_{key}"] = draw.waterfall(last - line.values[:, 0], f"{title}: {w['waterfall']}")
    for a in study.agreement:
        title = f"{w[a.measure.key]}: {w['agreement']}"
        drawn[f"bland_altman_{a.measure.key}"] = draw.bland_altman_plot(a.program, a.manual, a.limits, title)
    return drawn


def methods(study: CohortStudy, w: Mapping[str, str]) -> str:
    """The methods paragraph, with what measured and what computed."""
    made = study.provenance
    units = {"mm": " mm", "deg": "°", "1": ""}
    margins = ", ".join(
        f"± {line.measure.margin:g}{units[line.measure.unit]} ({w[line.measure.key]})"
        for line in study.lines
        if line.measure.margin is not None
    )
    origin = w["simulated_method"] if study.simulated else ""
    doubt = (w["shared_method"] if study.shared else "") + (w["too_narrow_method"] if study.too_narrow else "")
    text = w["method_text"].format(
        software=made.software if made else "kummell_ai",
        model=made.model if made else "–",
        weights=(made.weights_sha256 or "–")[:16] if made else "–",
        definitions=made.definitions if made else "–",
        margins=margins or "–",
        scipy=version("scipy"),
        statsmodels=version("statsmodels"),
    )
    return origin + text + doubt

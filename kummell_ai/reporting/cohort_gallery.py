"""The figures of a cohort, each with its values in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.agreement import Agreement
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.study import CohortStudy, Line
from kummell_ai.measurement.results import Verdict
from kummell_ai.reporting import cohort_figures as draw
from kummell_ai.reporting.cohort_format import interval_text, minus, unit_text
from kummell_ai.reporting.cohort_words import words
from kummell_ai.statistics.cohort import Summary

FIGURE_KINDS = ("courses", "boxes", "waterfall", "bland_altman")
"""How the file stems of the figures begin."""


def figures(study: CohortStudy, language: str) -> dict[str, str]:
    """SVG text by file stem: courses, boxes and waterfall of each measure that is no grade; Bland-Altman plots."""
    w = words(language)
    drawn: dict[str, str] = {}
    for line in study.lines:
        if not line.measure.grades:
            key = line.measure.key
            drawn[f"courses_{key}"] = _courses(line, w)
            drawn[f"boxes_{key}"] = _boxes(line, w)
            bars = change_bars(study, line)
            if bars:
                drawn[f"waterfall_{key}"] = _waterfall(line, bars, w)
    for agreement in study.agreement:
        drawn[f"bland_altman_{agreement.measure.key}"] = _bland_altman(agreement, w)
    return drawn


def _courses(line: Line, w: Mapping[str, str]) -> str:
    """The mean with its interval where means are tested, else the median with the quartiles."""
    middles = [_middle(line, summary) for summary in line.analysis.summaries]
    parts = [
        f"{w[s.phase]} {m.value:.1f}" + (f" ({m.low:.1f} {w['to']} {m.high:.1f})" if m.low is not None else "")
        for s, m in zip(line.analysis.summaries, middles, strict=True)
        if m is not None
    ]
    title = f"{w[line.measure.key]}: {w['courses' if line.analysis.is_normal else 'courses_ranks']}"
    return draw.courses(line.values, _phases(w), middles, title, minus(w["then"].join(parts)))


def _middle(line: Line, summary: Summary) -> draw.Middle | None:
    if summary.mean is None or summary.median is None:
        return None
    if not line.analysis.is_normal:
        return draw.Middle(summary.median, summary.q1, summary.q3)
    interval = summary.mean_interval
    return draw.Middle(summary.mean, *((interval.low, interval.high) if interval else (None, None)))


def _boxes(line: Line, w: Mapping[str, str]) -> str:
    parts = [
        f"{w[s.phase]} {s.median:.1f} ({s.q1:.1f} {w['to']} {s.q3:.1f})"
        for s in line.analysis.summaries
        if s.median is not None
    ]
    title = f"{w[line.measure.key]}: {w['boxes']}"
    return draw.boxes(line.values, _phases(w), title, minus(w["then"].join(parts)))


def change_bars(study: CohortStudy, line: Line) -> list[draw.Bar]:
    """The change of each patient from before surgery to the last value.

    No change, and one within the error of the patient's films or without a known one, is not certain.
    """
    bars = []
    for patient, (first, after, last) in zip(study.patients, line.values, strict=True):
        end, value = (Phase.FOLLOW_UP, last) if np.isfinite(last) else (Phase.POST_OP, after)
        change = float(value - first)
        if not np.isfinite(change):
            continue
        member = study.members.get(patient)
        verdict = member.verdicts.get((Phase.PRE_OP, end, line.measure.key)) if member else None
        is_known = verdict is not Verdict.UNKNOWN
        is_certain = change != 0 and is_known and verdict is not Verdict.NOT_DISTINGUISHABLE
        bars.append(draw.Bar(patient, change, (change > 0) is line.measure.higher_is_better, is_certain, is_known))
    return bars


def _waterfall(line: Line, bars: list[draw.Bar], w: Mapping[str, str]) -> str:
    better = sum(bar.is_better and bar.is_certain for bar in bars)
    worse = sum(not bar.is_better and bar.is_certain for bar in bars)
    unknown = sum(not bar.is_known for bar in bars)
    changes = [bar.change for bar in bars]
    said = w["waterfall_said"].format(
        **{"n": len(bars), "low": f"{min(changes):+.1f}", "high": f"{max(changes):+.1f}"},
        **{"better": better, "worse": worse, "rest": len(bars) - better - worse - unknown},
    )
    if unknown:
        said += f"{w['then']}{w['unknown']} {unknown}"
    # a score has no error: only the patients whose score stays are drawn as an outline
    outlined = w["within_error"] if line.measure.is_film else w["no_change"]
    legend = (w["improved"], w["worse"], f"{outlined} / {w['unknown']}" if unknown else outlined)
    return draw.waterfall(bars, legend, f"{w[line.measure.key]}: {w['waterfall']}", minus(said))


def _bland_altman(agreement: Agreement, w: Mapping[str, str]) -> str:
    limits = agreement.limits
    said = w["films_of_said"].format(films=len(agreement.program), patients=agreement.patients)
    if limits is not None:
        bias = f"{w['bias_said']} {limits.bias:.1f}{interval_text(limits.bias_interval, 1, w)}"
        said += f"{w['then']}{bias}{w['then']}{w['limits']} {limits.lower:.1f} {w['to']} {limits.upper:.1f}"
    title = f"{w[agreement.measure.key]}: {w['agreement']}"
    unit = unit_text(agreement.measure)
    axes = (w["mean_axis"].format(unit=unit), w["difference_axis"].format(unit=unit))
    return draw.bland_altman_plot(agreement.program, agreement.manual, limits, title, minus(said), axes)


def _phases(w: Mapping[str, str]) -> list[str]:
    return [w[phase.value] for phase in PHASES]

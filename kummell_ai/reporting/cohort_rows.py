"""The rows of the tables on the cohort's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kummell_ai.cohort.agreement import Agreement
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.study import CohortStudy, Line
from kummell_ai.reporting.cohort_format import amount, interval_text, minus, p_text
from kummell_ai.reporting.cohort_words import caveat_of, name_of
from kummell_ai.statistics.cohort import ALPHA, Comparison, Summary
from kummell_ai.statistics.paired import PairedTest


@dataclass(frozen=True, slots=True)
class TableRow:
    """One measure of the cohort table."""

    label: str
    cells: tuple[str, ...]
    overall: str
    hint: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """One comparison of two phases; ``p`` as it is, ``p_holm`` corrected for the number of pairs."""

    label: str
    pair: str
    change: str
    test: str
    p: str
    p_holm: str
    effect: str
    margin: str


def table_row(line: Line, w: Mapping[str, str]) -> TableRow:
    """Description by phase and P over all of them."""
    analysis = line.analysis
    overall = analysis.omnibus
    name = f"{name_of(overall.test, w)}{w['comma']}n = {overall.n}" if overall else ""
    return TableRow(
        label=w[line.measure.key],
        cells=tuple(_describe(line, s, i, w) for i, s in enumerate(analysis.summaries)),
        overall=p_text(overall.p) if overall else "–",
        hint=name or caveat_of(analysis.omnibus_caveat, w),
    )


def rule_text(line: Line, w: Mapping[str, str]) -> str:
    """Which tests were chosen, and why."""
    kind, p = line.analysis.kind, line.analysis.least_shapiro_p
    if kind == "ranks" and (p is None or p >= ALPHA):  # a difference of two phases cannot be tested
        return w["rule_untested"]
    return w[f"rule_{kind}"].format(why="" if p is None else p_text(p))


def _describe(line: Line, summary: Summary, phase: int, w: Mapping[str, str]) -> str:
    if not summary.n:
        return "–"
    suffix = f"{w['open']}n = {summary.n}{w['close']}" if summary.missing else ""
    if line.measure.grades:
        column = line.values[:, phase]
        counts = ((g, int((column == i).sum())) for i, g in enumerate(line.measure.grades))
        return ", ".join(f"{grade} {count}" for grade, count in counts if count) + suffix
    if line.analysis.is_normal and summary.sd is not None:
        return minus(f"{summary.mean:.1f} ± {summary.sd:.1f}{suffix}")
    return minus(f"{summary.median:.1f}{w['open']}{summary.q1:.1f}–{summary.q3:.1f}{w['close']}{suffix}")


def pair_rows(line: Line, w: Mapping[str, str]) -> list[PairRow]:
    """Every pair of phases of a measure."""
    return [_pair_row(line, comparison, w) for comparison in line.analysis.comparisons]


def _pair_row(line: Line, comparison: Comparison, w: Mapping[str, str]) -> PairRow:
    label, pair = w[line.measure.key], f"{w[comparison.earlier]} → {w[comparison.later]}"
    margin, result = _margin(line, comparison, w), comparison.result
    if result is None:
        return PairRow(label, pair, "–", caveat_of(comparison.caveat, w), "–", "–", "–", margin)
    return PairRow(
        label=label,
        pair=pair,
        change=_change(result, w),
        test=_test(result, w),
        p=p_text(result.p),
        p_holm=p_text(comparison.p_holm) if comparison.p_holm is not None else "–",
        effect=_effect(result, w),
        margin=margin,
    )


def _test(result: PairedTest, w: Mapping[str, str]) -> str:
    """Test, n, how many of them P knows nothing of, and what a reader must know."""
    parts = [f"{name_of(result.test, w)}{w['comma']}n = {result.n}"]
    if result.unchanged and result.directions is None:
        parts.append(w["unchanged"].format(n=result.unchanged))
    if result.note:
        parts.append(caveat_of(result.note, w))
    return w["then"].join(parts)


def _change(result: PairedTest, w: Mapping[str, str]) -> str:
    if result.directions is not None:
        up, down = result.directions
        return w["directions"].format(up=up, down=down, same=result.unchanged, n=result.n)
    if result.change is None:
        return "–"
    return minus(f"{result.change:+.1f}{interval_text(result.change_interval, 1, w)}")


def _effect(result: PairedTest, w: Mapping[str, str]) -> str:
    if result.directions is not None and result.effect_interval is not None:
        low, high = result.effect_interval.low, result.effect_interval.high
        share = w["of_changed"].format(share=f"{100 * result.effect:.0f}")
        return f"{share}{w['open']}{100 * low:.0f} {w['to']} {100 * high:.0f} %{w['close']}"
    effect = f"{result.effect:.2f}{interval_text(result.effect_interval, 2, w)}"
    return f"{name_of(result.effect_name, w)} {minus(effect)}"


def _margin(line: Line, comparison: Comparison, w: Mapping[str, str]) -> str:
    """Whether the change since surgery lies within the margin; one that chance does not explain may do so too."""
    same = comparison.equivalence
    if same is None or comparison.earlier != PHASES[1].value:
        return "–"
    margin, p = amount(same.margin, line.measure), p_text(same.p)
    if same.is_maintained and comparison.p_holm is not None and comparison.p_holm < ALPHA:
        return f"{w['within_changed'].format(margin=margin)}{w['open']}{p}{w['close']}"
    return f"{w['within'] if same.is_maintained else w['not_shown']}{w['open']}± {margin}{w['comma']}{p}{w['close']}"


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """Program against person: of which phase, and the cells behind it."""

    label: str
    phase: str
    cells: tuple[str, ...]


def agreement_rows(study: CohortStudy, w: Mapping[str, str]) -> list[AgreementRow]:
    """Films and patients, bias, limits, ICC, SEM and MDC95 of all phases together, then of each phase."""
    return [_agreement_row(part, w) for whole in study.agreement for part in (whole, *whole.by_phase)]


def _agreement_row(agreement: Agreement, w: Mapping[str, str]) -> AgreementRow:
    limits, trust = agreement.limits, agreement.reliability
    cells = (
        w["films_of"].format(films=len(agreement.program), patients=agreement.patients),
        minus(f"{limits.bias:.2f}{interval_text(limits.bias_interval, 2, w)}") if limits else "–",
        minus(f"{limits.lower:.2f} {w['to']} {limits.upper:.2f}") if limits else "–",
        minus(f"{trust.icc:.3f}{interval_text(trust.icc_interval, 3, w)}") if trust else "–",
        f"{trust.sem:.2f}" if trust else "–",
        f"{trust.mdc95:.2f}" if trust else "–",
    )
    phase = w[agreement.phase.value] if agreement.phase else w["phases_pooled"]
    return AgreementRow(w[agreement.measure.key], phase, cells)

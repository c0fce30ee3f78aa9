"""The tables of the patient's page as plain values, ready for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.measurement.results import (
    NO_INFERIOR,
    Change,
    Correction,
    CorrectionReport,
    SegmentMeasurement,
    Verdict,
)
from kummell_ai.quantities import Z95, Quantity
from kummell_ai.reporting.caveat_words_zh import short_reason
from kummell_ai.reporting.prose import change_text, interval_text, value_text, verdict_text
from kummell_ai.reporting.words import (
    COMPARISON_WORDS,
    CORRECTION_LABEL,
    DERIVED_WORDS,
    NEUTRAL_IDS,
    PHASE_LABEL,
    SEGMENT_WORDS,
    VERDICT_MARK,
    VERTEBRA_WORDS,
    are_on_own_scales,
    change_unit,
    css_class,
    main_ids,
    number,
    quantity_of,
    unit_text,
    words_for,
)
from kummell_ai.statistics.cohort import ALPHA
from kummell_ai.statistics.paired import equivalence_p

FURTHER_IDS: tuple[str, ...] = (
    *("posterior_height", "middle_height", "wedge_ratio", "height_loss", "compression", "height_derived_grade"),
    *("local_kyphosis", "surgical_segment_cobb", "sagittal_index"),
)
"""Rows of the main table beneath the main ones, as far as a film has them."""

REPEATED_IDS = frozenset(
    {
        *("height_restoration", "kyphosis_correction", "wedge_correction"),
        *("loss_of_correction", "height_loss_after_surgery"),
    }
)
"""Derived numbers that are a change of the main table with one sign or the other; the page gives them once."""

OWN_SCALES = "films on unlike scales, not to be compared; each change is on one"
"""Note on a length whose values are those of each film's own scale; a change is on one scale."""
UNLIKE_CHANGES = (
    "Heights of films on unlike scales are not to be subtracted: each of their changes is on the scale of one film."
)
"""What limits the sentence that changes are the differences of the printed values but for rounding."""

NOT_PART = "not part of this comparison"


@dataclass(frozen=True, slots=True)
class CellText:
    """One cell: the value, its interval beneath, and what stands beneath that or explains it on hover."""

    value: str
    interval: str = ""
    hint: str = ""
    reason: str = ""
    verdict: str = ""
    mark: str = ""
    verdict_class: str = ""
    mdc: str = ""
    margin: str = ""


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """One quantity on all films and its changes; ``limit`` is what the note beneath the table has to add about it."""

    label: str
    detail: str
    main: bool
    values: tuple[CellText, ...]
    changes: tuple[CellText, ...]
    note: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """Name and span of each comparison that has one of the numbers, and a row a number."""

    heads: list[tuple[str, str]]
    rows: list[tuple[str, list[CellText]]]


def quantity_rows(report: CorrectionReport) -> list[QuantityRow]:
    """Rows of the main table."""
    return [_row(report, i) for i in _row_ids(report)]


def _row_ids(report: CorrectionReport) -> list[str]:
    """The main quantities, then the others that a film has; the surgical segment where it is not the segmental one."""
    main = main_ids(report)
    others = [i for i in FURTHER_IDS if i not in main and _is_present(report, i)]
    return [*main, *(i for i in others if i != "surgical_segment_cobb" or not _same_endplates(report))]


def _is_present(report: CorrectionReport, quantity_id: str) -> bool:
    level = report.index_level
    return any(quantity_of(film.measurement, level, quantity_id).value is not None for film in report.films)


def _segments(report: CorrectionReport, quantity_id: str) -> list[SegmentMeasurement]:
    found = (film.measurement.segment(quantity_id, report.index_level) for film in report.films)
    return [segment for segment in found if segment is not None]


def _same_endplates(report: CorrectionReport) -> str:
    """The ends of the surgical segment where they are those of the segmental angle on all films; empty otherwise."""
    both = [*_segments(report, "surgical_segment_cobb"), *_segments(report, "segmental_cobb")]
    is_same = len({segment.endplates for segment in both}) == 1 and both[0].quantity_id == "surgical_segment_cobb"
    return f"{both[0].upper}–{both[0].lower}" if is_same else ""


def _row(report: CorrectionReport, quantity_id: str) -> QuantityRow:
    digits = words_for(quantity_id).digits
    quantities = [quantity_of(film.measurement, report.index_level, quantity_id) for film in report.films]
    same = _same_endplates(report) if quantity_id == "segmental_cobb" else ""
    is_apart = words_for(quantity_id).unit == "mm" and are_on_own_scales(report)
    return QuantityRow(
        label=words_for(quantity_id).label,
        detail=row_detail(report, quantity_id),
        main=quantity_id in main_ids(report),
        values=tuple(value_cell(q, digits) for q in quantities),
        changes=tuple(_change_cell(correction, quantity_id, digits) for correction in report.corrections),
        note=f"surgical segment = {same}" if same else OWN_SCALES if is_apart else "",
        limit=UNLIKE_CHANGES if is_apart else "",
    )


def row_detail(report: CorrectionReport, quantity_id: str) -> str:
    """The endplates of an angle, or why it has none, or the vertebra a height belongs to."""
    segments = _segments(report, quantity_id)
    if segments and (segments[0].lower, segments[0].lower_endplate) == (VertebralLevel.S1, "inferior"):
        return f"not defined for {report.index_level}: {NO_INFERIOR}"
    if segments:
        return segments[0].endplates
    if quantity_id == "wedge_angle":
        return f"{report.index_level} superior to inferior"
    return str(report.index_level) if quantity_id in VERTEBRA_WORDS else ""


def value_cell(quantity: Quantity, digits: int) -> CellText:
    """The cell of a measured value; a missing one has its reason beneath, a known one on hover what limits it."""
    caveat = quantity.caveat or ""
    if quantity.value is None:
        return CellText("–", reason=short_reason(caveat))
    return CellText(value_text(quantity, digits), interval_text(quantity, digits), hint=caveat)


def _change_cell(correction: Correction, quantity_id: str, digits: int) -> CellText:
    change = next((c for c in correction.changes if c.quantity_id == quantity_id), None)
    if change is None:
        return CellText("")
    caveat = change.change.caveat or ""
    if change.change.value is None:
        return CellText("–", reason=caveat.partition(":")[0] if caveat.startswith("missing ") else short_reason(caveat))
    verdict, margin = verdict_and_margin(change, correction.name)
    return CellText(
        value=change_text(change, digits),
        interval=interval_text(change.change, digits),
        hint=caveat,
        verdict=verdict,
        mark="" if verdict_class(change) == "plain" else VERDICT_MARK[change.verdict],
        verdict_class=verdict_class(change),
        mdc=_mdc_text(change, digits),
        margin=margin,
    )


def verdict_class(change: Change) -> str:
    """Name of the colour of a verdict; a quantity without a better direction has none."""
    is_plain = change.quantity_id in NEUTRAL_IDS and change.verdict in (Verdict.IMPROVED, Verdict.WORSE)
    return "plain" if is_plain else css_class(change.verdict)


def verdict_and_margin(change: Change, comparison: str) -> tuple[str, str]:
    """The verdict in words, and what two one-sided tests say about the margin of the cohort's table after surgery.

    A change beyond the detectable one that is shown to stay within the margin is told in one: ``worse, by less than
    5°``. A margin is not spoken of where the number and its verdict already settle it.
    """
    verdict = verdict_text(change)
    margin = next((m.margin for m in FILM_MEASURES if m.key == change.quantity_id), None)
    value, unit = change.change.value, change.change.unit
    if comparison != "loss" or margin is None or value is None or change.mdc95 is None or unit == "px":
        return verdict, ""
    size, error = f"{margin:g}{unit_text(unit)}", change.mdc95 / Z95
    is_clear = change.verdict in (Verdict.IMPROVED, Verdict.WORSE)
    if equivalence_p(value, error, margin) < ALPHA:
        return (f"{verdict}, by less than {size}", "") if is_clear else (verdict, f"maintained within ± {size}")
    lost = -value if change.quantity_id == "anterior_height" else value
    is_open = lost > 0 and equivalence_p(2 * margin - lost, error, margin) >= ALPHA
    return verdict, f"a loss of {size} or more is not excluded" if is_open else ""


def _mdc_text(change: Change, digits: int) -> str:
    if change.mdc95 is None:
        return "MDC not known"
    return f"MDC {number(change.mdc95, digits)}{unit_text(change_unit(change.change.unit))}"


def derived_table(report: CorrectionReport) -> DerivedTable:
    """Rates and instability: one row an id, one cell a comparison that has any."""
    ids = _derived_ids(report)
    both = zip(correction_heads(report), report.corrections, strict=True)
    kept = [(head, c) for head, c in both if not c.derived.keys().isdisjoint(ids)]
    missing = Quantity.missing("1", NOT_PART)
    rows = [
        (words_for(i).label, [value_cell(c.derived.get(i, missing), words_for(i).digits) for _, c in kept]) for i in ids
    ]
    return DerivedTable([head for head, _ in kept], rows)


def _derived_ids(report: CorrectionReport) -> list[str]:
    """Rows of the derived table: those with words first, in their order, then unknown ones."""
    present = {i for c in report.corrections for i in c.derived} - REPEATED_IDS
    return [*(i for i in DERIVED_WORDS if i in present), *sorted(present - DERIVED_WORDS.keys())]


def correction_heads(report: CorrectionReport) -> list[tuple[str, str]]:
    """Name and span of each comparison, for example ``("Change after surgery", "Post-op → last")``."""
    heads = []
    for correction in report.corrections:
        after = PHASE_LABEL[correction.after]
        heads.append(
            (CORRECTION_LABEL.get(correction.name, correction.name), f"{PHASE_LABEL[correction.before]} → {after}")
        )
    return heads


def definition_rows(report: CorrectionReport) -> list[tuple[str, str, str]]:
    """Label, endplates and definition of every quantity on the page, and what its comparisons say."""
    ids: Sequence[str] = (*_row_ids(report), *_derived_ids(report))
    quantities = [
        (words_for(i).label, row_detail(report, i) if i in SEGMENT_WORDS else "", words_for(i).definition) for i in ids
    ]
    comparisons = [(name, "", text) for name, text in COMPARISON_WORDS.items() if report.corrections]
    return [*quantities, *comparisons]

"""The course of a patient in a few plain sentences."""

from __future__ import annotations

import datetime as dt

from kummell_ai.measurement.results import Change, Correction, CorrectionReport, Verdict
from kummell_ai.quantities import Quantity
from kummell_ai.reporting.words import NEUTRAL_IDS, PHASE_LABEL, change_unit, main_ids, number, unit_text, words_for

_PLAIN = {
    "anterior_height": "anterior height of {level}",
    "height_loss": "anterior height loss of {level}",
    "segmental_cobb": "segmental kyphosis",
    "wedge_angle": "wedge angle of {level}",
}


VERDICT_WORDS = {
    Verdict.IMPROVED: "improved",
    Verdict.WORSE: "worse",
    Verdict.NOT_DISTINGUISHABLE: "within measurement error",
    Verdict.UNKNOWN: "no verdict",
}
"""Verdicts as they stand on pages and in a terminal."""


def date_text(moment: dt.datetime | None) -> str:
    """A date that no reader can turn around, for example ``4 Mar 2024``.

    >>> date_text(dt.datetime(2024, 3, 4, 9, 30))
    '4 Mar 2024'
    """
    return f"{moment.day} {moment:%b %Y}" if moment is not None else "no date"


def summary_sentences(report: CorrectionReport) -> list[tuple[str, str]]:
    """Span and sentence for each comparison that has a number."""
    return [
        (f"{PHASE_LABEL[c.before]} to {PHASE_LABEL[c.after].lower()}", text)
        for c in report.corrections
        if (text := _sentence(c, main_ids(report)))
    ]


def main_changes(correction: Correction, ids: tuple[str, ...]) -> list[Change]:
    """The changes of ``ids`` that have a number, in their order."""
    changes = {change.quantity_id: change for change in correction.changes}
    return [changes[i] for i in ids if i in changes and changes[i].change.value is not None]


def _sentence(correction: Correction, ids: tuple[str, ...]) -> str:
    parts = [_sentence_part(change, str(correction.index_level)) for change in main_changes(correction, ids)]
    return f"{'; '.join(parts)}." if parts else ""


def _sentence_part(change: Change, level: str) -> str:
    digits = words_for(change.quantity_id).digits
    name = _PLAIN.get(change.quantity_id, words_for(change.quantity_id).label).format(level=level)
    unit = unit_text(change.change.unit)
    before, after = (number(q.value, digits) for q in (change.before, change.after) if q.value is not None)
    return f"{name} {before}\u00a0→\u00a0{after}{unit} ({change_text(change, digits)}, {verdict_text(change)})"


def verdict_text(change: Change) -> str:
    """The verdict as it stands in a table."""
    if change.quantity_id in NEUTRAL_IDS and change.verdict in (Verdict.IMPROVED, Verdict.WORSE):
        return "higher" if (change.change.value or 0.0) > 0 else "lower"
    return VERDICT_WORDS[change.verdict]


def change_text(change: Change, digits: int = 1) -> str:
    """A change with its sign; that of a share is in percentage points."""
    value = change.change.value
    if value is None:
        return "–"
    return f"{number(value, digits, sign=True)}{unit_text(change_unit(change.change.unit))}"


def interval_text(quantity: Quantity, digits: int = 1) -> str:
    """The 95 % interval, for example ``11.6 to 15.0``; empty when it is not known."""
    if quantity.interval is None:
        return ""
    return f"{number(quantity.interval.low, digits)} to {number(quantity.interval.high, digits)}"


def value_text(quantity: Quantity, digits: int = 1) -> str:
    """Value and unit, or a dash when it is missing."""
    if quantity.value is None:
        return "–"
    return f"{number(quantity.value, digits)}{unit_text(quantity.unit)}"

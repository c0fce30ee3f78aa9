"""The course of a patient in a few plain sentences."""

from __future__ import annotations

import datetime as dt

from kummell_ai.measurement.results import Change, Correction, CorrectionReport, Verdict
from kummell_ai.quantities import Quantity
from kummell_ai.reporting.words import MAIN_IDS, PHASE_LABEL, number, unit_text, words_for

_PLAIN = {
    "anterior_height": "anterior height of {level}",
    "segmental_cobb": "segmental kyphosis",
    "wedge_angle": "wedge angle of {level}",
}


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
        if (text := _sentence(c))
    ]


def headline(report: CorrectionReport) -> str:
    """One line for a list of patients: level, dates, and the first and the last comparison."""
    dates = [date_text(film.measurement.reference.acquired) for film in report.films]
    days = dict.fromkeys((dates[0], dates[-1]))
    sentences = summary_sentences(report)
    said = [f"{span}: {text}" for span, text in dict.fromkeys((*sentences[:1], *sentences[-1:]))]
    course = " ".join(said) or "No comparison could be made."
    return f"{report.index_level}, {len(dates)} film{'s' if len(dates) != 1 else ''}, {' to '.join(days)}. {course}"


def _sentence(correction: Correction) -> str:
    changes = {change.quantity_id: change for change in correction.changes}
    known = [changes[i] for i in MAIN_IDS if i in changes and changes[i].change.value is not None]
    if not known:
        return ""
    parts = [_change_text(change, str(correction.index_level)) for change in known]
    return f"{'; '.join(parts)}."


def _change_text(change: Change, level: str) -> str:
    digits = words_for(change.quantity_id).digits
    name = _PLAIN.get(change.quantity_id, words_for(change.quantity_id).label).format(level=level)
    unit = unit_text(change.change.unit)
    before, after = (number(q.value, digits) for q in (change.before, change.after) if q.value is not None)
    delta = number(change.change.value or 0.0, digits, sign=True)
    return f"{name} {before}\u00a0→\u00a0{after}{unit} ({delta}{unit}, {verdict_text(change.verdict)})"


def verdict_text(verdict: Verdict) -> str:
    """The verdict as it stands in a table."""
    return {Verdict.UNKNOWN: "no verdict"}.get(verdict, verdict.value)


def interval_text(quantity: Quantity, digits: int = 1) -> str:
    """The 95 % interval, for example ``11.6 to 15.0``; empty when it is not known."""
    if quantity.interval is None:
        return ""
    return f"{number(quantity.interval.low, digits)} to {number(quantity.interval.high, digits)}"


def value_text(quantity: Quantity, digits: int = 1, *, sign: bool = False) -> str:
    """Value and unit, or a dash when it is missing."""
    if quantity.value is None:
        return "–"
    return f"{number(quantity.value, digits, sign=sign)}{unit_text(quantity.unit)}"

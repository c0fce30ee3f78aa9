"""The table of a run's patients: one line a report, as plain values for the template."""

from __future__ import annotations

from dataclasses import dataclass

from kummell_ai.measurement.results import Correction, CorrectionReport
from kummell_ai.reporting.page_findings import NEW_FRACTURE, alert_rows
from kummell_ai.reporting.page_words import day_text
from kummell_ai.reporting.prose import change_text, main_changes
from kummell_ai.reporting.table import PHASE_COLUMN, phase_films
from kummell_ai.reporting.words import (
    CORRECTION_LABEL,
    VERDICT_MARK,
    css_class,
    main_ids,
    number,
    quantity_of,
    unit_text,
    words_for,
)

SHORT = {"anterior_height": "Height", "height_loss": "height loss", "segmental_cobb": "Cobb", "wedge_angle": "Wedge"}
"""Short names of the main quantities."""


@dataclass(frozen=True, slots=True)
class VerdictText:
    """One quantity of one comparison: ``Cobb``, ``\u2713``, ``−12.8°`` and the name of its colour."""

    label: str
    mark: str
    change: str
    colour: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One report.

    Attributes:
        name: patient and level, for example ``KUM-001, L1``.
        link: to its page.
        films: how many.
        dates: first and last day.
        values: (what is shown where it is not the head's quantity, ``13.3 / 21.8 / 20.9 mm``) for each main quantity.
        verdicts: those of each comparison, in the order of its names; empty where there is none.
        checks: what must be looked at.
    """

    name: str
    link: str
    films: str
    dates: str
    values: list[tuple[str, str]]
    verdicts: list[list[VerdictText]]
    checks: list[str]


def index_row(report: CorrectionReport, link: str, language: str = "en") -> IndexRow:
    """The line of one report."""
    moments = [film.measurement.reference.acquired for film in report.films]
    days = dict.fromkeys(day_text(moment, language) for moment in (moments[0], moments[-1]))
    by_name = {correction.name: correction for correction in report.corrections}
    broken = [f"new fracture {f.level}" for f in report.findings if f.code == NEW_FRACTURE]
    return IndexRow(
        name=f"{report.patient_id}, {report.index_level}",
        link=link,
        films=f"{len(moments)} film{'s' if len(moments) != 1 else ''}",
        dates=("至" if language == "zh" else " to ").join(days),
        values=[("height loss" if i == "height_loss" else "", _values(report, i)) for i in main_ids(report)],
        verdicts=[_verdicts(report, by_name.get(name)) for name in CORRECTION_LABEL],
        checks=[*broken, f"{len(alert_rows(report))} to check"] if alert_rows(report) else broken,
    )


def _values(report: CorrectionReport, quantity_id: str) -> str:
    """The value on each film that a comparison uses, then the unit; a dash where a phase before the last is missing."""
    found = phase_films(report)
    last = max((i for i, phase in enumerate(PHASE_COLUMN) if phase in found), default=None)
    films = report.films if last is None else [found.get(phase) for phase in PHASE_COLUMN[: last + 1]]
    quantities = [quantity_of(film.measurement, report.index_level, quantity_id) if film else None for film in films]
    digits = words_for(quantity_id).digits
    texts = ["–" if q is None or q.value is None else number(q.value, digits) for q in quantities]
    unit = next((q.unit for q in quantities if q and q.value is not None), "1")
    return f"{' / '.join(texts)}{unit_text(unit)}"


def _verdicts(report: CorrectionReport, correction: Correction | None) -> list[VerdictText]:
    if correction is None:
        return []
    return [
        VerdictText(
            SHORT[change.quantity_id],
            VERDICT_MARK[change.verdict],
            change_text(change, words_for(change.quantity_id).digits),
            css_class(change.verdict),
        )
        for change in main_changes(correction, main_ids(report))
    ]

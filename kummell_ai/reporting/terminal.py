"""The patient's table for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from kummell_ai.measurement.results import CorrectionReport, RadiographMeasurement
from kummell_ai.reporting.page_rows import CellText, correction_heads, quantity_rows
from kummell_ai.reporting.prose import date_text, value_text
from kummell_ai.reporting.words import PHASE_LABEL, RESEARCH_USE

_VERDICT = {"not distinguishable": "within error"}
_STYLE = {"improved": "green", "worse": "red", "not-distinguishable": "yellow", "unknown": "dim"}


def report_table(report: CorrectionReport) -> Table:
    """The main numbers of a patient: one column a film, one a comparison."""
    title = f"Patient {report.patient_id}, injured level {report.index_level} ({report.index_level_source})"
    table = Table(title=Text(title), title_justify="left", show_edge=False, padding=(0, 0, 0, 1))
    table.add_column("Quantity", min_width=9)
    for film in report.films:
        date = date_text(film.measurement.reference.acquired)
        phase = PHASE_LABEL[film.phase]
        table.add_column(f"{phase}\n{date}", justify="right", min_width=len(phase))
    for name, _ in correction_heads(report):
        table.add_column(name, justify="right", min_width=len(name))
    for row in quantity_rows(report):
        if row.main:
            label = Text.assemble(row.label, "\n", (row.detail, "dim"))
            table.add_row(label, *map(_cell, row.values), *map(_cell, row.changes), end_section=True)
    return table


def report_caption(report: CorrectionReport) -> str:
    """What the table's signs and words mean, to stand beneath it."""
    verdicts = "; within error: no more than the error of measurement" if report.corrections else ""
    return f"Kyphosis +, lordosis −; beneath each number its 95 % interval{verdicts}. {RESEARCH_USE}."


def film_table(measurement: RadiographMeasurement) -> Table:
    """The vertebrae of one film."""
    table = Table(title=Text(measurement.reference.name), title_justify="left", caption=RESEARCH_USE)
    for name in ("Level", "Anterior height", "Posterior height", "Wedge angle", "Segmental kyphosis", "Confidence"):
        table.add_column(name, justify="left" if name == "Level" else "right")
    for vertebra in measurement.vertebrae:
        ids = ("anterior_height", "posterior_height", "wedge_angle")
        values = [_plain(value_text(vertebra.quantities[i])) if i in vertebra.quantities else "–" for i in ids]
        segment = measurement.segment("segmental_cobb", vertebra.level) if vertebra.level is not None else None
        values.append(_plain(value_text(segment.angle)) if segment is not None else "–")
        flags = ", ".join(sorted(vertebra.landmarks.flags))
        level = Text.assemble(str(vertebra.level or "?"), (f" {flags}" if flags else "", "magenta"))
        table.add_row(level, *values, f"{vertebra.landmarks.confidence:.2f}")
    return table


def _plain(text: str) -> str:
    """Ordinary blanks, which every terminal font has."""
    return text.replace("\u202f", " ")


def _cell(cell: CellText) -> Text:
    parts: list[tuple[str, str]] = [(_plain(cell.value), "bold")]
    if cell.interval:
        parts.append((f"\n{cell.interval}", "dim"))
    if cell.verdict:
        parts.append((f"\n{_VERDICT.get(cell.verdict, cell.verdict)}", _STYLE.get(cell.verdict_class, "")))
    return Text.assemble(*parts)

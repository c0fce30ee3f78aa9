"""The patient's table for a terminal."""

from __future__ import annotations

import re

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from kummell_ai.measurement.results import CorrectionReport
from kummell_ai.reporting.page_findings import SCALE_CODES, finding_text
from kummell_ai.reporting.page_rows import UNLIKE_CHANGES, CellText, QuantityRow, correction_heads, quantity_rows
from kummell_ai.reporting.page_words import days_texts
from kummell_ai.reporting.words import PHASE_LABEL, RESEARCH_USE, UNROUNDED, are_on_own_scales

UNLIMITED = 1000
"""Columns on which no table is cut."""
_STYLE = {"improved": "green", "worse": "red", "not-distinguishable": "yellow", "unknown": "dim"}
_SOURCE = {"given": "given by the user", "found": "detected automatically"}


class ReportTable:
    """The main numbers of a patient, as wide as the terminal allows."""

    def __init__(self, report: CorrectionReport) -> None:
        self.rows = [row for row in quantity_rows(report) if row.main]
        source = _SOURCE[report.index_level_source]
        self.title = f"Patient {report.patient_id}, injured level {report.index_level} ({source})"
        days = days_texts([film.measurement.reference.acquired for film in report.films])
        self.films = [(PHASE_LABEL[film.phase], day) for film, day in zip(report.films, days, strict=True)]
        self.comparisons = correction_heads(report)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A table with a column a film and a comparison, or where those do not fit one block a quantity."""
        table = self._side_by_side()
        if Measurement.get(console, options.update_width(UNLIMITED), table).maximum <= options.max_width:
            yield table
            return
        yield Text(self.title, style="italic")
        for row in self.rows:
            note = f"\n  {row.note}" if row.limit else ""
            yield Text.assemble("\n", (row.label, "bold"), (f" {row.detail}", "dim"), (note, "dim"))
            yield self._block(row)

    def _side_by_side(self) -> Table:
        table = Table(title=Text(self.title), title_justify="left", show_edge=False, padding=(0, 0, 0, 1))
        table.add_column("Quantity", min_width=9)
        for phase, date in self.films:
            table.add_column(f"{phase}\n{date}", justify="right", min_width=len(phase))
        for name, _ in self.comparisons:
            table.add_column(name, justify="right")
        for row in self.rows:
            note = "\n" + "\n".join(re.split(r"(?<=[,;]) ", row.note)) if row.limit else ""
            label = Text.assemble(row.label, "\n", (row.detail, "dim"), (note, "dim"))
            cells = [Text("\n").join(_parts(cell, verdict_lines=2)) for cell in (*row.values, *row.changes)]
            table.add_row(label, *cells, end_section=True)
        return table

    def _block(self, row: QuantityRow) -> Table:
        """One quantity: a line a film, then a line a comparison."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        lines = [
            *((f"{phase}, {date}", cell) for (phase, date), cell in zip(self.films, row.values, strict=True)),
            *((name, cell) for (name, _), cell in zip(self.comparisons, row.changes, strict=True)),
        ]
        for name, cell in lines:
            value, *rest = _parts(cell)
            interval = rest[0] if cell.interval else Text()
            table.add_row(f"  {name}", value, interval, rest[-1] if cell.verdict else Text())
        return table


def report_table(report: CorrectionReport) -> ReportTable:
    """The main numbers of a patient: a column a film and a comparison, or a block a quantity where those do not fit."""
    return ReportTable(report)


def report_caption(report: CorrectionReport) -> str:
    """What the table's signs and words mean, to stand beneath it."""
    if not report.corrections:
        return f"Kyphosis +, lordosis −; with each number its 95 % interval. {RESEARCH_USE}."
    scales = f" {UNLIKE_CHANGES}" if are_on_own_scales(report) else ""
    return (
        "Kyphosis +, lordosis −; with each number its 95 % interval; within measurement error: no more than the "
        f"minimal detectable change. {UNROUNDED}{scales} {RESEARCH_USE}."
    )


def scale_lines(report: CorrectionReport) -> list[str]:
    """By which factors lengths were brought to one scale, a line each; to stand beneath the caption."""
    return [finding_text(f, "").message for f in report.findings if f.code in SCALE_CODES]


def _plain(text: str) -> str:
    """Ordinary blanks, which every terminal font has."""
    return text.replace("\u202f", " ")


def _parts(cell: CellText, verdict_lines: int = 1) -> list[Text]:
    """Value, interval and verdict of a cell, as far as it has them; a long verdict on two lines where asked for."""
    parts = [Text(_plain(cell.value), style="bold")]
    if cell.interval:
        parts.append(Text(cell.interval, style="dim"))
    if cell.verdict:
        verdict = _plain(cell.verdict)
        verdict = verdict.replace("within ", "within\n") if verdict_lines > 1 else verdict
        parts.append(Text(verdict, style=_STYLE.get(cell.verdict_class, "")))
    return parts

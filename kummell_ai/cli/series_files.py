"""The files of ``kummell-ai series``: a folder a patient with the reports, and what goes over all of them."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import analysis, console, outputs
from kummell_ai.cli.analysis import MeasuredFilm
from kummell_ai.cli.console import Problems
from kummell_ai.cli.earlier import check_drawn, say_replaced
from kummell_ai.cli.files import (
    REPORT_JSON,
    check_replaced,
    patient_folders,
    results_in,
    say_stale,
    unique_stems,
    write_atomic,
)
from kummell_ai.errors import SeriesError

if TYPE_CHECKING:
    from kummell_ai.cli.series_order import OrderedPatient
    from kummell_ai.measurement.results import CorrectionReport

PAGES = (
    "index.html",
    *(f"{folder}report{name}" for folder in ("", "patient-*/") for name in (".html", "-*.html", ".json", "-*.json")),
)
"""The pages of a run, relative to its folder."""

SAID_BEFORE = ("one-film", "phase-against-dates", "id-of-two-people")
"""Codes of the findings that were said when the films were put in order."""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report and its page, relative to the output folder."""

    report: CorrectionReport
    page: str


def write_all(
    folder: Path,
    patients: Sequence[OrderedPatient],
    films: dict[Any, MeasuredFilm],
    args: argparse.Namespace,
    problems: Problems,
) -> list[WrittenReport]:
    """The reports of all patients; a patient of whom there can be none is said, and what an earlier run left here.

    Args:
        folder: for the results.
        patients: their films in order.
        films: by the reference of their measurement, with or without pixels.
        args: options of the command.
        problems: collects what is said.
    """
    written: list[WrittenReport] = []
    earlier = Problems(problems.quiet)  # what goes of an earlier run is for the terminal: a page may be passed on
    if len(patients) > 1:
        check_drawn([folder / "index.html"])
    before = results_in(folder, PAGES)
    folders = patient_folders(patient.patient_id for patient in patients)
    for patient in console.track(patients, "reporting", len(patients)):
        try:
            reports = _reports(patient, args)
        except SeriesError as error:
            problems.fail(f"patient {patient.patient_id}", str(error))
            continue
        _say_findings(reports, problems)
        name = "." if len(patients) == 1 else folders[patient.patient_id]
        in_report = {film.measurement.reference: film.measurement for film in reports[0].films}
        own = [replace(films[reference], measurement=measured) for reference, measured in in_report.items()]
        _write_reports(folder / name, reports, own, args, problems, earlier)
        written += [
            WrittenReport(report, f"{name}/{_stem(report, reports)}.html".removeprefix("./")) for report in reports
        ]
    if written:
        outputs.write_patients(folder, [entry.report for entry in written], earlier)
    pages = [folder / entry.page for entry in written]
    pages += [page.with_suffix(".json") for page in pages]
    if len(patients) > 1 and written:
        _write_index(folder, written, args, problems)
        pages.append(folder / "index.html")
    problems.warnings += earlier.warnings
    say_stale(folder, before, pages, problems)
    return written


def _reports(patient: OrderedPatient, args: argparse.Namespace) -> list[CorrectionReport]:
    """The report about the level that counts, then those about further levels.

    Raises:
        SeriesError: no level stands out and none is given.
    """
    from kummell_ai.cli.series_order import missing_phase
    from kummell_ai.measurement.pipeline import further_reports, measure_series

    report = measure_series(
        patient.visits.films,
        index_level=args.index_level,
        further_levels=args.further_levels,
        surgical_segment=args.surgical_segment,
        surgery_date=dt.date.min if args.phases else args.surgery_date,
        notes=patient.notes,
        shapes=args.shapes,
    )
    missing = missing_phase([(f.phase, f.measurement.reference) for f in report.films], args.surgery_date)
    found = (*patient.findings, *([missing] if missing else []))
    report = replace(report, findings=(*found, *report.findings))
    return [report, *further_reports(report, args.surgical_segment)]


def _say_findings(reports: Sequence[CorrectionReport], problems: Problems) -> None:
    """The warnings of the reports, each once, and of their films."""
    from kummell_ai.measurement.results import Severity

    warnings = (f for report in reports for f in report.findings if f.severity is Severity.WARNING)
    for message in dict.fromkeys(f.message for f in warnings if f.code not in SAID_BEFORE):
        problems.warn(f"patient {reports[0].patient_id}", message)
    for film in reports[0].films:
        analysis.say_film_warnings(film.measurement, film.measurement.reference.name, problems)


def _stem(report: CorrectionReport, reports: Sequence[CorrectionReport]) -> str:
    return "report" if report is reports[0] else f"report-{report.index_level}"


def _write_reports(
    folder: Path,
    reports: Sequence[CorrectionReport],
    films: Sequence[MeasuredFilm],
    args: argparse.Namespace,
    problems: Problems,
    earlier: Problems,
) -> None:
    """report.html and report.json, the same of further levels, the tables, and the files of each film.

    Args:
        folder: for the results.
        reports: of one patient.
        films: of the reports.
        args: options of the command.
        problems: collects what is said.
        earlier: collects what is said of an earlier run.
    """
    from kummell_ai.measurement.serialise import to_json
    from kummell_ai.reporting.page import write_page

    stems = unique_stems([film.path for film in films], beside_reports=True)
    pictures = {}
    for film in films:
        reference = film.measurement.reference
        radiograph = analysis.with_pixels(film, args)
        if radiograph is None:
            text = "the file has changed since it was measured; its numbers stay, pictures are left out: run again"
            problems.warn(reference.name, text)
        else:
            pictures[reference] = radiograph
        formats = ("json", "svg", "png") if radiograph else ("json",)
        picture = radiograph or film.radiograph
        say_replaced(folder, stems[film.path], reference, earlier)
        outputs.write_film(folder, stems[film.path], picture, film.measurement, formats, reports[0].index_level)
    outputs.write_tables(folder, [film.measurement for film in films], earlier)
    links = {report.index_level: f"{_stem(report, reports)}.html" for report in reports}
    for report in reports:
        stem = _stem(report, reports)
        check_replaced([folder / f"{stem}.json"], REPORT_JSON)
        check_drawn([folder / f"{stem}.html"])
        write_atomic(folder / f"{stem}.json", outputs.json_text(to_json(report)))
        write_atomic(folder / f"{stem}.html", write_page(report, pictures, args.lang, links))


def _write_index(folder: Path, written: Sequence[WrittenReport], args: argparse.Namespace, problems: Problems) -> None:
    """index.html: one line a report."""
    from kummell_ai.reporting.page import write_index

    reports = [(w.report, w.page) for w in written]
    write_atomic(folder / "index.html", write_index(reports, [*problems.failed, *problems.warnings], args.lang))

"""``kummell-ai series``: a patient's films to the correction report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import analysis, console, exits, options, outputs
from kummell_ai.cli.analysis import MeasuredFilm, ReadFilm
from kummell_ai.cli.console import Problems
from kummell_ai.cli.files import check_out, safe_name, unique_stems, write_atomic
from kummell_ai.errors import SeriesError

if TYPE_CHECKING:
    from kummell_ai.dicom import PatientSeries
    from kummell_ai.measurement.results import CorrectionReport


KEPT_BYTES = 1 << 30
"""Pixels kept for the pictures of the reports; the films of a longer run beyond them are read a second time."""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report and the folder it was written to, relative to the output folder."""

    report: CorrectionReport
    folder: str


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("series", help="a patient's correction report from the films before and after surgery")
    options.add_inputs(parser)
    parser.add_argument("--surgery-date", type=options.day, metavar="YYYY-MM-DD", help="day of the operation")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Group the films by patient, measure them and write a report for each patient."""
    problems = Problems()
    folder = check_out(args.out)
    paths = analysis.find_inputs(args.inputs, problems)
    analysis.check_one_frame(args, paths)
    if args.dry_run:
        return _dry_run(args, paths, problems)
    films = list(analysis.keep_pixels(analysis.measure_all(paths, args, problems), KEPT_BYTES))
    patients = _order([ReadFilm(f.path, f.radiograph) for f in films], args, problems)
    written = _write_all(folder, patients, {f.radiograph.reference: f for f in films}, args, problems)
    code = exits.exit_code(len(written), len(problems.failed))
    _tell(args, folder, written, problems, code)
    return code


def _order(films: Sequence[ReadFilm], args: argparse.Namespace, problems: Problems) -> list[PatientSeries]:
    """The films of each patient by date; a patient whose films cannot be ordered is said and left out."""
    from kummell_ai.dicom import order_series, split_by_patient

    groups = split_by_patient([film.radiograph for film in films])
    if len(groups) > 1:
        names = ", ".join(groups)
        problems.warn(
            f"{len(groups)} patients",
            f"the films are of {names}; each gets a report of its own: give one patient's films if that is not meant",
        )
    ordered = []
    for patient, radiographs in groups.items():
        try:
            ordered.append(order_series(patient, radiographs, surgery_date=args.surgery_date))
        except SeriesError as error:
            problems.fail(f"patient {patient}", str(error))
    for series in ordered:
        _say_limits(series, len(groups[series.patient_id]), problems)
    return ordered


def _say_limits(series: PatientSeries, given: int, problems: Problems) -> None:
    """What a reader of the report should know about the films themselves."""
    from kummell_ai.dicom.series import UNKNOWN_PATIENT

    patient = f"patient {series.patient_id}"
    if len(series.films) < given:
        problems.warn(patient, f"{given - len(series.films)} of {given} films left out, copies of others")
    if len(series.films) == 1:
        text = "the only film of its patient; a correction needs a film before and one after surgery: add the others"
        problems.warn(series.films[0][1].reference.name, text)
    elif series.patient_id == UNKNOWN_PATIENT:
        text = f"{len(series.films)} films name no patient and are taken to be of one: give films of one patient only"
        problems.warn(patient, text)


def _write_all(
    folder: Path,
    patients: Sequence[PatientSeries],
    films: dict[Any, MeasuredFilm],
    args: argparse.Namespace,
    problems: Problems,
) -> list[WrittenReport]:
    from kummell_ai.measurement.pipeline import measure_series
    from kummell_ai.measurement.results import Severity

    written: list[WrittenReport] = []
    for series in console.track(patients, "reporting", len(patients)):
        own = [(phase, films[radiograph.reference]) for phase, radiograph in series.films]
        try:
            report = measure_series(
                [(phase, film.measurement) for phase, film in own],
                index_level=args.index_level,
                surgery_date=args.surgery_date,
                notes=series.notes,
            )
        except SeriesError as error:
            problems.fail(f"patient {series.patient_id}", str(error))
            continue
        for finding in report.findings:
            if finding.severity is Severity.WARNING and finding.code != "one-film":
                problems.warn(f"patient {series.patient_id}", finding.message)
        name = "." if len(patients) == 1 else f"patient-{safe_name(series.patient_id, 'unknown')}"
        in_report = {film.measurement.reference: film.measurement for film in report.films}
        named = [replace(film, measurement=in_report[film.measurement.reference]) for _, film in own]
        _write_report(folder / name, report, named, args)
        written.append(WrittenReport(report, name))
    if written:
        outputs.write_patients(folder, [entry.report for entry in written])
    if len(patients) > 1 and written:
        _write_index(folder, written, problems)
    return written


def _write_report(
    folder: Path, report: CorrectionReport, films: Sequence[MeasuredFilm], args: argparse.Namespace
) -> None:
    """report.html, report.json, the tables, and the files of each film."""
    from kummell_ai.measurement.serialise import to_json
    from kummell_ai.reporting.page import write_page

    stems = unique_stems([film.path for film in films])
    pictures = {}
    for film in films:
        radiograph = analysis.with_pixels(film, args)
        if radiograph is None:
            continue
        pictures[film.measurement.reference] = radiograph
        outputs.write_film(
            folder, stems[film.path], radiograph, film.measurement, ("json", "svg", "png"), report.index_level
        )
    outputs.write_tables(folder, [film.measurement for film in films])
    write_atomic(folder / "report.json", outputs.json_text(to_json(report)))
    write_atomic(folder / "report.html", write_page(report, pictures))


def _write_index(folder: Path, written: Sequence[WrittenReport], problems: Problems) -> None:
    """index.html: one line a patient."""
    from kummell_ai.reporting.page import write_index
    from kummell_ai.reporting.prose import headline

    entries = [(w.report.patient_id, f"{w.folder}/report.html", headline(w.report)) for w in written]
    write_atomic(folder / "index.html", write_index(entries, [*problems.failed, *problems.warnings]))


def _dry_run(args: argparse.Namespace, paths: Sequence[Path], problems: Problems) -> int:
    read = [ReadFilm(f.path, analysis.without_pixels(f.radiograph)) for f in analysis.read_all(paths, args, problems)]
    patients = _order(read, args, problems)
    plan: list[dict[str, Any]] = [
        {
            "patient_id": series.patient_id,
            "films": [
                {"film": film.reference.name, "phase": phase.value, "acquired": _moment(film.reference.acquired)}
                for phase, film in series.films
            ],
        }
        for series in patients
    ]
    code = exits.exit_code(len(plan), len(problems.failed))
    if args.json:
        console.tell_json(_result(args, plan, problems, code))
    for entry in () if args.json else plan:
        films = ", ".join(f"{film['film']} ({film['phase']})" for film in entry["films"])
        console.tell(f"patient {entry['patient_id']}: would report on {films}")
    return code


def _moment(acquired: Any) -> str | None:
    return acquired.isoformat() if acquired is not None else None


def _tell(
    args: argparse.Namespace, folder: Path, written: Sequence[WrittenReport], problems: Problems, code: int
) -> None:
    from kummell_ai.measurement.serialise import to_json

    if args.json:
        patients = [
            {
                "patient_id": w.report.patient_id,
                "index_level": str(w.report.index_level),
                "index_level_source": w.report.index_level_source,
                "report": str(Path(w.folder) / "report.html"),
                "corrections": to_json(w.report)["corrections"],
            }
            for w in written
        ]
        console.tell_json(_result(args, patients, problems, code))
        return
    from kummell_ai.reporting.terminal import report_caption, report_table

    for w in written:
        console.tell_table(report_table(w.report))
        console.tell(report_caption(w.report))
        console.tell(f"Report: {folder / w.folder / 'report.html'}")
    if len(written) > 1:
        console.tell(f"All patients: {folder / 'index.html'}")


def _result(args: argparse.Namespace, patients: list[dict[str, Any]], problems: Problems, code: int) -> dict[str, Any]:
    return {
        "command": "series",
        "dry_run": args.dry_run,
        "out": str(args.out),
        "patients": patients,
        "failed": problems.failed,
        "warnings": problems.warnings,
        "exit_code": code,
    }

"""``kummell-ai series``: a patient's films to the correction report."""

from __future__ import annotations

import argparse
import filecmp
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import analysis, console, exits, options, outputs
from kummell_ai.cli.console import Problems
from kummell_ai.cli.corners import add_corners
from kummell_ai.cli.earlier import check_drawn
from kummell_ai.cli.files import FILM_JSON, REPORT_JSON, check_out, check_replaced, check_tables, unique_stems
from kummell_ai.cli.series_files import WrittenReport, write_all
from kummell_ai.errors import UsageError

if TYPE_CHECKING:
    from kummell_ai.anatomy import Phase
    from kummell_ai.cli.series_order import OrderedPatient
    from kummell_ai.cohort.visits import Shot

KEPT_BYTES = 1 << 30
"""Pixels kept for the pictures of the reports; the films of a longer run beyond them are read a second time."""

NOT_LOOKED_AT = (
    "phases follow the dates alone, as no film is looked at; in the run screws or cement that are seen may still "
    "decide phases and which films of one day count: give --phases or --surgery-date where you know them"
)
"""What a plan cannot hold where nobody gave the phases or the day of the operation."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("series", help="a patient's correction report from the films before and after surgery")
    options.add_inputs(parser, several_levels=True)
    add_corners(parser)
    parser.add_argument("--surgery-date", type=options.day, metavar="YYYY-MM-DD", help="day of the operation")
    parser.add_argument(
        "--phases",
        type=options.phases,
        metavar="PHASE[,PHASE...]",
        help="phase of each INPUT in its order, for films without dates: pre, post, last (pre-op, post-op, follow-up)",
    )
    parser.add_argument(
        "--surgical-segment",
        nargs=2,
        type=options.level,
        action=options.Segment,
        metavar=("UPPER", "LOWER"),
        help="operated levels, for example T12 L2 (default: those with screws on the films)",
    )
    options.add_shapes(parser)
    options.add_language(parser, "of the patients' pages")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure the films, put them in order by patient and write a report for each patient."""
    from kummell_ai.cli.series_order import order_patients
    from kummell_ai.cohort.visits import Shot
    from kummell_ai.measurement.mismatch import posture_of

    problems = Problems()
    folder = check_out(args.out)
    paths = analysis.find_inputs(args.inputs, problems)
    analysis.check_one_frame(args, paths)
    phases = _given_phases(args)
    stems = unique_stems(paths, beside_reports=True).values()
    check_drawn([folder / "report.html"])
    check_drawn(folder / f"{stem}.overlay.{kind}" for stem in stems for kind in outputs.DRAWN)
    check_replaced([folder / f"{stem}.json" for stem in stems], FILM_JSON)
    check_replaced([folder / "report.json"], REPORT_JSON)
    check_tables(folder, outputs.film_tables() | outputs.patient_tables())
    if args.dry_run:
        return _dry_run(args, paths, phases, problems)
    films = list(analysis.keep_pixels(analysis.measure_all(paths, args, problems), KEPT_BYTES))
    shots = [
        Shot.of(f.measurement.reference.name, phases.get(f.path), f.measurement, posture_of(f.measurement.reference))
        for f in films
    ]
    patients = order_patients(shots, args.surgery_date, problems)
    by_reference = {film.radiograph.reference: film for film in films}
    analysis.say_scales((by_reference[shot.reference].radiograph for shot in _used(patients)), problems)
    written = write_all(folder, patients, by_reference, args, problems)
    code = exits.exit_code(len(written), len(problems.failed))
    _tell(args, folder, written, problems, code)
    if written and not args.json:
        analysis.tell_of_intervals(film.measurement for film in films)
    return code


def _used(patients: Sequence[OrderedPatient]) -> list[Shot]:
    """The films that have a place in a report."""
    return [shot for patient in patients for shot in patient.visits.shots]


def _given_phases(args: argparse.Namespace) -> dict[Path, Phase]:
    """The phase of each film as ``--phases`` gives it.

    Raises:
        UsageError: not one phase for each input, an input is a folder, or a film stands twice, also as a copy.
    """
    if args.phases is None:
        return {}
    folder = next((entry for entry in args.inputs if entry.is_dir()), None)
    if folder is not None or len(args.phases) != len(args.inputs):
        what = f"{folder} is a folder" if folder is not None else f"there are {len(args.inputs)} inputs"
        raise UsageError(f"--phases has {len(args.phases)} phases and {what}; name each film and give its phase")
    files = [entry.resolve() for entry in args.inputs]
    twice = next((entry for entry, file in zip(args.inputs, files, strict=True) if files.count(file) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} stands twice; with --phases each film has one phase", str(twice))
    _refuse_copies(list(zip(args.inputs, args.phases, strict=True)))
    return dict(zip(args.inputs, args.phases, strict=True))


def _refuse_copies(films: Sequence[tuple[Path, Phase]]) -> None:
    """Two files of the same content would be one film with two phases.

    Raises:
        UsageError: there are such.
    """
    present = [(path, phase) for path, phase in films if path.is_file()]
    for (path, phase), (other, its_phase) in combinations(present, 2):
        if path.stat().st_size == other.stat().st_size and filecmp.cmp(path, other, shallow=False):
            text = f"{other} ({its_phase.value}) is a copy of {path} ({phase.value}); each film has one phase: "
            raise UsageError(text + "give the film once", str(other))


def _dry_run(args: argparse.Namespace, paths: Sequence[Path], phases: Mapping[Path, Phase], problems: Problems) -> int:
    from kummell_ai.cli.series_order import missing_phase, order_patients
    from kummell_ai.cohort.visits import Shot
    from kummell_ai.measurement.mismatch import posture_of

    analysis.check_model(args)
    films = {
        film.radiograph.reference: (film.path, analysis.without_pixels(film.radiograph))
        for film in analysis.read_all(paths, args, problems)
    }
    shots = [Shot(ref.name, phases.get(path), ref, posture=posture_of(ref)) for ref, (path, _) in films.items()]
    patients = order_patients(shots, args.surgery_date, problems)
    analysis.say_scales((films[shot.reference][1] for shot in _used(patients)), problems)
    for patient in patients:
        references = [shot.reference for shot in patient.visits.shots]
        missing = missing_phase(list(zip(patient.visits.phases, references, strict=True)), args.surgery_date)
        if missing:
            problems.warn(f"patient {patient.patient_id}", missing.message)
    if patients and not phases and args.surgery_date is None:
        problems.warn("--dry-run", NOT_LOOKED_AT)
    plan: list[dict[str, Any]] = [
        {
            "patient_id": patient.patient_id,
            "films": [
                {"film": shot.name, "phase": phase.value, "acquired": _moment(shot.reference.acquired)}
                for phase, shot in zip(patient.visits.phases, patient.visits.shots, strict=True)
            ],
        }
        for patient in patients
    ]
    code = exits.exit_code(len(plan), len(problems.failed))
    if args.json:
        console.tell_json(_result(args, plan, problems, code))
    for entry in () if args.json else plan:
        named = ", ".join(f"{film['film']} ({film['phase']})" for film in entry["films"])
        console.tell(f"patient {entry['patient_id']}: would report on {named}")
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
                "report": w.page,
                "corrections": to_json(w.report)["corrections"],
            }
            for w in written
        ]
        console.tell_json(_result(args, patients, problems, code))
        return
    from kummell_ai.reporting.terminal import report_caption, report_table, scale_lines

    for w in written:
        console.tell_table(report_table(w.report))
        console.tell(report_caption(w.report))
        for line in scale_lines(w.report):
            console.tell(line)
        console.tell(f"Report: {folder / w.page}")
    if (folder / "index.html").exists() and len({w.report.patient_id for w in written}) > 1:
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

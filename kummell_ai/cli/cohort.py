"""``kummell-ai cohort``: the films and scores of many patients to the table a journal prints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import console, exits, models, options, outputs
from kummell_ai.cli.console import Problems
from kummell_ai.cli.files import check_out, safe_name, write_atomic
from kummell_ai.errors import InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.cli.cohort_films import Losses, MeasuredPatient
    from kummell_ai.cohort.measures import Observation
    from kummell_ai.cohort.pseudonym import Pseudonyms
    from kummell_ai.cohort.study import CohortStudy


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("cohort", help="table, tests and figures of many patients, with their clinical scores")
    parser.add_argument("source", metavar="MANIFEST.csv|FOLDER", type=Path, help="list of films, or a folder of them")
    parser.add_argument("--clinical", type=Path, metavar="CSV", help="scores: patient_id, vas_pre, ..., frankel_last")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the results")
    parser.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument(
        "--lang", choices=("en", "zh"), default="en", help="language of the cohort's page (default: en)"
    )
    parser.add_argument("--deidentify", metavar="KEY", help="pseudonyms and shifted dates made from this secret")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure every patient, join the scores, and write report.html, values.csv, figures and a page a patient."""
    from kummell_ai.cli.cohort_films import Losses, hide_names, list_films, measure_patients, read_by_patient
    from kummell_ai.cohort.pseudonym import Pseudonyms
    from kummell_ai.cohort.study import Flow, build_study

    if args.deidentify is not None and not args.deidentify:
        raise UsageError("--deidentify is empty; give a secret that only you know", args.deidentify)
    folder = check_out(args.out)
    losses = Losses(Problems())
    pseudonyms = Pseudonyms(args.deidentify) if args.deidentify else None
    try:
        entries, lines = list_films(args.source)
        scores = _scores(args.clinical, pseudonyms, losses) if args.clinical else []
    except InputError as error:
        raise UsageError(str(error), error.value) from None
    if pseudonyms:
        hide_names(entries, pseudonyms, losses)
    for line in lines:
        losses.warn(line)
    groups = read_by_patient(entries, pseudonyms, losses)
    if pseudonyms:
        losses.warn("pictures: text burned into them is not removed; look at the films before you pass the pages on")
    observations, levels, readings, links = list(scores), {}, [], {}
    used: set[str] = set()
    unused: list[tuple[str, str]] = []
    provenance = None
    for patient in measure_patients(groups, models.load_predictor(args.model), losses) if groups else ():
        found, own_readings = _values(patient)
        observations += found
        readings += own_readings
        own_used = {o.source for o in found}
        used |= own_used
        unused += [
            (
                f.measurement.reference.name,
                f"{f.phase.value}; another film stands for the phase, or nothing is measured",
            )
            for f in patient.report.films
            if f.measurement.reference.name not in own_used
        ]
        levels[patient.report.patient_id] = str(patient.report.index_level)
        links[patient.report.patient_id] = _write_patient(folder, patient)
        provenance = patient.report.films[0].measurement.provenance
    for name in sorted({o.patient_id for o in scores} - set(levels)):
        losses.warn(f"patient {name}: has scores and no usable film; it is not in the table")
    flow = Flow(len(entries), len(used), tuple(losses.refused), tuple(unused))
    study = build_study(levels, observations, readings, flow, losses.problems.warnings, provenance)
    code = exits.exit_code(len(levels), len(losses.refused))
    if levels:
        _write_study(folder, study, args.lang, links)
    _tell(args, folder, study, losses, code)
    return code


def _scores(path: Path, pseudonyms: Pseudonyms | None, losses: Losses) -> list[Observation]:
    from dataclasses import replace

    from kummell_ai.cohort.scores import read_scores
    from kummell_ai.cohort.spreadsheet import read_spreadsheet

    found, problems = read_scores(path)
    if pseudonyms:
        names = {row.cells.get("patient_id", "") for row in read_spreadsheet(path).rows} - {""}
        losses.secrets |= {name: pseudonyms.patient(name) for name in names}
        found = [replace(o, patient_id=pseudonyms.patient(o.patient_id)) for o in found]
    for line in problems:
        losses.warn(line)
    return found


def _values(patient: MeasuredPatient) -> tuple[list[Observation], list[tuple[str, float, float]]]:
    """Values of the patient's films, and (measure, program, manual) where a person has read the same film."""
    from kummell_ai.cohort.measures import FILM_MEASURES, film_observations, measured_value

    readings = []
    for film in patient.report.films:
        manual = dict(patient.entries[film.measurement.reference].manual)
        for measure in FILM_MEASURES:
            quantity = measured_value(film.measurement, patient.report.index_level, measure)
            if quantity is not None and quantity.value is not None and measure.key in manual:
                readings.append((measure.key, quantity.value, manual[measure.key]))
    return film_observations(patient.report), readings


def _write_patient(folder: Path, patient: MeasuredPatient) -> str:
    """The patient's page and JSON; returns the page's path relative to ``folder``."""
    from kummell_ai.measurement.serialise import to_json
    from kummell_ai.reporting.page import write_page

    name = f"patient-{safe_name(patient.report.patient_id, 'unknown')}"
    write_atomic(folder / name / "report.json", outputs.json_text(to_json(patient.report)))
    write_atomic(folder / name / "report.html", write_page(patient.report, patient.films))
    return f"{name}/report.html"


def _write_study(folder: Path, study: CohortStudy, language: str, links: dict[str, str]) -> None:
    from kummell_ai.reporting.cohort_page import figures, methods, tidy_csv, write_cohort_page
    from kummell_ai.reporting.cohort_words import words

    write_atomic(folder / "report.html", write_cohort_page(study, language, links))
    write_atomic(folder / "values.csv", tidy_csv(study))
    write_atomic(folder / "methods.txt", methods(study, words(language)) + "\n")
    for name, drawing in figures(study, language).items():
        write_atomic(folder / "figures" / f"{name}.svg", drawing)


def _tell(args: argparse.Namespace, folder: Path, study: CohortStudy, losses: Losses, code: int) -> None:
    flow = study.flow
    if args.json:
        console.tell_json(
            {
                "command": "cohort",
                "out": str(folder),
                "patients": list(study.patients),
                "films": {"given": flow.given, "used": flow.used, "refused": len(flow.refused)},
                "failed": losses.problems.failed,
                "warnings": losses.problems.warnings,
                "exit_code": code,
            }
        )
    elif study.patients:
        plural = "" if len(study.patients) == 1 else "s"
        console.tell(f"{len(study.patients)} patient{plural}, {flow.used} of {flow.given} films in the table")
        console.tell(f"Report: {folder / 'report.html'}")

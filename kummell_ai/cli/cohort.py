"""``kummell-ai cohort``: the films and scores of many patients to the table a journal prints."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import console, exits, options
from kummell_ai.cli.console import Problems
from kummell_ai.cli.corners import HandCorners, add_corners
from kummell_ai.cli.files import check_out, check_tables, is_result, results_in, say_stale
from kummell_ai.cli.looks import Network
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.errors import InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.cli.cohort_losses import Losses
    from kummell_ai.cohort.measures import Observation
    from kummell_ai.cohort.pseudonym import Pseudonyms
    from kummell_ai.cohort.study import CohortStudy

NAMED = ("series.csv", "measurements.csv", "angles.csv", "*.overlay.*")
"""Results of `kummell-ai series` and `measure`, which name their patient."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("cohort", help="table, tests and figures of many patients, with their clinical scores")
    path = options.path_of_input
    parser.add_argument("source", metavar="MANIFEST.csv|FOLDER", type=path, help="list of films, or a folder of them")
    parser.add_argument("--clinical", type=path, metavar="CSV", help="scores: patient_id, vas_pre, ..., frankel_last")
    parser.add_argument("--out", required=True, type=path, metavar="DIR", help="folder for the results")
    add_corners(parser)
    options.add_model(parser)
    options.add_shapes(parser)
    options.add_language(parser, "of the pages")
    parser.add_argument("--deidentify", metavar="KEY", help="pseudonyms and shifted dates made from this secret")
    options.add_workers(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure every patient, join the scores, and write the page, tables, figures and a page a patient."""
    from kummell_ai.cli.cohort_films import hide_names, list_films, read_by_patient
    from kummell_ai.cli.cohort_gather import Gathered, gather
    from kummell_ai.cli.cohort_losses import Losses
    from kummell_ai.cli.cohort_outputs import check_pages, check_patients, earlier_results, write_study
    from kummell_ai.cohort.pseudonym import Pseudonyms
    from kummell_ai.cohort.study import Flow, build_study
    from kummell_ai.reporting.cohort_tables import COLUMNS

    folder = check_out(args.out)
    check_tables(folder, {f"{name}.csv": columns for name, columns in COLUMNS.items()})
    check_pages(folder)
    before = earlier_results(folder)
    _check_key(args.deidentify, folder, before)
    losses = Losses(Problems(), hides_cells=bool(args.deidentify))
    pseudonyms = Pseudonyms(args.deidentify) if args.deidentify else None
    if pseudonyms:
        sheets = ((args.source, "manifest.csv"), (args.clinical, "scores.csv"))
        losses.secrets |= {path.name: name for path, name in sheets if path is not None and path.is_file()}
    try:
        entries, problems = list_films(args.source, pseudonyms)
        scores, faulty = _scores(args.clinical, pseudonyms, losses) if args.clinical else ([], set())
    except InputError as error:
        raise UsageError(str(error), error.value) from None
    if pseudonyms:
        hide_names(entries, pseudonyms, losses)
    for problem in problems:
        losses.warn(problem)
    by_hand = HandCorners.read(args.corners, dict.fromkeys(entry.path for entry in entries))
    if by_hand.without_film:
        text = f"{len(by_hand.without_film)} of these corners are of films that are not listed; list those films, too"
        losses.warn(Problem(Fault.FINDING, "corners", text))
    groups = read_by_patient(entries, pseudonyms, losses)
    check_patients(folder, groups)
    if pseudonyms:
        text = "text burned into them is not removed; look at the films before you pass the pages on"
        losses.warn(Problem(Fault.FINDING, "pictures", text))
    found = Gathered()
    if groups:
        found = gather(
            folder,
            groups,
            Network(args.model, args.precision, args.device),
            losses,
            args.lang,
            by_hand,
            args.shapes,
            args.workers,
        )
    if args.clinical:
        _say_unmatched(found.places, {o.patient_id: o.source for o in reversed(scores)}, faulty, losses)
    flow = Flow(len(entries), len(found.used), tuple(losses.refused), tuple(losses.unused), len(groups))
    observations = [*scores, *found.observations]
    study = build_study(
        *(found.members, observations, found.readings, flow, losses.problems, found.provenance),
        simulated=found.simulated,
        too_narrow=found.too_narrow,
        not_calibrated=found.not_calibrated,
        shared=found.shared,
    )
    code = exits.exit_code(sum(member.phases > 0 for member in found.members.values()), len(losses.refused))
    written = {folder / page for pages in found.links.values() for _, page in pages}
    written |= {page.with_suffix(".json") for page in written}
    if study.patients:
        written |= write_study(folder, study, args.lang, found.links, losses.lines)
    say_stale(folder, before, written, losses.lines)
    _tell(args, folder, study, losses, found.limits, code)
    return code


def _check_key(key: str | None, folder: Path, before: Collection[Path]) -> None:
    """Whether a study can be de-identified by ``key`` into a folder that holds the results of cohorts ``before``.

    Raises:
        UsageError: the key is empty, or results in the folder name patients.
    """
    from kummell_ai.cli.cohort_outputs import may_name_patients

    if key is not None and not key:
        raise UsageError("--deidentify is empty; give a secret that only you know", key)
    named = results_in(folder, NAMED) | {p for p in folder.glob("*.json") if is_result(p, "kummell_ai.")}
    if key and (named or may_name_patients(folder, before)):
        raise UsageError(f"{folder} holds results of an earlier run that name patients; give a new folder", str(folder))


def _say_unmatched(
    measured: Mapping[str, str], scored: Mapping[str, str], faulty: Collection[str], losses: Losses
) -> None:
    """Patients in films or scores alone; both map a patient to the first place that names it.

    Why there is no score of a ``faulty`` patient has been said at its row.
    """
    for name in sorted(scored.keys() - measured.keys()):
        text = f"patient {name} has scores and no usable film; it is not in the table: check its id and films"
        losses.warn(Problem(Fault.NO_FILM, scored[name], text))
    for name in sorted(measured.keys() - scored.keys() - set(faulty)):
        text = f"patient {name} has films and no scores; they count as missing: check its id in the scores"
        losses.warn(Problem(Fault.NO_SCORES, measured[name], text))


def _scores(path: Path, pseudonyms: Pseudonyms | None, losses: Losses) -> tuple[list[Observation], set[str]]:
    """The scores, and the patients whose rows are at fault."""
    from kummell_ai.cohort.scores import patients_with_faults, read_scores
    from kummell_ai.cohort.spreadsheet import read_spreadsheet

    found, problems = read_scores(path)
    sheet = read_spreadsheet(path)
    faulty = patients_with_faults(sheet, problems)
    if pseudonyms:
        names = {row.cells.get("patient_id", "") for row in (*sheet.rows, *sheet.unused)} - {""}
        losses.secrets |= {name: pseudonyms.patient(name) for name in names}
        found = [replace(o, patient_id=pseudonyms.patient(o.patient_id), source=losses.scrub(o.source)) for o in found]
        faulty = set(map(pseudonyms.patient, faulty))
    for problem in problems:
        losses.warn(problem)
    return found, faulty


def _tell(
    args: argparse.Namespace, folder: Path, study: CohortStudy, losses: Losses, limits: Collection[str], code: int
) -> None:
    flow = study.flow
    if args.json:
        console.tell_json(
            {
                "command": "cohort",
                "out": str(folder),
                "patients": list(study.patients),
                "films": {"given": flow.given, "used": flow.used, "refused": len(flow.refused)},
                "failed": losses.lines.failed,
                "warnings": losses.lines.warnings,
                "exit_code": code,
            }
        )
    elif study.patients:
        plural = "" if len(study.patients) == 1 else "s"
        console.tell(f"{len(study.patients)} patient{plural}, {flow.used} of {flow.given} films in the table")
        console.tell(f"Report: {folder / 'report.html'}")
        for text in sorted(limits):
            console.tell(text)

"""The films of `kummell-ai series` by patient and visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import Phase
from kummell_ai.cli.console import Problems, say
from kummell_ai.cli.people import first_of_two_people
from kummell_ai.cohort.problems import Problem
from kummell_ai.cohort.visits import Shot, Visits, order_visits
from kummell_ai.dicom.series import ExposureKey, exposure_keys
from kummell_ai.imaging.radiograph import UNKNOWN_PATIENT, ImageReference
from kummell_ai.measurement.results import Finding, Severity


@dataclass(frozen=True, slots=True)
class OrderedPatient:
    """A patient's films in order.

    Attributes:
        patient_id: as in the headers; ``unknown`` when they do not say.
        visits: the films and their phases.
        notes: what had to be assumed, one sentence each.
        findings: warnings about phases that run against time, and about films of another person.
    """

    patient_id: str
    visits: Visits
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def order_patients(shots: Sequence[Shot], surgery: dt.date | None, problems: Problems) -> list[OrderedPatient]:
    """The patients by id, each with the films that have a place; what is left out is said, and why.

    Args:
        shots: films of all patients.
        surgery: day of the operation, or None.
        problems: collects what is said.
    """
    groups, joined = _by_patient(shots, problems)
    known = groups.keys() - {UNKNOWN_PATIENT}
    if len(known) > 1 and not problems.quiet:
        say(f"The films belong to {len(known)} patients; one report is written for each.")
    ordered, undated = [], list[Problem]()
    for patient in sorted(groups):
        unique, copies = _without_copies(groups[patient])
        visits = order_visits(unique, surgery)
        undated += visits.undated
        for problem in visits.same_day:
            problems.warn(problem.place, problem.text)
        people = two_people([shot.reference for shot in visits.shots])
        findings = (*visits.against_time, *([people] if people else []))
        for finding in findings:
            problems.warn(f"patient {patient}", finding.message)
        if visits.shots:
            notes = [f"{name} is a copy of {kept} and is left out." for name, kept in copies]
            notes += [f"{name} names no patient and is taken for one of this patient's." for name in joined]
            notes += visit_notes(patient, visits, surgery)
            _say_limits(patient, visits, copies, problems)
            ordered.append(OrderedPatient(patient, visits, tuple(notes), findings))
    _say_undated(undated, problems)
    return ordered


def _by_patient(shots: Sequence[Shot], problems: Problems) -> tuple[dict[str, list[Shot]], list[str]]:
    """The films of each patient, and the names of those that name none and were taken for the one who is named.

    They are where each film has a given phase, as a person then named the films one by one.
    """
    known = {shot.reference.patient_id for shot in shots if shot.reference.patient_id}
    nameless = [shot.name for shot in shots if not shot.reference.patient_id]
    is_one = len(known) == 1 and all(shot.phase is not None for shot in shots)
    patient = next(iter(known)) if is_one else UNKNOWN_PATIENT
    groups: dict[str, list[Shot]] = {}
    for shot in shots:
        groups.setdefault(shot.reference.patient_id or patient, []).append(shot)
    if patient != UNKNOWN_PATIENT:
        text = f"{_no_patient(nameless)}; taken for {patient}, whose films --phases names beside it: check whose it is"
        problems.warn_alike(nameless, text)
        return groups, nameless
    if known:
        or_phases = ", or --phases" if len(known) == 1 else ""
        text = f"{_no_patient(nameless)}; give patient_id in a manifest (kummell-ai cohort){or_phases}"
        problems.warn_alike(nameless, text)
    return groups, []


def _no_patient(names: Sequence[str]) -> str:
    """How a line about these films begins."""
    return "names no patient" if len(names) == 1 else "no patient is named"


def _say_undated(undated: Sequence[Problem], problems: Problems) -> None:
    """The films without a place, those of all patients in one line."""
    text = (
        "neither date nor phase; not used: give the phase of each by --phases or in a manifest (kummell-ai cohort), "
        "or films with AcquisitionDate"
    )
    problems.fail_alike({problem.place: problem.text for problem in undated}, text)


def missing_phase(films: Sequence[tuple[Phase, ImageReference]], surgery: dt.date | None) -> Finding | None:
    """A warning where a change cannot be given because the films of a phase are missing; one film alone has its own.

    Args:
        films: of a patient, with their phases.
        surgery: day of the operation, or None.
    """
    phases = {phase for phase, _ in films}
    if len(films) < 2 or phases >= {Phase.PRE_OP, Phase.POST_OP}:
        return None
    days = [film.acquired.date() for _, film in films if film.acquired is not None]
    if phases >= {Phase.PRE_OP, Phase.FOLLOW_UP}:
        text = "no post-op film: the overall change alone; add the film"
    elif surgery is not None and days and not min(days) <= surgery <= max(days):
        side = "after" if surgery > max(days) else "before"
        text = f"the surgery date {surgery} lies {side} all films: no correction; check it, or add a film {side} it"
    else:
        absent = "film after surgery" if Phase.PRE_OP in phases else "pre-op film"
        text = f"no {absent}: no correction; add the film, or check the phases"
    return Finding("missing-phase", Severity.WARNING, text)


def two_people(films: Sequence[ImageReference]) -> Finding | None:
    """A warning where the headers of one patient's films name different people; the names are not repeated."""
    pair = first_of_two_people(films)
    if pair is None:
        return None
    one, other = (films[place].name for place in pair)
    what = "name, sex, day of birth or issuer"
    text = f"{other} bears another {what} of a patient than {one}; both are taken to be of one"
    return Finding("id-of-two-people", Severity.WARNING, f"{text}: check whose film it is")


def _without_copies(shots: Iterable[Shot]) -> tuple[list[Shot], list[tuple[str, str]]]:
    """The films once each, and each copy with the film that it is a copy of."""
    kept: list[Shot] = []
    seen: dict[ExposureKey, str] = {}
    copies: list[tuple[str, str]] = []
    for shot in shots:
        keys = exposure_keys(shot.reference)
        known = next((seen[key] for key in keys if key in seen), None)
        if known is None:
            kept.append(shot)
            seen |= dict.fromkeys(keys, shot.name)
        else:
            copies.append((shot.name, known))
    return kept, copies


def visit_notes(patient: str, visits: Visits, surgery: dt.date | None) -> list[str]:
    """What was assumed of the films of a patient, for its report."""
    notes = [f"Left out: {problem.text}." for problem in (*visits.undated, *visits.same_day)]
    if patient == UNKNOWN_PATIENT and len(visits.shots) > 1:
        notes.append("The films name no patient; they are taken to be of one patient.")
    if surgery is not None:
        for shot, phase in zip(visits.shots, visits.phases, strict=True):
            if shot.acquired.date() == surgery and phase is Phase.PRE_OP:
                notes.append(f"{shot.name} is of the day of surgery and is taken to be before it.")
    elif visits.are_certain:
        notes.append("Phases are as given.")
    elif len(visits.shots) == 1:
        notes.append("One film only: its phase is not known and no correction can be given; pass --surgery-date.")
    elif visits.by_hardware:
        notes.append(_hardware_note(visits))
    else:
        notes.append("Phases follow the order of the dates: first pre-op, second post-op, further follow-up.")
    return notes


def _hardware_note(visits: Visits) -> str:
    """That on some days the hardware seen told the phases, and of which films."""
    told = "; ".join(f"{shot.name} is taken to be before {later.name}" for shot, later in visits.by_hardware)
    return f"Phases follow the dates, and on one day the screws or cement that are seen: {told}."


def _say_limits(patient: str, visits: Visits, copies: Sequence[tuple[str, str]], problems: Problems) -> None:
    """What a reader of the report should know about the films themselves."""
    shots = visits.shots
    if copies:
        given = len(copies) + len(shots) + len(visits.undated) + len(visits.same_day)
        named = ", ".join(f"{name} of {kept}" for name, kept in copies[:3])
        rest = "" if len(copies) <= 3 else f" and {len(copies) - 3} more"
        text = f"{len(copies)} of {given} films left out, copies of others: {named}{rest}"
        problems.warn(f"patient {patient}", text)
    if len(shots) == 1:
        text = "the only film of its patient; a correction needs a film before and one after surgery: add the others"
        problems.warn(shots[0].name, text)
    elif patient == UNKNOWN_PATIENT:
        text = f"{len(shots)} films name no patient and are taken to be of one: give films of one patient only"
        problems.warn(f"patient {patient}", text)

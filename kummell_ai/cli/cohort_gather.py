"""What a cohort keeps of each patient: values, readings, links; the films are let go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kummell_ai.anatomy import Phase, films_that_count
from kummell_ai.cli.cohort_films import ListedFilm
from kummell_ai.cli.cohort_losses import Losses
from kummell_ai.cli.cohort_outputs import write_patient
from kummell_ai.cli.cohort_patients import MeasuredPatient, measure_patients
from kummell_ai.cli.corners import HandCorners
from kummell_ai.cli.files import patient_folders
from kummell_ai.cli.looks import Network
from kummell_ai.cohort.agreement import Reading
from kummell_ai.cohort.film_values import film_observations, measured_value, verdicts
from kummell_ai.cohort.measures import FILM_MEASURES, Observation
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.study import Member
from kummell_ai.measurement.mismatch import posture_of
from kummell_ai.measurement.pipeline import Shapes, is_measured_together
from kummell_ai.measurement.results import Provenance
from kummell_ai.reporting.words import are_not_calibrated, intervals_too_narrow, limits_of_intervals


@dataclass(slots=True)
class Gathered:
    """What is kept of the patients once their films are let go; ``limits`` is what limits their intervals, in words."""

    members: dict[str, Member] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    links: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)
    provenance: Provenance | None = None
    simulated: bool = False
    too_narrow: bool = False
    not_calibrated: bool = False
    limits: set[str] = field(default_factory=set)
    shared: bool = False


def gather(
    folder: Path,
    groups: dict[str, list[ListedFilm]],
    network: Network,
    losses: Losses,
    language: str,
    by_hand: HandCorners,
    shapes: Shapes = "shared",
    workers: int = 1,
) -> Gathered:
    """Measure the patients one after the other, write the page of each, and keep the numbers."""
    gathered, folders = Gathered(), patient_folders(groups)
    for patient in measure_patients(groups, network, losses, by_hand, shapes, workers):
        name = patient.report.patient_id
        found = film_observations(patient.report)
        for other in patient.others:
            found += film_observations(other, is_main=False)
        gathered.observations += found
        gathered.readings += _readings(patient)
        used = {o.source for o in found if o.counts}
        gathered.used |= {(name, source) for source in used}
        for problem in _other_films(patient, used):
            losses.leave_out(problem, say=False)
        gathered.members[name] = _member(patient)
        gathered.places[name] = next(iter(patient.entries.values())).place
        gathered.links[name] = write_patient(folder, folders[name], patient, language)
        gathered.simulated |= any(f.measurement.reference.simulated for f in patient.report.films)
        gathered.shared |= any(is_measured_together(f.measurement) for f in patient.report.films)
        gathered.too_narrow |= intervals_too_narrow(f.measurement for f in patient.report.films)
        gathered.not_calibrated |= are_not_calibrated(f.measurement for f in patient.report.films)
        gathered.limits |= set(limits_of_intervals(f.measurement for f in patient.report.films))
        gathered.provenance = patient.report.films[0].measurement.provenance
    return gathered


def _member(patient: MeasuredPatient) -> Member:
    chosen = films_that_count(patient.report.films)
    after, last = chosen.get(Phase.POST_OP), chosen.get(Phase.FOLLOW_UP)
    start = after.measurement.reference.acquired if after else None
    end = last.measurement.reference.acquired if last else None
    first_day = patient.surgery or (start.date() if start else None)
    days = (end.date() - first_day).days if end and first_day else None
    others = tuple(str(report.index_level) for report in patient.others)
    return Member(
        level=str(patient.report.index_level),
        other_levels=others,
        follow_up_days=days,
        phases=len(chosen),
        level_found=patient.report.index_level_source == "found",
        postures={phase: posture_of(film.measurement.reference) for phase, film in chosen.items()},
        verdicts=verdicts(patient.report),
    )


def _other_films(patient: MeasuredPatient, used: set[str]) -> list[Problem]:
    """Films measured that stand for no phase."""
    chosen = films_that_count(patient.report.films)
    found = []
    for film in patient.report.films:
        name = film.measurement.reference.name
        if name not in used:
            other = chosen.get(film.phase)
            stands = other.measurement.reference.name if other and other is not film else None
            why = f"{stands} stands for the phase" if stands else "nothing is measured at the injured level"
            why = why if film.phase is not Phase.UNKNOWN else "the phase is not known; give it in a manifest"
            found.append(Problem(Fault.OTHER_FILM, name, f"{film.phase.value}; {why}"))
    return found


def _readings(patient: MeasuredPatient) -> list[Reading]:
    """What program and person read of the films that stand for a phase; both in the film's own scale."""
    readings = []
    for phase, film in films_that_count(patient.report.films).items():
        manual = dict(patient.entries[film.measurement.reference].manual)
        for measure in FILM_MEASURES:
            quantity = measured_value(film.measurement, patient.report.index_level, measure)
            if quantity is not None and quantity.value is not None and measure.key in manual:
                read = quantity.value, manual[measure.key]
                readings.append(Reading(patient.report.patient_id, phase, measure.key, *read))
    return readings

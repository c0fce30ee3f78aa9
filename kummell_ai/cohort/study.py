"""All that is known of a cohort, and its analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.agreement import Agreement, Reading, agreement_of
from kummell_ai.cohort.measures import FILM_MEASURES, MEASURES, PHASES, Measure, Observation, value_table
from kummell_ai.cohort.problems import Problem
from kummell_ai.measurement.results import Provenance, Verdict
from kummell_ai.statistics.cohort import CohortAnalysis, analyse


@dataclass(frozen=True, slots=True)
class Flow:
    """What became of the films; every film given is in ``used``, ``refused`` or ``unused``.

    Attributes:
        given: films named or found.
        used: films in the statistics.
        refused: films that could not be read or measured, or whose patient could not.
        unused: films measured and not in the statistics, such as an earlier follow-up.
        patients: patients with a film named or found that could be read.
    """

    given: int
    used: int
    refused: tuple[Problem, ...]
    unused: tuple[Problem, ...]
    patients: int


@dataclass(frozen=True, slots=True)
class Member:
    """A patient of the study.

    Attributes:
        level: injured level that counts.
        other_levels: further injured levels; their values stand in values.csv alone.
        follow_up_days: from the operation, or else the film after it, to the last follow-up; None without either.
        phases: phases with a film in the table.
        level_found: whether the level was found on the films, not given.
        postures: that the header of the film of a phase names, None where it names none.
        verdicts: of the patient's report on each change, by earlier phase, later phase and measure.
    """

    level: str
    other_levels: tuple[str, ...]
    follow_up_days: int | None
    phases: int
    level_found: bool = False
    postures: Mapping[Phase, str | None] = field(default_factory=dict)
    verdicts: Mapping[tuple[Phase, Phase, str], Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One measure: values (patients, phases), NaN = missing, and their analysis."""

    measure: Measure
    values: NDArray[np.float64]
    analysis: CohortAnalysis


@dataclass(frozen=True, slots=True)
class CohortStudy:
    """The cohort as the outputs show it.

    Attributes:
        patients: ids, in the order of the tables.
        members: what is known of each patient.
        observations: every value.
        lines: measures with at least one value.
        agreement: where manual readings are given.
        flow: what became of the films.
        problems: inputs not used or used with a limit; films that are not used stand in ``flow``.
        provenance: what measured the films; None when no film could be measured.
        simulated: whether a film says that it is simulated.
        too_narrow: whether real films have intervals that were set on simulated ones.
        not_calibrated: whether films have intervals that were never set on films with known corners.
        shared: whether films of a patient were measured together, with one shape for each intact vertebra.
    """

    patients: tuple[str, ...]
    members: Mapping[str, Member]
    observations: tuple[Observation, ...]
    lines: tuple[Line, ...]
    agreement: tuple[Agreement, ...]
    flow: Flow
    problems: tuple[Problem, ...]
    provenance: Provenance | None
    simulated: bool = False
    too_narrow: bool = False
    not_calibrated: bool = False
    shared: bool = False


def build_study(
    members: Mapping[str, Member],
    observations: Sequence[Observation],
    readings: Sequence[Reading],
    flow: Flow,
    problems: Sequence[Problem],
    provenance: Provenance | None,
    *,
    simulated: bool = False,
    too_narrow: bool = False,
    not_calibrated: bool = False,
    shared: bool = False,
) -> CohortStudy:
    """Analyse a cohort.

    Args:
        members: the patients of the study.
        observations: values from films and clinic; those of other patients are left out.
        readings: of the program and a person on the same film.
        flow: what became of the films.
        problems: of the inputs.
        provenance: of the films' measurement.
        simulated: whether a film says that it is simulated.
        too_narrow: whether real films have intervals that were set on simulated ones.
        not_calibrated: whether films have intervals that were never set on films with known corners.
        shared: whether films of a patient were measured together, with one shape for each intact vertebra.
    """
    patients = tuple(sorted(members))
    own = tuple(o for o in observations if o.patient_id in members)
    phases = [phase.value for phase in PHASES]
    lines = []
    for measure in MEASURES:
        values = value_table(own, patients, measure.key)
        if np.isfinite(values).any():
            result = analyse(values, phases, ordinal=bool(measure.grades), margin=measure.margin)
            lines.append(Line(measure, values, result))
    agreement = [a for m in FILM_MEASURES if (a := agreement_of(m, readings)) is not None]
    return CohortStudy(
        *(patients, dict(members), own, tuple(lines), tuple(agreement), flow, tuple(problems), provenance),
        simulated=simulated,
        too_narrow=too_narrow,
        not_calibrated=not_calibrated,
        shared=shared,
    )

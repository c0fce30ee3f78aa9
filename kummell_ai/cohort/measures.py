"""What a cohort is judged by: measures of the films and scores of the clinic, and the table of their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement, RadiographMeasurement
from kummell_ai.quantities import Quantity

PHASES: tuple[Phase, ...] = (Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP)
"""Columns of the table; FOLLOW_UP is the last follow-up."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the cohort table.

    Attributes:
        key: id, also in the CSV.
        unit: ``mm``, ``deg`` or ``1``.
        is_film: whether it is measured on the films.
        low, high: range a score may have.
        grades: names of the grades in order, for an ordinal score.
        margin: largest change that counts as maintained, in the unit, or None.
    """

    key: str
    unit: str
    is_film: bool
    low: float = -np.inf
    high: float = np.inf
    grades: tuple[str, ...] = ()
    margin: float | None = None

    @property
    def column(self) -> str:
        """Name of the CSV column, with the unit."""
        return self.key + {"mm": "_mm", "deg": "_deg", "1": ""}[self.unit]


FILM_MEASURES: tuple[Measure, ...] = (
    Measure("anterior_height", "mm", True, margin=2.0),
    Measure("segmental_cobb", "deg", True, margin=5.0),
    Measure("wedge_angle", "deg", True, margin=5.0),
)
SCORES: tuple[Measure, ...] = (
    Measure("vas", "1", False, 0, 10, margin=1.5),
    Measure("odi", "1", False, 0, 100, margin=10.0),
    Measure("frankel", "1", False, 0, 4, grades=tuple("ABCDE")),
)
MEASURES = (*FILM_MEASURES, *SCORES)


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of one patient at one phase, in the unit of its measure; grades as 0, 1, 2 ... in their order.

    Attributes:
        source: film or spreadsheet row it comes from.
        low, high: ends of its 95 % interval, or None.
        level: the injured vertebra it is about, None for a score.
        day: days since the patient's first film, None when not known.
        counts: whether it stands in the table; values of earlier follow-ups and of further injured levels do not, since
            every patient counts once.
    """

    patient_id: str
    phase: Phase
    measure: str
    value: float
    source: str
    low: float | None = None
    high: float | None = None
    level: str | None = None
    day: int | None = None
    counts: bool = True


def film_observations(report: CorrectionReport, *, is_main: bool = True) -> list[Observation]:
    """The main measures on every film of known phase.

    The last film before, the first after and the last follow-up count; none does when the level is not the main one.
    """
    chosen = films_that_count(report) if is_main else {}
    found = []
    for film in report.films:
        if film.phase not in PHASES:
            continue
        counts = chosen.get(film.phase) is film
        for measure in FILM_MEASURES:
            observation = _observe(report, film, measure, counts)
            found += [observation] if observation else []
    return found


def films_that_count(report: CorrectionReport) -> dict[Phase, PhasedMeasurement]:
    """The film that stands for each phase."""
    chosen: dict[Phase, PhasedMeasurement] = {}
    for film in report.films:
        if film.phase in PHASES and (film.phase not in chosen or film.phase is not Phase.POST_OP):
            chosen[film.phase] = film
    return chosen


def days_since_first(report: CorrectionReport, film: RadiographMeasurement) -> int | None:
    """Days from the patient's first dated film to ``film``; None without a date."""
    known = [f.measurement.reference.acquired for f in report.films if f.measurement.reference.acquired]
    acquired = film.reference.acquired
    return (acquired.date() - min(known).date()).days if acquired is not None else None


def measured_value(film: RadiographMeasurement, level: VertebralLevel, measure: Measure) -> Quantity | None:
    """The measure on one film about the injured ``level``; None where it is missing or in another unit."""
    segment, vertebra = film.segment(measure.key, level), film.at(level)
    quantity = segment.angle if segment else vertebra.quantities.get(measure.key) if vertebra else None
    is_there = quantity is not None and quantity.value is not None and quantity.unit == measure.unit
    return quantity if is_there else None


def _observe(report: CorrectionReport, film: PhasedMeasurement, measure: Measure, counts: bool) -> Observation | None:
    quantity = measured_value(film.measurement, report.index_level, measure)
    if quantity is None or quantity.value is None:
        return None
    low, high = (quantity.interval.low, quantity.interval.high) if quantity.interval else (None, None)
    return Observation(
        *(report.patient_id, film.phase, measure.key, quantity.value, film.measurement.reference.name, low, high),
        level=str(report.index_level),
        day=days_since_first(report, film.measurement),
        counts=counts,
    )


def value_table(observations: Iterable[Observation], patients: Sequence[str], measure: str) -> NDArray[np.float64]:
    """Values (patients, phases) of one measure, of the films and rows that count; NaN where there is none."""
    table = np.full((len(patients), len(PHASES)), np.nan)
    row_of = {patient: row for row, patient in enumerate(patients)}
    for o in observations:
        if o.counts and o.measure == measure and o.patient_id in row_of:
            table[row_of[o.patient_id], PHASES.index(o.phase)] = o.value
    return table

"""What a cohort is judged by: measures of the films and scores of the clinic, and the table of their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.measurement.results import CorrectionReport, RadiographMeasurement
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
        low, high: ends of its 95 % interval, or None.
        source: film or spreadsheet row it comes from.
    """

    patient_id: str
    phase: Phase
    measure: str
    value: float
    source: str
    low: float | None = None
    high: float | None = None


def film_observations(report: CorrectionReport) -> list[Observation]:
    """The main measures on the film before, the first after, and the last follow-up of a patient."""
    films = {}
    for film in report.films:
        if film.phase in PHASES and (film.phase not in films or film.phase is not Phase.POST_OP):
            films[film.phase] = film.measurement
    found = []
    for phase, measurement in films.items():
        for measure in FILM_MEASURES:
            observation = _observe(report.patient_id, phase, measure, measurement, report.index_level)
            found += [observation] if observation else []
    return found


def measured_value(film: RadiographMeasurement, level: VertebralLevel, measure: Measure) -> Quantity | None:
    """The measure on one film about the injured ``level``; None where it is missing or in another unit."""
    segment, vertebra = film.segment(measure.key, level), film.at(level)
    quantity = segment.angle if segment else vertebra.quantities.get(measure.key) if vertebra else None
    is_there = quantity is not None and quantity.value is not None and quantity.unit == measure.unit
    return quantity if is_there else None


def _observe(
    patient: str, phase: Phase, measure: Measure, film: RadiographMeasurement, level: VertebralLevel
) -> Observation | None:
    quantity = measured_value(film, level, measure)
    if quantity is None or quantity.value is None:
        return None
    low, high = (quantity.interval.low, quantity.interval.high) if quantity.interval else (None, None)
    return Observation(patient, phase, measure.key, quantity.value, film.reference.name, low, high)


def value_table(observations: Iterable[Observation], patients: Sequence[str], measure: str) -> NDArray[np.float64]:
    """Values (patients, phases) of one measure; NaN where there is none."""
    table = np.full((len(patients), len(PHASES)), np.nan)
    for o in observations:
        if o.measure == measure and o.patient_id in patients:
            table[patients.index(o.patient_id), PHASES.index(o.phase)] = o.value
    return table

"""What a cohort is judged by: measures of the films and scores of the clinic, and the table of their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase
from kummell_ai.imaging.radiograph import Calibration

PHASES: tuple[Phase, ...] = (Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP)
"""Columns of the table; FOLLOW_UP is the last follow-up."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the cohort table.

    Attributes:
        key: id, also in the CSV.
        unit: ``mm``, ``deg`` or ``1``.
        is_film: whether it is measured on the films.
        low, high: range a score, or a person's reading of a film, may have; a length is above ``low``.
        grades: names of the grades in order, for an ordinal score.
        margin: largest change that does not matter, in the unit, or None.
        higher_is_better: whether a rise is an improvement.
    """

    key: str
    unit: str
    is_film: bool
    low: float = -np.inf
    high: float = np.inf
    grades: tuple[str, ...] = ()
    margin: float | None = None
    higher_is_better: bool = False

    @property
    def column(self) -> str:
        """Name of the CSV column, with the unit."""
        return self.key + {"mm": "_mm", "deg": "_deg", "1": ""}[self.unit]

    @property
    def expected(self) -> str:
        """What a cell may hold, for messages: ``A to E``, ``above 0 to 80 mm``."""
        if self.grades:
            return f"{self.grades[0]} to {self.grades[-1]}"
        above, unit = ("above " if self.unit == "mm" else ""), {"mm": " mm", "deg": "°", "1": ""}[self.unit]
        return f"{above}{self.low:g} to {self.high:g}{unit}"

    def may_be(self, value: float) -> bool:
        """Whether ``value`` lies in the range."""
        return self.low <= value <= self.high and not (self.unit == "mm" and value == self.low)


FILM_MEASURES: tuple[Measure, ...] = (  # ranges beyond any spine, also magnified; a reading outside is a slip
    Measure("anterior_height", "mm", True, 0, 80, margin=2.0, higher_is_better=True),
    Measure("segmental_cobb", "deg", True, -120, 120, margin=5.0),
    Measure("wedge_angle", "deg", True, -120, 120, margin=5.0),
)
SCORES: tuple[Measure, ...] = (
    Measure("vas", "1", False, 0, 10, margin=1.5),
    Measure("odi", "1", False, 0, 100, margin=10.0),
    Measure("frankel", "1", False, 0, 4, grades=tuple("ABCDE"), higher_is_better=True),
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
        scale: kind of the scale a length is on, None for what is no length.
        factor: by which a length was multiplied to be on the scale of the patient's other films, 1 as measured.
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
    scale: Calibration | None = None
    factor: float = 1.0


def value_table(observations: Iterable[Observation], patients: Sequence[str], measure: str) -> NDArray[np.float64]:
    """Values (patients, phases) of one measure, of the films and rows that count; NaN where there is none."""
    table = np.full((len(patients), len(PHASES)), np.nan)
    row_of = {patient: row for row, patient in enumerate(patients)}
    for o in observations:
        if o.counts and o.measure == measure and o.patient_id in row_of:
            table[row_of[o.patient_id], PHASES.index(o.phase)] = o.value
    return table

"""What can be wrong with the inputs of a cohort: kinds that can be counted, and lines that name place and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kummell_ai.measurement.results import Finding


class Fault(Enum):
    """Kinds of faults, in the order of the flow table."""

    UNREADABLE = "film-unreadable"
    COPY = "film-copy"
    NOT_MEASURED = "film-not-measured"
    NO_LEVEL = "injured-level-not-found"
    NO_DATE = "film-without-date"
    SAME_DAY = "films-of-one-day"
    OTHER_FILM = "other-film-of-the-phase"
    ONE_FILM = "patient-with-one-film"
    MISSING_PHASE = "missing-phase"
    TWO_PEOPLE = "id-of-two-people"
    OTHER_ID = "other-id-in-the-film"
    CONTRADICTION = "contradiction"
    UNKNOWN_PHASE = "unknown-phase"
    UNKNOWN_LEVEL = "unknown-level"
    BAD_DATE = "no-date"
    BAD_NUMBER = "no-number"
    INCOMPLETE_ROW = "incomplete-row"
    OUT_OF_RANGE = "out-of-range"
    DUPLICATE_PATIENT = "duplicate-patient"
    UNKNOWN_COLUMN = "unknown-column"
    TOO_MANY_CELLS = "too-many-cells"
    ENCODING = "other-encoding"
    DECIMAL_COMMA = "decimal-comma"
    NO_FILM = "scores-without-film"
    NO_SCORES = "films-without-scores"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the inputs.

    Attributes:
        fault: its kind.
        place: file and row, film or patient it is about.
        text: what is wrong, what became of it and what to do.
        finding: of a patient's report, for `Fault.FINDING`; None for what is about the run.
    """

    fault: Fault
    place: str
    text: str
    finding: Finding | None = None

    @property
    def line(self) -> str:
        """For the screen, for example ``scores.csv row 3: vas_pre is '11'; ...``."""
        return f"{self.place}: {self.text}"

"""The vocabulary: vertebral levels, the landmarks of a vertebra, the phases of a treatment, defined once."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Protocol, TypeVar


class VertebralLevel(Enum):
    """Vertebral levels, cranial to caudal; T13 and L6 are variants that most spines lack.

    >>> VertebralLevel.T12 < VertebralLevel.L1
    True
    >>> VertebralLevel.parse("l1") is VertebralLevel.L1
    True
    """

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6 = "T6"
    T7 = "T7"
    T8 = "T8"
    T9 = "T9"
    T10 = "T10"
    T11 = "T11"
    T12 = "T12"
    T13 = "T13"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"
    L6 = "L6"
    S1 = "S1"

    @property
    def index(self) -> int:
        """Position in the cranial to caudal order, T1 = 0."""
        return _INDEX[self]

    @classmethod
    def parse(cls, text: str) -> VertebralLevel:
        """The level called ``text`` (case and blanks do not matter).

        Raises:
            ValueError: no level has that name.
        """
        name = text.strip().upper()
        if name not in cls.__members__:
            raise ValueError(f"{text!r} is no vertebral level; use one of {', '.join(cls.__members__)}")
        return cls[name]

    def __lt__(self, other: VertebralLevel) -> bool:
        return self.index < other.index

    def __le__(self, other: VertebralLevel) -> bool:
        return self.index <= other.index

    def __gt__(self, other: VertebralLevel) -> bool:
        return self.index > other.index

    def __ge__(self, other: VertebralLevel) -> bool:
        return self.index >= other.index

    def __str__(self) -> str:
        return self.value


LEVELS: tuple[VertebralLevel, ...] = tuple(VertebralLevel)
_INDEX = {level: i for i, level in enumerate(LEVELS)}

USUAL_LEVELS: tuple[VertebralLevel, ...] = tuple(
    level for level in LEVELS if level not in (VertebralLevel.T13, VertebralLevel.L6)
)
"""T1 to S1 without the variants T13 and L6."""


class VertebralLandmark(IntEnum):
    """Corner points of a vertebral body; the number is the channel and row order everywhere."""

    SUPERIOR_ANTERIOR = 0
    SUPERIOR_POSTERIOR = 1
    INFERIOR_ANTERIOR = 2
    INFERIOR_POSTERIOR = 3
    SUPERIOR_MIDDLE = 4
    INFERIOR_MIDDLE = 5

    @property
    def key(self) -> str:
        """Name in JSON and CSV, for example ``superior_anterior``."""
        return self.name.lower()


CORNERS: tuple[VertebralLandmark, ...] = tuple(VertebralLandmark)[:4]
"""The four corners, in channel order."""


class Endplate(Enum):
    """The two endplates of a vertebra."""

    SUPERIOR = "superior"
    INFERIOR = "inferior"


class Facing(Enum):
    """The side of the image that the patient's front is turned to."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = "unknown"


class Phase(Enum):
    """When, with regard to the operation, a film was taken."""

    PRE_OP = "pre-op"
    POST_OP = "post-op"
    FOLLOW_UP = "follow-up"
    UNKNOWN = "unknown"


class HasPhase(Protocol):
    """What was measured on a film of a known or unknown phase."""

    @property
    def phase(self) -> Phase:
        """Its phase."""


_Film = TypeVar("_Film", bound=HasPhase)


def films_that_count(films: Iterable[_Film]) -> dict[Phase, _Film]:
    """The film that stands for each phase: the last before the operation, the first after it, the last follow-up.

    Args:
        films: of one patient, in order; those of unknown phase stand for none.

    Returns:
        in the order of phases.
    """
    chosen: dict[Phase, _Film] = {}
    for film in films:
        if film.phase not in chosen or film.phase is not Phase.POST_OP:
            chosen[film.phase] = film
    return {phase: chosen[phase] for phase in (Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP) if phase in chosen}

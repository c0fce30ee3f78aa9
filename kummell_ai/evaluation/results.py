"""What an evaluation consists of; pure data."""

from __future__ import annotations

from dataclasses import dataclass

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.evaluation.points import CornerErrors

FLAGS = ("fractured", "instrumented", "cemented")
"""Flags of a true vertebra that make a stratum; a vertebra with none of them is intact."""


@dataclass(frozen=True, slots=True)
class QuantityError:
    """One measured number against its true value.

    Attributes:
        quantity_id: as in docs/definitions.md; with ``_3d`` when the truth is that of the bones, not of the film.
        unit: ``mm``, ``deg`` or ``%``.
        measured, true: in that unit.
        inside: whether the true value lies in the measured 95 % interval; None without an interval.
    """

    quantity_id: str
    unit: str
    measured: float
    true: float
    inside: bool | None

    @property
    def error(self) -> float:
        """Measured minus true."""
        return self.measured - self.true


@dataclass(frozen=True, slots=True)
class VertebraResult:
    """One true vertebra and what was made of it.

    Attributes:
        level: true name, or None when the truth does not say.
        flags: of the true vertebra.
        found: whether a prediction was matched to it.
        predicted_level: the name it was given; None when not found or not named.
        corners: errors of the matched vertebra; None when not found.
        quantities: errors of heights and angles about this vertebra.
    """

    level: VertebralLevel | None
    flags: frozenset[str]
    found: bool
    predicted_level: VertebralLevel | None = None
    corners: CornerErrors | None = None
    quantities: tuple[QuantityError, ...] = ()

    @property
    def strata(self) -> tuple[str, ...]:
        """``all``, and ``intact`` or the flags it has."""
        own = tuple(flag for flag in FLAGS if flag in self.flags)
        return ("all", *(own or ("intact",)))


@dataclass(frozen=True, slots=True)
class FilmResult:
    """One film.

    Attributes:
        name: of the film.
        phase: of the film.
        vertebrae: one for each true vertebra that is asked for (not S1, three corners seen), cranial to caudal.
        false: predicted vertebrae that match no true one.
        beyond: predicted vertebrae on the prolonged spine where the truth ends (see `match_vertebrae`).
        refused: why the film was not measured; None when it was.
    """

    name: str
    phase: Phase
    vertebrae: tuple[VertebraResult, ...]
    false: int = 0
    beyond: int = 0
    refused: str | None = None

"""What an evaluation consists of; pure data."""

from __future__ import annotations

from dataclasses import dataclass

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.evaluation.points import CornerErrors
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.quantities import Interval

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
        interval: the measured 95 % interval, or None.
        stratum: whose factor the interval has; None for that of the vertebra.
    """

    quantity_id: str
    unit: str
    measured: float
    true: float
    inside: bool | None
    interval: Interval | None = None
    stratum: str | None = None

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
        corners_seen: true corners that are on the film.
        is_index: whether it is the patient's injured vertebra.
        confidence: of the matched vertebra, [0, 1]; None when not found.
        level_probability: of the name it was given; None when not found or not named.
        predicted_flags: of the matched vertebra.
        abstained: ids of quantities of a found vertebra that the truth has and the prediction does not give.
        predicted_index: number of the matched vertebra among the predicted ones; None when not found.
        joint_level: the name it gets when the patient's films are named together; None as for ``predicted_level``.
        interval_factors: of the matched vertebra; None where its network has none.
    """

    level: VertebralLevel | None
    flags: frozenset[str]
    found: bool
    predicted_level: VertebralLevel | None = None
    corners: CornerErrors | None = None
    quantities: tuple[QuantityError, ...] = ()
    corners_seen: int = 4
    is_index: bool = False
    confidence: float | None = None
    level_probability: float | None = None
    predicted_flags: frozenset[str] = frozenset()
    abstained: tuple[str, ...] = ()
    predicted_index: int | None = None
    joint_level: VertebralLevel | None = None
    interval_factors: IntervalFactors | None = None

    @property
    def is_named_right(self) -> bool | None:
        """Whether it was given its true name; None when it was not found or its true name is not known."""
        return self.predicted_level is self.level if self.found and self.level is not None else None

    @property
    def is_joint_right(self) -> bool | None:
        """As `is_named_right`, of the name given together with the patient's other films."""
        return self.joint_level is self.level if self.found and self.level is not None else None

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
        patient: identifier, or None when the truth does not say.
        index_level: the injured vertebra, or None.
        has_level_landmark: whether the sacrum or the last rib is in view, so that levels can be counted from it.
        is_metric: whether the film has a scale in mm.
        seconds: that the vertebrae took to be located, or None.
        decode_seconds: that reading the file took, or None.
    """

    name: str
    phase: Phase
    vertebrae: tuple[VertebraResult, ...]
    false: int = 0
    beyond: int = 0
    refused: str | None = None
    patient: str | None = None
    index_level: VertebralLevel | None = None
    has_level_landmark: bool = False
    is_metric: bool = True
    seconds: float | None = None
    decode_seconds: float | None = None

    @property
    def needed(self) -> tuple[VertebraResult, ...]:
        """What a report needs: the injured vertebra and those beside it, or all where no injured one is on the film."""
        index = next((i for i, v in enumerate(self.vertebrae) if v.is_index), None)
        return self.vertebrae if index is None else self.vertebrae[max(index - 1, 0) : index + 2]

    @property
    def is_measurable(self) -> bool:
        """Whether the film was taken and all that is needed was found, under whatever name."""
        return self.refused is None and bool(self.needed) and all(v.found for v in self.needed)

    @property
    def is_usable(self) -> bool:
        """Whether the film can be reported without help: measurable, and no needed vertebra has a wrong name."""
        return self.is_measurable and all(v.is_named_right is not False for v in self.needed)

    @property
    def is_usable_jointly(self) -> bool:
        """As `is_usable`, with the names that the patient's films get together."""
        return self.is_measurable and all(v.is_joint_right is not False for v in self.needed)

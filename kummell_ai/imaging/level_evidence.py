"""What a film says about the names of its vertebrae, kept so that other films and people can weigh in."""

from __future__ import annotations

from dataclasses import dataclass

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.imaging.frames import FloatArray


@dataclass(frozen=True, slots=True)
class NameRow:
    """Names for all vertebrae of a film.

    Attributes:
        levels: cranial to caudal, strictly increasing.
        probability: that most of these names are right, in [0, 1].
        each: (V,) that each vertebra bears its name, in [0, 1]; empty for a row whose names stand or fall together.
    """

    levels: tuple[VertebralLevel, ...]
    probability: float
    each: tuple[float, ...] = ()

    @property
    def of_each(self) -> tuple[float, ...]:
        """The probability of each vertebra's name."""
        return self.each or (self.probability,) * len(self.levels)


@dataclass(frozen=True, slots=True)
class LevelEvidence:
    """The evidence for the names of a film's vertebrae, and what follows from it.

    Attributes:
        log_probability: (V, 20) of each vertebra over `LEVELS` (nats), from its looks alone.
        missed: (V - 1,) how many vertebrae seem to be missed between neighbours.
        rows: possible rows of names, the chosen one first, then by falling probability; at least one.
    """

    log_probability: FloatArray
    missed: FloatArray
    rows: tuple[NameRow, ...]

    def __post_init__(self) -> None:
        count = len(self.log_probability)
        if self.log_probability.shape != (count, len(LEVELS)) or self.missed.shape != (max(count - 1, 0),):
            shapes = f"{self.log_probability.shape} and {self.missed.shape}"
            raise ValueError(f"log_probability and missed have shapes {shapes}; expected (V, {len(LEVELS)}), (V - 1,)")
        if not self.rows or any(len(row.levels) != count for row in self.rows):
            raise ValueError(f"rows must be 1 or more of {count} names each; one has another number of names")

    @property
    def chosen(self) -> NameRow:
        """The row that the vertebrae are named by."""
        return self.rows[0]

    @property
    def runner_up(self) -> NameRow | None:
        """The most probable other row."""
        return self.rows[1] if len(self.rows) > 1 else None

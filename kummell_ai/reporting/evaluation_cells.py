"""Rows and cells of the tables of an evaluation's page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kummell_ai.evaluation.bootstrap import Estimate
from kummell_ai.evaluation.figures import Figure
from kummell_ai.reporting.evaluation_words import digits_of, interval_text, value_text

Cell = tuple[str, str]
"""Value, and its interval."""

NO_CELL: Cell = ("", "")
"""Where a column does not apply."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its head, a smaller word, and its cells."""

    head: str
    small: str
    cells: tuple[Cell, ...]


def cell(figure: Figure | None, digits: int | None = None) -> Cell:
    """Value and interval, with the decimals of the unit unless told otherwise."""
    if figure is None:
        return "–", ""
    digits = digits_of(figure.unit) if digits is None else digits
    return value_text(figure.estimate, digits), interval_text(figure.estimate, digits)


def cells_of(figures: Iterable[Figure | None]) -> tuple[Cell, ...]:
    """A cell for each figure."""
    return tuple(cell(figure) for figure in figures)


def estimate_of(figure: Figure | None) -> Estimate | None:
    """The estimate of a figure that may be missing."""
    return None if figure is None else figure.estimate

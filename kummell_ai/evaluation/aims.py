"""What the project asks of its network on simulated films: the least that is accepted, and what is aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.evaluation.figures import Figure
from kummell_ai.evaluation.tables import main_figures

AIMS: dict[str, tuple[float | None, float]] = {
    "corner_mean_mm": (1.2, 0.5),
    "corner_mean_mm_injured": (1.8, 0.8),
    "sdr_2mm_percent": (88.0, 99.0),
    "cobb_mae_deg": (2.4, 1.1),
    "wedge_mae_deg": (2.6, 1.3),
    "anterior_height_mae_mm": (1.1, 0.5),
    "corner_mean_mm_jointly": (1.2, 0.5),
    "sdr_2mm_percent_jointly": (88.0, 99.0),
    "cobb_mae_deg_jointly": (2.4, 1.1),
    "wedge_mae_deg_jointly": (2.6, 1.3),
    "anterior_height_mae_mm_jointly": (1.1, 0.5),
    "cobb_mae_post_minus_pre_deg": (None, 0.25),
    "level_exact_percent_with_landmark": (95.0, 99.5),
    "level_exact_percent_any_field": (85.0, 97.0),
    "level_exact_jointly_percent_with_landmark": (95.0, 99.5),
    "level_exact_jointly_percent_any_field": (85.0, 97.0),
    "usable_films_percent_pre_op": (95.0, 99.0),
    "usable_films_percent_post_op": (91.0, 98.0),
    "usable_jointly_films_percent_pre_op": (95.0, 99.0),
    "usable_jointly_films_percent_post_op": (91.0, 98.0),
}
"""Floor and aim by name of a main figure, in its unit; no floor where there is none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A main figure against its floor and its aim.

    Attributes:
        name: of the main figure.
        figure: as reached.
        floor, aim: in the figure's unit.
    """

    name: str
    figure: Figure
    floor: float | None
    aim: float

    @property
    def verdict(self) -> str:
        """``aim`` when it is reached, ``floor`` when that is, else ``below``.

        A percentage is to be high, an error low.
        """
        value = self.figure.estimate.value
        if value is None:
            return "below"
        sign = 1.0 if self.figure.unit == "%" else -1.0
        if sign * value >= sign * self.aim:
            return "aim"
        return "floor" if self.floor is not None and sign * value >= sign * self.floor else "below"


def standings(figures: Sequence[Figure]) -> tuple[Standing, ...]:
    """The main figures that have an aim and a value."""
    main = main_figures(figures)
    return tuple(Standing(name, main[name], *ends) for name, ends in AIMS.items() if name in main)

"""What the project asks of its network on simulated films: the least that is accepted, and what is aimed at.

The page calls the floor the requirement and the aim the target.
"""

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
    """A main figure against its floor (requirement) and its aim (target).

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
        """The most that can be said: an end is met when the whole 95 % interval meets it.

        One of ``target met``, ``target met by the estimate only``, ``requirement met``, ``requirement met by the
        estimate only``, ``requirement not met``; ``target not met`` where there is no requirement.
        """
        for end, name in ((self.aim, "target"), (self.floor, "requirement")):
            if end is not None and self._meets(self.figure.estimate.value, end):
                return f"{name} met" if self._meets(self._worse_end, end) else f"{name} met by the estimate only"
        return "target not met" if self.floor is None else "requirement not met"

    @property
    def is_to_be_high(self) -> bool:
        """Whether more is better: a percentage is to be high, an error low."""
        return self.figure.unit == "%"

    @property
    def _worse_end(self) -> float | None:
        """The end of the interval that is least to be wished for; None without an interval."""
        interval = self.figure.estimate.interval
        return None if interval is None else interval.low if self.is_to_be_high else interval.high

    def _meets(self, value: float | None, end: float) -> bool:
        return value is not None and (value >= end if self.is_to_be_high else value <= end)


def standings(figures: Sequence[Figure]) -> tuple[Standing, ...]:
    """The main figures that have an aim and a value."""
    main = main_figures(figures)
    return tuple(Standing(name, main[name], *ends) for name, ends in AIMS.items() if name in main)

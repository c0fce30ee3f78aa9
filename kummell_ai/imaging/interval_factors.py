"""Factors that make the 95 % intervals of a vertebra's quantities hold what they promise (docs/uncertainty.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

STRATA = ("cemented fracture", "cemented", "instrumented", "fractured", "intact")
"""Kinds of vertebrae that are calibrated apart; of several that apply the first counts.

A fracture that was filled and a body with cement about its screws are two kinds: the walls of the first are harder
to place.
"""

SIMULATED_FILMS, ANNOTATED_FILMS = "simulated films", "annotated films"
"""What a model's factors may have been set on; the errors on real films are larger than on simulated ones."""

_ANGLES = ("segmental_cobb", "local_kyphosis")
_STAND_IN = {"surgical_segment_cobb": "cobb"}
"""Quantity -> the one whose factor it has where a model has none of its own for it."""


def stratum_of(flags: Collection[str]) -> str:
    """The stratum of a vertebra from its flags: what was put into it last decides.

    >>> stratum_of({"fractured", "cemented"}), stratum_of({"cemented", "instrumented"}), stratum_of({"cropped"})
    ('cemented fracture', 'cemented', 'intact')
    """
    if {"cemented", "fractured"} <= set(flags):
        return STRATA[0]
    return next((stratum for stratum in STRATA if stratum in flags), STRATA[-1])


def calibrated_as(quantity_id: str) -> str:
    """The id under which a quantity is calibrated: the angles over a vertebra and its neighbours are one kind.

    >>> calibrated_as("local_kyphosis"), calibrated_as("anterior_height")
    ('cobb', 'anterior_height')
    """
    return "cobb" if quantity_id in _ANGLES else quantity_id


def known_as(quantity_id: str, known: Collection[str]) -> str | None:
    """The id of ``known`` whose factor a quantity has; None where it has none.

    >>> known_as("surgical_segment_cobb", {"cobb"}), known_as("wedge_angle", {"cobb"})
    ('cobb', None)
    """
    own = calibrated_as(quantity_id)
    return next((name for name in (own, _STAND_IN.get(own)) if name in known), None)


@dataclass(frozen=True, slots=True)
class IntervalFactors:
    """What the standard errors of the quantities about one vertebra are multiplied by.

    Attributes:
        stratum: of `STRATA`.
        by_quantity: factor by `calibrated_as`; a quantity that is not there keeps its propagated error.
    """

    stratum: str
    by_quantity: Mapping[str, float]

    def has(self, quantity_id: str) -> bool:
        """Whether a factor was set for a quantity."""
        return known_as(quantity_id, self.by_quantity) is not None

    def of(self, quantity_id: str) -> float:
        """The factor of one quantity; 1 where none was set."""
        known = known_as(quantity_id, self.by_quantity)
        return 1.0 if known is None else float(self.by_quantity[known])

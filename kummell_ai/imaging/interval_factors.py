"""Factors that make the 95 % intervals of a vertebra's quantities hold what they promise (docs/uncertainty.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

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
        of_changes: factor by quantity and comparison (``correction``, ``loss``, ``net``) on the root of the summed
            squares of its standard errors on two films; empty for a film that was measured alone.
        is_together: whether these are the factors of a film measured together with others of the patient.
        of_covariance: on the covariances of points that the films of a patient placed together.
        together: the factors to take once the film was measured together with others of the patient
            (`measurement.shared_shapes`); None where none were set.
    """

    stratum: str
    by_quantity: Mapping[str, float]
    of_changes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    is_together: bool = False
    of_covariance: float = 1.0
    together: IntervalFactors | None = None

    def has(self, quantity_id: str) -> bool:
        """Whether a factor was set for a quantity."""
        return known_as(quantity_id, self.by_quantity) is not None

    def of(self, quantity_id: str) -> float:
        """The factor of one quantity; 1 where none was set."""
        known = known_as(quantity_id, self.by_quantity)
        return 1.0 if known is None else float(self.by_quantity[known])

    def of_change(self, quantity_id: str, comparison: str) -> float:
        """The factor of the change of one quantity; 1, as if both films erred apart, where none was set."""
        known = _changed_as(quantity_id, self.of_changes)
        return 1.0 if known is None else float(self.of_changes[known].get(comparison, 1.0))


def change_factor(
    quantity_id: str, comparison: str, before: IntervalFactors | None, after: IntervalFactors | None
) -> float:
    """On the root of the summed squares of a quantity's two standard errors; the wider one where the films differ.

    >>> both = IntervalFactors("intact", {}, of_changes={"wedge_angle": {"loss": 0.7}})
    >>> change_factor("wedge_angle", "loss", both, both), change_factor("wedge_angle", "loss", both, None)
    (0.7, 1.0)
    """
    return max(1.0 if factors is None else factors.of_change(quantity_id, comparison) for factors in (before, after))


def _changed_as(quantity_id: str, known: Collection[str]) -> str | None:
    """The id of ``known`` whose factor the change of a quantity has; angles over a segment stand in for each other."""
    segment = quantity_id in (*_ANGLES, *_STAND_IN, "sagittal_index")
    return next((name for name in (quantity_id, *(_ANGLES if segment else ())) if name in known), None)

"""Errors of a patient's change from one film to a later one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import Phase, VertebralLevel, films_that_count
from kummell_ai.evaluation.results import FilmResult, QuantityError, VertebraResult
from kummell_ai.geometry import correction as formulas
from kummell_ai.imaging.interval_factors import change_factor
from kummell_ai.measurement.derived import RATE_TOO_WIDE, RATES, rates
from kummell_ai.quantities import Quantity

CHANGES = {"correction": (Phase.PRE_OP, Phase.POST_OP), "loss": (Phase.POST_OP, Phase.FOLLOW_UP)}
"""Names of the changes as in `measurement.compare`, with the films they compare."""

COMPARISONS = {**CHANGES, "net": (Phase.PRE_OP, Phase.FOLLOW_UP)}
"""All that a report compares."""

GAINS = ("correction", "net")
"""Comparisons of which a report gives `RATES`."""

OF_CHANGE = ("segmental_cobb", "wedge_angle", "anterior_height", *RATES)
"""Quantities of the injured vertebra whose change is judged, on the film and (``_3d``) of the bones; and what was won
as a share, on the film."""


@dataclass(frozen=True, slots=True)
class ChangeError:
    """One patient's change, or what was won as a share, measured and true.

    Attributes:
        patient: identifier.
        change: ``correction`` (post-op minus pre-op), ``loss`` (follow-up minus post-op) or ``net``.
        quantity_id: with ``_3d`` when the truth is that of the bones.
        unit: ``mm``, ``deg`` or, of a rate, ``%``.
        measured, true: later minus earlier, or the rate, in ``unit``.
        half_width: of the 95 % interval of the measured change, 1.96 sqrt(se1² + se2²), or of the rate, times the
            factor of changes where the films were measured together; None without intervals.
    """

    patient: str
    change: str
    quantity_id: str
    unit: str
    measured: float
    true: float
    half_width: float | None

    @property
    def error(self) -> float:
        """Measured minus true change."""
        return self.measured - self.true

    @property
    def inside(self) -> bool | None:
        """Whether the true change lies in the interval; None without one."""
        return None if self.half_width is None else abs(self.error) <= self.half_width


def change_errors(
    films: Sequence[FilmResult],
    quantities: Sequence[str] = OF_CHANGE,
    comparisons: Mapping[str, tuple[Phase, Phase]] = CHANGES,
    rate_too_wide: float = RATE_TOO_WIDE,
) -> tuple[ChangeError, ...]:
    """The changes of every patient of whom both films were measured at the same injured level.

    Of several films of one phase, in the order given, the one counts that a report compares (`films_that_count`); one
    that is refused has no part in a report. A film's own scale is used on either film. Of a loss there are no rates; a
    rate that a report calls undefined, or whose half width (%) is beyond ``rate_too_wide``, is left out.
    """
    by_patient: dict[str, list[FilmResult]] = {}
    for film in films:
        if film.patient is not None and film.index_level is not None and film.refused is None:
            by_patient.setdefault(film.patient, []).append(film)
    counting = {patient: films_that_count(shown) for patient, shown in by_patient.items()}
    return tuple(
        error
        for patient, phases in counting.items()
        for name, (earlier, later) in comparisons.items()
        if earlier in phases and later in phases
        for error in _between(patient, name, phases[earlier], phases[later], quantities, rate_too_wide)
    )


def _between(
    patient: str, name: str, first: FilmResult, second: FilmResult, quantities: Sequence[str], too_wide: float
) -> list[ChangeError]:
    bodies = [_at(film, film.index_level) for film in (first, second)]
    if first.index_level is not second.index_level or None in bodies:
        return []
    before, after = ({error.quantity_id: error for error in body.quantities} for body in bodies if body is not None)
    factors = [None if body is None else body.interval_factors for body in bodies]
    wanted = [f"{quantity}{suffix}" for quantity in quantities for suffix in ("", "_3d")]
    changes = [
        _change(patient, name, before[q], after[q], change_factor(q.removesuffix("_3d"), name, *factors))
        for q in wanted
        if q in before and q in after
    ]
    if name not in GAINS:
        return changes
    won = _rates(patient, name, before, after, lambda quantity: change_factor(quantity, name, *factors), too_wide)
    return changes + [rate for rate in won if rate.quantity_id in quantities]


def _rates(
    patient: str,
    name: str,
    before: Mapping[str, QuantityError],
    after: Mapping[str, QuantityError],
    factor: Callable[[str], float],
    too_wide: float,
) -> list[ChangeError]:
    """The rates of a report against those of the true values."""
    height, reference, cobb = "anterior_height", "reference_height", "segmental_cobb"
    lacking = Quantity.missing("mm", "not measured")
    turned = cobb in before and cobb in after
    mdc = _change(patient, name, before[cobb], after[cobb], factor(cobb)).half_width if turned else None
    first, second = ({q: _quantity(error) for q, error in film.items()} for film in (before, after))
    first, second = {height: lacking, reference: lacking} | first, {height: lacking} | second
    measured = rates(first, second, mdc, factor, too_wide)
    true = {}
    if height in before and height in after:
        heights = before[height].true, after[height].true
        true["height_gain_rate"] = formulas.height_gain_rate(*heights)
        if reference in before:
            true["height_restoration_rate"] = formulas.height_restoration_rate(*heights, before[reference].true)
    if turned:
        true["correction_rate"] = formulas.correction_rate(before[cobb].true, after[cobb].true, 0.0)
    return [
        ChangeError(patient, name, q, "%", rate.value, float(true[q]), _half_width(rate))
        for q, rate in measured.items()
        if rate.value is not None and math.isfinite(true[q])
    ]


def _quantity(error: QuantityError) -> Quantity:
    return Quantity(error.measured, error.unit, error.interval)


def _half_width(quantity: Quantity) -> float | None:
    return None if quantity.interval is None else quantity.interval.half_width


def _at(film: FilmResult, level: VertebralLevel | None) -> VertebraResult | None:
    return next((v for v in film.vertebrae if v.level is level), None)


def _change(patient: str, name: str, before: QuantityError, after: QuantityError, factor: float) -> ChangeError:
    widths = [error.interval for error in (before, after)]
    halves = [interval.half_width for interval in widths if interval is not None]
    return ChangeError(
        patient=patient,
        change=name,
        quantity_id=before.quantity_id,
        unit=before.unit,
        measured=after.measured - before.measured,
        true=after.true - before.true,
        half_width=factor * math.hypot(*halves) if len(halves) == 2 else None,
    )

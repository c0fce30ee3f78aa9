"""Two films of a patient: the changes, held against the minimal detectable change, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.geometry import correction as formulas
from kummell_ai.imaging.interval_factors import IntervalFactors, change_factor
from kummell_ai.measurement.common_scale import CommonScale, common_scale
from kummell_ai.measurement.derived import DERIVED, combine
from kummell_ai.measurement.mismatch import posture_findings
from kummell_ai.measurement.results import (
    AppliedScale,
    Change,
    Correction,
    PhasedMeasurement,
    RadiographMeasurement,
    Verdict,
)
from kummell_ai.measurement.segments import (
    facing_sign_of,
    instrumented_ends,
    measure_segments,
    surgical_segment,
)
from kummell_ai.measurement.vertebrae import join_caveats, measure_vertebra
from kummell_ai.quantities import Z95, Interval, Quantity

LENGTHS = ("anterior_height", "middle_height", "posterior_height")
RATIOS = ("wedge_angle", "wedge_ratio", "height_loss", "compression")
SEGMENTS = ("segmental_cobb", "local_kyphosis", "sagittal_index", "surgical_segment_cobb")
_UNITS = {"wedge_ratio": "%", "height_loss": "%", "compression": "%", "wedge_angle": "deg"}
_HIGHER_IS_BETTER = (*LENGTHS, "wedge_ratio")

UNLIKE_SCALES = "the two films have scales of unlike kind, and no intact vertebra is seen on both"
UNLIKE_SIZES = "the same intact vertebrae differ in size between the two films by more than 10 %"


def compare(
    before: PhasedMeasurement,
    after: PhasedMeasurement,
    index_level: VertebralLevel,
    name: str,
    *,
    ends: tuple[VertebralLevel, VertebralLevel] | None = None,
) -> Correction:
    """The changes of the injured vertebra and its segments from one film to a later one.

    Args:
        before: earlier film.
        after: later film.
        index_level: the injured vertebra.
        name: ``correction`` (pre to post), ``loss`` (post to last) or ``net`` (pre to last).
        ends: upper and lower level of the surgical segment; by default those with screws on the later film.

    Raises:
        ValueError: ``name`` is none of the three.
    """
    if name not in DERIVED:
        raise ValueError(f"comparison {name!r} is not one of {', '.join(DERIVED)}")
    scale = common_scale(before.measurement, after.measurement, index_level)
    first, second = _both(before.measurement, after.measurement, index_level, scale, ends)
    factors = [_factors_at(film.measurement, index_level) for film in (before, after)]
    changes = {
        q: change_of(q, first[q], second[q], change_factor(q, name, *factors))
        for q in first
        if q in second and q not in _NOT_CHANGED
    }
    if any(finding.code == "scale-unlike" for finding in scale.findings):
        unknown = Quantity.missing("mm", UNLIKE_SCALES)
        lengths = dict.fromkeys((*LENGTHS, "reference_height"), unknown)
        changes |= {q: replace(changes[q], change=unknown, mdc95=None, verdict=Verdict.UNKNOWN) for q in LENGTHS}
        first, second = first | lengths, second | lengths
    derived = DERIVED[name](first, second, changes, lambda rate: change_factor(rate, name, *factors))
    findings = (*scale.findings, *posture_findings([before.measurement, after.measurement]))
    shown = {q: _in_mm(change) for q, change in changes.items()}
    shown_derived = {q: _hide_px(value) for q, value in derived.items()}
    return Correction(
        *(name, before.phase, after.phase, index_level, tuple(shown.values()), shown_derived, findings),
        scale=_applied(scale, before, after),
    )


def _applied(scale: CommonScale, before: PhasedMeasurement, after: PhasedMeasurement) -> AppliedScale | None:
    if scale.rescaled is None or scale.unit != "mm" or scale.factor == 1.0:
        return None
    film = after if scale.rescaled == "after" else before
    half = Z95 * scale.factor_error
    interval = Interval(scale.factor - half, scale.factor + half) if np.isfinite(half) else None
    return AppliedScale(film.measurement.reference.name, Quantity(scale.factor, "1", interval), scale.rulers)


_NOT_CHANGED = ("reference_height",)


def _factors_at(film: RadiographMeasurement, level: VertebralLevel) -> IntervalFactors | None:
    body = film.landmarks.at(level)
    return None if body is None else body.interval_factors


def change_of(quantity_id: str, before: Quantity, after: Quantity, factor: float = 1.0) -> Change:
    """One quantity on two films; the change counts when it exceeds ``factor`` times 1.96 sqrt(se1² + se2²).

    The factor is 1 where the two films err apart from each other; below 1 where they err alike.
    """
    if before.value is None or after.value is None:
        phase = "before" if before.value is None else "after"
        why = (before if before.value is None else after).caveat
        missing = Quantity.missing(before.unit, f"missing {phase}: {why}")
        return Change(quantity_id, before, after, missing, None, Verdict.UNKNOWN)
    difference = after.value - before.value
    caveat = join_caveats(before.caveat, after.caveat)
    se1, se2 = before.standard_error, after.standard_error
    if se1 is None or se2 is None:
        return Change(
            quantity_id, before, after, Quantity(difference, before.unit, None, caveat), None, Verdict.UNKNOWN
        )
    mdc = factor * float(formulas.mdc95(se1, se2))
    change = Quantity(difference, before.unit, Interval(difference - mdc, difference + mdc), caveat)
    return Change(quantity_id, before, after, change, mdc, _verdict(quantity_id, difference, mdc))


def _verdict(quantity_id: str, difference: float, mdc: float) -> Verdict:
    if abs(difference) <= mdc:
        return Verdict.NOT_DISTINGUISHABLE
    better = (difference > 0) == (quantity_id in _HIGHER_IS_BETTER)
    return Verdict.IMPROVED if better else Verdict.WORSE


def intravertebral_instability(
    lying: RadiographMeasurement, sitting: RadiographMeasurement, level: VertebralLevel
) -> Quantity:
    """Anterior height lying minus sitting (mm) of one vertebra, on a common scale; missing where there is none."""
    scale = common_scale(lying, sitting, level)
    first, second = _both(lying, sitting, level, scale)
    found = combine(formulas.intravertebral_instability, first["anterior_height"], second["anterior_height"])
    doubts = {finding.code for finding in scale.findings}
    if found.value is not None and "scale-unlike" in doubts:
        return Quantity.missing("mm", UNLIKE_SCALES)
    if found.value is not None and "magnification-unlike" in doubts:
        found = replace(found, caveat=join_caveats(found.caveat, UNLIKE_SIZES))
    return _hide_px(found)


def _both(
    before: RadiographMeasurement,
    after: RadiographMeasurement,
    level: VertebralLevel,
    scale: CommonScale,
    ends: tuple[VertebralLevel, VertebralLevel] | None = None,
) -> tuple[dict[str, Quantity], dict[str, Quantity]]:
    """Quantities of the level on both films, lengths on the common scale."""
    ends = ends or instrumented_ends(after.landmarks) or instrumented_ends(before.landmarks)
    return (
        _quantities(before, level, scale, "before", ends),
        _quantities(after, level, scale, "after", ends),
    )


def _quantities(
    film: RadiographMeasurement,
    level: VertebralLevel,
    scale: CommonScale,
    which: str,
    ends: tuple[VertebralLevel, VertebralLevel] | None,
) -> dict[str, Quantity]:
    spacing = scale.before if which == "before" else scale.after
    sign = facing_sign_of(film.landmarks)
    bodies = film.landmarks.vertebrae
    index = next((i for i, body in enumerate(bodies) if body.level is level), None)
    unit = scale.unit or "mm"
    wanted = (*LENGTHS, *RATIOS, "reference_height")
    if index is None:
        why = f"{level} is not found on the film"
        result = {q: Quantity.missing(_UNITS.get(q, unit), why) for q in wanted}
    else:
        measured = measure_vertebra(bodies, index, spacing, sign, length_unit=scale.unit)
        result = {q: measured[q] for q in wanted}
        for q in (*LENGTHS, "reference_height"):
            result[q] = scale.adjust(result[q], which)
    for segment in measure_segments(film.landmarks, film.spacing, sign, level):
        if segment.index_level is level and segment.quantity_id in SEGMENTS:
            result[segment.quantity_id] = segment.angle
    if ends is not None:
        segment = surgical_segment(film.landmarks, film.spacing, sign, ends, level)
        result["surgical_segment_cobb"] = segment.angle
    return result


def _hide_px(quantity: Quantity) -> Quantity:
    """Lengths in pixels serve the ratios only; a reader gets millimetres or nothing."""
    return Quantity.missing("mm", "neither film has a scale") if quantity.unit == "px" else quantity


def _in_mm(change: Change) -> Change:
    if change.before.unit != "px":
        return change
    before, after = _hide_px(change.before), _hide_px(change.after)
    return Change(change.quantity_id, before, after, _hide_px(change.change), None, Verdict.UNKNOWN)

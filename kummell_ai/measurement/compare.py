"""Two films of a patient: the changes, held against the minimal detectable change, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.geometry import correction as formulas
from kummell_ai.geometry.propagation import propagate_values
from kummell_ai.measurement.common_scale import CommonScale, common_scale
from kummell_ai.measurement.results import (
    Change,
    Correction,
    Finding,
    PhasedMeasurement,
    RadiographMeasurement,
    Severity,
    Verdict,
)
from kummell_ai.measurement.segments import (
    facing_sign_of,
    instrumented_ends,
    measure_segments,
    surgical_segment,
)
from kummell_ai.measurement.vertebrae import FloatArray, join_caveats, measure_vertebra, to_quantity
from kummell_ai.quantities import Interval, Quantity

LENGTHS = ("anterior_height", "middle_height", "posterior_height")
RATIOS = ("wedge_angle", "wedge_ratio", "height_loss", "compression")
SEGMENTS = ("segmental_cobb", "local_kyphosis", "sagittal_index", "surgical_segment_cobb")
_UNITS = {"wedge_ratio": "%", "height_loss": "%", "compression": "%", "wedge_angle": "deg"}
_HIGHER_IS_BETTER = (*LENGTHS, "wedge_ratio")
USUAL_MDC_DEG = 5.6
"""Minimal detectable change of a Cobb angle at a corner error of 0.75 mm; the guard when no interval is known."""


def compare(before: PhasedMeasurement, after: PhasedMeasurement, index_level: VertebralLevel, name: str) -> Correction:
    """The changes of the injured vertebra and its segments from one film to a later one.

    Args:
        before: earlier film.
        after: later film.
        index_level: the injured vertebra.
        name: ``correction`` (pre to post), ``loss`` (post to last) or ``net`` (pre to last).

    Raises:
        ValueError: ``name`` is none of the three.
    """
    if name not in _DERIVED:
        raise ValueError(f"comparison {name!r} is not one of {', '.join(_DERIVED)}")
    scale = common_scale(before.measurement, after.measurement, index_level)
    first, second = _both(before.measurement, after.measurement, index_level, scale)
    changes = {q: change_of(q, first[q], second[q]) for q in first if q in second and q not in _NOT_CHANGED}
    derived = _DERIVED[name](first, second, changes)
    findings = (*scale.findings, *posture_findings(before.measurement, after.measurement))
    shown = {q: _in_mm(change) for q, change in changes.items()}
    shown_derived = {q: _hide_px(value) for q, value in derived.items()}
    return Correction(name, before.phase, after.phase, index_level, tuple(shown.values()), shown_derived, findings)


_NOT_CHANGED = ("reference_height",)


def change_of(quantity_id: str, before: Quantity, after: Quantity) -> Change:
    """One quantity on two films; the change counts when it exceeds 1.96 sqrt(se1² + se2²)."""
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
    mdc = float(formulas.mdc95(se1, se2))
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
    """Anterior height lying minus sitting (mm) of one vertebra, on a common scale."""
    scale = common_scale(lying, sitting, level)
    first, second = _both(lying, sitting, level, scale)
    return _hide_px(_combine(formulas.intravertebral_instability, first["anterior_height"], second["anterior_height"]))


def posture_findings(before: RadiographMeasurement, after: RadiographMeasurement) -> tuple[Finding, ...]:
    """A warning when two films were taken in unlike or unknown posture."""
    first, second = posture_of(before), posture_of(after)
    if first is not None and first == second:
        return ()
    if first is None or second is None:
        names = [m.reference.name for m, p in ((before, first), (after, second)) if p is None]
        text = (
            f"posture is not known for {' and '.join(names)}; lying or sitting alone moves heights by 6 mm and angles "
            "by 10°: compare films of one posture only"
        )
        return (Finding("posture-unknown", Severity.WARNING, text),)
    text = (
        f"postures are {first} and {second}; lying or sitting alone moves heights by 6 mm and angles by 10°: "
        "compare films of one posture only"
    )
    return (Finding("posture-unlike", Severity.WARNING, text),)


def posture_of(film: RadiographMeasurement) -> str | None:
    """The posture the header names (PatientPosition), upper case, or None.

    The codes of DICOM for head or feet first come down to SUPINE, PRONE and DECUBITUS.
    """
    text = (film.reference.patient_position or "").strip().upper()
    if text[:2] in ("HF", "FF"):
        return {"S": "SUPINE", "P": "PRONE"}.get(text[2:], "DECUBITUS")
    return None if text in ("", "UNKNOWN") else text


def _both(
    before: RadiographMeasurement, after: RadiographMeasurement, level: VertebralLevel, scale: CommonScale
) -> tuple[dict[str, Quantity], dict[str, Quantity]]:
    """Quantities of the level on both films, lengths on the common scale."""
    ends = instrumented_ends(after.landmarks) or instrumented_ends(before.landmarks)
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
    sign = facing_sign_of(film.landmarks, film.spacing)
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


def _combine(function: Callable[..., FloatArray], *parts: Quantity, unit: str | None = None) -> Quantity:
    """``function`` of independent quantities; missing when one is missing."""
    unit = unit or parts[0].unit
    lacking = next((q for q in parts if q.value is None), None)
    if lacking is not None:
        return Quantity.missing(unit, lacking.caveat or "a part of it is missing")
    errors = [np.nan if q.standard_error is None else q.standard_error for q in parts]
    values = [0.0 if q.value is None else q.value for q in parts]
    result = propagate_values(lambda v: function(*np.moveaxis(v, -1, 0))[..., None], values, errors)
    caveat = join_caveats(*(q.caveat for q in parts))
    return to_quantity(result, 0, unit, "undefined: its denominator is 0", caveat)


def _restoration_rate(before: Quantity, after: Quantity, reference: Quantity) -> Quantity:
    if before.value is not None and reference.value is not None:
        lost = _combine(lambda r, b: r - b, reference, before)
        guard = 0.0 if lost.interval is None else lost.interval.half_width
        if lost.value is not None and lost.value <= guard:
            why = f"undefined: the height lost before, {lost.text()}, cannot be told from 0"
            return Quantity.missing("%", why)
    return _combine(formulas.height_restoration_rate, before, after, reference, unit="%")


def _correction_rate(before: Quantity, after: Quantity, mdc: float | None) -> Quantity:
    guard = USUAL_MDC_DEG if mdc is None else mdc
    if before.value is not None and abs(before.value) <= guard:
        why = f"undefined: the angle before, {before.value:.1f}°, is within the detectable change of {guard:.1f}°"
        return Quantity.missing("%", why)
    return _combine(lambda b, a: formulas.correction_rate(b, a, guard), before, after, unit="%")


Quantities = dict[str, Quantity]


def _gains(first: Quantities, second: Quantities, changes: dict[str, Change]) -> Quantities:
    """What the operation won, or what is left of it at the last follow-up."""
    height = "anterior_height"
    cobb = "segmental_cobb"
    result = {
        "height_restoration": _combine(formulas.height_restoration, first[height], second[height]),
        "height_restoration_rate": _restoration_rate(first[height], second[height], first["reference_height"]),
        "height_gain_rate": _combine(formulas.height_gain_rate, first[height], second[height], unit="%"),
        "wedge_correction": _combine(formulas.kyphosis_correction, first["wedge_angle"], second["wedge_angle"]),
    }
    if cobb in first and cobb in second:
        result["kyphosis_correction"] = _combine(formulas.kyphosis_correction, first[cobb], second[cobb])
        result["correction_rate"] = _correction_rate(first[cobb], second[cobb], changes[cobb].mdc95)
    return result


def _losses(first: Quantities, second: Quantities, changes: dict[str, Change]) -> Quantities:
    """What was lost again after the operation."""
    height, cobb = "anterior_height", "segmental_cobb"
    result = {"height_loss_after_surgery": _combine(formulas.height_loss_after_surgery, first[height], second[height])}
    if cobb in first and cobb in second:
        result["loss_of_correction"] = _combine(formulas.loss_of_correction, first[cobb], second[cobb])
    return result


_DERIVED: dict[str, Callable[[Quantities, Quantities, dict[str, Change]], Quantities]] = {
    "correction": _gains,
    "loss": _losses,
    "net": _gains,
}


def _hide_px(quantity: Quantity) -> Quantity:
    """Lengths in pixels serve the ratios only; a reader gets millimetres or nothing."""
    return Quantity.missing("mm", "neither film has a scale") if quantity.unit == "px" else quantity


def _in_mm(change: Change) -> Change:
    if change.before.unit != "px":
        return change
    before, after = _hide_px(change.before), _hide_px(change.after)
    return Change(change.quantity_id, before, after, _hide_px(change.change), None, Verdict.UNKNOWN)

"""All quantities of one vertebra, with intervals and caveats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import angles, heights
from kummell_ai.geometry.propagation import Function, Propagated, propagate
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.neighbours import find_references
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.measurement.scale import NO_SPACING, isotropic, isotropic_covariance, length_caveat
from kummell_ai.quantities import Z95, Interval, Quantity

FloatArray = NDArray[np.float64]

NOT_SEEN = "a corner it needs is not seen"
TOO_WIDE: dict[str, float] = {"mm": 6.5, "deg": 12.0, "%": 25.0}
"""Half width of a calibrated 95 % interval by unit beyond which a number is withheld.

That is what an operation typically changes: Cobb angle 22.4 to 10.1 degrees, height loss 48 to 22.5 % (Park 2015,
cement-augmented percutaneous short fixation), which is 6.5 mm of a height of 26 mm.
"""

_GRADE_CAVEAT = "derived from the anterior height; a reader's grade may differ"

_BODY_LENGTHS = ("anterior_height", "middle_height", "posterior_height", "superior_depth", "inferior_depth")
_BODY_ANGLES_AND_RATIOS = (("wedge_angle", "deg"), ("wedge_ratio", "%"), ("compression", "%"))


def measure_vertebra(
    vertebrae: Sequence[VertebraLandmarks],
    index: int,
    spacing: PixelSpacing,
    facing_sign: float,
    *,
    length_unit: str | None = None,
) -> dict[str, Quantity]:
    """Quantities of ``vertebrae[index]`` by id, in table order.

    Args:
        vertebrae: of one film, cranial to caudal; the others serve as the height reference.
        index: of the vertebra measured.
        spacing: of the film.
        facing_sign: +1 front to the right, -1 to the left.
        length_unit: ``mm`` or ``px``; by default mm, and lengths are missing where the film has no scale.
    """
    body = vertebrae[index]
    if length_unit is None and not spacing.is_metric:
        unit, why_no_length = "mm", NO_SPACING
    else:
        unit, why_no_length = length_unit or "mm", None
    lengths_note = length_caveat(spacing)
    own = propagated([body], spacing, lambda p: _body_quantities(p, facing_sign))
    result = {}
    for i, name in enumerate(_BODY_LENGTHS):
        missing = why_no_length or ("four corners do not show it" if name == "middle_height" else NOT_SEEN)
        result[name] = (
            Quantity.missing(unit, missing)
            if why_no_length
            else calibrated_quantity(own, i, name, unit, missing, lengths_note, body.interval_factors)
        )
    for i, (name, ratio_unit) in enumerate(_BODY_ANGLES_AND_RATIOS, start=len(_BODY_LENGTHS)):
        why, note = _why_missing(body), _ratio_caveat(body, name)
        result[name] = calibrated_quantity(own, i, name, ratio_unit, why, note, body.interval_factors)
    result |= _reference_quantities(vertebrae, index, spacing, unit, why_no_length)
    if body.level is VertebralLevel.S1:
        kept = {"superior_depth": result["superior_depth"]}
        result = {
            i: Quantity.missing(q.unit, "the sacrum has a superior endplate only") for i, q in result.items()
        } | kept
    order = (*_BODY_LENGTHS, "wedge_angle", "wedge_ratio", "reference_height", "height_loss", "compression")
    return {name: result[name] for name in (*order, "height_derived_grade")}


def propagated(bodies: Sequence[VertebraLandmarks], spacing: PixelSpacing, function: Function) -> Propagated:
    """``function`` of the stacked points of ``bodies`` (P, 2), isotropic; covariance NaN where it is not known."""
    points = np.concatenate([isotropic(body.points_px, spacing) for body in bodies])
    if all(body.covariance_px is None for body in bodies):
        value = np.asarray(function(points), dtype=np.float64)
        return Propagated(value, np.full((*value.shape, value.shape[-1]), np.nan))
    covariances = [
        np.full((*body.points_px.shape, 2), np.nan)
        if body.covariance_px is None
        else isotropic_covariance(body.covariance_px, spacing)
        for body in bodies
    ]
    return propagate(function, points, np.concatenate(covariances))


def calibrated_quantity(
    result: Propagated,
    i: int,
    name: str,
    unit: str,
    missing: str,
    caveat: str | None,
    factors: IntervalFactors | None,
) -> Quantity:
    """`to_quantity` of the quantity ``name`` with its factor, withheld when its calibrated interval says nothing.

    An interval that nobody calibrated may be too wide by itself and is never a reason to withhold a number.
    """
    if factors is None:
        return to_quantity(result, i, unit, missing, caveat)
    quantity = to_quantity(result, i, unit, missing, caveat, factors.of(name))
    limit = TOO_WIDE.get(unit)
    if quantity.interval is None or limit is None or not factors.has(name) or quantity.interval.half_width <= limit:
        return quantity
    sign = "°" if unit == "deg" else f" {unit}"
    text = f"not measurable: its 95 % interval is ± {apart_from(quantity.interval.half_width, limit, digits=1)}{sign}"
    return Quantity.missing(unit, f"{text}, more than a typical correction of {limit:g}{sign}; look at its corners")


def to_quantity(
    result: Propagated, i: int, unit: str, missing: str, caveat: str | None = None, factor: float = 1.0
) -> Quantity:
    """Quantity ``i`` of a propagation; without an interval where the covariance is not known.

    Args:
        result: of the propagation.
        i: which of its quantities.
        unit: of the quantity.
        missing: why there is no value, if there is none.
        caveat: what a reader must know.
        factor: on the propagated standard error.
    """
    value, error = float(result.value[i]), factor * float(result.standard_error[i])
    if not np.isfinite(value):
        return Quantity.missing(unit, missing)
    if not np.isfinite(error):
        return Quantity(value, unit, None, caveat)
    return Quantity(value, unit, Interval(value - Z95 * error, value + Z95 * error), caveat)


def join_caveats(*caveats: str | None) -> str | None:
    """The caveats that are there, each once, as one text."""
    return "; ".join(dict.fromkeys(c for c in caveats if c)) or None


def split_bodies(points: FloatArray, bodies: Sequence[VertebraLandmarks]) -> list[FloatArray]:
    """The stacked points (..., P, 2) of several vertebrae, apart again: each (..., 4|6, 2)."""
    ends = np.cumsum([len(body.points_px) for body in bodies])[:-1]
    return list(np.split(points, ends, axis=-2))


def _body_quantities(points: FloatArray, facing_sign: float) -> FloatArray:
    return np.stack(
        [
            heights.anterior_height(points),
            heights.middle_height(points),
            heights.posterior_height(points),
            heights.endplate_depth(points, Endplate.SUPERIOR),
            heights.endplate_depth(points, Endplate.INFERIOR),
            angles.wedge_angle(points, facing_sign),
            heights.wedge_ratio(points),
            heights.compression(points),
        ],
        axis=-1,
    )


def _why_missing(body: VertebraLandmarks) -> str:
    if np.isfinite(body.corners_px).all():
        return "an endplate or the posterior wall has no length, or the side of the front cannot be told"
    return NOT_SEEN


def _ratio_caveat(body: VertebraLandmarks, name: str) -> str | None:
    no_middle = len(body.points_px) == 4 or not np.isfinite(body.points_px[4:]).all()
    return "middle height not seen: anterior height only" if name == "compression" and no_middle else None


def _reference_quantities(
    vertebrae: Sequence[VertebraLandmarks],
    index: int,
    spacing: PixelSpacing,
    unit: str,
    why_no_length: str | None,
) -> dict[str, Quantity]:
    """Reference height, height loss and the grade derived from it."""
    body = vertebrae[index]
    references = find_references(vertebrae, index, spacing)
    if not references.bodies:
        why = references.caveat or "no reference"
        return {
            "reference_height": Quantity.missing(unit, why),
            "height_loss": Quantity.missing("%", why),
            "height_derived_grade": Quantity.missing("1", why),
        }
    bodies = [body, *references.bodies]

    def function(points: FloatArray) -> FloatArray:
        own, *others = split_bodies(points, bodies)
        reference = heights.reference_height(*others)
        return np.stack([reference, heights.height_loss(heights.anterior_height(own), reference)], axis=-1)

    result = propagated(bodies, spacing, function)
    note = join_caveats(length_caveat(spacing), references.caveat)
    factors = body.interval_factors
    height = (
        Quantity.missing(unit, why_no_length)
        if why_no_length
        else calibrated_quantity(result, 0, "reference_height", unit, NOT_SEEN, note, factors)
    )
    loss = calibrated_quantity(result, 1, "height_loss", "%", NOT_SEEN, references.caveat, factors)
    if loss.value is None:
        grade = Quantity.missing("1", loss.caveat or NOT_SEEN)
    else:
        number = float(heights.height_derived_grade(loss.value))
        grade = Quantity(number, "1", None, join_caveats(_GRADE_CAVEAT, references.caveat))
    return {"reference_height": height, "height_loss": loss, "height_derived_grade": grade}

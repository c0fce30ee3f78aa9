"""Angles over several vertebrae: segmental Cobb, local kyphosis, sagittal index, surgical segments, any pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import angles
from kummell_ai.geometry.vertebra import signed_area
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks, repeated_levels
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors, stratum_of
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.neighbours import above, below
from kummell_ai.measurement.results import NO_INFERIOR, SegmentMeasurement
from kummell_ai.measurement.vertebrae import (
    NOT_SEEN,
    FloatArray,
    calibrated_quantity,
    join_caveats,
    propagated,
    split_bodies,
)
from kummell_ai.quantities import Interval, Quantity


def measure_angle(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    facing_sign: float,
    upper: tuple[VertebralLevel, Endplate],
    lower: tuple[VertebralLevel, Endplate],
    *,
    quantity_id: str = "cobb",
    index_level: VertebralLevel | None = None,
    deciding: Sequence[VertebraLandmarks] | None = None,
) -> SegmentMeasurement:
    """Cobb angle between any two endplates of a film; missing, with the reason, where a vertebra is not there.

    Args:
        landmarks: of the film.
        spacing: of the film (its aspect decides).
        facing_sign: +1 front to the right, -1 to the left.
        upper: cranial level and endplate.
        lower: caudal level and endplate; may be the same vertebra.
        quantity_id: id the angle is filed under.
        index_level: the vertebra it is about.
        deciding: the vertebrae whose stratum decides how wide its interval is; the one it is about, when absent.

    Raises:
        ValueError: ``upper`` is caudal of ``lower``.
    """
    if upper[0] > lower[0]:
        raise ValueError(f"upper level {upper[0]} is caudal of lower level {lower[0]}; give the cranial one first")
    if deciding is None and index_level is not None:
        body = landmarks.at(index_level)
        deciding = None if body is None else [body]
    if lower == (VertebralLevel.S1, Endplate.INFERIOR):
        about = f"; the angle is not defined for {index_level}" if quantity_id == "segmental_cobb" else ""
        angle = Quantity.missing("deg", f"{NO_INFERIOR}{about}")
    else:
        angle = _angle(landmarks, spacing, facing_sign, (upper, lower), deciding, quantity_id)
    return SegmentMeasurement(quantity_id, index_level, upper[0], upper[1].value, lower[0], lower[1].value, angle)


def _angle(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    facing_sign: float,
    ends: tuple[tuple[VertebralLevel, Endplate], tuple[VertebralLevel, Endplate]],
    deciding: Sequence[VertebraLandmarks] | None,
    quantity_id: str,
) -> Quantity:
    upper, lower = ends
    first, second = landmarks.at(upper[0]), landmarks.at(lower[0])
    if first is None or second is None:
        absent = upper[0] if first is None else lower[0]
        return Quantity.missing("deg", f"{absent} is not found on the film")
    twice = repeated_levels(landmarks.vertebrae) & {upper[0], lower[0]}
    if twice:
        return Quantity.missing("deg", f"several vertebrae of the film are called {min(twice)}; correct the names")
    bodies = [first] if first is second else [first, second]

    def function(points: FloatArray) -> FloatArray:
        parts = split_bodies(points, bodies)
        return angles.endplate_angle(parts[0], upper[1], parts[-1], lower[1], facing_sign)[..., None]

    uncertain = [str(b.level) for b in bodies if b.level_probability is not None and b.level_probability < 0.5]
    caveat = f"the name of {' and '.join(uncertain)} is uncertain" if uncertain else None
    factors = _deciding_factors(deciding or bodies)
    return calibrated_quantity(propagated(bodies, spacing, function), 0, quantity_id, "deg", NOT_SEEN, caveat, factors)


def _deciding_factors(bodies: Sequence[VertebraLandmarks]) -> IntervalFactors | None:
    """The factors of a segment's angle: those of the first stratum among the vertebrae that decide."""
    factors = [body.interval_factors for body in bodies if body.interval_factors is not None]
    return min(factors, key=lambda f: STRATA.index(f.stratum), default=None)


def measure_segments(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    facing_sign: float,
    index_level: VertebralLevel | None = None,
) -> tuple[SegmentMeasurement, ...]:
    """Segmental Cobb, local kyphosis and sagittal index about every level, and the surgical segments if seen.

    About ``index_level`` the angles are listed also where they are missing, with the reason; of T1, above which no
    level has a name, and of the sacrum there are none that end at what does not exist.
    """
    present = {v.level for v in landmarks.vertebrae if v.level is not None}
    wanted = present if index_level is None else present | {index_level}
    result: list[SegmentMeasurement] = []
    for level in sorted(wanted):
        result += _about(landmarks, spacing, facing_sign, level, keep_missing=level is index_level)
    ends = instrumented_ends(landmarks)
    if ends is not None:
        about = index_level or _bridged(ends, present)
        result.append(surgical_segment(landmarks, spacing, facing_sign, ends, about))
    return tuple(result)


def _about(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    facing_sign: float,
    level: VertebralLevel,
    keep_missing: bool,
) -> list[SegmentMeasurement]:
    present = {v.level for v in landmarks.vertebrae}
    upper, lower = above(level, present), below(level, present)
    result = []
    if upper is not None and lower is not None and (keep_missing or {upper, lower} <= present):
        cobb = measure_angle(
            landmarks, spacing, facing_sign, (upper, Endplate.SUPERIOR), (lower, Endplate.INFERIOR),
            quantity_id="segmental_cobb", index_level=level,
        )  # fmt: skip
        result += [cobb, _sagittal_index(cobb, level)]
    if upper is not None and (keep_missing or {upper, level} <= present):
        local = measure_angle(
            landmarks, spacing, facing_sign, (upper, Endplate.SUPERIOR), (level, Endplate.INFERIOR),
            quantity_id="local_kyphosis", index_level=level,
        )  # fmt: skip
        result.insert(1, local)
    return [s for s in result if keep_missing or s.angle.value is not None or s.quantity_id != "sagittal_index"]


def _sagittal_index(cobb: SegmentMeasurement, level: VertebralLevel) -> SegmentMeasurement:
    return SegmentMeasurement(
        "sagittal_index", level, cobb.upper, cobb.upper_endplate, cobb.lower, cobb.lower_endplate,
        sagittal_index_of(cobb.angle, level),
    )  # fmt: skip


def sagittal_index_of(cobb: Quantity, level: VertebralLevel) -> Quantity:
    """Farcy's sagittal index from a segmental Cobb angle; missing where the level has no normal value."""
    if cobb.value is None:
        return Quantity.missing("deg", cobb.caveat or NOT_SEEN)
    if level not in angles.NORMAL_SEGMENTAL:
        known = ", ".join(str(known) for known in angles.NORMAL_SEGMENTAL)
        return Quantity.missing("deg", f"no normal segmental angle is known for {level}, only for {known}")
    normal = angles.NORMAL_SEGMENTAL[level]
    value = float(angles.sagittal_index(cobb.value, level))
    moved = value - cobb.value
    interval = cobb.interval and Interval(cobb.interval.low + moved, cobb.interval.high + moved)
    caveat = (
        f"normal for {level} {normal.mean_deg:+.1f} ± {normal.sd_deg:.1f}° (n = {normal.n}), its spread not counted"
    )
    return Quantity(value, "deg", interval, join_caveats(cobb.caveat, caveat))


def instrumented_ends(landmarks: SpineLandmarks) -> tuple[VertebralLevel, VertebralLevel] | None:
    """The upper and lower instrumented level of a film; None with fewer than two."""
    levels = sorted(v.level for v in landmarks.vertebrae if "instrumented" in v.flags and v.level is not None)
    return (levels[0], levels[-1]) if len(levels) >= 2 else None


def _bridged(ends: tuple[VertebralLevel, VertebralLevel], present: set[VertebralLevel]) -> VertebralLevel | None:
    """The one level between the ends, or None when there are more or none."""
    level = below(ends[0], present)
    return level if level is not None and below(level, present) is ends[1] else None


def surgical_segment(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    facing_sign: float,
    ends: tuple[VertebralLevel, VertebralLevel],
    index_level: VertebralLevel | None = None,
) -> SegmentMeasurement:
    """Cobb angle of the surgical segments: superior endplate of the upper to inferior endplate of the lower end."""
    return measure_angle(
        landmarks, spacing, facing_sign, (ends[0], Endplate.SUPERIOR), (ends[1], Endplate.INFERIOR),
        quantity_id="surgical_segment_cobb", index_level=index_level, deciding=_within(landmarks, ends),
    )  # fmt: skip


def segment_stratum(landmarks: SpineLandmarks, ends: tuple[VertebralLevel, VertebralLevel]) -> str:
    """The stratum that decides how wide the interval of the angle of the surgical segments is."""
    return min((stratum_of(body.flags) for body in _within(landmarks, ends)), key=STRATA.index, default=STRATA[-1])


def _within(landmarks: SpineLandmarks, ends: tuple[VertebralLevel, VertebralLevel]) -> list[VertebraLandmarks]:
    return [v for v in landmarks.vertebrae if v.level is not None and ends[0] <= v.level <= ends[1]]


def facing_sign_of(landmarks: SpineLandmarks) -> float:
    """+1 when the bodies' points face right, -1 left, NaN when they do not tell; all bodies vote with their area."""
    total = sum(float(signed_area(v.points_px)) for v in landmarks.vertebrae)
    return float(np.sign(total)) if total else float("nan")

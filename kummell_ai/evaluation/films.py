"""One film's prediction held against its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.errors import FilmRefusedError
from kummell_ai.evaluation.matching import MIN_CORNERS, corners_seen, cranial_first, is_asked_for, match_vertebrae
from kummell_ai.evaluation.points import corner_errors
from kummell_ai.evaluation.results import FilmResult, QuantityError, VertebraResult
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import measure_radiograph
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import RadiographMeasurement
from kummell_ai.measurement.segments import segment_stratum
from kummell_ai.quantities import Quantity

OF_VERTEBRA = (
    "anterior_height",
    "wedge_angle",
    "height_loss",
    "middle_height",
    "posterior_height",
    "superior_depth",
    "inferior_depth",
    "wedge_ratio",
    "compression",
    "reference_height",
)
OF_SEGMENT = ("segmental_cobb", "local_kyphosis", "surgical_segment_cobb")

_UNITS = {"mm": "mm", "deg": "deg", "%": "percent"}


def evaluate_film(
    predicted: SpineLandmarks,
    truth: SpineLandmarks,
    spacing: PixelSpacing,
    *,
    size_px: tuple[int, int],
    phase: Phase = Phase.UNKNOWN,
    index_level: VertebralLevel | None = None,
    truth_3d: Mapping[str, float] | None = None,
) -> FilmResult:
    """Points, names and quantities of a film against the truth.

    Quantities are compared on matched vertebrae under their true names, so that a wrong name costs level accuracy and
    nothing else. What is on a vertebra is as predicted: a fracture that was not told makes a wrong reference.

    Args:
        predicted: what was located.
        truth: the true landmarks of the same film, in any order.
        spacing: of the film.
        size_px: (width, height) of the film.
        phase: of the film.
        index_level: the injured vertebra, for ``truth_3d``.
        truth_3d: true values of the bones by id and unit, for example ``wedge_angle_deg``.
    """
    truth = cranial_first(truth)
    matching = match_vertebrae(predicted, truth, spacing)
    partner = dict(matching.pairs)
    renamed = _with_true_names(predicted, truth, matching.pairs)
    pair = (_measure(renamed, spacing, size_px), _measure(truth, spacing, size_px))
    results = []
    for i, body in enumerate(truth.vertebrae):
        if not is_asked_for(body):
            continue
        if i not in partner:
            results.append(_missed(body, index_level))
            continue
        found = predicted.vertebrae[partner[i]]
        is_index = _is_index(body, index_level)
        errors, abstained = _quantity_errors(*pair, body.level, truth_3d if truth_3d and is_index else {})
        results.append(
            VertebraResult(
                level=body.level,
                flags=body.flags,
                found=True,
                predicted_level=found.level,
                corners=corner_errors(found, body, spacing),
                quantities=errors,
                corners_seen=corners_seen(body),
                is_index=is_index,
                confidence=found.confidence,
                level_probability=found.level_probability,
                predicted_flags=found.flags,
                abstained=abstained,
                predicted_index=partner[i],
                interval_factors=found.interval_factors,
            )
        )
    film = FilmResult(truth.reference.name, phase, tuple(results), len(matching.false), len(matching.beyond))
    return _with_facts(film, truth, spacing, index_level)


def refused_film(
    truth: SpineLandmarks,
    phase: Phase,
    reason: str,
    spacing: PixelSpacing | None = None,
    index_level: VertebralLevel | None = None,
) -> FilmResult:
    """The result of a film that was refused: every vertebra is missed."""
    missed = tuple(_missed(v, index_level) for v in cranial_first(truth).vertebrae if is_asked_for(v))
    film = FilmResult(truth.reference.name, phase, missed, refused=reason)
    return _with_facts(film, truth, spacing, index_level)


def has_level_landmark(truth: SpineLandmarks) -> bool:
    """Whether the names can be counted from something in view.

    That is the sacrum with its endplate, or the last rib: the lowest thoracic vertebra beside the first lumbar one,
    both with at least three corners on the film.
    """
    sacrum = truth.at(VertebralLevel.S1)
    if sacrum is not None and bool(np.isfinite(sacrum.corners_px[:2]).all()):
        return True
    seen = [v.level for v in truth.vertebrae if v.level is not None and corners_seen(v) >= MIN_CORNERS]
    return VertebralLevel.L1 in seen and any(level in seen for level in (VertebralLevel.T12, VertebralLevel.T13))


def _is_index(body: VertebraLandmarks, index_level: VertebralLevel | None) -> bool:
    return body.level is not None and body.level is index_level


def _missed(body: VertebraLandmarks, index_level: VertebralLevel | None) -> VertebraResult:
    is_index = _is_index(body, index_level)
    return VertebraResult(body.level, body.flags, found=False, corners_seen=corners_seen(body), is_index=is_index)


def _with_facts(
    film: FilmResult, truth: SpineLandmarks, spacing: PixelSpacing | None, index_level: VertebralLevel | None
) -> FilmResult:
    return replace(
        film,
        patient=truth.reference.patient_id,
        index_level=index_level,
        has_level_landmark=has_level_landmark(truth),
        is_metric=spacing is not None and spacing.is_metric,
    )


def _with_true_names(
    predicted: SpineLandmarks, truth: SpineLandmarks, pairs: Sequence[tuple[int, int]]
) -> SpineLandmarks:
    bodies = tuple(
        replace(
            predicted.vertebrae[j],
            level=truth.vertebrae[i].level,
            level_probability=None,
        )
        for i, j in sorted(pairs)
    )
    return replace(predicted, vertebrae=bodies, lateral_probability=None, level_evidence=None)


def _measure(
    landmarks: SpineLandmarks, spacing: PixelSpacing, size_px: tuple[int, int]
) -> RadiographMeasurement | None:
    """Measurement, or None when there is nothing to measure."""
    provenance = build_provenance(model="evaluation")
    try:
        return measure_radiograph(landmarks, spacing, size_px=size_px, provenance=provenance)
    except FilmRefusedError:
        return None


def _quantity_errors(
    measured: RadiographMeasurement | None,
    true: RadiographMeasurement | None,
    level: VertebralLevel | None,
    bones: Mapping[str, float],
) -> tuple[tuple[QuantityError, ...], tuple[str, ...]]:
    """Errors of what both have, and the ids of what only the truth has."""
    if measured is None or true is None or level is None:
        return (), ()
    errors, abstained = [], []
    for name in (*OF_VERTEBRA, *OF_SEGMENT):
        one, other = _quantity(measured, level, name), _quantity(true, level, name)
        if one is None or one.value is None:
            if other is not None and other.value is not None:
                abstained.append(name)
            continue
        stratum = _stratum(measured, level, name)
        if other is not None and other.value is not None:
            errors.append(_error(name, one, one.value, other.value, stratum))
        bone = bones.get(f"{name}_{_UNITS.get(one.unit, one.unit)}")
        if bone is not None:
            errors.append(_error(f"{name}_3d", one, one.value, bone, stratum))
    return tuple(errors), tuple(abstained)


def _quantity(film: RadiographMeasurement, level: VertebralLevel, name: str) -> Quantity | None:
    if name in OF_SEGMENT:
        segment = film.segment(name, level)
        return None if segment is None else segment.angle
    vertebra = film.at(level)
    return None if vertebra is None else vertebra.quantities.get(name)


def _stratum(film: RadiographMeasurement, level: VertebralLevel, name: str) -> str | None:
    """The stratum whose factor an angle over the surgical segments has; None for what has that of its vertebra."""
    segment = film.segment(name, level) if name == "surgical_segment_cobb" else None
    return None if segment is None else segment_stratum(film.landmarks, (segment.upper, segment.lower))


def _error(name: str, quantity: Quantity, measured: float, true: float, stratum: str | None) -> QuantityError:
    interval = quantity.interval
    inside = None if interval is None else bool(interval.low <= true <= interval.high)
    return QuantityError(name, quantity.unit, measured, true, inside, interval, stratum)

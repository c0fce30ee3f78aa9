"""Measurements as plain dictionaries, ready for JSON; the golden form of every output."""

from __future__ import annotations

from typing import Any

import numpy as np

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing
from kummell_ai.landmarks.levels import row_shift
from kummell_ai.measurement.quality import facing_of
from kummell_ai.measurement.results import (
    AppliedScale,
    Change,
    Correction,
    CorrectionReport,
    Finding,
    PhasedMeasurement,
    Provenance,
    RadiographMeasurement,
    SegmentMeasurement,
    VertebraMeasurement,
)
from kummell_ai.quantities import Interval, Quantity

FILM_SCHEMA = "kummell_ai.film/1"
REPORT_SCHEMA = "kummell_ai.report/1"

Json = dict[str, Any]


def to_json(result: RadiographMeasurement | CorrectionReport) -> Json:
    """A film's measurement or a patient's report as a dictionary of plain values.

    Points are image (x, y) px with the origin at the top-left corner of the top-left pixel; a point that is not seen
    is null. A missing number is null and has a caveat. Angles count kyphosis positive.
    """
    return _film(result) if isinstance(result, RadiographMeasurement) else _report(result)


def _film(m: RadiographMeasurement) -> Json:
    return {
        "schema": FILM_SCHEMA,
        "film": {
            **_reference(m.reference),
            "size_px": list(m.size_px),
            "facing": facing_of(m.landmarks).value,
            "lateral_probability": _number(m.landmarks.lateral_probability),
            "spacing": _spacing(m.spacing),
        },
        "level_names": _level_names(m.landmarks.level_evidence),
        "vertebrae": [_vertebra(v) for v in m.vertebrae],
        "segments": [_segment(s) for s in m.segments],
        "findings": [_finding(f) for f in m.findings],
        "provenance": _provenance(m.provenance),
    }


def _report(r: CorrectionReport) -> Json:
    return {
        "schema": REPORT_SCHEMA,
        "patient_id": r.patient_id,
        "index_level": str(r.index_level),
        "index_level_source": r.index_level_source,
        "further_levels": [str(level) for level in r.further_levels],
        "films": [_phased(f) for f in r.films],
        "corrections": [_correction(c) for c in r.corrections],
        "findings": [_finding(f) for f in r.findings],
        "provenance": _provenance(r.provenance),
    }


def _reference(reference: ImageReference) -> Json:
    return {
        "name": reference.name,
        "sha256": reference.sha256,
        "patient_id": reference.patient_id,
        "sop_instance_uid": reference.sop_instance_uid,
        "acquired": reference.acquired.isoformat() if reference.acquired else None,
        "view_position": reference.view_position,
        "patient_position": reference.patient_position,
        "frame_number": reference.frame_number,
        "simulated": reference.simulated,
    }


def _spacing(spacing: PixelSpacing) -> Json:
    return {
        "row_mm": spacing.row_mm if spacing.is_metric else None,
        "column_mm": spacing.column_mm if spacing.is_metric else None,
        "pixel_aspect": spacing.row_mm / spacing.column_mm,
        "calibration": spacing.calibration.value,
        "magnification": spacing.magnification,
    }


def _level_names(evidence: LevelEvidence | None) -> Json | None:
    if evidence is None:
        return None
    chosen, other = evidence.chosen, evidence.runner_up
    runner_up = other and {
        "names": [str(level) for level in other.levels],
        "probability": other.probability,
        "shift": row_shift(chosen.levels, other.levels),
    }
    return {
        "names": [str(level) for level in chosen.levels],
        "probability": chosen.probability,
        "runner_up": runner_up,
    }


def _vertebra(v: VertebraMeasurement) -> Json:
    return {
        "level": None if v.level is None else str(v.level),
        "level_probability": _number(v.landmarks.level_probability),
        "confidence": float(v.landmarks.confidence),
        "landmarks": _landmarks(v.landmarks),
        "landmark_covariance_px2": _covariances(v.landmarks),
        "flags": sorted(v.landmarks.flags),
        "measurements": {name: _quantity(q) for name, q in v.quantities.items()},
        "findings": [_finding(f) for f in v.findings],
    }


def _landmarks(body: VertebraLandmarks) -> Json:
    points = ((VertebralLandmark(i).key, point) for i, point in enumerate(body.points_px))
    return {key: point.tolist() if np.isfinite(point).all() else None for key, point in points}


def _covariances(body: VertebraLandmarks) -> Json | None:
    if body.covariance_px is None:
        return None
    pairs = ((VertebralLandmark(i).key, matrix) for i, matrix in enumerate(body.covariance_px))
    return {key: matrix.tolist() if np.isfinite(matrix).all() else None for key, matrix in pairs}


def _segment(s: SegmentMeasurement) -> Json:
    return {
        "id": s.quantity_id,
        "index_level": None if s.index_level is None else str(s.index_level),
        "upper": str(s.upper),
        "upper_endplate": s.upper_endplate,
        "lower": str(s.lower),
        "lower_endplate": s.lower_endplate,
        "endplates": s.endplates,
        "angle": _quantity(s.angle),
    }


def _phased(film: PhasedMeasurement) -> Json:
    return {"phase": film.phase.value, "measurement": _film(film.measurement)}


def _correction(c: Correction) -> Json:
    return {
        "name": c.name,
        "before": c.before.value,
        "after": c.after.value,
        "index_level": str(c.index_level),
        "changes": {change.quantity_id: _change(change) for change in c.changes},
        "derived": {name: _quantity(q) for name, q in c.derived.items()},
        "scale": None if c.scale is None else _scale(c.scale),
        "findings": [_finding(f) for f in c.findings],
    }


def _scale(scale: AppliedScale) -> Json:
    rulers = [str(level) for level in scale.rulers]
    return {"film": scale.film, "factor": _quantity(scale.factor), "rulers": rulers}


def _change(change: Change) -> Json:
    return {
        "before": _quantity(change.before),
        "after": _quantity(change.after),
        "change": _quantity(change.change),
        "mdc95": change.mdc95,
        "verdict": change.verdict.value,
    }


def _quantity(q: Quantity) -> Json:
    return {"value": q.value, "unit": q.unit, "interval_95": _interval(q.interval), "caveat": q.caveat}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _finding(f: Finding) -> Json:
    return {
        "code": f.code,
        "severity": f.severity.value,
        "message": f.message,
        "level": None if f.level is None else str(f.level),
    }


def _provenance(p: Provenance) -> Json:
    return {
        "software": p.software,
        "model": p.model,
        "weights_sha256": p.weights_sha256,
        "created": p.created.isoformat(),
        "definitions": p.definitions,
        "input_sha256": list(p.input_sha256),
        "options": dict(p.options),
        "calibrated_on": p.calibrated_on,
        "statement": p.statement,
    }

"""What is true of a simulated film: points, measurements in mm and degrees, the geometry of the exposure.

The bones are measured in the patient's sagittal plane (spatial truth), and once more as the film shows them (projected
truth). Both use the definitions of docs/definitions.md, and so does the reference height: the nearest vertebra on
either side that is not itself fractured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import angles, heights
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR
from kummell_ai.synthesis.anatomy.endplates import endplate_middles
from kummell_ai.synthesis.disease.posture import PosedVertebra
from kummell_ai.synthesis.exposure import Setting

Points = Mapping[VertebralLevel, FloatArray]
Values = Mapping[str, FloatArray | float]

OF_BODY = (
    "anterior_height_mm",
    "middle_height_mm",
    "posterior_height_mm",
    "superior_depth_mm",
    "inferior_depth_mm",
    "wedge_angle_deg",
    "wedge_ratio_percent",
    "compression_percent",
)
"""What `body_measurements` can tell, in the order of tables."""

OF_SEGMENT = (
    *OF_BODY,
    "reference_height_mm",
    "height_loss_percent",
    "height_derived_grade",
    "segmental_cobb_deg",
    "surgical_segment_cobb_deg",
    "local_kyphosis_deg",
    "sagittal_index_deg",
)
"""What `segment_measurements` can tell, in the order of tables."""

FURTHEST = 3
"""Levels beside the injured one among which a reference height is sought."""


@dataclass(frozen=True, slots=True)
class VertebraTruth:
    """One vertebra of a simulated film, whether on the film or not.

    Attributes:
        level: its name.
        rims_mm: (2, 2, 3, 3) in the patient frame, see `BoneTemplate`.
        points_mm: (6, 3) in `VertebralLandmark` order, in the patient frame; NaN for the sacrum's lower middle.
        rims_px, points_px: (2, 2, 3, 2) and (6, 2) where they fall on the film's plane, also beyond its edge.
        flags: ``fractured``, ``instrumented``, ``cemented``.
        fracture: kind of the fracture, or None.
    """

    level: VertebralLevel
    rims_mm: FloatArray
    points_mm: FloatArray
    rims_px: FloatArray
    points_px: FloatArray
    flags: frozenset[str]
    fracture: str | None


def corners_and_middles(rims: FloatArray, middles: FloatArray) -> FloatArray:
    """Six points (6, D) from rims (2, 2, 3, D) and the middles (2, D) of the endplates.

    A corner is the middle of the left and the right rim point.
    """
    c = rims[:, :, [LEFT, RIGHT]].mean(axis=2)
    four = [c[SUPERIOR, ANTERIOR], c[SUPERIOR, POSTERIOR], c[INFERIOR, ANTERIOR], c[INFERIOR, POSTERIOR]]
    return np.stack([*four, *middles])


def vertebra_truth(
    vertebra: PosedVertebra, setting: Setting, frame: ScaleShift, flags: frozenset[str], fracture: str | None
) -> VertebraTruth:
    """Truth of a posed vertebra; ``frame`` leads from the left-facing exposure to the film."""
    middles = vertebra.place(endplate_middles(vertebra.plan.template))

    def on_film(points_mm: FloatArray) -> FloatArray:
        return frame.apply(setting.beam.project(points_mm @ setting.turn.T))

    rims_px = on_film(vertebra.rims_mm)
    return VertebraTruth(
        vertebra.level,
        vertebra.rims_mm,
        corners_and_middles(vertebra.rims_mm, middles),
        rims_px,
        corners_and_middles(rims_px, on_film(middles)),
        flags,
        fracture,
    )


def sagittal(points_mm: FloatArray) -> FloatArray:
    """Points (..., 3) in the patient frame -> (..., 2) in the sagittal plane as a left-facing film shows it, y down."""
    return np.stack([-points_mm[..., 0], -points_mm[..., 2]], axis=-1)


def projection_matrix(setting: Setting, frame: ScaleShift) -> FloatArray:
    """Matrix (3, 4) from the patient frame (x, y, z, 1) in mm to film pixels, homogeneous; ``frame`` as above."""
    sx, sy, sz = setting.beam.source_mm
    (left, top), pixel = setting.beam.origin_mm, setting.beam.pixel_mm
    exposure = np.array(
        [[-sy, sx - left, 0.0, left * sy], [0.0, sz - top, -sy, top * sy], [0.0, -pixel, 0.0, pixel * sy]]
    )
    to_film = np.array([[frame.scale_x, 0.0, frame.shift_x], [0.0, frame.scale_y, frame.shift_y], [0.0, 0.0, 1.0]])
    turned = np.eye(4)
    turned[:3, :3] = setting.turn
    matrix: FloatArray = to_film @ exposure @ turned / (pixel * sy)
    return matrix


def exposure_geometry(setting: Setting, frame: ScaleShift) -> dict[str, Any]:
    """The exposure as JSON values: distances and pixel sizes (mm), tube voltage (kV), turn and projection matrix."""
    to_patient = float(setting.beam.source_mm[1])
    return {
        "source_to_detector_mm": round(to_patient * setting.magnification, 3),
        "source_to_patient_mm": round(to_patient, 3),
        "magnification": round(setting.magnification, 5),
        "pixel_at_patient_mm": round(setting.beam.pixel_mm, 6),
        "pixel_at_detector_mm": round(setting.beam.pixel_mm * setting.magnification, 6),
        "tube_kv": round(setting.tube_kv, 2),
        "turn": np.round(setting.turn, 6).tolist(),
        "projection": [[float(f"{value:.9g}") for value in row] for row in projection_matrix(setting, frame)],
    }


def body_measurements(points: FloatArray) -> dict[str, float]:
    """Heights, depths (mm), angle (deg) and ratios (%) of one body from its points (4|6, 2) mm; what is seen."""
    values = (
        heights.anterior_height(points),
        heights.middle_height(points),
        heights.posterior_height(points),
        heights.endplate_depth(points, Endplate.SUPERIOR),
        heights.endplate_depth(points, Endplate.INFERIOR),
        angles.wedge_angle(points),
        heights.wedge_ratio(points),
        heights.compression(points),
    )
    return _known(dict(zip(OF_BODY, values, strict=True)))


def segment_measurements(
    points: Points,
    index: VertebralLevel,
    fractured: Collection[VertebralLevel] = (),
    screws: Sequence[VertebralLevel] = (),
) -> dict[str, float]:
    """Measurements of the injured level and of the segment about it.

    Args:
        points: (4|6, 2) mm by level, all of one patient; NaN = not seen.
        index: injured vertebra.
        fractured: levels that cannot serve as a height reference.
        screws: instrumented levels, cranial to caudal.

    Returns:
        Values by id with their unit in the name; what cannot be told is left out.
    """
    order = sorted(points, key=lambda level: level.index)
    k = order.index(index)
    body, own = points[index], body_measurements(points[index])
    beside = (order[:k][::-1], order[k + 1 :])
    references = [points[level] for side in beside if (level := _reference(points, side, fractured)) is not None]
    values: dict[str, FloatArray | float] = {}
    if references:
        reference = heights.reference_height(*references)
        loss = heights.height_loss(heights.anterior_height(body), reference)
        values |= {
            "reference_height_mm": reference,
            "height_loss_percent": loss,
            "height_derived_grade": heights.height_derived_grade(loss),
        }
    if 0 < k < len(order) - 1:
        cobb = angles.segmental_cobb(points[order[k - 1]], points[order[k + 1]])
        values["segmental_cobb_deg"] = cobb
        if index in angles.NORMAL_SEGMENTAL:
            values["sagittal_index_deg"] = angles.sagittal_index(cobb, index)
    if k > 0:
        values["local_kyphosis_deg"] = angles.local_kyphosis(points[order[k - 1]], body)
    if len(screws) > 1:
        values["surgical_segment_cobb_deg"] = angles.segmental_cobb(points[screws[0]], points[screws[-1]])
    return own | _known(values)


def true_measurements(
    points_mm: Points,
    index: VertebralLevel,
    fractured: Collection[VertebralLevel] = (),
    screws: Sequence[VertebralLevel] = (),
) -> dict[str, float]:
    """`segment_measurements` of points (4|6, 3) in the patient frame, measured in the sagittal plane."""
    return segment_measurements({level: sagittal(p) for level, p in points_mm.items()}, index, fractured, screws)


def _reference(
    points: Points, beside: Sequence[VertebralLevel], fractured: Collection[VertebralLevel]
) -> VertebralLevel | None:
    for level in beside[:FURTHEST]:
        seen = bool(np.isfinite(points[level][:4]).all())
        if seen and level not in fractured and level is not VertebralLevel.S1:
            return level
    return None


def _known(values: Values) -> dict[str, float]:
    """The finite values, rounded to 0.0001."""
    return {name: round(float(value), 4) for name, value in values.items() if math.isfinite(float(value))}

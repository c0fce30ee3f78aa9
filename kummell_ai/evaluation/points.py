"""Corner errors: how far, along which direction, in which unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing

_PARTNER = {
    VertebralLandmark.SUPERIOR_ANTERIOR: VertebralLandmark.SUPERIOR_POSTERIOR,
    VertebralLandmark.SUPERIOR_POSTERIOR: VertebralLandmark.SUPERIOR_ANTERIOR,
    VertebralLandmark.INFERIOR_ANTERIOR: VertebralLandmark.INFERIOR_POSTERIOR,
    VertebralLandmark.INFERIOR_POSTERIOR: VertebralLandmark.INFERIOR_ANTERIOR,
}


@dataclass(frozen=True, slots=True)
class CornerErrors:
    """Errors of the four corners of one matched vertebra; NaN where a corner is not seen in either.

    Attributes:
        offset_px: (4, 2) predicted minus true, image (x, y) px.
        distance_px: (4,) px.
        distance_mm: (4,) mm; NaN without spacing.
        percent: (4,) % of the true body's depth, with the pixel aspect applied.
        normal_percent: (4,) part across the true endplate, % of depth; this part turns an angle.
        tangential_percent: (4,) part along the true endplate, % of depth.
    """

    offset_px: FloatArray
    distance_px: FloatArray
    distance_mm: FloatArray
    percent: FloatArray
    normal_percent: FloatArray
    tangential_percent: FloatArray


def corner_errors(predicted: VertebraLandmarks, truth: VertebraLandmarks, spacing: PixelSpacing) -> CornerErrors:
    """Errors of ``predicted`` against its true partner.

    >>> body = VertebraLandmarks(np.array([[0.0, 0], [40, 0], [0, 30], [40, 30]]))
    >>> moved = VertebraLandmarks(body.points_px + [0.0, 2.0])
    >>> errors = corner_errors(moved, body, PixelSpacing.unknown())
    >>> errors.percent.tolist(), errors.tangential_percent.tolist()
    ([5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 0.0])
    """
    frame = ScaleShift.resize(spacing.column_mm, spacing.row_mm)
    true = frame.apply(truth.corners_px)
    offset = frame.apply(predicted.corners_px) - true
    along = np.stack([_unit(true[_PARTNER[corner]] - true[corner]) for corner in _PARTNER])
    depth = VertebraLandmarks(true).depth_px
    distance = np.linalg.norm(offset, axis=-1)
    tangential = np.abs((offset * along).sum(axis=-1))
    normal = np.abs(offset[:, 0] * along[:, 1] - offset[:, 1] * along[:, 0])
    offset_px = predicted.corners_px - truth.corners_px
    return CornerErrors(
        offset_px=offset_px,
        distance_px=np.linalg.norm(offset_px, axis=-1),
        distance_mm=distance if spacing.is_metric else np.full(len(distance), np.nan),
        percent=100.0 * distance / depth,
        normal_percent=100.0 * normal / depth,
        tangential_percent=100.0 * tangential / depth,
    )


def _unit(vector: FloatArray) -> FloatArray:
    """``vector`` at length 1; NaN when it has no length."""
    length = float(np.linalg.norm(vector))
    unit: FloatArray = vector / length if length > 0 else np.full(2, np.nan)
    return unit

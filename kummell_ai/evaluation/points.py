"""Corner errors: how far, along which direction, in which unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing

ELLIPSE_95 = 5.991464547107979
"""95 % quantile of the chi-square distribution with 2 degrees of freedom."""

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
        normal_mm, tangential_mm: (4,) the same parts in mm; NaN without spacing.
        mahalanobis2: (4,) squared error in units of the predicted covariance; at most `ELLIPSE_95` where the truth
            lies in the 95 % ellipse; NaN without a covariance.
        ellipse_percent: (4,) radius of the disc that is as large as the 95 % ellipse, % of depth; NaN without one.
    """

    offset_px: FloatArray
    distance_px: FloatArray
    distance_mm: FloatArray
    percent: FloatArray
    normal_percent: FloatArray
    tangential_percent: FloatArray
    normal_mm: FloatArray
    tangential_mm: FloatArray
    mahalanobis2: FloatArray
    ellipse_percent: FloatArray


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
    covariance = _corner_covariance(predicted, frame)
    in_mm = 1.0 if spacing.is_metric else np.nan
    return CornerErrors(
        offset_px=offset_px,
        distance_px=np.linalg.norm(offset_px, axis=-1),
        distance_mm=in_mm * distance,
        percent=100.0 * distance / depth,
        normal_percent=100.0 * normal / depth,
        tangential_percent=100.0 * tangential / depth,
        normal_mm=in_mm * normal,
        tangential_mm=in_mm * tangential,
        mahalanobis2=_mahalanobis2(offset, covariance),
        ellipse_percent=100.0 * np.sqrt(ELLIPSE_95 * np.sqrt(_determinant(covariance))) / depth,
    )


def _corner_covariance(body: VertebraLandmarks, frame: ScaleShift) -> FloatArray:
    """Covariance (4, 2, 2) of the corners in ``frame``; NaN where it is not known."""
    if body.covariance_px is None:
        return np.full((len(_PARTNER), 2, 2), np.nan)
    return frame.apply_covariance(body.covariance_px[: len(_PARTNER)])


def _determinant(covariance: FloatArray) -> FloatArray:
    """Determinant (...) of covariances (..., 2, 2); NaN where they are not positive definite."""
    value = covariance[..., 0, 0] * covariance[..., 1, 1] - covariance[..., 0, 1] * covariance[..., 1, 0]
    positive: FloatArray = np.where((value > 0) & (covariance[..., 0, 0] > 0), value, np.nan)
    return positive


def _mahalanobis2(offset: FloatArray, covariance: FloatArray) -> FloatArray:
    """Offset' covariance^-1 offset, (...), in closed form."""
    x, y = offset[..., 0], offset[..., 1]
    a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    squared: FloatArray = (d * x * x - 2.0 * b * x * y + a * y * y) / _determinant(covariance)
    return squared


def _unit(vector: FloatArray) -> FloatArray:
    """``vector`` at length 1; NaN when it has no length."""
    length = float(np.linalg.norm(vector))
    unit: FloatArray = vector / length if length > 0 else np.full(2, np.nan)
    return unit

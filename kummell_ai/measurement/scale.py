"""From film pixels to isotropic lengths: millimetres where the film has a scale, pixels with the aspect where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.picture_shape import needed_stretch
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import Finding, Severity
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.quantities import Quantity

NO_SPACING = "the film has no pixel spacing; give it (row and column in mm), or read the ratios"
_JOINT = "; "
"""Between the caveats of a quantity."""
_CAVEATS = {
    Calibration.DETECTOR_PLANE: "mm at the detector, not at the patient (on average 18 % too large)",
    Calibration.ASSUMED: "mm by an assumed pixel size",
}


_USUAL_STRETCH = 1.15
"""`needed_stretch` of a film, or its inverse, beyond which its pixel aspect must be wrong."""
_SQUARE = 0.01
"""Relative difference of row and column spacing below which pixels are square."""


def isotropic(points_px: FloatArray, spacing: PixelSpacing) -> FloatArray:
    """Points (..., 2) px in a plane with one scale: mm, or px with the pixel aspect applied when not metric."""
    return _map(spacing).apply(points_px)


def isotropic_covariance(covariance_px: FloatArray, spacing: PixelSpacing) -> FloatArray:
    """Covariances (..., 2, 2) px² in the frame of `isotropic`."""
    return _map(spacing).apply_covariance(covariance_px)


def _map(spacing: PixelSpacing) -> ScaleShift:
    return ScaleShift.resize(spacing.column_mm, spacing.row_mm)


def length_caveat(spacing: PixelSpacing) -> str | None:
    """What a reader must know before using a length of a film with this spacing."""
    return _CAVEATS.get(spacing.calibration)


def without_length_caveat(quantity: Quantity) -> Quantity:
    """A length as a part of a ratio of lengths on one scale, whatever that scale is."""
    if quantity.caveat is None:
        return quantity
    kept = [caveat for caveat in quantity.caveat.split(_JOINT) if caveat not in _CAVEATS.values()]
    return replace(quantity, caveat=_JOINT.join(kept) or None)


def body_depths(vertebrae: Sequence[VertebraLandmarks], spacing: PixelSpacing) -> FloatArray:
    """Mean length of the endplates that are seen, (V,) in the unit of `isotropic`; NaN = none seen."""
    return np.array(
        [replace(body, points_px=isotropic(body.points_px, spacing), covariance_px=None).depth_px for body in vertebrae]
    )


def stretch_findings(vertebrae: Sequence[VertebraLandmarks], spacing: PixelSpacing) -> tuple[Finding, ...]:
    """Whether the bodies of a film are too long or too high for vertebrae, so that its pixel aspect must be wrong.

    A film whose header has square pixels is not looked at: that is right far more often than a body's shape is usual.
    """
    whole = [v.corners_px for v in vertebrae if v.level is not VertebralLevel.S1 and np.isfinite(v.corners_px).all()]
    is_sure = spacing.calibration not in (Calibration.NONE, Calibration.ASSUMED)
    if len(whole) < 2 or (is_sure and abs(spacing.row_mm / spacing.column_mm - 1.0) <= _SQUARE):
        return ()
    factor = 1.0 / needed_stretch(isotropic(np.stack(whole), spacing))
    if 1.0 / _USUAL_STRETCH <= factor <= _USUAL_STRETCH:
        return ()
    text = (
        f"by the shape of its bodies the picture is {factor:.2f} times as wide as it should be for its height, where "
        f"{1 / _USUAL_STRETCH:.2f} to {_USUAL_STRETCH:.2f} are usual: it was stretched, or its pixel spacing is wrong, "
        "which falsifies every angle and ratio: use the original film, or give its true pixel spacing"
    )
    return (Finding("picture-stretched", Severity.WARNING, text),)


def spacing_findings(spacing: PixelSpacing, depths: FloatArray) -> tuple[Finding, ...]:
    """Findings about the scale of a film.

    Args:
        spacing: of the film.
        depths: of `body_depths`, (V,).
    """
    if not spacing.is_metric:
        text = (
            "the film has no usable pixel spacing; heights in mm need it: give the spacing, or read angles and ratios"
        )
        return (Finding("no-spacing", Severity.WARNING, text),)
    findings = []
    if spacing.calibration is Calibration.DETECTOR_PLANE:
        text = (
            "pixel spacing is that of the detector; lengths at the patient are smaller, on average by 15 %: "
            "use a calibrated film, or compare ratios and angles"
        )
        findings.append(Finding("spacing-at-detector", Severity.INFO, text))
    seen = depths[np.isfinite(depths)]
    if seen.size and not 18.0 <= (depth := float(np.median(seen))) <= 60.0:
        text = (
            f"vertebral depth is {apart_from(depth, 18.0, 60.0, digits=1)} mm with the given pixel spacing; 18 to 60 "
            "mm are plausible: check the spacing before using lengths"
        )
        findings.append(Finding("implausible-spacing", Severity.WARNING, text))
    return tuple(findings)

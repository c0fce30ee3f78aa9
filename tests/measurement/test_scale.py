"""Which films are told that their pixels have another shape than the spacing says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.scale import stretch_findings
from tests.measurement.spines import MM, spine

SURE = (Calibration.FIDUCIAL, Calibration.GEOMETRY, Calibration.DETECTOR_PLANE)


def codes(row_mm: float, column_mm: float, calibration: Calibration) -> list[str]:
    """Findings on bodies 34 mm deep and 28 mm high, 1.21 times as deep as high, on film pixels of 0.25 mm."""
    return [f.code for f in stretch_findings(spine().vertebrae, PixelSpacing(row_mm, column_mm, calibration))]


@pytest.mark.parametrize("calibration", Calibration)
def test_the_true_shape_is_usual(calibration: Calibration) -> None:
    assert codes(MM, MM, calibration) == []


@pytest.mark.parametrize("calibration", Calibration)
@pytest.mark.parametrize("factor", [0.667, 1.5])
def test_an_aspect_that_no_vertebra_has_is_told_whoever_gave_it(calibration: Calibration, factor: float) -> None:
    assert codes(MM, MM * factor, calibration) == ["picture-stretched"]


@pytest.mark.parametrize("calibration", Calibration)
def test_square_pixels_of_a_calibrated_header_are_believed(calibration: Calibration) -> None:
    wide = [replace(v, points_px=v.points_px * [1.5, 1.0]) for v in spine().vertebrae]
    found = stretch_findings(wide, PixelSpacing(MM, MM, calibration))
    assert [f.code for f in found] == ([] if calibration in SURE else ["picture-stretched"])

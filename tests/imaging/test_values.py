"""The value types of the imaging room: what they refuse, and their small derived numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kummell_ai.anatomy import VertebralLandmark, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph

CORNERS = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 20.0], [40.0, 20.0]])


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_a_pixel_size_is_finite_and_above_zero(size: float) -> None:
    with pytest.raises(ValueError, match=r"row_mm is .*; a pixel size must be finite and above 0 mm"):
        PixelSpacing(size, 0.1, Calibration.ASSUMED)
    with pytest.raises(ValueError, match="column_mm is"):
        PixelSpacing(0.1, size, Calibration.ASSUMED)


def test_unknown_spacing_keeps_the_aspect() -> None:
    spacing = PixelSpacing.unknown(1.5)
    assert not spacing.is_metric
    assert spacing.row_mm / spacing.column_mm == 1.5


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.float32)])
def test_pixels_are_float32_and_flat(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected float32 \(H, W\)"):
        Radiograph(pixels, PixelSpacing.unknown(), ImageReference("a"))


def test_size_of_a_radiograph() -> None:
    film = Radiograph(np.zeros((3, 5), np.float32), PixelSpacing.unknown(), ImageReference("a"))
    assert (film.height, film.width) == (3, 5)


def test_a_vertebra_has_four_or_six_points() -> None:
    with pytest.raises(ValueError, match=r"shape \(5, 2\); expected \(4, 2\) or \(6, 2\)"):
        VertebraLandmarks(np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"covariance_px has shape \(4, 2\); expected \(4, 2, 2\)"):
        VertebraLandmarks(CORNERS, covariance_px=np.zeros((4, 2)))


def test_centre_and_depth_of_what_is_seen() -> None:
    body = VertebraLandmarks(CORNERS)
    assert body.depth_px == 35
    assert body.centre_px.tolist() == [17.5, 10.0]
    partly = CORNERS.copy()
    partly[0] = np.nan
    assert VertebraLandmarks(partly).depth_px == 40
    assert VertebraLandmarks(partly).centre_px.tolist() == pytest.approx([70 / 3, 40 / 3])
    nothing = VertebraLandmarks(np.full((4, 2), np.nan))
    assert math.isnan(nothing.depth_px)
    assert np.isnan(nothing.centre_px).all()


def test_points_and_vertebrae_by_name() -> None:
    body = VertebraLandmarks(CORNERS, VertebralLevel.L1)
    assert body.point(VertebralLandmark.INFERIOR_POSTERIOR).tolist() == [40, 20]
    assert np.isnan(body.point(VertebralLandmark.SUPERIOR_MIDDLE)).all()
    spine = SpineLandmarks((body,), ImageReference("a"))
    assert spine.at(VertebralLevel.L1) is body
    assert spine.at(VertebralLevel.L2) is None

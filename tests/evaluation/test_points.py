"""What a change of pixels does to corner errors, and ellipses that are none; see also test_figures.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kummell_ai.evaluation.points import ELLIPSE_95, corner_errors
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing

unhurried = settings(deadline=None)
TRUE = VertebraLandmarks(np.array([[0.0, 3.0], [80.0, 0.0], [2.0, 60.0], [78.0, 64.0]]))
SQUARE = PixelSpacing(0.5, 0.5, Calibration.GEOMETRY)
stretches = st.floats(0.2, 5.0)


def test_the_ellipse_holds_95_percent_of_normal_errors() -> None:
    assert stats.chi2.cdf(ELLIPSE_95, 2) == pytest.approx(0.95, abs=1e-12)


@unhurried
@given(st.integers(0, 999), stretches, stretches)
def test_an_error_in_units_of_its_covariance_knows_no_pixels(seed: int, across: float, down: float) -> None:
    """Neither does any error in mm or in % of the depth; the one in pixels alone does."""
    rng, other = np.random.default_rng(seed), ScaleShift.resize(across, down)
    root = rng.normal(size=(4, 2, 2)) + 2.0 * np.eye(2)
    covariance = root @ root.swapaxes(1, 2)
    points = TRUE.points_px + rng.normal(0.0, 4.0, (4, 2))
    one = corner_errors(VertebraLandmarks(points, covariance_px=covariance), TRUE, SQUARE)
    moved = VertebraLandmarks(other.apply(points), covariance_px=other.apply_covariance(covariance))
    spacing = PixelSpacing(SQUARE.row_mm / down, SQUARE.column_mm / across, SQUARE.calibration)
    two = corner_errors(moved, VertebraLandmarks(other.apply(TRUE.points_px)), spacing)
    for name in ("mahalanobis2", "ellipse_percent", "percent", "normal_percent", "tangential_percent", "distance_mm"):
        assert getattr(two, name) == pytest.approx(getattr(one, name)), name
    assert two.offset_px == pytest.approx(one.offset_px * [across, down])


@pytest.mark.parametrize("covariance", [[[1.0, 1.0], [1.0, 1.0]], [[-1.0, 0.0], [0.0, -1.0]], [[1.0, 2.0], [2.0, 1.0]]])
def test_a_covariance_that_is_no_ellipse_holds_nothing(covariance: list[list[float]]) -> None:
    body = VertebraLandmarks(TRUE.points_px, covariance_px=np.tile(np.array(covariance), (4, 1, 1)))
    found = corner_errors(body, TRUE, SQUARE)
    assert np.isnan(found.mahalanobis2).all()
    assert np.isnan(found.ellipse_percent).all()

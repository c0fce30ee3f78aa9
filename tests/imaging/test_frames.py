"""Laws of the shift-and-scale maps between image frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.imaging.frames import FloatArray, ScaleShift, cell_to_coordinate, coordinate_to_cell

scales = st.floats(0.05, 20) | st.floats(-20, -0.05)
shifts = st.floats(-5000, 5000)
maps = st.builds(ScaleShift, scales, scales, shifts, shifts)
points = st.lists(st.tuples(shifts, shifts), min_size=1, max_size=5).map(np.array)
TOLERANCE = 1e-6
"""px; float64 on numbers up to 1e5 times 20 times 20 leaves 1e-8."""


@given(maps, points)
def test_inverse_after_apply_is_the_identity(frame: ScaleShift, p: FloatArray) -> None:
    np.testing.assert_allclose(frame.inverse().apply(frame.apply(p)), p, atol=TOLERANCE)
    np.testing.assert_allclose(frame.apply(frame.inverse().apply(p)), p, atol=TOLERANCE)


@given(maps, maps, points)
def test_compose_applies_first_then_self(second: ScaleShift, first: ScaleShift, p: FloatArray) -> None:
    np.testing.assert_allclose(second.compose(first).apply(p), second.apply(first.apply(p)), atol=TOLERANCE)


@given(maps, maps, points)
def test_inverse_of_a_composition(second: ScaleShift, first: ScaleShift, p: FloatArray) -> None:
    both = second.compose(first)
    np.testing.assert_allclose(
        both.inverse().apply(p), first.inverse().compose(second.inverse()).apply(p), rtol=1e-9, atol=1e-3
    )


@given(st.floats(1, 5000), points)
def test_mirror_is_its_own_inverse_and_turns_handedness(width: float, p: FloatArray) -> None:
    mirror = ScaleShift.mirror(width)
    assert mirror.is_mirror
    assert not mirror.compose(mirror).is_mirror
    np.testing.assert_allclose(mirror.apply(mirror.apply(p)), p, atol=TOLERANCE)
    np.testing.assert_allclose(mirror.apply(p)[..., 0], width - p[..., 0])


@given(points)
def test_identity_and_translation(p: FloatArray) -> None:
    np.testing.assert_array_equal(ScaleShift.identity().apply(p), p)
    np.testing.assert_allclose(
        ScaleShift.translate(3, -4).apply(p) - p, np.broadcast_to([3.0, -4.0], p.shape), atol=TOLERANCE
    )


@given(maps)
def test_covariance_maps_as_the_points_do(frame: ScaleShift) -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(50, 2)) @ np.array([[2.0, 0.7], [0.0, 0.5]])
    expected = np.cov(frame.apply(cloud).T)
    np.testing.assert_allclose(
        frame.apply_covariance(np.cov(cloud.T)), expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max()
    )


def test_missing_points_stay_missing() -> None:
    assert np.isnan(ScaleShift(2, 3, 1, 1).apply(np.array([np.nan, np.nan]))).all()


@given(st.floats(-1e4, 1e4), st.floats(0.25, 32))
def test_cells_and_coordinates_are_inverse(index: float, stride: float) -> None:
    there = cell_to_coordinate(np.array(index), stride)
    assert coordinate_to_cell(there, stride) == pytest.approx(index, abs=1e-6)


def test_the_centre_of_the_first_cell_lies_half_a_cell_in() -> None:
    assert cell_to_coordinate(np.array(0.0)) == 0.5
    assert cell_to_coordinate(np.array(0.0), 4.0) == 2.0


@pytest.mark.parametrize(("scale_x", "scale_y"), [(0, 1), (1, 0)])
def test_a_scale_of_zero_is_refused(scale_x: float, scale_y: float) -> None:
    with pytest.raises(ValueError, match="must not be 0"):
        ScaleShift(scale_x, scale_y)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_cells_and_coordinates_of_any_type_are_float64(dtype: type) -> None:
    """Half a pixel is nothing that a whole number could hold; a third of a float32 is not that of a float64."""
    cells = np.array([0, 7, 200], dtype)
    for there in (cell_to_coordinate(cells, 3.0), coordinate_to_cell(cells, 3.0)):
        assert there.dtype == np.float64
    np.testing.assert_array_equal(cell_to_coordinate(cells, 3.0), [1.5, 22.5, 601.5])
    np.testing.assert_allclose(coordinate_to_cell(cells, 3.0), np.array([0, 7, 200]) / 3 - 0.5, rtol=1e-15)
    assert ScaleShift.resize(0.1, 0.1).apply(np.array([[1, 3]], dtype)).dtype == np.float64

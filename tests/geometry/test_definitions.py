"""Closed-form oracles and the named edges of heights, angles and corrections."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Endplate, VertebralLandmark, VertebralLevel
from kummell_ai.geometry import angles, correction, heights, lines, vertebra
from tests.geometry.bodies import RECTANGLE


def wedge(degrees: float, depth: float = 34.0, posterior: float = 28.0) -> np.ndarray:
    """A body whose superior endplate falls by ``degrees`` to the front, posterior wall upright."""
    drop = depth * math.tan(math.radians(degrees))
    return np.array([[depth, drop], [0.0, 0.0], [depth, posterior], [0.0, posterior]])


def without(body: np.ndarray, *landmarks: VertebralLandmark) -> np.ndarray:
    result = body.copy()
    result[list(landmarks)] = np.nan
    return result


class TestHeights:
    def test_rectangle(self) -> None:
        assert heights.anterior_height(RECTANGLE) == heights.posterior_height(RECTANGLE) == 28
        assert heights.endplate_depth(RECTANGLE, Endplate.SUPERIOR) == 34
        assert heights.endplate_depth(RECTANGLE, Endplate.INFERIOR) == 34
        assert heights.wedge_ratio(RECTANGLE) == 100
        assert heights.compression(RECTANGLE) == 0

    def test_four_corners_have_no_middle_height(self) -> None:
        assert np.isnan(heights.middle_height(RECTANGLE))

    def test_biconcave_body_is_compressed_in_the_middle(self) -> None:
        biconcave = np.vstack([RECTANGLE, [[17.0, 7.0], [17.0, 21.0]]])
        assert heights.middle_height(biconcave) == 14
        assert heights.compression(biconcave) == 50
        assert heights.wedge_ratio(biconcave) == 100

    def test_compression_needs_the_anterior_wall(self) -> None:
        assert np.isnan(heights.compression(without(RECTANGLE, VertebralLandmark.SUPERIOR_ANTERIOR)))

    def test_collapsed_anterior_wall(self) -> None:
        collapsed = RECTANGLE.copy()
        collapsed[VertebralLandmark.SUPERIOR_ANTERIOR] = collapsed[VertebralLandmark.INFERIOR_ANTERIOR]
        assert heights.anterior_height(collapsed) == 0
        assert heights.wedge_ratio(collapsed) == 0
        assert heights.compression(collapsed) == 100
        np.testing.assert_allclose(angles.wedge_angle(collapsed), math.degrees(math.atan2(28, 34)), rtol=1e-14)

    def test_collapsed_posterior_wall_has_no_ratio(self) -> None:
        collapsed = RECTANGLE.copy()
        collapsed[VertebralLandmark.SUPERIOR_POSTERIOR] = collapsed[VertebralLandmark.INFERIOR_POSTERIOR]
        assert np.isnan(heights.wedge_ratio(collapsed))
        assert np.isnan(heights.compression(collapsed))

    def test_nan_spoils_only_what_needs_it(self) -> None:
        body = without(RECTANGLE, VertebralLandmark.SUPERIOR_ANTERIOR)
        assert np.isnan(heights.anterior_height(body))
        assert heights.posterior_height(body) == 28
        assert np.isnan(heights.endplate_depth(body, Endplate.SUPERIOR))
        assert heights.endplate_depth(body, Endplate.INFERIOR) == 34

    def test_reference_is_the_mean_of_the_neighbours(self) -> None:
        assert heights.reference_height(RECTANGLE, RECTANGLE * 0.5) == 21

    def test_no_reference(self) -> None:
        with pytest.raises(ValueError, match=r"0 reference vertebrae given"):
            heights.reference_height()

    @pytest.mark.parametrize(("loss", "grade"), [(-5, 0), (19.99, 0), (20, 1), (24.99, 1), (25, 2), (40, 2), (41, 3)])
    def test_grade_limits(self, loss: float, grade: int) -> None:
        assert heights.height_derived_grade(loss) == grade

    def test_grade_of_nan(self) -> None:
        assert np.isnan(heights.height_derived_grade(np.nan))

    @pytest.mark.parametrize("shape", [(4,), (5, 2), (4, 3)])
    def test_wrong_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"expected \(\.\.\., 4, 2\) or \(\.\.\., 6, 2\)"):
            heights.anterior_height(np.zeros(shape))


class TestAngles:
    @given(st.floats(-30, 35))
    def test_wedge_angle_is_the_slope_of_the_endplate(self, degrees: float) -> None:
        np.testing.assert_allclose(angles.wedge_angle(wedge(degrees)), degrees, atol=1e-12)

    def test_parallel_endplates(self) -> None:
        assert angles.wedge_angle(RECTANGLE) == 0
        assert angles.segmental_cobb(RECTANGLE, RECTANGLE + np.array([0.0, 90.0])) == 0

    @given(st.floats(-40, 40), st.floats(-40, 40))
    def test_segmental_cobb_of_two_tilted_bodies(self, above: float, below: float) -> None:
        def tilted(degrees: float, drop: float) -> np.ndarray:
            c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            return RECTANGLE @ np.array([[c, s], [-s, c]]) + [0.0, drop]

        measured = angles.segmental_cobb(tilted(above, 0), tilted(below, 90))
        np.testing.assert_allclose(measured, above - below, atol=1e-12)

    def test_kyphosis_is_positive_on_both_sides(self) -> None:
        body = wedge(20)
        assert angles.wedge_angle(body) > 0
        assert angles.wedge_angle(body * [-1.0, 1.0]) > 0

    def test_endplate_without_length(self) -> None:
        body = RECTANGLE.copy()
        body[VertebralLandmark.SUPERIOR_ANTERIOR] = body[VertebralLandmark.SUPERIOR_POSTERIOR]
        assert np.isnan(angles.wedge_angle(body))

    def test_body_without_area_needs_the_facing(self) -> None:
        flat = RECTANGLE * [1.0, 0.0]
        assert np.isnan(angles.wedge_angle(flat))
        assert angles.wedge_angle(flat, facing_sign=1.0) == 0

    def test_sacrum_with_its_superior_endplate_only(self) -> None:
        sacrum = without(RECTANGLE, VertebralLandmark.INFERIOR_ANTERIOR, VertebralLandmark.INFERIOR_POSTERIOR)
        lordosis = angles.endplate_angle(
            RECTANGLE, Endplate.SUPERIOR, sacrum @ np.array([[0.8, 0.6], [-0.6, 0.8]]), Endplate.SUPERIOR
        )
        np.testing.assert_allclose(lordosis, -math.degrees(math.atan2(0.6, 0.8)), rtol=1e-14)

    @pytest.mark.parametrize(("level", "normal"), [("T12", 5.2), ("L1", -2.3), ("L2", -7.2), ("L3", -12.4)])
    def test_sagittal_index(self, level: str, normal: float) -> None:
        assert angles.sagittal_index(20.0, VertebralLevel.parse(level)) == 20.0 - normal

    def test_sagittal_index_without_a_normal_value(self) -> None:
        with pytest.raises(ValueError, match=r"T11 has no normal segmental angle; it is known for T12, L1, L2, L3"):
            angles.sagittal_index(20.0, VertebralLevel.T11)


class TestFacing:
    def test_area_of_three_corners(self) -> None:
        for landmark in list(VertebralLandmark)[:4]:
            assert vertebra.signed_area(without(RECTANGLE, landmark)) == 34 * 28 / 2

    def test_two_corners_do_not_tell(self) -> None:
        seen = without(RECTANGLE, VertebralLandmark.INFERIOR_ANTERIOR, VertebralLandmark.INFERIOR_POSTERIOR)
        assert np.isnan(vertebra.handedness(seen))
        assert vertebra.handedness(seen, RECTANGLE) == 1

    def test_nothing_seen(self) -> None:
        assert np.isnan(vertebra.handedness(np.full((3, 4, 2), np.nan))).all()

    def test_larger_bodies_outvote_smaller(self) -> None:
        assert vertebra.handedness(RECTANGLE * [-1.0, 1.0], RECTANGLE * 2) == 1


class TestLines:
    @given(st.floats(-179.9, 180))
    def test_signed_angle(self, degrees: float) -> None:
        end = [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]
        np.testing.assert_allclose(lines.signed_angle([2.0, 0.0], end), degrees, atol=1e-12)

    def test_zero_angle(self) -> None:
        assert lines.signed_angle([1.0, 1.0], [3.0, 3.0]) == 0

    def test_vector_without_length(self) -> None:
        assert np.isnan(lines.signed_angle([0.0, 0.0], [1.0, 0.0]))

    def test_cross(self) -> None:
        assert lines.cross([1.0, 0.0], [0.0, 1.0]) == 1

    def test_ratio_by_zero(self) -> None:
        assert np.isnan(lines.ratio(0.0, 0.0))


class TestCorrection:
    """One patient: Ha 15 -> 21 -> 20 of 25 mm, segmental kyphosis 24 -> 9 -> 12 degrees."""

    def test_height(self) -> None:
        assert correction.height_restoration(15, 21) == 6
        assert correction.height_restoration_rate(15, 21, 25) == 60
        assert correction.height_gain_rate(15, 21) == 40
        assert correction.height_loss_after_surgery(21, 20) == 1

    def test_kyphosis(self) -> None:
        assert correction.kyphosis_correction(24, 9) == 15
        assert correction.correction_rate(24, 9, 5.6) == 62.5
        assert correction.loss_of_correction(9, 12) == 3

    @given(st.floats(-60, 60), st.floats(-60, 60), st.floats(-60, 60))
    def test_net_is_correction_minus_loss(self, pre: float, post: float, last: float) -> None:
        gained, lost = correction.kyphosis_correction(pre, post), correction.loss_of_correction(post, last)
        np.testing.assert_allclose(gained - lost, correction.kyphosis_correction(pre, last), atol=1e-12)

    def test_instability_of_a_body_that_opens_lying(self) -> None:
        np.testing.assert_allclose(correction.intravertebral_instability(24.3, 18.3), 6.0)

    def test_rate_without_a_loss(self) -> None:
        assert np.isnan(correction.height_restoration_rate(25, 26, 25))
        assert np.isnan(correction.height_gain_rate(0, 5))

    @pytest.mark.parametrize("before", [0.0, 5.6, -5.6, 1.0])
    def test_correction_rate_is_undefined_near_zero(self, before: float) -> None:
        assert np.isnan(correction.correction_rate(before, -3.0, 5.6))

    def test_mdc(self) -> None:
        np.testing.assert_allclose(correction.mdc95(3, 4), 1.959964 * 5, rtol=1e-6)

    def test_vectorised(self) -> None:
        np.testing.assert_array_equal(correction.height_restoration_rate([15, 25], [20, 26], 25), [50, np.nan])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_numbers_of_any_type_are_taken_as_float64(dtype: type) -> None:
    """Small integers without a sign would go round at 0: 15 - 21 of bytes are 250."""
    before, after, reference = (np.array([mm], dtype) for mm in (21, 15, 25))
    assert correction.height_restoration(before, after) == correction.kyphosis_correction(after, before) == -6
    assert correction.height_restoration_rate(before, after, reference) == -150
    assert correction.loss_of_correction(before, after) == correction.intravertebral_instability(after, before) == -6
    found = correction.height_gain_rate(before, after)
    assert (found.dtype, float(found[0])) == (np.float64, pytest.approx(-600 / 21, rel=1e-15))
    corners = RECTANGLE.astype(dtype)
    for body in (corners, corners[[1, 0, 3, 2]]):
        assert angles.wedge_angle(body) == 0
        assert heights.anterior_height(body) == heights.posterior_height(body) == 28

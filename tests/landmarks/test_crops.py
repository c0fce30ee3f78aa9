"""The frame of a crop, and that a picture and its points arrive in it together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.imaging.frames import cell_to_coordinate
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_DEPTH, CROP_ROWS, crop_frame, cut

BODY = np.array([[100.0, 100.0], [134.0, 102.0], [101.0, 126.0], [135.0, 128.0]])


def turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    a = np.radians(degrees)
    return scale * points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + np.array(shift)


@given(st.floats(-80, 80), st.floats(0.3, 6.0), st.floats(-500, 500))
def test_a_body_lies_in_its_crop_the_same_way_wherever_it_lies_on_the_film(turn, scale, shift):
    there = turned(BODY, turn, scale, (shift, -shift))
    np.testing.assert_allclose(crop_frame(there).apply(there), crop_frame(BODY).apply(BODY), atol=1e-6)


@given(st.floats(0.4, 2.5))
def test_a_stretched_film_gives_the_same_crop(aspect):
    squeezed = BODY / np.array([aspect, 1.0])
    np.testing.assert_allclose(crop_frame(squeezed, aspect).apply(squeezed), crop_frame(BODY).apply(BODY), atol=1e-6)


def test_a_mirrored_film_gives_the_same_crop():
    mirrored = BODY * [-1.0, 1.0] + [400.0, 0.0]
    np.testing.assert_allclose(crop_frame(mirrored, mirror=True).apply(mirrored), crop_frame(BODY).apply(BODY))


def test_the_crop_is_level_centred_and_of_one_size():
    corners = crop_frame(BODY).apply(BODY)
    depth = np.linalg.norm(corners[[0, 2]] - corners[[1, 3]], axis=1).mean()
    assert depth == pytest.approx(CROP_DEPTH)
    np.testing.assert_allclose(corners.mean(axis=0), [CROP_COLUMNS / 2, CROP_ROWS / 2])
    endplates = corners[[1, 3]] - corners[[0, 2]]
    assert endplates.sum(axis=0)[1] == pytest.approx(0.0)
    assert (endplates[:, 0] > 0).all()  # front to the left


@given(st.lists(st.floats(-300, 300), min_size=2, max_size=2))
def test_back_undoes_apply(point):
    frame = crop_frame(turned(BODY, 20.0, 1.7, (3.0, 4.0)))
    np.testing.assert_allclose(frame.back(frame.apply(np.array(point))), point, atol=1e-9)
    covariance = np.array([[2.0, 0.4], [0.4, 1.0]])
    linear = frame.matrix[:, :2]
    np.testing.assert_allclose(linear @ frame.back_covariance(covariance) @ linear.T, covariance)


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.8, 7.3])
@pytest.mark.parametrize("turn", [0.0, 25.0])
def test_a_blob_and_its_point_arrive_together(scale, turn):
    body = turned(BODY, turn, scale, (40.0 * scale, 30.0))
    low = body.min(axis=0) - 40.0 * scale
    body, size = body - low, np.ceil(np.ptp(body, axis=0) + 80.0 * scale).astype(int)
    blob = body[1] * 0.5 + body[2] * 0.5 + np.array([3.0, -5.0]) * scale
    y, x = (cell_to_coordinate(np.arange(n, dtype=np.float64)) for n in size[::-1])
    sigma = 2.5 * scale
    film = np.exp(-0.5 * (((x - blob[0]) ** 2)[None] + ((y - blob[1]) ** 2)[:, None]) / sigma**2).astype(np.float32)
    frame = crop_frame(body)
    crop = cut(film, frame)
    assert crop.shape == (CROP_ROWS, CROP_COLUMNS)
    mass = crop / crop.sum()
    centre = [mass.sum(axis=0) @ cell_to_coordinate(np.arange(CROP_COLUMNS, dtype=np.float64)),
              mass.sum(axis=1) @ cell_to_coordinate(np.arange(CROP_ROWS, dtype=np.float64))]  # fmt: skip
    np.testing.assert_allclose(centre, frame.apply(blob), atol=0.05)


@pytest.mark.parametrize("corners", [BODY * np.nan, np.zeros((4, 2))])
def test_corners_that_span_no_body_are_refused(corners):
    with pytest.raises(ValueError, match="span no body; expected four finite corners"):
        crop_frame(corners)

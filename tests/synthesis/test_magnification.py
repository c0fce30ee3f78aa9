"""Lengths and angles on the film against those in the patient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.geometry.angles import wedge_angle
from kummell_ai.geometry.heights import anterior_height, posterior_height
from kummell_ai.synthesis.disease.posture import rotation_matrix
from kummell_ai.synthesis.projection import ConeBeam

DISTANCE = st.floats(700.0, 2000.0)
DEPTH = st.floats(-200.0, 200.0)
PLACE = st.tuples(st.floats(-150.0, 150.0), st.floats(-250.0, 250.0))


def beam(distance: float) -> ConeBeam:
    return ConeBeam(np.array([10.0, distance, -25.0]), (120.0, 260.0), 0.7, (742, 360))


def in_plane(place: tuple[float, float], y: float) -> np.ndarray:
    return np.array([place[0], y, place[1]])


@given(DISTANCE, DEPTH, PLACE, PLACE)
def test_a_length_in_a_plane_grows_by_distance_over_distance_to_source(
    distance: float, y: float, first: tuple[float, float], second: tuple[float, float]
) -> None:
    a, b = in_plane(first, y), in_plane(second, y)
    on_film = np.linalg.norm(np.diff(beam(distance).project(np.stack([a, b])), axis=0)) * 0.7
    assert on_film == pytest.approx(np.linalg.norm(b - a) * distance / (distance - y), rel=1e-9, abs=1e-9)


@given(DISTANCE, DEPTH, PLACE, st.floats(0.0, 360.0), st.floats(0.0, 360.0))
def test_an_angle_in_a_plane_along_the_film_stays(
    distance: float, y: float, place: tuple[float, float], first: float, second: float
) -> None:
    ends = [in_plane(place, y) + 30.0 * np.array([np.cos(a), 0.0, np.sin(a)]) for a in np.radians([first, second])]
    foot, *tips = beam(distance).project(np.stack([in_plane(place, y), *ends]))
    # the front lies to the left of the film and rows run down: two mirrors, so the turn keeps its sense
    seen = np.cross(*(np.append(tip - foot, 0.0) for tip in tips))[2], np.dot(tips[0] - foot, tips[1] - foot)
    turned = np.degrees(np.arctan2(*seen))
    assert np.cos(np.radians(turned - (second - first))) == pytest.approx(1.0, abs=1e-9)


@st.composite
def bodies(draw: st.DrawFn) -> np.ndarray:
    """Rims (2 endplates, 2 [anterior, posterior], 2 [left, right], 3) mm of a wedged body, square to the beam."""
    height, wedge = draw(st.floats(20.0, 35.0)), draw(st.floats(-5.0, 15.0))
    half = 0.5 * draw(st.floats(25.0, 45.0))
    rims = np.empty((2, 2, 2, 3))
    for endplate, sign in ((0, 1.0), (1, -1.0)):
        for end, x, lost in ((0, half, wedge), (1, -half, 0.0)):
            for side, y in ((0, 6.0), (1, -6.0)):
                rims[endplate, end, side] = [x, y, sign * 0.5 * (height - lost)]
    place = draw(PLACE)
    return rims + np.array([place[0], draw(st.floats(-15.0, 15.0)), place[1]])


def on_film(beam: ConeBeam, rims: np.ndarray) -> np.ndarray:
    """Corners (4, 2) mm as the truth defines them: the middle of the projected left and right rim points."""
    return beam.project(rims).mean(axis=2).reshape(4, 2) * beam.pixel_mm


def in_patient(rims: np.ndarray) -> np.ndarray:
    """Corners (4, 2) mm in the sagittal plane, x to the left and z down as on the film."""
    return -rims.mean(axis=2).reshape(4, 3)[:, [0, 2]]


@given(DISTANCE, bodies())
def test_projected_truth_has_the_angles_and_the_magnified_heights_of_the_patient(
    distance: float, rims: np.ndarray
) -> None:
    corners, truth, y = on_film(beam(distance), rims), in_patient(rims), rims[..., 1].mean()
    # the mean of d / (d - y - 6) and d / (d - y + 6)
    grown = distance * (distance - y) / ((distance - y) ** 2 - 36.0)
    assert wedge_angle(corners) == pytest.approx(wedge_angle(truth), abs=1e-7)
    for height in (anterior_height, posterior_height):
        assert height(corners) == pytest.approx(grown * height(truth), rel=1e-9)


@given(DISTANCE, bodies(), st.tuples(*[st.floats(-5.0, 5.0)] * 3))
def test_a_turned_patient_keeps_heights_within_five_percent_and_wedges_within_two_degrees(
    distance: float, rims: np.ndarray, turn: tuple[float, float, float]
) -> None:
    """300 mm beside the axis at 700 mm, a body turned by 5 degrees is sheared by tan 5 * 300 / 700 = 3.7 %."""
    turned = rims @ rotation_matrix(*turn).T
    corners, truth, y = on_film(beam(distance), turned), in_patient(rims), turned[..., 1].mean()
    grown = distance / (distance - y)
    assert wedge_angle(corners) == pytest.approx(wedge_angle(truth), abs=2.0)
    for height in (anterior_height, posterior_height):
        assert height(corners) == pytest.approx(grown * height(truth), rel=0.05)

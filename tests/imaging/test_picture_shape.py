"""The shape of vertebral bodies tells by how much a picture was stretched, upright or leaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.imaging.picture_shape import USUAL_SHAPE, needed_stretch


def bodies(lean: float, spread: float = 0.2, count: int = 5, height: float = 28.0) -> np.ndarray:
    """Right-angled bodies of the usual shape in a row, (count, 4, 2); turned by ``lean`` on average, rad."""
    depth = USUAL_SHAPE * height
    box = np.array([[0.0, 0.0], [depth, 0.0], [0.0, height], [depth, height]])
    placed = []
    for i, angle in enumerate(lean + np.linspace(-spread, spread, count)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        placed.append(box @ turn.T + np.array([0.0, 1.3 * height * i]))
    return np.array(placed)


@given(st.floats(-1.2, 1.2), st.floats(0.45, 2.2))
def test_a_stretch_is_given_back_in_any_posture(lean: float, stretch: float) -> None:
    assert needed_stretch(bodies(lean) * [stretch, 1.0]) == pytest.approx(1.0 / stretch, rel=0.02)


@given(st.floats(-1.2, 1.2), st.floats(0.1, 10.0), st.floats(-500.0, 500.0))
def test_size_place_and_facing_do_not_matter(lean: float, scale: float, shift: float) -> None:
    own = bodies(lean) * [1.4, 1.0]
    moved = own * scale + shift
    mirrored = own * [-1.0, 1.0]
    assert needed_stretch(moved) == pytest.approx(needed_stretch(own), rel=0.006)
    assert needed_stretch(mirrored) == pytest.approx(needed_stretch(own), rel=0.006)


@pytest.mark.parametrize("stretch", [0.7, 1.0, 1.8])
def test_a_crushed_body_does_not_decide(stretch: float) -> None:
    own = bodies(0.1)
    own[2, :2] += 0.6 * (own[2, 2:] - own[2, :2])
    assert needed_stretch(own * [stretch, 1.0]) == pytest.approx(1.0 / stretch, rel=0.06)


def test_a_leaning_spine_needs_the_right_angle() -> None:
    own = bodies(np.pi / 4, spread=0.0) * [2.0, 1.0]
    depth = np.linalg.norm(own[:, 0] - own[:, 1], axis=1)
    height = np.linalg.norm(own[:, 0] - own[:, 2], axis=1)
    np.testing.assert_allclose(depth / height, USUAL_SHAPE)  # which alone would say that nothing is wrong
    assert needed_stretch(own) == pytest.approx(0.5, rel=0.02)


def test_nothing_is_said_of_fewer_than_two_whole_bodies() -> None:
    own = bodies(0.0) * [2.0, 1.0]
    own[1:, 0] = np.nan
    assert needed_stretch(own) == 1.0
    assert needed_stretch(np.empty((0, 4, 2))) == 1.0


def test_middle_points_are_not_looked_at() -> None:
    own = bodies(0.3) * [1.5, 1.0]
    assert needed_stretch(np.concatenate([own, np.full((5, 2, 2), np.nan)], axis=1)) == needed_stretch(own)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4, 2\)"):
        needed_stretch(np.zeros((4, 2)))


@pytest.mark.parametrize("points", [[0, 0, 0, 0], [0, 0, 2, 2], [0, 1, 0, 1]], ids=["a point", "no depth", "no height"])
def test_a_body_without_extent_does_not_decide(points: list[int]) -> None:
    own = bodies(0.1)
    own[2] = own[2, points]
    assert needed_stretch(own * [1.5, 1.0]) == pytest.approx(1.0 / 1.5, rel=0.06)


@pytest.mark.parametrize("lean", [-0.6, 0.0, 0.9])
def test_bodies_of_the_usual_shape_need_no_stretch_at_all(lean: float) -> None:
    assert needed_stretch(bodies(lean)) == pytest.approx(1.0, abs=1e-12)

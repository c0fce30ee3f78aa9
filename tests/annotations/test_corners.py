"""Corners without names: every order of the same four points gives the same corners."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.corners import facing_of, order_outlines
from tests.annotations import sets


@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
@settings(deadline=None, max_examples=40)
@given(st.lists(st.permutations(range(4)), min_size=6, max_size=6), st.permutations(range(6)))
def test_any_order_of_corners_and_bodies(facing: Facing, orders: list[list[int]], bodies: list[int]) -> None:
    true = [v.points_px for v in sets.bodies(facing)]
    found = order_outlines([true[i][orders[i]] for i in bodies], facing)
    np.testing.assert_array_equal(found, true)


@pytest.mark.parametrize("missing", range(4))
def test_a_corner_that_is_not_seen_stays_unseen(missing: int) -> None:
    true = [v.points_px.copy() for v in sets.bodies()]
    for order in itertools.permutations(range(4)):
        true[2][missing] = np.nan
        shuffled = [points[list(order)] for points in true]
        np.testing.assert_array_equal(order_outlines(shuffled, Facing.LEFT), true)


@pytest.mark.parametrize(
    ("outline", "match"),
    [
        ([[0, 0], [1, 1], [2, 2], [3, 3]], "has no area"),
        ([[0, 0], [9, 0], [9, 9]], "has 3 points; a vertebra needs its four corners"),
        ([[0, 0], [9, 0], [np.nan, np.nan], [np.nan, np.nan]], "only 2 of 4 corners are seen"),
    ],
)
def test_what_is_no_body_is_refused(outline: list[list[float]], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        order_outlines([np.array(outline, dtype=float)], Facing.LEFT)


def test_the_front_must_be_known() -> None:
    with pytest.raises(ValueError, match="give --facing left or --facing right"):
        order_outlines([sets.corners(0)], Facing.UNKNOWN)


def test_named_corners_tell_the_front() -> None:
    for facing in (Facing.LEFT, Facing.RIGHT):
        assert facing_of([v.points_px for v in sets.bodies(facing)]) is facing
    assert facing_of([]) is Facing.UNKNOWN
    assert facing_of([np.full((4, 2), np.nan)]) is Facing.UNKNOWN

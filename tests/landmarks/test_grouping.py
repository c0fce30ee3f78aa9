from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.landmarks.engine import to_maps
from kummell_ai.landmarks.grouping import (
    MOST_SHARED,
    Candidate,
    best_chain,
    decode,
    one_in_a_place,
    shared_area,
    without_doubles,
)
from tests.landmarks.fake_network import answer, spine_points

VIEW = (0.98, 0.01, 0.01)


def candidate(x, y, confidence=0.9, half=(25.0, 18.0)):
    points = spine_points(np.array([[x, y]]), half)[0]
    return Candidate(points, np.tile(np.eye(2), (4, 1, 1)), confidence, np.ones(4, bool), np.zeros(20), np.zeros(3))


# the corner maps of neighbours overlap a little at this distance (corners 34 px = 8.5 cells = 5.7 sigma apart):
# 0.05 px covers that
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_decoding_a_perfect_answer_gives_the_bodies_back(seed):
    rng = np.random.default_rng(seed)
    centres = np.stack([130.0 + rng.uniform(-15, 15, 5), 60.0 + 70.0 * np.arange(5) + rng.uniform(-8, 8, 5)], axis=1)
    points = spine_points(centres, (25.0, 18.0)) + rng.uniform(-3, 3, (5, 4, 2))
    bodies = decode(to_maps(answer(points, (100, 64), VIEW, 13))[0])
    assert len(bodies) == 5
    np.testing.assert_allclose(np.array([b.points_px for b in bodies]), points, atol=0.05)
    assert all(b.snapped.all() for b in bodies)


def test_a_corner_without_a_peak_keeps_its_offset_with_a_wide_covariance():
    points = spine_points(np.array([[130.0, 200.0]]), (25.0, 18.0))
    output = answer(points, (100, 64), VIEW, 13)
    output.corners[:, 2] = -12.0
    (body,) = decode(to_maps(output)[0])
    assert body.snapped.tolist() == [True, True, False, True]
    np.testing.assert_allclose(body.points_px, points[0], atol=0.05)
    assert np.trace(body.covariance_px[2]) > 2.0 * np.trace(body.covariance_px[0])


def test_of_two_bodies_in_one_place_the_surer_stays():
    kept = without_doubles([candidate(100, 100, 0.5), candidate(104, 102, 0.9)], 0.4)
    assert [b.confidence for b in kept] == [0.9]


def test_bodies_that_touch_are_not_doubles():
    kept = without_doubles([candidate(100, 100), candidate(100, 134)], 0.4)
    assert len(kept) == 2


def test_a_body_beside_the_spine_is_dropped():
    spine = [candidate(100, 60 + 60 * k) for k in range(5)]
    assert best_chain([*spine, candidate(260, 250, 0.95)]) == tuple(spine)


def test_a_gap_of_one_vertebra_does_not_break_the_spine():
    spine = [candidate(100, 60 + 60 * k) for k in (0, 1, 3, 4)]
    assert best_chain(spine[::-1]) == tuple(spine)


def test_no_bodies_give_an_empty_chain():
    assert best_chain([]) == ()


@pytest.mark.parametrize(("shift", "share"), [(0.0, 1.0), (25.0, 0.5), (60.0, 0.0)])
def test_shared_area_of_shifted_boxes(shift, share):
    a, b = candidate(100, 100).points_px, candidate(100 + shift, 100).points_px
    assert shared_area(a, b) == pytest.approx(share, abs=1e-3)


def test_of_two_bodies_in_one_place_the_surer_one_stays_in_its_order():
    spine = [candidate(100, 60, 0.5), candidate(100, 80, 0.9), candidate(100, 100, 0.4), candidate(100, 125, 0.8)]
    assert one_in_a_place(spine) == (spine[1], spine[3])
    assert one_in_a_place(()) == ()


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0.3, 1.0)), max_size=8))
def test_no_two_bodies_that_stay_share_a_place_and_each_that_goes_has_a_surer_one_there(places):
    bodies = [candidate(100, 50 + y, confidence) for y, confidence in places]
    kept = one_in_a_place(bodies)

    def share(a, b):
        return shared_area(a.points_px, b.points_px)  # all are of one size

    left = iter(bodies)
    assert all(any(body is other for other in left) for body in kept), "in their order"
    assert all(share(a, b) <= MOST_SHARED + 1e-6 for a, b in combinations(kept, 2))
    for body in bodies:
        if not any(body is other for other in kept):
            assert any(share(body, k) > MOST_SHARED - 1e-6 and k.confidence >= body.confidence for k in kept)


def test_a_sliver_under_its_neighbours_edge_stays():
    neighbour = candidate(100, 100, 0.9)
    sliver = candidate(100, 119, 0.5, half=(25.0, 3.0))  # a third of it covered, a twentieth of the neighbour
    assert shared_area(neighbour.points_px, sliver.points_px) > MOST_SHARED
    assert one_in_a_place([neighbour, sliver]) == (neighbour, sliver)

"""Corners set by a person in the place of found ones: laws, and closed forms of a reader's error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.imaging.annotation import BY_HAND, SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.by_hand import READER_SHARE, with_corners_by_hand
from kummell_ai.measurement.film import measure_radiograph
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.shared_shapes import share_shapes
from kummell_ai.reporting.words import quantity_of
from tests import made_up
from tests.measurement.evidence import with_evidence

L1 = VertebralLevel.L1
ROW = "T10 T11 T12 L1 L2 L3"
SPACING = PixelSpacing(made_up.MM, made_up.MM, Calibration.GEOMETRY)
TOGETHER = IntervalFactors("intact", {"anterior_height": 0.8}, is_together=True)
FACTORS = IntervalFactors("intact", {"anterior_height": 0.9}, together=TOGETHER)


def found() -> SpineLandmarks:
    """What a calibrated network found, with evidence for its names."""
    landmarks = with_evidence(made_up.landmarks(), {ROW: 0.0, "T9 T10 T11 T12 L1 L2": -5.0})
    bodies = tuple(replace(body, interval_factors=FACTORS) for body in landmarks.vertebrae)
    return replace(landmarks, vertebrae=bodies)


def drawn(landmarks: SpineLandmarks) -> SpineLandmarks:
    """What a drawing tool gives back: points, names and flags only."""
    bodies = (VertebraLandmarks(body.points_px.copy(), body.level, flags=body.flags) for body in landmarks.vertebrae)
    return SpineLandmarks(tuple(bodies), landmarks.reference, landmarks.facing)


def moved(landmarks: SpineLandmarks, number: int, point: int, by: tuple[float, float]) -> SpineLandmarks:
    bodies = list(landmarks.vertebrae)
    points = bodies[number].points_px.copy()
    points[point] += by
    bodies[number] = replace(bodies[number], points_px=points)
    return replace(landmarks, vertebrae=tuple(bodies))


def test_what_is_given_back_untouched_is_what_was_found() -> None:
    was = found()
    now = with_corners_by_hand(was, drawn(was), SPACING, states_are_marked=True)
    assert all(a is b for a, b in zip(now.vertebrae, was.vertebrae, strict=True))
    assert now.level_evidence is was.level_evidence


@pytest.mark.parametrize("kept", [(), (4,), (0,), (0, 2), (0, 1, 4), (2, 3)])
def test_bodies_of_which_little_is_seen_come_back_as_they_were(kept: tuple[int, ...]) -> None:
    """A body that the edge cuts may have two points of one wall, a middle alone, or none, and then is not drawn."""
    was = found()
    points = np.full((6, 2), np.nan)
    six = np.concatenate([was.vertebrae[0].points_px, was.vertebrae[0].points_px[[0, 2]] + 40.0])
    points[list(kept)] = six[list(kept)]
    covariance = np.broadcast_to(np.eye(2), (6, 2, 2)).copy()
    cut = replace(was.vertebrae[0], points_px=points, covariance_px=covariance, flags=frozenset({"cropped"}))
    was = replace(was, vertebrae=(cut, *was.vertebrae[1:]))
    given_back = drawn(was) if kept else replace(drawn(was), vertebrae=drawn(was).vertebrae[1:])
    assert with_corners_by_hand(was, given_back, SPACING, states_are_marked=True) is was
    changed = with_corners_by_hand(was, moved(given_back, len(given_back.vertebrae) - 1, 0, (5.0, 0.0)), SPACING)
    assert changed.vertebrae[:-1] == was.vertebrae[:-1]
    assert changed.level_evidence is was.level_evidence


@given(
    number=st.integers(0, 5),
    point=st.integers(0, 3),
    by=st.tuples(st.floats(-9, 9), st.floats(-9, 9)).filter(lambda d: np.hypot(*d) > 0.11),
    aspect=st.floats(0.5, 2.0),
)
def test_only_what_was_moved_changes(number: int, point: int, by: tuple[float, float], aspect: float) -> None:
    was, spacing = found(), PixelSpacing(made_up.MM * aspect, made_up.MM, Calibration.GEOMETRY)
    now = with_corners_by_hand(was, moved(drawn(was), number, point, by), spacing)
    body, old = now.vertebrae[number], was.vertebrae[number]
    others = [i for i in range(6) if i != number]
    assert [now.vertebrae[i] for i in others] == [was.vertebrae[i] for i in others]
    assert BY_HAND in body.flags
    assert body.flags - {BY_HAND} == old.flags
    assert np.allclose(body.points_px[point], old.points_px[point] + by)
    rest = [i for i in range(4) if i != point]
    assert body.covariance_px is not None
    assert old.covariance_px is not None
    assert np.array_equal(body.points_px[rest], old.points_px[rest])
    assert np.array_equal(body.covariance_px[rest], old.covariance_px[rest])
    pixel = np.array([spacing.column_mm, spacing.row_mm])
    depth = replace(body, points_px=body.points_px * pixel).depth_px
    assert np.allclose(body.covariance_px[point] * np.outer(pixel, pixel), (READER_SHARE * depth) ** 2 * np.eye(2))
    assert now.level_evidence is was.level_evidence


def test_heights_between_two_points_set_by_hand_have_the_error_of_a_reader() -> None:
    was = found()
    marked = moved(moved(drawn(was), 3, 0, (0.0, -4.0)), 3, 2, (0.0, 3.0))
    film = measure_radiograph(
        with_corners_by_hand(was, marked, SPACING),
        SPACING,
        size_px=made_up.SIZE,
        provenance=build_provenance(),
    )
    height, body = quantity_of(film, L1, "anterior_height"), film.landmarks.vertebrae[3]
    assert height.interval is not None
    depth = body.depth_px * made_up.MM
    assert height.interval.half_width == pytest.approx(1.96 * READER_SHARE * depth * np.sqrt(2), rel=1e-3)
    told = [f.code for f in film.vertebrae[3].findings]
    assert "corners-by-hand" in told
    assert not any(f.code == "corners-by-hand" for f in film.vertebrae[2].findings)


def test_bodies_set_by_hand_keep_their_corners_beside_other_films() -> None:
    was = found()
    plain = replace(was, vertebrae=tuple(replace(body, flags=frozenset()) for body in was.vertebrae))
    corrected = with_corners_by_hand(plain, moved(drawn(plain), 1, 0, (0.6, 0.0)), SPACING)
    shared = share_shapes([(corrected, SPACING), (plain, SPACING), (plain, SPACING)], {L1})
    assert np.array_equal(shared.landmarks[0].vertebrae[1].points_px, corrected.vertebrae[1].points_px)
    assert VertebralLevel.T11 in shared.levels  # of the two other films


def test_names_that_a_person_changed_have_no_evidence() -> None:
    was = found()
    renamed = drawn(was)
    names = [VertebralLevel[name] for name in ("T9", "T10", "T11", "T12", "L1", "L2")]
    bodies = (replace(body, level=level) for body, level in zip(renamed.vertebrae, names, strict=True))
    now = with_corners_by_hand(was, replace(renamed, vertebrae=tuple(bodies)), SPACING)
    assert [body.level for body in now.vertebrae] == names
    assert now.level_evidence is None
    assert all(body.level_probability is None for body in now.vertebrae)
    assert not any(BY_HAND in body.flags for body in now.vertebrae)


def test_bodies_come_and_go() -> None:
    was = found()
    without = replace(drawn(was), vertebrae=drawn(was).vertebrae[1:])
    now = with_corners_by_hand(was, without, SPACING)
    assert [body.level for body in now.vertebrae] == [body.level for body in was.vertebrae[1:]]
    assert now.level_evidence is None
    missed = replace(was, vertebrae=was.vertebrae[:2] + was.vertebrae[3:], level_evidence=None)
    back = with_corners_by_hand(missed, drawn(was), SPACING)
    assert [BY_HAND in body.flags for body in back.vertebrae] == [False, False, True, False, False, False]
    assert back.vertebrae[2].confidence == 1.0


def test_a_point_that_was_taken_away_is_not_seen() -> None:
    was = found()
    marked = moved(drawn(was), 3, 1, (np.nan, np.nan))
    body = with_corners_by_hand(was, marked, SPACING).vertebrae[3]
    assert np.isnan(body.points_px[1]).all()
    assert body.covariance_px is not None
    assert np.isnan(body.covariance_px[1]).all()
    assert np.isfinite(body.covariance_px[[0, 2, 3]]).all()


def test_states_are_those_marked_where_the_set_tells_them() -> None:
    was = found()
    bare = drawn(was)
    bare = replace(bare, vertebrae=tuple(replace(body, flags=frozenset()) for body in bare.vertebrae))
    assert with_corners_by_hand(was, bare, SPACING).vertebrae[3].flags == {"fractured"}
    assert with_corners_by_hand(was, bare, SPACING, states_are_marked=True).vertebrae[3].flags == set()


def test_middles_go_when_only_corners_are_marked_and_moved() -> None:
    was = found()
    six = np.concatenate([was.vertebrae[3].points_px, was.vertebrae[3].points_px[[0, 2]] + 40.0])
    covariance = np.broadcast_to(np.eye(2), (6, 2, 2)).copy()
    body = replace(was.vertebrae[3], points_px=six, covariance_px=covariance)
    with_middles = replace(was, vertebrae=(*was.vertebrae[:3], body, *was.vertebrae[4:]))
    left = with_corners_by_hand(with_middles, drawn(was), SPACING).vertebrae[3]
    assert np.array_equal(left.points_px, six)
    corrected = with_corners_by_hand(with_middles, moved(drawn(was), 3, 0, (3.0, 0.0)), SPACING).vertebrae[3]
    assert corrected.points_px.shape == (4, 2)


def test_a_film_without_a_found_spine_is_measured_by_hand() -> None:
    empty = SpineLandmarks((), made_up.reference(), Facing.UNKNOWN, 0.03, needed_turns=2)
    now = with_corners_by_hand(empty, drawn(found()), SPACING)
    assert all(BY_HAND in body.flags for body in now.vertebrae)
    assert now.facing is Facing.LEFT
    film = measure_radiograph(now, SPACING, size_px=made_up.SIZE, provenance=build_provenance())
    assert quantity_of(film, L1, "segmental_cobb").value is not None


def test_a_hidden_corner_that_a_person_set_is_hidden_no_more() -> None:
    was = found()
    bodies = tuple(replace(body, hidden=frozenset({0, 2})) for body in was.vertebrae)
    was = replace(was, vertebrae=bodies)
    now = with_corners_by_hand(was, moved(drawn(was), 3, 2, (0.0, 4.0)), SPACING)
    assert [set(body.hidden) for body in now.vertebrae] == [{0, 2}] * 3 + [{0}] + [{0, 2}] * 2

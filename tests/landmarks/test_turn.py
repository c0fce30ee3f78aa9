"""Whether a picture has the head at the top, told from how sure its bodies are and whether they are a row."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import LEVELS, Facing
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.turn import is_row, quarter_turned, row_score
from tests.landmarks.fake_network import Scene, spine_points
from tests.landmarks.test_predictor import predictor


def bodies(levels, confidence=0.9):
    found = []
    for i, level in enumerate(levels):
        points = spine_points(np.array([[50.0, 40.0 * (i + 1)]]), (15.0, 10.0))[0]
        names = np.log(np.where(np.arange(len(LEVELS)) == level, 0.9, 0.1 / (len(LEVELS) - 1)))
        covariance = np.tile(np.eye(2), (4, 1, 1))
        found.append(Candidate(points, covariance, confidence, np.ones(4, dtype=bool), names, np.zeros(3)))
    return found


def film(pixels, box=None):
    spacing = PixelSpacing(0.2, 0.3, Calibration.FIDUCIAL)
    return Radiograph(pixels.astype(np.float32), spacing, ImageReference("made-up"), valid_box=box)


def test_a_row_scores_its_confidence_and_a_reversed_one_nothing():
    assert row_score(bodies(range(8, 14))) == pytest.approx(6 * 0.9)
    assert row_score(bodies(range(13, 7, -1))) == 0.0
    assert row_score(bodies([8, 9, 9, 8, 9])) == pytest.approx(5 * 0.9 * 1 / 4)


def test_a_gap_is_no_disorder_and_too_few_are_no_row():
    assert row_score(bodies([8, 9, 11, 12])) == row_score(bodies([8, 9, 10, 11]))
    assert row_score(bodies([8, 9])) == 0.0
    assert not is_row(bodies([8, 9]))
    assert not is_row([])


def test_unsure_bodies_are_no_row():
    assert is_row(bodies(range(8, 14), confidence=0.8))
    assert not is_row(bodies(range(8, 14), confidence=0.7))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 8))
def test_four_quarters_are_none_and_a_spot_stays_in_the_box(width, height, turns):
    pixels = np.zeros((height + 2, width + 2))
    pixels[1 : height + 1, 1 : width + 1] = 1.0
    own = film(pixels, (1.0, 1.0, 1.0 + width, 1.0 + height))
    turned = quarter_turned(own, turns)
    np.testing.assert_array_equal(turned.pixels, np.rot90(own.pixels, turns))
    x0, y0, x1, y1 = (int(edge) for edge in turned.valid_box)
    assert turned.pixels[y0:y1, x0:x1].all()
    assert turned.pixels.sum() == (x1 - x0) * (y1 - y0)
    back = quarter_turned(turned, -turns)
    np.testing.assert_array_equal(back.pixels, own.pixels)
    assert (back.spacing, back.valid_box) == (own.spacing, own.valid_box)


def test_pixel_sizes_turn_with_the_picture():
    assert quarter_turned(film(np.zeros((4, 6))), 1).spacing == PixelSpacing(0.3, 0.2, Calibration.FIDUCIAL)
    assert quarter_turned(film(np.zeros((4, 6))), 2).spacing == PixelSpacing(0.2, 0.3, Calibration.FIDUCIAL)


def test_which_way_a_turned_picture_faces_is_not_known():
    own = replace(film(np.zeros((4, 6))), facing=Facing.LEFT)
    assert quarter_turned(own, 0).facing is Facing.LEFT
    assert {quarter_turned(own, turns).facing for turns in (1, 2, 3)} == {Facing.UNKNOWN}


def test_a_film_that_shows_a_row_is_not_turned():
    engine = predictor(Scene())
    first, _ = engine._first_look(Scene().radiograph())
    calls = engine.bundle.network.calls
    assert engine._needed_turns(Scene().radiograph(), first) == 0
    assert engine.bundle.network.calls == calls


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_turn_that_makes_a_row_is_needed(turns):
    engine = predictor(Scene())
    upright = Scene().radiograph()
    upright.pixels[:40] = 0.6
    row, _ = engine._first_look(Scene().radiograph())
    disorder = replace(row, bodies=row.bodies[::-1])

    def look(film):
        return (row if np.array_equal(film.pixels, upright.pixels) else disorder), 1.0

    engine._first_look = look
    lying = quarter_turned(upright, -turns)
    assert engine._needed_turns(lying, disorder) == turns
    engine._first_look = lambda _: (disorder, 1.0)
    assert engine._needed_turns(lying, disorder) == 0

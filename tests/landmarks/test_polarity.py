"""Whether bone is bright on a film, told from the bodies that were found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.landmarks.polarity import bone_contrast
from kummell_ai.measurement.quality import header_findings
from tests.landmarks.fake_network import Scene, spine_points
from tests.landmarks.test_predictor import corners, predictor

COLUMN = np.stack([np.full(5, 60.0), 30.0 + 30.0 * np.arange(5)], axis=1)
BODIES = spine_points(COLUMN, (15.0, 10.0))


def film_of(bodies, bone: float, ground: float, shape=(180, 120)):
    pixels = np.full(shape, ground, np.float32)
    for body in bodies:
        (x0, y0), (x1, y1) = body.min(axis=0).astype(int), body.max(axis=0).astype(int)
        pixels[y0:y1, x0:x1] = bone
    return pixels


def test_bodies_that_are_brighter_than_all_about_them():
    assert bone_contrast(film_of(BODIES, 0.8, 0.3), list(BODIES)) == 1.0
    assert bone_contrast(film_of(BODIES, 0.3, 0.8), list(BODIES)) == -1.0
    assert bone_contrast(np.full((180, 120), 0.5, np.float32), list(BODIES)) == 0.0


def test_discs_and_what_lies_in_front_count_alike():
    pixels = film_of(BODIES, 0.8, 0.3)
    pixels[:, :45] = 0.9  # all that is in front of the spine
    assert bone_contrast(pixels, list(BODIES)) == 0.0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_bodies_tell_nothing(count):
    assert bone_contrast(film_of(BODIES, 0.2, 0.8), list(BODIES[:count])) == 0.0


def test_bodies_beside_the_film_or_without_corners_are_left_out():
    bodies = [*BODIES, BODIES[-1] + np.array([0.0, 500.0]), np.full((4, 2), np.nan)]
    assert bone_contrast(film_of(BODIES, 0.8, 0.3), bodies) == 1.0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_exchanged_grey_values_exchange_the_sign_and_a_mirror_changes_nothing(seed, count):
    rng = np.random.default_rng(seed)
    pixels = rng.random((180, 120)).astype(np.float32)
    bodies = spine_points(COLUMN[:count] + rng.normal(0, 2, (min(count, 5), 2)), (15.0, 10.0))
    own = bone_contrast(pixels, list(bodies))
    assert bone_contrast(1 - pixels, list(bodies)) == pytest.approx(-own, abs=1e-9)
    turned = ScaleShift.mirror(120.0).apply(bodies)
    assert bone_contrast(np.ascontiguousarray(pixels[:, ::-1]), list(turned)) == pytest.approx(own, abs=1e-9)


def scene_film(inverted: bool):
    scene = Scene()
    film = scene.radiograph()
    film.pixels[:, 20:] = film_of(scene.points_px, 0.8, 0.3, film.pixels.shape)[:, 20:]
    if inverted:
        film.pixels[:] = 1.0 - film.pixels
    return film


def test_an_inverted_film_is_read_as_if_it_were_not():
    straight, turned = (predictor().locate(scene_film(inverted)) for inverted in (False, True))
    assert (straight.inverted, turned.inverted) == (False, True)
    assert straight.facing is turned.facing
    np.testing.assert_allclose(corners(turned), corners(straight), atol=1e-3)
    told = [[f.code for f in header_findings(scene_film(True), found)] for found in (straight, turned)]
    assert told == [[], ["film-inverted"]]


def test_a_film_that_does_not_tell_is_left_as_it_is():
    engine = predictor()
    assert not engine.locate(Scene().radiograph()).inverted

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.training.augmentation import (
    AugmentationSettings,
    apply_augmentation,
    draw_augmentation,
    plain_augmentation,
)
from kummell_ai.training.photometric import (
    GREY_CHANGES,
    USUAL,
    PhotometricDraw,
    apply_photometric,
    draw_photometric,
    warp,
)
from tests.training.fakes import fake_film

SIZE = (512, 256)


def blob_film(seed, point, view="left"):
    """A fake film whose image is one smooth blob, and whose first corner is that blob's centre."""
    film = fake_film(seed)
    ys, xs = np.mgrid[: film.image.shape[0], : film.image.shape[1]] + 0.5
    image = 255 * np.exp(-0.5 * (((xs - point[0]) / 8.0) ** 2 + ((ys - point[1]) / 8.0) ** 2))
    points = film.points_px.copy()
    points[0, 0] = point
    return replace(film, image=image.astype(np.uint8), points_px=points, view=view)


def centroid(image):
    weight = np.clip(image.astype(float) - 100.0, 0, None)
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(weight * xs).sum(), (weight * ys).sum()]) / weight.sum()


# 8-bit grey values and linear interpolation of a smooth blob: well under 0.15 px
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("view", ["left", "right"])
def test_blob_and_point_arrive_together(seed, view):
    film = blob_film(0, (150.0 + 7 * seed, 260.0), view)
    rng = np.random.default_rng(seed)
    draw = draw_augmentation(film, SIZE, rng, AugmentationSettings(far_share=0.0, shift_px=15.0))
    image, points = apply_augmentation(film, replace(draw, border=0, photometric=PhotometricDraw.none()), SIZE)
    np.testing.assert_allclose(centroid(image), points[0, 0], atol=0.15)


@pytest.mark.parametrize("name", sorted(USUAL.step_shares))
@pytest.mark.parametrize("kind", sorted(GREY_CHANGES))
def test_no_photometric_step_moves_the_picture(name, kind):
    film = blob_film(0, (150.0, 260.0))
    changed = apply_photometric(film.image, PhotometricDraw(steps=((name, 5),), kind=kind))
    assert changed.shape == film.image.shape
    assert changed.dtype == np.uint8
    if name != "dropout":
        np.testing.assert_allclose(centroid(changed), (150.0, 260.0), atol=0.35)


def test_a_window_burns_out_and_few_greys_are_left():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    seen = apply_photometric(ramp, PhotometricDraw(window=(0.25, 0.75))).ravel()
    assert seen[:64].max() == 0
    assert seen[192:].min() == 255
    assert seen[128] == pytest.approx(128, abs=2)
    assert len(np.unique(apply_photometric(ramp, PhotometricDraw(greys=4)))) == 4


def test_the_same_draw_gives_the_same_crop():
    film = fake_film(3 - 1)
    draw = draw_augmentation(film, SIZE, np.random.default_rng(7), AugmentationSettings())
    steps = tuple((n, 3) for n in USUAL.step_shares)
    draw = replace(draw, photometric=PhotometricDraw((0.1, 0.9), 1.0, 0.8, 16, (20.0, -10.0), steps))
    first, second = (apply_augmentation(film, draw, SIZE) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_draws_repeat_with_the_generator():
    film = fake_film(0)
    a, b = (draw_augmentation(film, SIZE, np.random.default_rng(11), AugmentationSettings()) for _ in range(2))
    np.testing.assert_array_equal(a.matrix, b.matrix)
    assert a.photometric == b.photometric
    assert draw_photometric(np.random.default_rng(1)) == draw_photometric(np.random.default_rng(1))


def test_a_right_facing_film_is_shown_facing_left():
    film = fake_film(1)
    assert film.view == "right"
    draw = draw_augmentation(film, SIZE, np.random.default_rng(0), AugmentationSettings(wrong_way_share=0.0))
    _, points = apply_augmentation(film, draw, SIZE)
    assert draw.view == "left"
    assert (points[:, 0, 0] < points[:, 1, 0]).all()


def test_the_wrong_way_is_shown_as_right():
    draw = draw_augmentation(fake_film(0), SIZE, np.random.default_rng(0), AugmentationSettings(wrong_way_share=1.0))
    assert draw.view == "right"
    assert draw.matrix[0, 0] < 0


def test_a_strip_keeps_every_point():
    film = fake_film(0)
    for seed in range(5):
        draw = draw_augmentation(film, SIZE, np.random.default_rng(seed), AugmentationSettings(strip_share=1.0))
        image, points = apply_augmentation(film, draw, SIZE)
        first, end, grey = draw.strip
        assert (image[:, :first] == grey).all()
        assert (image[:, end:] == grey).all()
        x = points[((points > 0) & (points < [SIZE[1], SIZE[0]])).all(axis=2)][:, 0]
        assert ((x >= first) & (x <= end)).all()


def test_the_plain_crop_keeps_the_scale_and_shows_the_spine():
    film = fake_film(1)
    _, points = apply_augmentation(film, plain_augmentation(film, SIZE), SIZE)
    assert ((points > 0) & (points < [SIZE[1], SIZE[0]])).all()
    depth = np.linalg.norm(film.points_px[:, 0] - film.points_px[:, 1], axis=1)
    np.testing.assert_allclose(np.linalg.norm(points[:, 0] - points[:, 1], axis=1), depth, rtol=1e-5)


def test_an_identity_warp_changes_nothing():
    film = fake_film(0)
    np.testing.assert_array_equal(warp(film.image, np.eye(3)[:2], film.image.shape), film.image)

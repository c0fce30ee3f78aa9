"""Batches made on the device, held against those made film by film, OpenCV and albumentations."""

import cv2
import numpy as np
import pytest
import torch
from albumentations.augmentations.blur.functional import create_gaussian_kernel_1d
from albumentations.augmentations.pixel import functional as pixels_of_albumentations
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.errors import InputError
from kummell_ai.landmarks.channels import VIEWS
from kummell_ai.landmarks.crops import crop_frame
from kummell_ai.landmarks.fitting import normalise
from kummell_ai.landmarks.heatmaps import empty_targets, encode_heatmaps
from kummell_ai.landmarks.refiner import target_maps
from kummell_ai.training.augmentation import AugmentationSettings, draw_augmentation
from kummell_ai.training.on_device import draws, pixels
from kummell_ai.training.on_device.store import PictureStore
from kummell_ai.training.on_device.targets import crop_targets, film_targets
from kummell_ai.training.photometric import (
    CLAHE_TILES,
    GREY_CHANGES,
    PhotometricDraw,
    apply_photometric,
    draw_photometric,
    warp,
)
from kummell_ai.training.refine import jittered
from kummell_ai.training.refine_config import JitterSettings
from tests.training.fakes import fake_film

CPU = torch.device("cpu")
NONE = np.full(2, np.nan)
SIZE = (96, 64)


@pytest.fixture
def looks():
    """Two smooth looks (2, 96, 64) uint8 with some grain."""
    rng = np.random.default_rng(3)
    raw = cv2.GaussianBlur(rng.normal(128.0, 400.0, (96, 128)), (0, 0), 6.0) + rng.normal(0.0, 3.0, (96, 128))
    return np.clip(raw, 0, 255).astype(np.uint8).reshape(96, 2, 64).transpose(1, 0, 2).copy()


def tensor(looks):
    return torch.from_numpy(looks).float()


def nothing_drawn(**changes):
    holes, pairs = np.full((2, 3, 4), np.nan), np.full((2, 2), np.nan)
    plain = dict.fromkeys(("tanh", "gamma", "greys", "clahe", "blur", "downscale", "noise", "jpeg"), NONE)
    return draws.PhotometricDraws(
        **{**plain, "window": pairs, "gradient": pairs, "sharpen": pairs, "holes": holes, "seed": 1, **changes}
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000), angle=st.floats(-15, 15), scale=st.floats(0.6, 1.6), mirror=st.booleans(),
    border=st.sampled_from([-1, 0, 77, 255]),
)  # fmt: skip
def test_a_window_is_what_opencv_cuts(seed, angle, scale, mirror, border):
    film = fake_film(seed, (128, 96)).image
    smooth = cv2.GaussianBlur(film, (0, 0), 1.5)
    turn = draws.turns(np.deg2rad(np.array(angle))) * scale * np.array([-1.0 if mirror else 1.0, 1.0])
    matrix = np.concatenate([turn, (np.array([32.0, 48.0]) - turn @ np.array([50.0, 60.0]))[:, None]], axis=1)
    ours = pixels.warp(torch.from_numpy(smooth)[None], matrix[None], SIZE, np.array([border]))[0].numpy()
    difference = np.abs(ours - warp(smooth, matrix, SIZE, border))
    assert np.quantile(difference, 0.98) <= 1.5, "OpenCV counts in 1/32 px"
    assert difference.mean() < 0.6


def test_nothing_drawn_changes_nothing(looks):
    assert torch.equal(pixels.vary(tensor(looks), nothing_drawn()), tensor(looks))


SINGLE = (
    PhotometricDraw(tanh=1.7),
    PhotometricDraw(gamma=0.6),
    PhotometricDraw(gradient=(40.0, -25.0)),
    PhotometricDraw(window=(0.2, 0.7)),
    PhotometricDraw(greys=5),
    PhotometricDraw(window=(0.1, 0.9), tanh=1.2, gamma=0.8),
    PhotometricDraw(tanh=0.9, gamma=1.5, gradient=(-30.0, 10.0)),
)


@pytest.mark.parametrize("single", SINGLE)
def test_contrast_and_gradient_are_those_of_single_films(looks, single):
    batch = {name: np.array([getattr(single, name) or np.nan, np.nan]) for name in ("tanh", "gamma", "greys")}
    if single.window is not None:
        batch["window"] = np.array([single.window, (np.nan, np.nan)])
    if single.gradient is not None:
        batch["gradient"] = np.array([single.gradient, (np.nan, np.nan)])
    ours = pixels.vary(tensor(looks), nothing_drawn(**batch)).numpy()
    assert np.abs(ours[0] - apply_photometric(looks[0], single)).max() <= 1.5
    np.testing.assert_array_equal(ours[1], looks[1])


@pytest.mark.parametrize("clip", [1.0, 2.5, 4.0])
def test_equalisation_is_opencvs(looks, clip):
    ours = pixels.equalised(tensor(looks), np.full(2, clip)).numpy()
    for one, look in zip(ours, looks, strict=True):
        theirs = cv2.createCLAHE(clip, CLAHE_TILES).apply(look).astype(float)
        assert np.abs(one - theirs).max() <= 1.0


def test_sharpening_is_that_of_albumentations(looks):
    alpha, lightness = 0.3, 1.05
    kernel = (1 - alpha) * np.diag([0, 1, 0]) + alpha * (np.diag([0, 9 + lightness, 0]) - np.ones((3, 3)))
    ours = pixels.sharpened(tensor(looks), np.array([[alpha, lightness]] * 2)).clamp(0, 255)[0].numpy()
    assert (
        np.abs(ours - pixels_of_albumentations.convolve(looks[0], kernel.astype(np.float32)))[1:-1, 1:-1].max() <= 1.0
    )


@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.6])
def test_blurring_is_that_of_albumentations(looks, sigma):
    ours = pixels.blurred(tensor(looks), np.array([sigma, 1.6]))[0].numpy()
    kernel = create_gaussian_kernel_1d(sigma)
    theirs = cv2.sepFilter2D(looks[0].astype(float), -1, kernel, kernel)
    assert np.abs(ours - theirs).max() <= 1.0


@pytest.mark.parametrize("quality", [15, 40, 65, 90])
def test_jpeg_is_opencvs(looks, quality):
    ours = pixels.compressed(tensor(looks), np.full(2, float(quality)))[0].clamp(0, 255).numpy()
    _, code = cv2.imencode(".jpg", looks[0], [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE).astype(float)
    assert np.abs(ours - theirs).mean() < min(0.5, np.abs(theirs - looks[0]).mean())


def test_coarsening_takes_detail_away_and_moves_nothing(looks):
    spot = np.zeros((2, 96, 64), np.uint8)
    spot[:, 40:44, 30:34] = 255
    coarse = pixels.coarsened(tensor(spot), np.array([0.45, 0.8])).numpy()
    y, x = np.indices(spot.shape[1:])
    for one in coarse:
        assert one.max() < 255.0
        assert ((one * x).sum() / one.sum(), (one * y).sum() / one.sum()) == pytest.approx((31.5, 41.5), abs=0.1)


def test_noise_and_holes_are_what_was_drawn(looks):
    holes = np.full((2, 3, 4), np.nan)
    holes[1, 0] = 10, 20, 30, 50
    once = pixels.vary(tensor(looks), nothing_drawn(noise=np.array([10.0, np.nan]), holes=holes))
    assert torch.equal(once, pixels.vary(tensor(looks), nothing_drawn(noise=np.array([10.0, np.nan]), holes=holes)))
    changed = np.abs(once.numpy() - looks) > 0
    assert (once[0].numpy() - looks[0].astype(float)).std() == pytest.approx(10.0, rel=0.1)
    assert changed[1, 20:50, 10:30].mean() > 0.97
    changed[1, 20:50, 10:30] = False
    assert not changed[1].any()


def test_normalised_is_what_inference_sees(looks):
    constant = np.full((1, *looks.shape[1:]), 9, np.uint8)
    two = np.where(np.arange(64) < 1, 200, 10)[None, None].repeat(96, axis=1).astype(np.uint8)
    for look, ours in zip(
        [*looks, *constant, *two], pixels.normalised(tensor(np.concatenate([looks, constant, two]))), strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), normalise(look), atol=2e-3)


def test_strips_keep_what_is_between(looks):
    shown = pixels.with_strips(tensor(looks), np.array([[5.0, 50.0, 77.0], [np.nan] * 3])).numpy()
    np.testing.assert_array_equal(shown[0, :, :5], 77)
    np.testing.assert_array_equal(shown[0, :, 50:], 77)
    np.testing.assert_array_equal(shown[0, :, 5:50], looks[0, :, 5:50])
    np.testing.assert_array_equal(shown[1], looks[1])


@pytest.mark.parametrize("seed", range(3))
def test_targets_of_a_batch_are_those_of_its_films(seed):
    size, shape = (192, 128), (48, 32)
    films = [fake_film(8 * seed + k, (256, 160)) for k in range(8)]
    padded = np.full((8, 7, 4, 2), np.nan)
    for row, film in zip(padded, films, strict=True):
        row[: len(film.points_px)] = film.points_px
    padded[0, 1, 2], padded[2, 3, :3], padded[2, 0] = np.nan, np.nan, np.nan
    view = np.array([VIEWS.index(film.view) for film in films])
    given_settings = AugmentationSettings(shift_px=120.0, wrong_way_share=0.3)
    looks = draws.draw_looks(padded, view, (256, 160), size, np.random.default_rng(seed), given_settings)
    points = np.stack([one @ m[:, :2].T + m[:, 2] for one, m in zip(padded, looks.matrix, strict=True)])
    np.testing.assert_allclose(looks.points_px, points, atol=1e-9)
    ends = np.random.default_rng(seed).random((8, 2)) < 0.5
    ours = film_targets(points, looks.view, shape, 4, CPU, ends)
    cells = 0
    for b in range(8):
        is_left = looks.view[b] == draws.LEFT
        single = encode_heatmaps(points[b], shape, 4, tuple(ends[b])) if is_left else empty_targets(shape)
        if looks.view[b] == draws.RIGHT:
            single.weights[:] = 0.0
        elif looks.view[b] == draws.FRONTAL:
            single.weights[1:] = 0.0
        np.testing.assert_allclose(ours.maps[b].numpy(), single.maps, atol=4e-4)  # they end at 4 deviations
        np.testing.assert_array_equal(ours.weights[b].numpy(), single.weights)
        mine = ours.film == b
        np.testing.assert_array_equal(ours.cells[mine] - b * shape[0] * shape[1], single.cells)
        np.testing.assert_array_equal(ours.vertebra[mine], single.vertebra)
        np.testing.assert_allclose(ours.offsets_px[mine], single.offsets_px, atol=1e-3)
        cells += len(single.cells)
    assert cells > 50


def test_targets_of_crops_are_those_of_single_ones():
    rng = np.random.default_rng(1)
    points = rng.uniform(-10.0, 170.0, (5, 6, 2))
    points[1, 2] = np.nan
    np.testing.assert_allclose(crop_targets(points, (72, 80), CPU).numpy(), target_maps(points, (72, 80)), atol=2e-6)


def test_windows_are_drawn_as_for_single_films():
    films = [fake_film(seed, (512, 352)) for seed in range(4)]
    padded = np.full((4, 6, 4, 2), np.nan)
    for row, film in zip(padded, films, strict=True):
        row[: len(film.points_px)] = film.points_px
    which = np.tile(np.arange(4), 500)
    view = np.array([VIEWS.index(film.view) for film in films])[which]
    given_settings = AugmentationSettings()
    batch = draws.draw_looks(padded[which], view, (512, 352), (512, 256), np.random.default_rng(5), given_settings)
    rng = np.random.default_rng(6)
    single = [draw_augmentation(films[k], (512, 256), rng, given_settings) for k in which]
    theirs = np.stack([draw.matrix for draw in single])
    for i, j in np.ndindex(2, 3):
        for k in range(4):
            a, b = batch.matrix[which == k, i, j], theirs[which == k, i, j]
            assert a.mean() == pytest.approx(b.mean(), abs=5.0 * b.std() / np.sqrt(250.0))
            assert a.std() == pytest.approx(b.std(), rel=0.2)
    for name in VIEWS:
        share = np.mean([draw.view == name for draw in single])
        assert (batch.view == VIEWS.index(name)).mean() == pytest.approx(share, abs=0.03)
    assert np.isfinite(batch.strip[:, 0]).mean() == pytest.approx(
        np.mean([d.strip is not None for d in single]), abs=0.03
    )
    assert (batch.border < 0).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("kind", sorted(GREY_CHANGES))
def test_changes_of_grey_values_are_drawn_as_for_single_films(kind):
    batch = draws.draw_photometrics(np.random.default_rng(1), 8000, (512, 256), kind)
    rng = np.random.default_rng(2)
    single = [draw_photometric(rng, kind) for _ in range(8000)]
    window = np.array([draw.window or (np.nan, np.nan) for draw in single])
    pairs = {name: (getattr(batch, name), np.array([getattr(draw, name) or np.nan for draw in single]))
             for name in ("tanh", "gamma", "greys")}  # fmt: skip
    pairs |= {"darkest": (batch.window[:, 0], window[:, 0]), "brightest": (batch.window[:, 1], window[:, 1])}
    for name, (ours, theirs) in pairs.items():
        assert np.isfinite(ours).mean() == pytest.approx(np.isfinite(theirs).mean(), abs=0.03), name
        assert np.isfinite(ours).any() == np.isfinite(theirs).any(), name
        if np.isfinite(ours).any():
            assert np.nanstd(ours) == pytest.approx(np.nanstd(theirs), rel=0.1), name
            assert np.nanmean(ours) == pytest.approx(np.nanmean(theirs), rel=0.1, abs=0.02), name
    assert np.isfinite(batch.greys).any() == (kind == "wide")
    assert np.nanmax(batch.noise) > 20.0 or kind == "usual"
    for name in ("clahe", "blur", "noise", "jpeg", "downscale"):
        share = np.mean([any(step == name for step, _ in draw.steps) for draw in single])
        assert np.isfinite(getattr(batch, name)).mean() == pytest.approx(share, abs=0.03)
    holes = batch.holes[np.isfinite(batch.holes).any(axis=(1, 2))]
    assert set(np.isfinite(holes[..., 0]).sum(axis=1)) == {1, 2, 3}
    x0, y0, x1, y1 = np.moveaxis(holes[np.isfinite(holes[..., 0])], -1, 0)
    for low, high, side, shares in ((x0, x1, 256, (0.04, 0.25)), (y0, y1, 512, (0.02, 0.12))):
        assert low.min() >= 0
        assert high.max() <= side
        assert (high - low).min() >= shares[0] * side
        assert (high - low).max() <= shares[1] * side


def test_frames_without_jitter_are_those_of_the_crops():
    body = fake_film(2).points_px[:5].astype(float)
    none = JitterSettings(0.0, 0.0, 0.0, 0.0, 0.0)
    matrix, scale = draws.draw_frames(body, np.ones((len(body), 6), dtype=bool), np.random.default_rng(0), none)
    for corners, ours, factor in zip(body, matrix, scale, strict=True):
        np.testing.assert_allclose(ours, crop_frame(corners).matrix, atol=1e-9)
        assert factor == pytest.approx(np.sqrt(np.linalg.det(crop_frame(corners).matrix[:, :2])))


@pytest.mark.parametrize("unseen", [[], [2, 3], [0, 2]])
def test_frames_are_jittered_as_for_single_crops(unseen):
    body, visible = fake_film(2).points_px[1].astype(float), ~np.isin(np.arange(6), unseen)
    rng, settings = np.random.default_rng(0), JitterSettings()
    matrix, _ = draws.draw_frames(np.tile(body, (3000, 1, 1)), np.tile(visible, (3000, 1)), rng, settings)
    rng = np.random.default_rng(1)
    theirs = np.stack([crop_frame(jittered(body, visible, rng, settings)).matrix for _ in range(3000)])
    np.testing.assert_allclose(matrix.mean(axis=0), theirs.mean(axis=0), atol=5.0 * theirs.std(axis=0).max() / 50.0)
    np.testing.assert_allclose(matrix.std(axis=0), theirs.std(axis=0), rtol=0.12)


def test_a_store_grows_and_takes_one_size_only():
    store = PictureStore(CPU)
    first, second = (np.arange(k, k + 4 * 6, dtype=np.uint8).reshape(4, 2, 3) for k in (0, 100))
    store.extend(first)
    store.extend(second)
    assert len(store) == 8
    np.testing.assert_array_equal(store.take(np.array([5, 0])).numpy(), np.stack([second[1], first[0]]))
    with pytest.raises(InputError, match="2 x 4 px, others of 2 x 3; use batches=workers"):
        store.extend(np.zeros((1, 2, 4), np.uint8))

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.synthesis.film.archive import draw_archive, keep
from kummell_ai.synthesis.film.attenuation import transmission
from kummell_ai.synthesis.film.collimation import draw_blades, opening
from kummell_ai.synthesis.film.detector import Exposure, detect, draw_detector, focal_blur_mm, present
from kummell_ai.synthesis.film.display import FAMILIES, draw_display, multiscale, show
from kummell_ai.synthesis.film.film import develop, plan_film, take_film
from kummell_ai.synthesis.film.film_damage import Seam, apply_seam
from kummell_ai.synthesis.film.film_marks import burn_in, covers, draw_lead, glyphs
from kummell_ai.synthesis.film.film_text import draw_text
from kummell_ai.synthesis.film.scatter import scatter_map, tissue_level
from kummell_ai.synthesis.recipe import FilmRecipe

NONE = FilmRecipe(**{f.name: 0.0 for f in fields(FilmRecipe)})
ALL = FilmRecipe(**{f.name: 1.0 for f in fields(FilmRecipe)})
EXPOSURE = Exposure(tube_kv=76.0, pixel_mm=1.4, magnification=1.2)


def body(rows: int = 256, cols: int = 160) -> dict[str, np.ndarray]:
    """A water trunk in air with a column of bone blocks."""
    x = np.linspace(-1.0, 1.0, cols, dtype=np.float32)[None, :]
    y = np.arange(rows, dtype=np.float32)[:, None]
    water = 280.0 * np.sqrt(np.clip(1.0 - (x / 0.8) ** 2, 0.0, None)) * np.ones((rows, 1), np.float32)
    bone = 14.0 * (np.abs(x) < 0.15) * ((y % 32) < 24)
    return {"water": water.astype(np.float32), "bone": bone.astype(np.float32)}


def plan(recipe: FilmRecipe, seed: int = 3, spare: np.ndarray | None = None):
    return plan_film((256, 160), EXPOSURE, recipe, np.random.default_rng(seed), spare)


def test_without_ingredients_a_film_is_the_straight_log_of_the_primary() -> None:
    lengths = body()
    film = take_film(lengths, EXPOSURE, NONE, np.random.default_rng(0))
    log = -np.log(transmission(lengths, 76.0, plan(NONE, 0).detector.copper_mm, plan(NONE, 0).detector.kind))
    inside = (film > 0.0) & (film < 1.0)
    slope, level = np.polyfit(log[inside], film[inside], 1)
    assert film[inside] == pytest.approx(slope * log[inside] + level, abs=1e-4)
    assert slope > 0.0  # bone bright


def test_the_same_seed_gives_the_same_bytes() -> None:
    lengths = body()
    once, again = (take_film(lengths, EXPOSURE, ALL, np.random.default_rng(5)) for _ in range(2))
    assert once.tobytes() == again.tobytes()
    assert once.tobytes() != take_film(lengths, EXPOSURE, ALL, np.random.default_rng(6)).tobytes()


@pytest.mark.parametrize("recipe", [NONE, FilmRecipe(), ALL], ids=["none", "default", "all"])
def test_films_are_grey_levels(recipe: FilmRecipe) -> None:
    for seed in range(12):
        film = take_film(body(), EXPOSURE, recipe, np.random.default_rng(seed))
        assert film.shape == (256, 160)
        assert film.dtype == np.float32
        assert 0.0 <= film.min() < film.max() <= 1.0


def test_making_a_film_leaves_the_path_lengths_alone() -> None:
    lengths = body()
    take_film(lengths, EXPOSURE, ALL, np.random.default_rng(1))
    assert all((lengths[name] == fresh).all() for name, fresh in body().items())


PARTS = {
    "scatter": lambda p: p.detector.scatter == 0.0,
    "noise": lambda p: np.isinf(p.detector.quanta) and p.detector.electronic == p.detector.mottle == 0.0,
    "blur": lambda p: p.detector.blur_px == 0.0,
    "heel": lambda p: p.detector.heel == (0.0, 0.0),
    "grid": lambda p: p.detector.lines[0] == 0.0,
    "display": lambda p: p.display is None,
    "collimation": lambda p: p.blades is None,
    "markers": lambda p: p.lead == (),
    "text": lambda p: p.archive.text == (),
    "scratches": lambda p: p.archive.damage is None,
    "seams": lambda p: p.archive.seam is None,
    "borders": lambda p: p.archive.border is None,
    "resampled": lambda p: p.archive.shrink[0] == 1.0,
    "squeezed": lambda p: p.archive.squeeze == (0.0, 1.0),
    "inverted": lambda p: not p.archive.inverted,
    "jpeg": lambda p: p.archive.quality is None,
}


@pytest.mark.parametrize("key", PARTS)
def test_an_ingredient_at_0_is_absent_and_moves_no_other(key: str) -> None:
    for seed in range(40):
        full, without = plan(ALL, seed), plan(replace(ALL, **{key: 0.0}), seed)
        assert PARTS[key](without)
        others = set(PARTS) - {key} - ({"scatter"} if key == "grid" else set())
        for other in others:
            assert PARTS[other](without) == PARTS[other](full), other
        if key not in ("markers", "collimation", "display"):
            assert (without.blades, without.lead, without.display) == (full.blades, full.lead, full.display)


def test_shares_of_0_and_1_are_never_and_always() -> None:
    rng = np.random.default_rng(0)
    assert not any(present(0.0, rng) for _ in range(100))
    assert all(present(1.0, rng) for _ in range(100))


def test_quantum_noise_has_the_spread_of_poisson() -> None:
    flat = {"water": np.full((200, 200), 150.0, np.float32)}
    detector = replace(draw_detector(NONE, EXPOSURE, np.random.default_rng(0)), quanta=2500.0)
    spread = detect(flat, EXPOSURE, detector).std()
    assert spread == pytest.approx(1.0 / np.sqrt(2500.0), rel=0.02)  # 40,000 pixels: 3 standard errors are 1.1 %


def test_detector_blur_lowers_noise_and_keeps_the_exposure() -> None:
    flat = {"water": np.full((200, 200), 150.0, np.float32)}
    sharp = replace(draw_detector(NONE, EXPOSURE, np.random.default_rng(0)), quanta=2500.0)
    soft = detect(flat, EXPOSURE, replace(sharp, blur_px=1.0))
    # white noise through a Gaussian of sigma 1 px keeps 1 / (4 pi sigma^2) of its variance
    assert soft.std() == pytest.approx(np.sqrt(1.0 / (4.0 * np.pi)) / 50.0, rel=0.05)
    assert np.exp(-soft).mean() == pytest.approx(np.exp(-detect(flat, EXPOSURE, sharp)).mean(), rel=1e-3)


def test_focal_spot_blurs_more_the_further_the_patient_is_from_the_detector() -> None:
    assert focal_blur_mm(1.2, 1.0) == 0.0
    assert focal_blur_mm(1.2, 1.1) < focal_blur_mm(1.2, 1.3) < 1.2


def test_scatter_behind_a_wide_slab_is_its_ratio_and_air_sends_none() -> None:
    one, water = np.ones((256, 256), np.float32), np.full((256, 256), 200.0, np.float32)
    assert scatter_map(one, water, 2.0, 30.0, 1.0) == pytest.approx(2.0, rel=1e-3)
    thicker = scatter_map(one, water * 1.5, 2.0, 30.0, 1.0)
    assert thicker == pytest.approx(2.0 * 1.5**1.4, rel=1e-3)
    assert scatter_map(one, np.zeros_like(water), 2.0, 30.0, 1.0).max() == 0.0


def contrast(log_exposure: np.ndarray) -> float:
    """Of bone over the gap below it, on the axis of the column."""
    return float(log_exposure[108:116, 80].mean() - log_exposure[122:126, 80].mean())


def test_scatter_takes_contrast_and_a_grid_gives_it_back() -> None:
    bare, lengths = plan(NONE).detector, body()
    with_grid, without = (
        draw_detector(replace(NONE, scatter=1.0, grid=g), EXPOSURE, np.random.default_rng(2)) for g in (1.0, 0.0)
    )
    assert 0.0 < with_grid.scatter < 0.4 * without.scatter
    values = [
        contrast(detect(lengths, EXPOSURE, replace(bare, scatter=s))) for s in (0.0, with_grid.scatter, without.scatter)
    ]
    assert values == sorted(values, reverse=True)


def test_tissue_level_ignores_open_air() -> None:
    primary = np.ones((80, 80), np.float32)
    primary[:, 60:] = 0.01
    assert tissue_level(primary) == pytest.approx(0.01)


def test_heel_effect_is_a_slope_of_the_log_exposure() -> None:
    flat = {"water": np.full((100, 60), 150.0, np.float32)}
    tilted = replace(plan(NONE).detector, heel=(0.3, 0.0))
    rows = detect(flat, EXPOSURE, tilted).mean(axis=1)
    assert rows[0] - rows[-1] == pytest.approx(0.3 * 99 / 100, abs=1e-4)


def test_visible_grid_lines_have_their_period() -> None:
    flat = {"water": np.full((64, 160), 150.0, np.float32)}
    lined = replace(plan(NONE).detector, lines=(0.01, 8.0, 0.0), lines_upright=True)
    power = np.abs(np.fft.rfft(detect(flat, EXPOSURE, lined)[0] - 0.0))[1:]
    assert int(power.argmax()) + 1 == 160 // 8


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_pyramid_with_all_gains_1_gives_the_image_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(size=tuple(rng.integers(9, 70, 2))).astype(np.float32)
    same = multiscale(image, (1.0,) * 5, float("inf"), 1.0)
    assert same == pytest.approx(image, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_shows_grey_levels_with_bone_brighter(family: str) -> None:
    seen = detect(body(), EXPOSURE, plan(NONE).detector)
    for seed in range(8):
        shown = show(seen, draw_display(np.random.default_rng(seed), family), 1.4)
        assert shown.dtype == np.float32
        assert 0.0 <= shown.min() <= shown.max() <= 1.0
        assert contrast(shown) >= 0.0


@pytest.mark.parametrize("family", ["plain", "film"])
def test_a_chain_without_scales_keeps_the_order_of_grey_levels(family: str) -> None:
    seen = detect(body(), EXPOSURE, plan(NONE).detector)
    display = replace(draw_display(np.random.default_rng(4), family), equalise=(1.0, 0), mask=(0.0, 1.0))
    order = np.argsort(seen, axis=None)
    assert (np.diff(show(seen, display, 1.4).ravel()[order]) >= -1e-6).all()


spare_points = st.lists(st.tuples(st.floats(20.0, 140.0), st.floats(20.0, 236.0)), min_size=1, max_size=12)


@given(seed=st.integers(0, 10**6), points=spare_points)
@settings(max_examples=60, deadline=None)
def test_no_edge_and_no_mark_lies_on_a_spared_point(seed: int, points: list[tuple[float, float]]) -> None:
    spare, rng = np.array(points, np.float32), np.random.default_rng(seed)
    blades = draw_blades((256, 160), (0.4, 0.3), (1.0, 1.0), spare, rng)
    field = opening(blades, (256, 160))
    x, y = spare.astype(int).T
    assert (field[y, x] == 1.0).all()
    for mark in draw_lead((256, 160), 1.4, spare, rng) + draw_text((256, 160), spare, rng):
        assert not covers(mark, spare, 1.0)


def test_blades_have_the_drawn_margins() -> None:
    blades = replace(
        draw_blades((100, 80), (0.1, 0.1), (1.0, 1.0), None, np.random.default_rng(0)),
        angle=0.0,
        margins=(10.0, float("-inf"), 20.0, 30.0),
        penumbra_px=1.0,
    )
    field = opening(blades, (100, 80))
    expected = np.zeros((100, 80), np.float32)
    expected[20:70, 10:] = 1.0
    assert (field == expected).all()


def test_collimated_film_is_covered_outside_its_field() -> None:
    seed = next(s for s in range(99) if plan(replace(NONE, collimation=1.0), s).archive.shutter == 0.0)
    drawn = plan(replace(NONE, collimation=1.0), seed)
    field = opening(drawn.blades, (256, 160))
    film = develop(body(), drawn)
    assert (film[field == 0.0] == 0.0).all()


def test_lead_stops_the_beam_and_shows_bright() -> None:
    seed = next(s for s in range(99) if plan(replace(NONE, markers=1.0), s).lead)
    with_lead, without = plan(replace(NONE, markers=1.0), seed), plan(NONE, seed)
    change = develop(body(), with_lead) - develop(body(), replace(with_lead, lead=()))
    assert change.max() > 0.1  # behind a body, scaled to the range of the whole film
    assert without.lead == ()


def test_lettering_of_every_font_covers_part_of_its_box() -> None:
    rng = np.random.default_rng(0)
    marks = [m for _ in range(40) for m in draw_text((512, 352), None, rng) + draw_lead((512, 352), 0.7, None, rng)]
    assert len({m.font for m in marks}) > 2
    for mark in marks:
        letters, box = glyphs(mark)
        assert letters.shape == box.shape
        assert 0.02 < letters.mean() < 0.95
        assert 0.0 <= letters.min() <= letters.max() <= 1.0


def test_a_mirrored_mark_reads_from_the_back() -> None:
    mark = next(m for s in range(99) for m in draw_lead((512, 352), 0.7, None, np.random.default_rng(s)))
    one, other = (glyphs(replace(mark, mirrored=m))[0] for m in (False, True))
    assert (one[:, ::-1] == other).all()


def test_a_mark_at_the_border_is_cut_off_there() -> None:
    mark = next(m for s in range(99) for m in draw_lead((512, 352), 0.7, None, np.random.default_rng(s)))
    film = np.zeros((64, 64), np.float32)
    burn_in(film, (replace(mark, at=(60, 61)), replace(mark, at=(300, 10))))
    assert film.shape == (64, 64)


def quiet():
    return draw_archive(NONE, (256, 160), None, np.random.default_rng(0))


def test_an_archive_without_ingredients_keeps_the_film() -> None:
    film = np.random.default_rng(0).random((256, 160), dtype=np.float32)
    assert (keep(film, quiet()) == film).all()


def test_inverted_and_squeezed_films() -> None:
    film = np.random.default_rng(0).random((256, 160), dtype=np.float32)
    assert keep(film, replace(quiet(), inverted=True)) == pytest.approx(1.0 - film, abs=1e-6)
    squeezed = keep(film, replace(quiet(), squeeze=(0.3, 0.7)))
    assert squeezed == pytest.approx(0.3 + 0.4 * film, abs=0.5 / 255 + 1e-6)


def centre_of(film: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[0 : film.shape[0], 0 : film.shape[1]] + 0.5
    return float((x * film).sum() / film.sum()), float((y * film).sum() / film.sum())


@pytest.mark.parametrize("enlarging", [cv2.INTER_LINEAR, cv2.INTER_CUBIC])
@pytest.mark.parametrize("shrink", [1.2, 1.7, 2.4])
def test_a_lower_resolution_moves_nothing(shrink: float, enlarging: int) -> None:
    y, x = np.mgrid[0:256, 0:160] + 0.5
    blob = np.exp(-((x - 70.3) ** 2 + (y - 111.8) ** 2) / (2 * 4.0**2)).astype(np.float32)
    soft = keep(blob, replace(quiet(), shrink=(shrink, enlarging)))
    assert centre_of(soft) == pytest.approx(centre_of(blob), abs=0.1)  # cubic tails below 0 are cut off


def test_a_seam_changes_grey_levels_below_it_alone() -> None:
    film = np.full((100, 20), 0.5, np.float32)
    apply_seam(film, Seam(row=40.0, width=1.0, gain=1.1, offset=0.05))
    assert (film[:39] == 0.5).all()
    assert film[42:] == pytest.approx(0.6)


def test_marks_and_collimation_leave_the_window_of_the_film_alone() -> None:
    seen = detect(body(), EXPOSURE, plan(NONE).detector)
    display = replace(draw_display(np.random.default_rng(1), "plain"), central=False, equalise=(1.0, 0))
    half = np.ones((256, 160), np.float32)
    half[128:] = 0.0
    dark = seen.copy()
    dark[128:] = 6.0  # hardly any exposure behind the blades
    top, covered = show(seen[:128], display, 1.4), show(dark, display, 1.4, half)[:128]
    assert covered == pytest.approx(top, abs=0.03)  # other rows are sampled

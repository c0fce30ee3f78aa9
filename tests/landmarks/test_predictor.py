from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import LEVELS, USUAL_LEVELS, Facing, VertebralLevel
from kummell_ai.errors import CheckpointError, UsageError
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.interval_factors import STRATA
from kummell_ai.imaging.picture_shape import USUAL_SHAPE
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.landmarks.assembly import EVEN_FACTOR, assemble
from kummell_ai.landmarks.checkpoint import Bundle
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.predictor import Predictor
from tests.landmarks.fake_network import OracleNetwork, Scene, spine_points

SCENE = Scene()


def predictor(scene=SCENE, usual_depth=39.0, tta=False, **kwargs):
    info = {"rows": 512, "usual_depth_px": usual_depth, "covariance_scale": [4.0, 1.0, 1.0, 1.0]}
    return Predictor(Bundle("oracle", OracleNetwork(scene), info, "0" * 64), precision="float32", tta=tta, **kwargs)


def corners(landmarks):
    return np.array([v.corners_px for v in landmarks.vertebrae])


def test_bodies_come_back_in_image_px_with_names():
    found = predictor().locate(SCENE.radiograph())
    np.testing.assert_allclose(corners(found), SCENE.points_px, atol=0.1)
    assert [str(v.level) for v in found.vertebrae] == ["L1", "L2", "L3", "L4", "L5", "L6"]
    assert found.facing is Facing.LEFT
    assert found.lateral_probability == pytest.approx(0.98, abs=1e-3)


def test_a_mirrored_film_gives_mirrored_landmarks():
    straight = predictor().locate(SCENE.radiograph())
    turned = predictor().locate(SCENE.radiograph(right=True))
    mirror = ScaleShift.mirror(float(SCENE.width))
    assert turned.facing is Facing.RIGHT
    np.testing.assert_allclose(corners(turned), mirror.apply(corners(straight)), atol=1e-6)
    covariances = [np.array([v.covariance_px for v in found.vertebrae]) for found in (straight, turned)]
    np.testing.assert_allclose(covariances[1], mirror.apply_covariance(covariances[0]), atol=1e-6)


def test_a_header_that_has_the_film_the_wrong_way_round_is_overruled():
    found = predictor().locate(SCENE.radiograph(facing=Facing.RIGHT))
    assert found.facing is Facing.LEFT
    np.testing.assert_allclose(corners(found), SCENE.points_px, atol=0.1)


def test_the_header_decides_where_the_looks_do_not(monkeypatch):
    monkeypatch.setattr("kummell_ai.landmarks.predictor.facing_probabilities", lambda *_: (0.2, 0.2))
    found = predictor().locate(SCENE.radiograph(facing=Facing.RIGHT))
    assert found.facing is Facing.RIGHT


def test_small_bodies_are_looked_at_again_at_a_larger_scale():
    small = Scene(points_px=spine_points(np.stack([np.full(6, 150.0), 60 + 40.0 * np.arange(6)], 1), (15.0, 10.0)))
    engine = predictor(small)
    found = engine.locate(small.radiograph())
    assert engine.bundle.network.calls == 2
    np.testing.assert_allclose(corners(found), small.points_px, atol=0.1)


def test_a_film_that_does_not_turn_with_the_mirror_is_not_lateral():
    radiograph = SCENE.radiograph()
    radiograph.pixels[:, -20:] = radiograph.pixels[:, :20]
    assert predictor().locate(radiograph).lateral_probability < 0.2


def test_a_stretched_film_without_spacing_is_looked_at_in_its_usual_shape():
    wide = Scene(width=640, points_px=SCENE.points_px * np.array([2.0, 1.0]))
    engine = predictor(wide)
    stretches = []
    run = engine._run
    engine._run = lambda film, plan: stretches.append(plan.stretch) or run(film, plan)
    found = engine.locate(wide.radiograph())
    assert stretches[0] == 1.0
    depth, height = (np.linalg.norm(wide.points_px[0, a] - wide.points_px[0, b]) for a, b in ((0, 1), (0, 2)))
    assert stretches[1] == pytest.approx(USUAL_SHAPE * height / depth, rel=0.01)
    np.testing.assert_allclose(corners(found), wide.points_px, atol=0.2)


def test_no_vertebra_is_missed_on_a_film_of_flat_or_high_pixels():
    for column, row in ((1.0, 1.0), (0.4, 1.0), (1.0, 0.4)):
        points = SCENE.points_px * np.array([1.0 / column, 1.0 / row])
        film = replace(SCENE.radiograph(), spacing=PixelSpacing(row, column, Calibration.FIDUCIAL))
        evidence = assemble(film, candidates(points), False, 1.0).level_evidence
        np.testing.assert_array_equal(evidence.missed, 0.0)


def test_covariances_are_calibrated_per_corner():
    first = predictor().locate(SCENE.radiograph()).vertebrae[2].covariance_px
    assert first[0, 0, 0] > 2.0 * first[1, 0, 0]


@pytest.mark.parametrize("key", ["rows", "usual_depth_px"])
@pytest.mark.parametrize("size", ["abc", None, 0, -512, float("nan"), float("inf"), 10**9, True, [512]])
def test_a_recipe_with_an_impossible_size_is_refused_in_one_line(key, size):
    bundle = Bundle("oracle", OracleNetwork(SCENE), {key: size}, "0" * 64)
    with pytest.raises(CheckpointError, match=rf"oracle says {key} = .*, 1 to 4096 px are expected") as caught:
        Predictor(bundle)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 0.0, -1.0, 1e-9, 101.0, 10**400, True, "1.0", [1.0]])
@pytest.mark.parametrize(
    "info",
    [
        lambda f: {"covariance_scale": [1.0, 1.0, 1.0, f]},
        lambda f: {"interval_factors": {"wedge_angle": {**dict.fromkeys(STRATA, 1.0), "intact": f}}},
        lambda f: {"together_factors": {"wedge_angle": {**dict.fromkeys(STRATA, 1.0), "intact": f}}},
        lambda f: {"together_scale": {"intact": f}},
        lambda f: {"change_factors": {"wedge_angle": {"loss": f}}},
    ],
)
def test_factors_of_uncertainty_that_are_none_are_refused(info, wrong):
    with pytest.raises(
        CheckpointError, match=r"^model\.json: .* expected a number of 0\.01 to 100; calibrate the model"
    ):
        Predictor(Bundle("oracle", OracleNetwork(SCENE), info(wrong), "0" * 64))


def test_a_corner_outside_the_film_is_not_seen():
    scene = replace(SCENE, points_px=SCENE.points_px + np.array([0.0, 85.0]))
    last = predictor(scene).locate(scene.radiograph()).vertebrae[-1]
    assert "cropped" in last.flags
    assert np.isnan(last.corners_px[2:]).all()
    assert np.isfinite(last.corners_px[:2]).all()


def candidates(points):
    says = np.log(np.full(len(LEVELS), 0.05))
    return [Candidate(p, np.tile(np.eye(2), (4, 1, 1)), 0.9, np.ones(4, dtype=bool), says, np.zeros(3)) for p in points]


def test_a_corner_beyond_the_exposed_field_is_cropped_and_kept():
    edge = float(SCENE.points_px[0, :, 1].max()) - 2.0
    film = replace(SCENE.radiograph(), valid_box=(0.0, edge, float(SCENE.width), 512.0))
    first, second, *_ = assemble(film, candidates(SCENE.points_px), False, 1.0).vertebrae
    assert "cropped" in first.flags
    assert np.isfinite(first.corners_px).all()
    assert "cropped" not in second.flags


@pytest.mark.parametrize(("grey", "noise"), [(1.0, 0.0), (0.0, 0.0), (0.4, 0.002)])
def test_a_corner_where_the_film_is_evenly_grey_is_flagged_and_its_ellipse_is_wider(grey, noise):
    rng = np.random.default_rng(5)
    film = SCENE.radiograph()
    pixels = rng.random(film.pixels.shape, dtype=np.float32)
    (x, y), reach = SCENE.points_px[1, 2], 0.2 * 50.0 + 1.0  # one corner of the second body, whose depth is 50 px
    part = pixels[int(y - reach) : int(y + reach) + 1, int(x - reach) : int(x + reach) + 1]
    part[:] = grey + noise * rng.random(part.shape)
    bodies = candidates(SCENE.points_px)
    first, second, *_ = assemble(replace(film, pixels=pixels), bodies, False, 1.0).vertebrae
    assert "no-contrast" not in first.flags
    assert "no-contrast" in second.flags
    np.testing.assert_array_equal(first.covariance_px, bodies[0].covariance_px)
    factors = np.array([1.0, 1.0, EVEN_FACTOR, 1.0])
    np.testing.assert_allclose(second.covariance_px, bodies[1].covariance_px * factors[:, None, None])
    np.testing.assert_array_equal(second.corners_px, bodies[1].points_px)


def test_an_even_middle_of_an_endplate_has_a_wider_ellipse_and_no_flag():
    film = SCENE.radiograph()
    pixels = np.random.default_rng(5).random(film.pixels.shape, dtype=np.float32)
    first, *rest = candidates(SCENE.points_px)
    middles = np.array([[220.0, 470.0], [30.0, 480.0]])
    pixels[455:486, 205:236] = 1.0
    body = replace(first, middles_px=middles, middles_covariance_px=np.tile(np.eye(2), (2, 1, 1)))
    found, *_ = assemble(replace(film, pixels=pixels), [body, *rest], False, 1.0).vertebrae
    assert "no-contrast" not in found.flags
    np.testing.assert_allclose(found.covariance_px[:, 0, 0], [1.0, 1.0, 1.0, 1.0, EVEN_FACTOR, 1.0])


def test_a_point_beyond_the_edge_of_the_film_is_not_given_though_the_part_that_is_seen_looks_whole():
    chances = np.array([0.9, 0.51, 0.49, 0.1, 0.8, 0.2])
    first, second, *rest = candidates(SCENE.points_px)
    six = {"middles_px": np.array([[20.0, 30.0], [40.0, 50.0]]), "middles_covariance_px": np.tile(np.eye(2), (2, 1, 1))}
    bodies = [replace(first, on_film=chances, **six), replace(second, on_film=chances), *rest]
    whole, corners, untold, *_ = assemble(SCENE.radiograph(), bodies, False, 1.0).vertebrae
    for body, given in ((whole, chances > 0.5), (corners, chances[:4] > 0.5)):
        assert np.isfinite(body.points_px).all(axis=1).tolist() == given.tolist()
        assert np.isfinite(body.covariance_px).all(axis=(1, 2)).tolist() == given.tolist()
        assert "cropped" in body.flags
    assert np.isfinite(untold.points_px).all()
    assert "cropped" not in untold.flags


def column_of(names):
    """A film and bodies one below the other, each of which says one of ``names`` (None = says nothing)."""
    square = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0]])
    bodies = candidates([square + np.array([80.0, 10.0 + 40.0 * row]) for row in range(len(names))])
    film = replace(SCENE, height=20 + 40 * len(names)).radiograph()
    told = [np.log(np.where(np.arange(len(LEVELS)) == name.index, 0.9, 0.1 / 19)) if name else np.zeros(len(LEVELS))
            for name in names]  # fmt: skip
    return film, [replace(body, level_log_probability=says) for body, says in zip(bodies, told, strict=True)]


@pytest.mark.parametrize("above", [1, 2, 3])
def test_what_lies_above_t1_has_no_name_and_makes_no_variant(above):
    film, bodies = column_of([USUAL_LEVELS[0]] * above + list(USUAL_LEVELS))
    found = assemble(film, bodies, False, 1.0)
    assert tuple(v.level for v in found.vertebrae) == USUAL_LEVELS
    assert np.isfinite(found.vertebrae[0].corners_px).all()
    np.testing.assert_allclose(found.vertebrae[0].corners_px, bodies[above].points_px)
    assert len(found.level_evidence.log_probability) == len(USUAL_LEVELS)


@pytest.mark.parametrize("above", [0, 1])
@pytest.mark.parametrize("variant", [VertebralLevel.T13, VertebralLevel.L6])
def test_a_variant_that_is_seen_keeps_its_bodies(variant, above):
    levels = [level for level in LEVELS if level in USUAL_LEVELS or level is variant]
    film, bodies = column_of([USUAL_LEVELS[0]] * above + levels)
    assert [v.level for v in assemble(film, bodies, False, 1.0).vertebrae] == levels


def test_averaging_over_scales_keeps_exact_corners():
    found = predictor(tta=True).locate(SCENE.radiograph())
    np.testing.assert_allclose(corners(found), SCENE.points_px, atol=0.2)


def test_unknown_precision_is_refused():
    with pytest.raises(UsageError, match="precision 'half' is unknown"):
        predictor(SCENE).__class__(Bundle("x", OracleNetwork(SCENE), {}, ""), precision="half")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:-2", "meta", "mps", ""])
def test_a_device_that_is_not_there_is_refused_in_one_line(name):
    with pytest.raises(UsageError, match=r"(cannot be used|is not known).*; give cpu, or cuda where torch") as refused:
        predictor(device=name)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250


def test_the_shipped_model_loads_and_finds_nothing_on_an_empty_film():
    found = Predictor.load().locate(SCENE.radiograph())
    assert len(found.vertebrae) <= 1


def test_a_leaning_spine_on_a_stretched_film_is_looked_at_until_its_bodies_have_the_usual_shape():
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2.0)
    centres = np.stack([230.0 - 34.0 * np.arange(6), 60.0 + 34.0 * np.arange(6)], 1)
    leaning = centres[:, None] + spine_points(np.zeros((6, 2)), (20.0, 15.0)) @ turn.T
    wide = Scene(width=640, points_px=leaning * np.array([2.0, 1.0]))
    engine = predictor(wide)
    stretches = []
    run = engine._run
    engine._run = lambda film, plan: stretches.append(plan.stretch) or run(film, plan)
    found = engine.locate(wide.radiograph())
    assert stretches[-1] == pytest.approx(0.5, rel=0.03)
    assert len(found.vertebrae) == 6

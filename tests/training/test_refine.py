"""Training of the second stage: crops as the first stage would cut them, and a run from shards to a model folder."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kummell_ai.errors import CheckpointError, ConfigError, InputError
from kummell_ai.landmarks.checkpoint import load_bundle, write_info
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_DEPTH, CROP_ROWS
from kummell_ai.training.crop_samples import STORED, CropReader, look_from, placed_short, take_crop, write_crops
from kummell_ai.training.on_device.crops import CropBatches
from kummell_ai.training.refine import CropDataset, collate_crops, jittered, refined_summary, train_refiner
from kummell_ai.training.refine_config import JitterSettings, RefineConfig, load_refine_config, names_crops
from kummell_ai.training.run import train
from tests.training.fakes import fake_film, fake_shards

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("refine*.yaml"))
CONFIG = CONFIGS[0]
TINY = ["batch_size=4", "crops_per_epoch=8", "validation_limit=6", "workers=0", "threads=1", "precision=32-true",
        "max_minutes=null", "accelerator=cpu", "compile=false",
        "sizes={half: 16, quarter: 16, eighth: 16, sixteenth: 16}"]  # fmt: skip


SQUARE = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 80.0], [100.0, 80.0]])
ON_FILM = np.ones(6, dtype=bool)


def crops_of(seed):
    film = fake_film(seed, (640, 400))
    pixels = film.image.astype(np.float32) / 255.0
    flags = frozenset({"fractured"})
    return [
        take_crop(pixels, body.astype(float), flags, mirror=film.view == "right", spacing_mm=0.5, seed=seed)
        for body in film.points_px
    ]


@pytest.fixture
def folders(tmp_path):
    small = "network={deepest: 32, context: 16, decoder: 16, level: 16}"
    fake_shards(tmp_path / "films", 2, (64, 64))
    films = [f"shards={tmp_path / 'films'}", f"validation_shards={tmp_path / 'films'}", f"out={tmp_path / 'model'}"]
    run = ["rows=64", "columns=64", "batch_size=2", "films_per_epoch=2", "max_steps=1", f"runs={tmp_path / 'first'}"]
    train(None, [*films, small, *run, "workers=0"])
    for name, seeds in (("train", (0, 1, 2)), ("validation", (4, 5))):
        (tmp_path / name).mkdir()
        write_crops(tmp_path / name / "crops_00000.npz", [crop for seed in seeds for crop in crops_of(seed)])
    return [f"crops={tmp_path / 'train'}", f"validation_crops={tmp_path / 'validation'}",
            f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'model'}"]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_a_stored_crop_shows_the_body_level_with_its_front_to_the_left(seed):
    crop = crops_of(seed)[2]
    assert crop.image.shape == STORED
    endplates = crop.points[[1, 3]] - crop.points[[0, 2]]
    assert np.linalg.norm(endplates, axis=1).mean() == pytest.approx(CROP_DEPTH, rel=1e-5)
    assert (endplates[:, 0] > 0).all()
    inside = crop.image[STORED[0] // 2, STORED[1] // 2]
    above = crop.image[int(crop.points[:2, 1].min()) - 6, STORED[1] // 2]
    assert inside > above.astype(int) + 50
    assert crop.visible[:4].all()
    assert not crop.visible[4:].any()
    assert np.isnan(crop.points[4:]).all()
    assert crop.states.tolist() == [True, False, False]


def test_a_look_carries_picture_and_points_together():
    crop = crops_of(2)[1]
    true = crop.points[:4].astype(float)
    image, points = look_from(crop, true + np.array([5.0, -3.0]))
    assert image.shape == (CROP_ROWS, CROP_COLUMNS)
    middle = points[:4].mean(axis=0)
    np.testing.assert_allclose(middle, np.array([CROP_COLUMNS, CROP_ROWS]) / 2 - [5.0, -3.0], atol=1e-6)
    for corner in points[:4]:  # the body is bright inside its corners, dark outside
        step = 6.0 * (middle - corner) / np.linalg.norm(middle - corner)
        inner, outer = ((corner + s * step).astype(int) for s in (1, -1))
        assert int(image[inner[1], inner[0]]) > int(image[outer[1], outer[0]]) + 40


def test_jitter_is_what_the_settings_say():
    settings = JitterSettings(corner=0.02, shift=0.0, scale=0.0, rotation_deg=0.0, gross_share=0.0)
    rng = np.random.default_rng(0)
    moved = np.stack([jittered(SQUARE, ON_FILM, rng, settings) - SQUARE for _ in range(2000)])
    assert moved.std() == pytest.approx(2.0, rel=0.05)
    assert abs(moved.mean()) < 0.1
    gross = replace(settings, gross_share=1.0)
    far = np.stack([jittered(SQUARE, ON_FILM, rng, gross) - SQUARE for _ in range(2000)])
    assert far.std() == pytest.approx(6.0, rel=0.05)


@pytest.mark.parametrize(
    ("unseen", "places"),
    [
        ([], {}),
        ([2, 3], {2: [0.0, 60.0], 3: [100.0, 60.0]}),  # the lower edge of the film: both walls are seen shorter
        ([0, 2], {0: [25.0, 0.0], 2: [25.0, 80.0]}),  # an edge at the front: both endplates are
        ([0, 1, 2], {0: [0.0, 0.0], 1: [100.0, 20.0], 2: [25.0, 80.0]}),  # nothing beside the first is seen
        ([0, 1, 2, 3], {}),
    ],
)
def test_what_is_seen_of_a_cut_body_is_taken_for_the_whole(unseen, places):
    visible = ~np.isin(np.arange(4), unseen)
    short = placed_short(SQUARE, visible, np.asarray(0.25))
    expected = SQUARE.copy()
    for k, place in places.items():
        expected[k] = place
    np.testing.assert_allclose(short, expected)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_cut_bodies_is_looked_at_as_if_they_were_whole(share):
    settings, rng = JitterSettings(0.0, 0.0, 0.0, 0.0, 0.0, cut_share=share), np.random.default_rng(0)
    visible = np.array([True, True, False, False])
    short = np.array([not np.allclose(jittered(SQUARE, visible, rng, settings), SQUARE) for _ in range(1000)])
    assert short.mean() == pytest.approx(share, abs=0.05)
    np.testing.assert_allclose(jittered(SQUARE, ON_FILM, rng, settings), SQUARE)


def test_points_beyond_the_edge_of_the_film_are_learnt_where_the_crop_shows_them(tmp_path):
    film = fake_film(0, (640, 400))
    body = film.points_px[2].astype(float)
    edge = int(body[[2, 3], 1].min()) - 10
    pixels = film.image[:edge].astype(np.float32) / 255.0
    cut = take_crop(pixels, body, frozenset(), mirror=film.view == "right", spacing_mm=0.5, seed=0)
    assert cut.visible.tolist() == [True, True, False, False, False, False]
    write_crops(tmp_path / "crops_00000.npz", [cut])
    jitter = JitterSettings(0.0, 0.0, 0.0, 0.0, 0.0, cut_share=0.0)
    reader, places = CropReader(tmp_path), [(0, 1)]
    worker = collate_crops([CropDataset(reader, jitter)[place] for place in places])
    device = CropBatches(reader, RefineConfig(jitter=jitter), torch.device("cpu"))(places)
    for batch in (worker, device):
        np.testing.assert_allclose(batch.maps[0].sum((1, 2)), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0], atol=1e-5)
        assert batch.visible[0].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
        assert batch.points[0].isfinite().all(dim=1).tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_run_puts_the_refiner_beside_the_network(config, folders, tmp_path):
    before = load_bundle(tmp_path / "model")
    assert before.refiner is None
    train_refiner(config, [*TINY, *folders, "max_steps=2"])
    train_refiner(config, [*TINY, *folders, "max_steps=4"])  # goes on
    bundle = load_bundle(tmp_path / "model")
    assert bundle.refiner is not None
    assert bundle.refiner.sizes.half == 16
    assert bundle.info["refiner"]["steps"] == 4
    assert bundle.info["refiner"]["metrics"]["refined_corner_mm_median"] > 0
    assert bundle.weights_sha256 != before.weights_sha256
    info = {**bundle.info, "interval_factors": {"cobb": {}}, "calibration": {"films": 9}, "metrics": {"Cobb": 1.0}}
    write_info(tmp_path / "model", info)
    train_refiner(CONFIG, [*TINY, *folders, "max_steps=1", f"runs={tmp_path / 'other'}"])
    again = load_bundle(tmp_path / "model")
    assert not {"interval_factors", "calibration", "metrics"} & again.info.keys(), "they were of another second stage"
    assert again.calibrated_on is None
    (tmp_path / "model" / "refiner.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match=r"refiner\.safetensors is not the file that model\.json names"):
        load_bundle(tmp_path / "model")


def test_errors_are_told_in_the_units_that_are_known():
    error_px = np.full((3, 6), 9.6)
    error_px[0, 4:] = np.nan
    error_px[2, :4] = 19.2
    figures = refined_summary(error_px, np.array([0.5, np.nan, 0.25]))
    assert figures == pytest.approx(
        {
            "refined_corner_percent_median": 10.0,
            "refined_corner_percent_p90": 20.0,
            "refined_corner_mm_median": 4.8,
            "refined_corner_mm_p90": 4.8,
            "refined_corner_mm_mean": 4.8,
            "refined_middle_mm_median": 2.4,
        }
    )
    bare = refined_summary(error_px, np.full(3, np.nan))
    assert bare.keys() == {"refined_corner_percent_median", "refined_corner_percent_p90"}


def test_a_run_starts_from_the_refiner_of_a_model(folders, tmp_path):
    train_refiner(CONFIG, [*TINY, *folders, "max_steps=2"])
    before = load_bundle(tmp_path / "model").refiner.state_dict()
    again = [*folders, f"runs={tmp_path / 'again'}", f"init={tmp_path / 'model'}", "max_steps=1"]
    train_refiner(CONFIG, [*TINY, *again, "learning_rate=0", "ema_decay=1"])  # moves nothing but batch statistics
    after = load_bundle(tmp_path / "model").refiner.state_dict()
    weights = [name for name in before if "running" not in name]
    assert weights
    for name in weights:
        assert torch.equal(before[name], after[name]), name
    train_refiner(CONFIG, [*TINY, *again, "resume=false", "sizes.half=24"])
    wider = load_bundle(tmp_path / "model").refiner.state_dict()
    assert torch.allclose(wider["stem.0.weight"][:16], after["stem.0.weight"], atol=0.01)  # one step further
    with pytest.raises(
        ConfigError, match=r"init has sizes of its own \(stem\.0\.weight is \(24, 1, 5, 5\), .* is \(16"
    ):
        train_refiner(CONFIG, [*TINY, *again, "resume=false"])
    (tmp_path / "model" / "refiner.safetensors").unlink()
    info = json.loads((tmp_path / "model" / "model.json").read_text())
    info.pop("refiner")
    (tmp_path / "model" / "model.json").write_text(json.dumps(info))
    with pytest.raises(CheckpointError, match=r"has no second stage; give a model with one, or null"):
        train_refiner(CONFIG, [*TINY, *again, "resume=false"])


def test_mistakes_are_named(folders, tmp_path):
    with pytest.raises(CheckpointError, match="holds no first stage"):
        train_refiner(None, [*folders, f"out={tmp_path / 'nowhere'}"])
    with pytest.raises(InputError, match=r"holds no crops_"):
        train_refiner(None, [*folders, f"crops={tmp_path / 'model'}"])
    with pytest.raises(ConfigError, match="batch_size is 0; it must be at least 1"):
        load_refine_config(None, ["batch_size=0"])
    with pytest.raises(ConfigError, match="use at least 16 channels each"):
        load_refine_config(None, ["sizes.half=8"])
    with pytest.raises(ConfigError, match="max_minutes is -1"):
        load_refine_config(None, ["max_minutes=-1"])
    whole = next((tmp_path / "train").glob("crops_*.npz")).read_bytes()
    for torn in (b"torn", whole[: len(whole) // 2]):
        (tmp_path / "train" / "crops_00001.npz").write_bytes(torn)
        with pytest.raises(InputError, match=r"crops_00001\.npz is not a whole shard"):
            CropReader(tmp_path / "train")


def test_a_model_folder_that_cannot_be_written_is_said_before_the_training(folders, tmp_path, monkeypatch):
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    with pytest.raises(ConfigError, match=r"model, which cannot be written \(Permission denied\)"):
        train_refiner(CONFIG, [*TINY, *folders])
    assert not (tmp_path / "runs").exists()


def test_a_configuration_of_the_refiner_is_told_from_one_of_the_network(tmp_path):
    assert names_crops(CONFIG)
    assert not names_crops(CONFIG.with_name("train.yaml"))
    with pytest.raises(ConfigError, match=r"no\.yaml: no such file; give one as configs/train.yaml"):
        names_crops(tmp_path / "no.yaml")


def test_a_run_is_not_gone_on_with_by_other_crops(folders, tmp_path):
    train_refiner(CONFIG, [*TINY, *folders, "max_steps=1", "data_note=300 films of ours"])
    assert load_bundle(tmp_path / "model").info["refiner"]["data"] == "300 films of ours"
    other = tmp_path / "others"
    other.mkdir()
    write_crops(other / "crops_00000.npz", crops_of(6), made_by="{}")
    for key in ("crops", "validation_crops"):
        with pytest.raises(ConfigError, match=rf"runs holds a run with crops_00000\.npz among its {key}, .*another of"):
            train_refiner(CONFIG, [*TINY, *folders, f"{key}={other}", "max_steps=2"])
    train_refiner(CONFIG, [*TINY, *folders, "max_steps=1", "data_note=300 films of theirs"])
    assert load_bundle(tmp_path / "model").info["refiner"]["data"] == "300 films of ours", "nothing was trained"
    train_refiner(CONFIG, [*TINY, *folders, f"crops={other}", f"runs={tmp_path / 'new'}", "max_steps=1"])
    assert load_bundle(tmp_path / "model").info["refiner"]["data"] == "6 crops of simulated films"


def test_the_budget_given_counts():
    for config in CONFIGS:
        assert load_refine_config(config, ["max_steps=7"]).max_minutes is None
        assert load_refine_config(config, ["max_minutes=2"]).max_minutes == 2.0

"""The comparison of designs: each learns and decodes, encoders and decoders agree, the judge counts rightly."""

from __future__ import annotations

import ast
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import kummell_ai
from kummell_ai.anatomy import LEVELS
from kummell_ai.landmarks.fitting import normalise
from kummell_ai.landmarks.grouping import shared_area
from kummell_ai.training.samples import TrainingFilm, truth_of
from scripts.benchmark import __main__ as driver
from scripts.benchmark import keypoint_rcnn, level_maps, report, training, vertebra_focused, yolo_pose
from scripts.benchmark.design import MAX_OVERLAP, NAMED, Body, Crop, Design, best_bodies
from scripts.benchmark.films import CropStream, lateral_films
from scripts.benchmark.judging import choose_threshold, read_films, summarise
from scripts.benchmark.training import Budget, rate_factor, train
from tests.training.fakes import fake_film, fake_shards

SIZE = (128, 64)
"""Rows and columns of the tiny crops."""


def crop_of(film: TrainingFilm) -> Crop:
    return Crop(normalise(film.image), film.points_px.astype(np.float64), film.level, film.states)


@pytest.fixture
def crops() -> list[Crop]:
    return [crop_of(fake_film(seed, (256, 192))) for seed in (0, 2)]


@pytest.mark.parametrize("name", list(driver.DESIGNS))
def test_each_design_takes_a_step_and_decodes(name: str) -> None:
    design = driver.DESIGNS[name]()
    if not design.is_installed:
        pytest.skip(f"{design.package} is not installed: pip install '.[benchmark]'")
    tiny = [crop_of(fake_film(seed, SIZE)) for seed in (0, 2)]
    torch.manual_seed(1)
    network = design.build().train()
    before = [p.detach().clone() for p in network.parameters()]
    loss = design.loss(network, tiny)
    loss.backward()
    design.optimiser(network).step()
    assert loss.ndim == 0
    assert math.isfinite(float(loss.detach()))
    moved = [bool((p != b).any()) for p, b in zip(network.parameters(), before, strict=True)]
    assert sum(moved) > 0.8 * len(moved)
    for crop in tiny:
        bodies = design.locate(network.eval(), torch.from_numpy(crop.image)[None, None])
        assert all(b.points_px.shape == (4, 2) and np.isfinite(b.points_px).all() for b in bodies)
        assert all(0.0 < b.confidence <= 1.0 and (b.level is None or b.level in LEVELS) for b in bodies)


def assert_same_bodies(bodies: list[Body], crop: Crop, tolerance_px: float) -> None:
    found = sorted(bodies, key=lambda b: b.points_px[:, 1].mean())
    assert [b.level for b in found] == [LEVELS[i] for i in crop.levels]
    np.testing.assert_allclose([b.points_px for b in found], crop.points_px, atol=tolerance_px)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_level_maps_decode_what_they_encode(crops: list[Crop], stride: int) -> None:
    # a parabola through the logarithm of a Gaussian is exact but for float32
    for maps, crop in zip(level_maps.encode(crops, stride).numpy(), crops, strict=True):
        assert_same_bodies(level_maps.decode(maps, stride), crop, 1e-3)


def test_level_maps_of_a_corner_beside_the_crop_stay_empty(crops: list[Crop]) -> None:
    crops[0].points_px[0, 0] = [-3.0, 20.0]
    crops[0].points_px[1, 2] = np.nan
    maps = level_maps.encode(crops[:1], 2)[0]
    first = 4 * NAMED.index(LEVELS[crops[0].levels[0]])
    assert [float(maps[c].max()) > 0.5 for c in (first, first + 1, first + 4 + 2)] == [False, True, False]


def test_vertebra_focused_decodes_what_it_encodes(crops: list[Crop]) -> None:
    maps, places, remainders, corners = vertebra_focused.encode(crops)
    height, width = maps.shape[2:]
    at_remainders, at_corners = torch.zeros(2, 2, height, width), torch.zeros(2, 8, height, width)
    b, y, x = places.T
    at_remainders[b, :, y, x], at_corners[b, :, y, x] = remainders, corners
    for i, crop in enumerate(crops):
        part = slice(i, i + 1)
        bodies = vertebra_focused.decode(maps[part], at_remainders[part], at_corners[part])
        assert_same_bodies(bodies, crop, 1e-3)


def test_focal_loss_is_least_at_the_truth() -> None:
    target = torch.zeros(1, 1, 9, 9)
    target[0, 0, 4, 4] = 1.0
    sure, unsure = torch.where(target > 0, 12.0, -12.0), torch.zeros_like(target)
    # one centre, 80 empty cells, all at probability one half: 81 ln 2 / 4
    assert float(vertebra_focused.focal_loss(unsure, target)) == pytest.approx(81 * math.log(2) / 4, rel=1e-5)
    assert float(vertebra_focused.focal_loss(sure, target)) < 1e-6


def test_rcnn_boxes_hold_the_corners_and_unseen_ones_are_marked(crops: list[Crop]) -> None:
    crops[0].points_px[0, 0] = np.nan
    crops[0].points_px[1, :2] = [-9.0, 9.0]
    wanted = keypoint_rcnn.target(crops[0])
    assert wanted["labels"].tolist() == [
        1 + NAMED.index(LEVELS[level]) for v, level in enumerate(crops[0].levels) if v != 1
    ]
    assert wanted["keypoints"][:, :, 2].sum(dim=1).tolist() == [3.0, *[4.0] * (len(wanted["labels"]) - 1)]
    for box, keypoints in zip(wanted["boxes"], wanted["keypoints"], strict=True):
        seen = keypoints[keypoints[:, 2] > 0, :2]
        assert bool((seen >= box[:2]).all())
        assert bool((seen <= box[2:]).all())


def test_yolo_batch_is_in_shares_of_the_film(crops: list[Crop]) -> None:
    films = torch.zeros(2, 1, 256, 192)
    batch = yolo_pose._batch(films, crops)
    counts = [len(crop.levels) for crop in crops]
    assert batch["batch_idx"].tolist() == [0.0] * counts[0] + [1.0] * counts[1]
    back = batch["keypoints"][..., :2].numpy() * [192, 256]
    np.testing.assert_allclose(back, np.concatenate([crop.points_px for crop in crops]), atol=1e-3)
    low, high = batch["bboxes"][:, :2] - batch["bboxes"][:, 2:] / 2, batch["bboxes"][:, :2] + batch["bboxes"][:, 2:] / 2
    np.testing.assert_allclose(low.numpy() * [192, 256], back.min(axis=1), atol=1e-3)
    np.testing.assert_allclose(high.numpy() * [192, 256], back.max(axis=1), atol=1e-3)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200), st.floats(0, 1)), max_size=12))
def test_best_bodies_do_not_overlap_and_are_a_fixed_point(rows: list[tuple[float, float, float]]) -> None:
    shape = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0]])
    kept = best_bodies([Body(shape + np.array([x, y]), None, c) for x, y, c in rows])
    assert best_bodies(kept) == kept
    for i, body in enumerate(kept):
        assert all(shared_area(body.points_px, other.points_px) <= MAX_OVERLAP for other in kept[:i])
        assert all(body.confidence <= other.confidence for other in kept[:i])


def test_crops_depend_on_seed_and_step_only() -> None:
    films = [fake_film(seed, (160, 128)) for seed in (0, 1, 2)]
    first, again, other = (CropStream(films, SIZE, 2, seed) for seed in (1, 1, 2))
    _ = first[0]
    np.testing.assert_array_equal(first[5][1].image, again[5][1].image)
    assert not np.array_equal(first[5][1].image, other[5][1].image)
    assert all(crop.image.shape == SIZE for crop in first[3])


class Oracle(Design):
    """Finds what it is told, whatever the film."""

    title: ClassVar[str] = "oracle"
    rate_source: ClassVar[str] = "none"

    def __init__(self, bodies: Sequence[Body] = ()) -> None:
        super().__init__()
        self.bodies = bodies

    def build(self) -> nn.Module:
        return nn.Linear(2, 1)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        Clock.seconds += 1.0
        inputs = torch.tensor([[float(c.image.std()), float(c.image[:9].mean())] for c in crops])
        loss: Tensor = (network(inputs + torch.rand_like(inputs)) - 1.0).square().mean()
        return loss

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        return list(self.bodies)


class Clock:
    """Processor time that only the loss spends."""

    seconds = 0.0


def bodies_of(film: TrainingFilm, shift: float = 0.0, confidence: float = 0.9) -> list[Body]:
    points = film.points_px + np.array([shift, 0.0])
    if film.view == "right":
        points[..., 0] = film.image.shape[1] - points[..., 0]
    return [Body(p, LEVELS[i], confidence) for p, i in zip(points, film.level, strict=True)]


@pytest.mark.parametrize("seed", [0, 1])
def test_judge_gives_the_shift_back(seed: int) -> None:
    film = fake_film(seed, (512, 320))
    design = Oracle(bodies_of(film, shift=3.0))
    figures = summarise(read_films(design, design.build(), [film], 512), 0.5)
    assert (figures["found_percent"], figures["false"], figures["level_right_percent"]) == (100.0, 0, 100.0)
    assert figures["corner_median_px"] == pytest.approx(3.0, abs=1e-3)
    depth = np.mean([v.depth_px for v in truth_of(film).vertebrae[:-1]])
    assert figures["corner_mean_percent_of_depth"] == pytest.approx(300.0 / depth, rel=0.02)
    assert figures["placed_percent"] == 100.0


def test_threshold_drops_doubtful_bodies_that_are_false() -> None:
    film = fake_film(0, (512, 320))
    beside = [Body(b.points_px - np.array([110.0, 0.0]), b.level, 0.25) for b in bodies_of(film)[1:4]]
    design = Oracle([*bodies_of(film, confidence=0.6), *beside])
    reads = read_films(design, design.build(), [film], 512)
    assert summarise(reads, 0.02)["false"] == 3
    assert choose_threshold(reads) == 0.3


def test_nothing_found_gives_no_errors_instead_of_zero() -> None:
    design = Oracle()
    figures = summarise(read_films(design, design.build(), [fake_film(0, (512, 320))], 512), 0.5)
    assert figures["found_percent"] == 0.0
    assert figures["placed_percent"] == 0.0
    assert figures["corner_median_px"] is None
    assert figures["level_right_percent"] is None


def test_stopped_training_equals_an_undisturbed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "KEEP_EVERY_S", 0.5)
    monkeypatch.setattr(training.time, "process_time", lambda: Clock.seconds)
    films = [fake_film(seed, (160, 128)) for seed in (0, 1)]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    undisturbed = train(Oracle(), films, SIZE, Budget(6.0), 3, whole)
    train(Oracle(), films, SIZE, Budget(6.0, steps=2), 3, parts)
    resumed = train(Oracle(), films, SIZE, Budget(6.0), 3, parts)
    assert undisturbed.steps == resumed.steps == 6
    assert resumed.seconds == undisturbed.seconds == 6.0
    for a, b in zip(undisturbed.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    class Broken(Oracle):
        def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
            return super().loss(network, crops) * math.nan

    films = [fake_film(0, (160, 128))]
    with pytest.raises(SystemExit, match=f"is nan at step {training.LOOK_EVERY}; lower its rate"):
        train(Broken(), films, SIZE, Budget(60.0), 3, tmp_path)


def test_a_given_rate_takes_the_place_of_the_design_s_own(tmp_path: Path) -> None:
    torch.manual_seed(3)
    untrained = Oracle().build()
    films = [fake_film(0, (160, 128))]
    trained = train(Oracle(), films, SIZE, Budget(60.0, steps=2), 3, tmp_path, rate=0.0)
    for a, b in zip(trained.network.parameters(), untrained.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@given(st.floats(-1, 2))
def test_rate_stays_within_its_peak(progress: float) -> None:
    assert 0.0 <= rate_factor(progress) <= 1.0


def run_driver(monkeypatch: pytest.MonkeyPatch, shards: Path, out: Path, *more: str) -> None:
    folders = [word for part in ("train", "validation", "test") for word in (f"--{part}", str(shards))]
    size = ["--rows", str(SIZE[0]), "--columns", str(SIZE[1]), "--minutes", "1", "--steps", "1"]
    monkeypatch.setattr(sys, "argv", ["benchmark", *folders, "--out", str(out), *size, "--designs", "ours", *more])
    driver.main()


def test_driver_writes_results_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = fake_shards(tmp_path / "shards", 4, (SIZE[0], 96))
    assert len(lateral_films(shards)) == 3
    run_driver(monkeypatch, shards, tmp_path / "out")
    result = json.loads((tmp_path / "out" / "results.json").read_text())["results"][0]
    assert (result["design"], result["steps"], result["films_seen"]) == ("ours", 1, 8)
    assert result["test"]["films"] == 3
    assert result["test"]["vertebrae"] == 15
    monkeypatch.setattr(driver, "train", lambda *_: pytest.fail("trained again"))
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- table -->\nold\n<!-- end of table -->\nbelow\n")
    run_driver(monkeypatch, shards, tmp_path / "out", "--page", str(page))
    text = (tmp_path / "out" / "table.md").read_text()
    assert page.read_text() == f"above\n<!-- table -->\n{text}<!-- end of table -->\nbelow\n"
    assert (tmp_path / "out" / "table.md").read_text().splitlines()[2].startswith("| ours, first stage | 1 | 9.0 | 8 |")
    with pytest.raises(SystemExit, match="take another --out"):
        run_driver(monkeypatch, shards, tmp_path / "out", "--test-films", "1")


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="add both"):
        report.insert(page, "table")
    assert page.read_text() == "nothing"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="--device cuda: there is no GPU"):
        run_driver(monkeypatch, tmp_path / "shards", tmp_path / "out", "--device", "cuda")
    assert not (tmp_path / "out").exists()


def test_missing_packages_are_named_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = fake_shards(tmp_path / "shards", 1, (SIZE[0], 96))
    monkeypatch.setattr(driver.DESIGNS["ours"], "package", "no_such_package")
    run_driver(monkeypatch, shards, tmp_path / "out")
    assert "Left out: ours, no_such_package is not installed." in (tmp_path / "out" / "table.md").read_text()


def test_table_shows_a_dash_for_what_there_is_not() -> None:
    figures = {key: None for _, key, _ in report.COLUMNS} | {"found_percent": 0.0}
    runs = [
        {"design": "d", "title": "x", "seed": seed, "parameters": 2e6, "films_seen": seen, "test": figures}
        for seed, seen in ((1, 3), (2, 5))
    ]
    rows = [report.table(some, {}).splitlines() for some in (runs[:1], runs)]
    dashes = " – |" * (len(report.COLUMNS) - 1)
    assert rows[0][2] == "| x | 1 | 2.0 | 3 | 0.0 |" + dashes
    assert rows[1][2:] == ["| x | 2 | 2.0 | 4 (3-5) | 0.0 |" + dashes]


def test_the_package_imports_nothing_of_the_comparison() -> None:
    banned = {"ultralytics", "landmarker", "segmentation_models_pytorch", "scripts"}
    for path in Path(kummell_ai.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not banned & {name.split(".")[0] for name in names}, path.name

"""Learning curves and the gallery of the worst: what stands in the log and was seen is what is drawn."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.imaging.frames import coordinate_to_cell
from kummell_ai.training import trainer
from kummell_ai.training.curves import draw_curves, read_curves
from kummell_ai.training.gallery import (
    CAPTION_ROWS,
    PER_ROW,
    SEEN_COLOUR,
    TILE_ROWS,
    TRUE_COLOUR,
    Look,
    WorstLooks,
    draw_gallery,
    draw_look,
)
from kummell_ai.training.pictures import CURVES, WORST
from kummell_ai.training.run import train
from tests.training.fakes import fake_shards
from tests.training.test_run import TINY

SVG = "{http://www.w3.org/2000/svg}"


def log(folder, version, rows):
    path = folder / "log" / f"version_{version}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["epoch", "step", "train/loss", "val/loss", "train/minutes"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_curves_go_on_over_the_sittings_of_a_run(tmp_path):
    first = [{"epoch": 0, "step": s, "train/loss": 10.0 - s} for s in (0, 1, 2)]
    log(tmp_path, 2, [{"epoch": 0, "step": 2, "train/loss": 5.0}, {"step": 3, "val/loss": 1.5, "train/minutes": 4}])
    log(tmp_path, 10, [{"epoch": 0, "step": 4, "train/loss": "nan"}, {"step": 5, "train/loss": 4.0}])
    with log(tmp_path, 0, first).open("a") as stream:
        stream.write("0,7")  # cut short
    curves = read_curves(tmp_path)
    assert curves == {
        "train/loss": [(0.0, 10.0), (1.0, 9.0), (2.0, 5.0), (5.0, 4.0)],
        "val/loss": [(3.0, 1.5)],
    }
    assert read_curves(tmp_path / "nowhere") == {}


values = st.lists(st.integers(1, 10**6).map(lambda n: n / 1000.0), min_size=2, max_size=8)


@given(values)
def test_a_line_shows_every_value_higher_when_it_is_larger(losses):
    curves = {"train/loss": [(float(i), value) for i, value in enumerate(losses)]}
    (line,) = ET.fromstring(draw_curves(curves)).iter(f"{SVG}polyline")
    points = np.array([[float(v) for v in pair.split(",")] for pair in line.attrib["points"].split()])
    assert len(points) == len(losses)
    assert (np.diff(points[:, 0]) > 0).all()
    order = np.argsort(losses)
    assert (np.diff(points[order, 1]) <= 1e-9).all()  # y goes down the page


def test_training_and_validation_loss_share_a_panel():
    curves = {name: [(0.0, 1.0), (1.0, 2.0)] for name in ("val/found_share", "val/loss", "train/loss", "train/view")}
    drawing = ET.fromstring(draw_curves(curves))
    panels = list(drawing.iter(f"{SVG}g"))
    assert [len(list(panel.iter(f"{SVG}polyline"))) for panel in panels] == [2, 1, 1]
    assert [next(panel.iter(f"{SVG}text")).text for panel in panels] == ["loss", "val/found_share", "train/view"]


@given(st.lists(st.one_of(st.floats(0, 100), st.just(float("nan"))), max_size=10), st.integers(1, 6))
def test_the_worst_looks_are_kept_worst_first(badness, count):
    worst = WorstLooks(count)
    for value in badness:
        worst.offer(value, np.eye(4), np.zeros((1, 2)), np.zeros((1, 2)), "")
    finite = sorted((b for b in badness if np.isfinite(b)), reverse=True)
    assert [look.badness for look in worst.sorted()] == finite[:count]


def coloured(tile, colour):
    """Mean image coordinate (x, y) of the pixels that are more like ``colour`` than grey."""
    weight = (tile.astype(float) - tile.min(axis=2, keepdims=True)) @ (np.array(colour) - min(colour))
    weight[weight < 0.5 * weight.max()] = 0.0
    rows, columns = np.mgrid[: tile.shape[0], : tile.shape[1]]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum() + 0.5


@pytest.mark.parametrize("shape", [(160, 80), (640, 320)])
def test_points_are_drawn_where_they_are(shape):
    true, seen = np.array([[0.3, 0.25]]) * shape[::-1], np.array([[0.6, 0.7], [np.nan, 1.0]]) * shape[::-1]
    nothing = np.full((1, 2), np.nan)
    scale = TILE_ROWS / shape[0]
    for pair, place, colour in (((true, nothing), true, TRUE_COLOUR), ((nothing, seen), seen[:1], SEEN_COLOUR)):
        tile = draw_look(Look(1.0, np.zeros(shape, np.uint8), *pair, ""))
        np.testing.assert_allclose(coloured(tile, colour), place[0] * scale, atol=0.3)
    assert coordinate_to_cell(np.array(0.5)) == 0.0


def test_a_gallery_holds_every_look():
    looks = [Look(1.0, np.full((40, 20 + i), 200, np.uint8), np.zeros((0, 2)), np.zeros((0, 2)), "x") for i in range(8)]
    drawn = draw_gallery(looks)
    assert drawn.shape == (2 * (TILE_ROWS + CAPTION_ROWS), PER_ROW * TILE_ROWS * 27 // 40, 3)
    assert (drawn[5, :: TILE_ROWS * 27 // 40] == 200).all()


def test_a_run_leaves_its_pictures(tmp_path):
    fake_shards(tmp_path / "films", 4, (64, 64))
    where = [f"shards={tmp_path / 'films'}", f"validation_shards={tmp_path / 'films'}", f"out={tmp_path / 'model'}"]
    train(None, [*TINY, *where, f"runs={tmp_path / 'runs'}"])
    curves = read_curves(tmp_path / "runs")
    assert {"train/loss", "val/loss", "val/found_share", "train/learning_rate"} <= curves.keys()
    drawing = ET.parse(tmp_path / "runs" / CURVES).getroot()
    names = {text.text for text in drawing.iter(f"{SVG}text")}
    assert {"loss", "val/found_share"} <= names
    gallery = cv2.imread(str(tmp_path / "runs" / WORST))
    assert gallery.shape == (TILE_ROWS + CAPTION_ROWS, 2 * TILE_ROWS, 3)  # two square validation films


@pytest.mark.parametrize("there", [False, True])
def test_tensorboard_is_used_where_it_is_installed(tmp_path, monkeypatch, there):
    made = []

    class Recorder:
        def __init__(self, folder, name):
            made.append((folder, name))

    monkeypatch.setattr("lightning.pytorch.loggers.TensorBoardLogger", Recorder)
    monkeypatch.setattr(trainer.importlib.util, "find_spec", lambda name: object() if there else None)
    csv_log, *others = trainer.loggers(tmp_path)
    assert csv_log.log_dir == str(tmp_path / "log" / "version_0")
    assert len(others) == there
    assert made == ([(tmp_path, "tensorboard")] if there else [])

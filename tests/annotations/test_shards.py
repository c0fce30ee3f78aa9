"""Annotated films become training shards: points move with the picture, patients stay together."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from kummell_ai.anatomy import LEVELS, Facing
from kummell_ai.annotations import FORMS, write_coco
from kummell_ai.dicom.write import write_simulated_dicom
from kummell_ai.errors import InputError
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.landmarks.checkpoint import load_bundle
from kummell_ai.landmarks.crops import CROP_DEPTH
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.crop_samples import CropReader
from kummell_ai.training.datamodule import FilmDataset
from kummell_ai.training.refine import train_refiner
from kummell_ai.training.run import train
from kummell_ai.training.samples import ShardReader
from tests.annotations import sets, test_public_sets
from tests.annotations.test_read import make

SCRIPTS = Path(__file__).parents[2] / "scripts"


def load(name: str) -> ModuleType:
    """A script as a module, which finds the helpers beside it."""
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("make_shards_from_annotations")


def test_points_move_with_the_picture(script: ModuleType, tmp_path: Path) -> None:
    """A white square about a corner lies about that corner in the shard too, on pixels that are not square."""
    film = replace(sets.film("a.png"), spacing=PixelSpacing(0.4, 0.2, Calibration.DETECTOR_PLANE))
    x, y = np.round(film.landmarks.vertebrae[2].points_px[0]).astype(int)
    pixels = np.full(sets.SIZE[::-1], 10, dtype=np.uint8)
    pixels[y - 4 : y + 4, x - 4 : x + 4] = 250
    Image.fromarray(pixels).save(tmp_path / "a.png")
    write_coco(tmp_path / "annotations.json", [film])
    script.main([str(tmp_path), "--out", str(tmp_path / "shards"), "--rows", "200", "--columns", "120"])
    (found,) = ShardReader(tmp_path / "shards")
    assert found.image.shape == (200, 120)
    assert not found.image[:, 51:].any()
    rows, columns = np.nonzero(found.image > 120)
    centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    np.testing.assert_allclose(found.points_px[2, 0], centre, atol=0.5)
    assert found.spacing_mm == pytest.approx(0.8)
    assert found.view == "left"
    assert [LEVELS[i].value if i >= 0 else None for i in found.level] == ["L1", "L2", "L3", "L4", None, "S1"]
    assert found.states[0].tolist() == [True, False, True]
    assert np.isnan(found.points_px[5, 3]).all()


def test_patients_are_held_out_whole(script: ModuleType, tmp_path: Path) -> None:
    for patient in range(12):
        for view in ("", "1"):
            name = f"{patient:04d}-F-037Y{view}"
            test_public_sets.write_buu(tmp_path / "LA", test_public_sets.buu_text(), name=name)
    out, held = tmp_path / "train", tmp_path / "validation"
    script.main([str(tmp_path), "--out", str(out), "--validation", str(held), "--share", "0.4"])
    seeds = [{film.seed for film in ShardReader(folder)} for folder in (out, held)]
    assert sum(map(len, seeds)) == 24
    assert {seed // 2 for seed in seeds[0]}.isdisjoint({seed // 2 for seed in seeds[1]})
    assert all(seeds)


def test_patients_that_only_the_header_names_are_held_out_whole(script: ModuleType, tmp_path: Path) -> None:
    films = []
    for patient in range(6):
        for visit in range(2):
            name = f"{patient}-{visit}.dcm"
            write_simulated_dicom(
                tmp_path / name,
                np.tile(np.linspace(0.1, 0.9, sets.SIZE[0], dtype=np.float32), (sets.SIZE[1], 1)),
                spacing=PixelSpacing(0.2, 0.2, Calibration.GEOMETRY),
                patient_id=f"P{patient}",
                acquired=dt.datetime(2024, 1, 1 + visit),
                facing=Facing.LEFT,
                seed=1,
            )
            film = sets.film(name)
            nameless = replace(film.landmarks.reference, patient_id=None)
            films.append(replace(film, landmarks=replace(film.landmarks, reference=nameless)))
    write_coco(tmp_path / "annotations.json", films)
    out, held = tmp_path / "train", tmp_path / "validation"
    words = [str(tmp_path), "--out", str(out), "--validation", str(held), "--share", "0.5"]
    assert script.main(words) == 0
    seeds = [{film.seed // 2 for film in ShardReader(folder)} for folder in (out, held)]
    assert all(seeds)
    assert seeds[0].isdisjoint(seeds[1])


def test_what_nobody_marked_is_not_learnt_as_empty(script: ModuleType, tmp_path: Path) -> None:
    """Marks that begin with L1 leave the thoracic vertebrae open; simulated films have all that is seen."""
    real = sets.film("a.png")
    named = replace(real, landmarks=replace(real.landmarks, vertebrae=sets.bodies()))
    upper = replace(named, landmarks=replace(named.landmarks, vertebrae=sets.bodies()[4::-1]))
    reference = replace(real.landmarks.reference, simulated=True)
    simulated = replace(named, landmarks=replace(named.landmarks, reference=reference))
    for ends, film in (((True, False), named), ((True, True), upper), ((False, False), simulated)):
        folder = tmp_path / f"{ends}"
        sets.write_film(folder / "a.png")
        write_coco(folder / "annotations.json", [film])
        assert script.main([str(folder), "--out", str(folder / "shards")]) == 0
        reader = ShardReader(folder / "shards")
        assert reader[0].open_ends == ends
        config = TrainConfig(rows=512, columns=256)
        sample = FilmDataset(reader, config)[0, -1]
        assert sample.open_ends == ends
        assert [bool(part.all()) for part in (sample.targets.weights[0, :5], sample.targets.weights[0, -5:])] == [
            not end for end in ends
        ]


def test_shards_from_before_ends_were_kept_are_read(script: ModuleType, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "a.png")
    write_coco(tmp_path / "annotations.json", [sets.film("a.png")])
    script.main([str(tmp_path), "--out", str(tmp_path)])
    with np.load(tmp_path / "shard_00000.npz") as shard:
        np.savez(tmp_path / "shard_00000.npz", **{name: shard[name] for name in shard.files if name != "open_ends"})
    (film,) = ShardReader(tmp_path)
    assert film.open_ends == (False, False)


def test_films_are_not_added_twice(script: ModuleType, tmp_path: Path) -> None:
    given, out = make("coco", tmp_path / "set"), str(tmp_path / "shards")
    assert script.main([str(given), "--out", out]) == 0
    with pytest.raises(InputError, match=r"holds shard_\*\.npz already \(1\); films would be there twice"):
        script.main([str(given), "--out", out])


@pytest.mark.parametrize("wrong", [["--share", "5"], ["--share", "-1"], ["--rows", "0"]])
def test_impossible_numbers_are_refused(script: ModuleType, tmp_path: Path, wrong: list[str]) -> None:
    words = [str(make("coco", tmp_path / "set")), "--out", str(tmp_path / "a"), "--validation", str(tmp_path / "b")]
    with pytest.raises((SystemExit, InputError)):
        script.main([*words, *wrong])
    assert not any((tmp_path / "a").glob("*.npz"))


@pytest.mark.parametrize("name", ["make_shards_from_annotations", "make_crops"])
def test_a_film_that_does_not_fit_is_said_and_the_others_are_used(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets.write_film(tmp_path / "a.png", (50, 60))
    sets.write_film(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no film")
    main = load(name).main
    for films, code in (("a.png", "b.png", "c.png"), 2), (("b.png",), 0), (("a.png",), 3):
        write_coco(tmp_path / "annotations.json", [sets.film(film) for film in films])
        out = tmp_path / f"out-{code}"
        assert main([str(tmp_path), "--out", str(out)]) == code
        assert len(list(out.glob("*.npz"))) == (code != 3)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == len(films) - ("b.png" in films)
        if "a.png" in films:
            assert lines[0].startswith("a.png: the film is 50 x 60 px, its annotation says 200 x 400")


@pytest.mark.parametrize("name", ["make_shards_from_annotations", "make_crops"])
def test_a_film_without_vertebrae_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for film in ("a.png", "b.png"):
        sets.write_film(tmp_path / film)
    empty = replace(sets.film("a.png"), landmarks=replace(sets.film("a.png").landmarks, vertebrae=()))
    for films, code in (((empty, sets.film("b.png")), 2), ((empty,), 3)):
        write_coco(tmp_path / "annotations.json", films)
        assert load(name).main([str(tmp_path), "--out", str(tmp_path / f"out-{code}")]) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert line == "a.png: no vertebra is annotated; annotate it, or leave the film out"


@pytest.mark.parametrize("name", ["make_shards_from_annotations", "make_crops"])
def test_a_set_without_films_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coco(tmp_path / "annotations.json", [])
    assert load(name).main([str(tmp_path), "--out", str(tmp_path / "out")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{tmp_path}: no film is annotated; annotate one, or give another set"


def test_a_film_of_which_no_crop_can_be_cut_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets.write_film(tmp_path / "a.png")
    film = sets.film("a.png")
    cut = replace(film, landmarks=replace(film.landmarks, vertebrae=film.landmarks.vertebrae[-1:]))
    write_coco(tmp_path / "annotations.json", [cut])
    assert load("make_crops").main([str(tmp_path), "--out", str(tmp_path / "out")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "a.png: no vertebra has all its corners; mark all four, or leave it out"


def test_crops_show_the_corners_at_full_resolution(tmp_path: Path) -> None:
    """A white square about a corner of an annotated film of oblong pixels lies about that corner in the crop too."""
    film = replace(sets.film("a.png"), spacing=PixelSpacing(0.4, 0.2, Calibration.DETECTOR_PLANE))
    x, y = np.round(film.landmarks.vertebrae[2].points_px[0]).astype(int)
    pixels = np.full(sets.SIZE[::-1], 10, dtype=np.uint8)
    pixels[y - 1 : y + 1, x - 2 : x + 2] = 250
    Image.fromarray(pixels).save(tmp_path / "a.png")
    write_coco(tmp_path / "annotations.json", [film])
    assert load("make_crops").main([str(tmp_path), "--out", str(tmp_path / "crops")]) == 0
    crops = list(CropReader(tmp_path / "crops"))
    assert len(crops) == 5  # S1 lacks a corner
    for crop in crops:
        endplates = np.linalg.norm(crop.points[[1, 3]] - crop.points[[0, 2]], axis=1)
        assert endplates.mean() == pytest.approx(CROP_DEPTH, rel=1e-4)
        assert (crop.points[[1, 3], 0] > crop.points[[0, 2], 0]).all()
    rows, columns = np.nonzero(crops[2].image > 125)
    centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    np.testing.assert_allclose(crops[2].points[0], centre, atol=2.0)  # corner rounded to 0.5 px, enlarged 4 times
    assert crops[0].states.tolist() == [True, False, True]
    assert np.isfinite(crops[1].points).all()  # six points are marked on L2
    corners_mm = sets.corners(0) * [0.2, 0.4]
    depth_mm = np.linalg.norm(corners_mm[[1, 3]] - corners_mm[[0, 2]], axis=1).mean()
    assert crops[0].spacing_mm * CROP_DEPTH == pytest.approx(depth_mm, rel=1e-4)


@pytest.mark.parametrize("form", FORMS[1:])
def test_both_stages_can_be_trained_from_any_form(form: str, tmp_path: Path) -> None:
    given = make(form, tmp_path / "set")
    shards, crops, again = (tmp_path / name for name in ("shards", "crops", "again"))
    assert load("make_shards_from_annotations").main([str(given), "--out", str(shards)]) == 0
    assert load("make_crops").main([str(given), "--out", str(crops)]) == 0
    assert load("make_crops").main([str(shards), "--out", str(again)]) == 0
    (film,) = ShardReader(shards)
    assert len(film.points_px) >= 5
    whole = int(np.isfinite(film.points_px).all(axis=(1, 2)).sum())
    assert len(CropReader(crops)) == len(CropReader(again)) == whole
    for one, other in zip(CropReader(crops), CropReader(again), strict=True):  # the same at either resolution
        np.testing.assert_allclose(one.points[:4], other.points[:4], atol=0.3)
        if film.image.shape[0] > 400:
            assert abs(one.image.astype(float) - other.image).mean() < 12


def test_both_stages_learn_from_a_set_without_levels_and_pixel_size(tmp_path: Path) -> None:
    given = make("mendeley", tmp_path / "set")
    shards, crops, out = (str(tmp_path / name) for name in ("shards", "crops", "model"))
    assert load("make_shards_from_annotations").main([str(given), "--out", shards, "--rows", "64"]) == 0
    assert load("make_crops").main([str(given), "--out", crops]) == 0
    common = [
        f"out={out}",
        "precision=32-true",
        "workers=0",
        "threads=1",
        "max_minutes=null",
        "max_steps=1",
        "batch_size=2",
    ]
    small = ["rows=64", "columns=64", "network={deepest: 32, context: 16, decoder: 16, level: 16}"]
    train(
        None,
        [
            *common,
            *small,
            f"shards={shards}",
            f"validation_shards={shards}",
            "films_per_epoch=2",
            f"runs={tmp_path / 'one'}",
        ],
    )
    tiny = "sizes={half: 16, quarter: 16, eighth: 16, sixteenth: 16}"
    train_refiner(
        None,
        [*common, tiny, f"crops={crops}", f"validation_crops={crops}", "crops_per_epoch=2", f"runs={tmp_path / 'two'}"],
    )
    info = load_bundle(Path(out)).info
    assert info["metrics"]["level_right_share"] == 0.0
    assert info["refiner"]["metrics"].keys() == {"refined_corner_percent_median", "refined_corner_percent_p90"}

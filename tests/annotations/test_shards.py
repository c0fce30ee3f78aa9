"""Annotated films become training shards: points move with the picture, patients stay together."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from kummell_ai.anatomy import LEVELS
from kummell_ai.annotations import write_coco
from kummell_ai.errors import InputError
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.training.samples import ShardReader
from tests.annotations import sets, test_public_sets

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_shards_from_annotations.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_shards_from_annotations", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def test_a_film_of_another_size_is_refused(script: ModuleType, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "a.png", (50, 60))
    write_coco(tmp_path / "annotations.json", [sets.film("a.png")])
    with pytest.raises(InputError, match=r"a\.png: the film is \(50, 60\) px, its annotation says \(200, 400\)"):
        script.main([str(tmp_path), "--out", str(tmp_path / "shards")])

"""Shutters are black and outside the valid box; constant borders are outside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_films import dataset, save

from kummell_ai.dicom import read_radiograph
from kummell_ai.dicom.shutters import content_box, shutter_mask
from kummell_ai.imaging.radiograph import Radiograph

RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 6,
    "ShutterRightVerticalEdge": 30,
    "ShutterUpperHorizontalEdge": 3,
    "ShutterLowerHorizontalEdge": 20,
}


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(500, 3500, (36, 40)).astype("u2")


def film(tmp_path: Path, **tags: Any) -> Radiograph:
    return read_radiograph(save(tmp_path / "a", dataset(noise(), **tags)))


def test_the_rectangle_counts_from_one_and_keeps_its_edges(tmp_path: Path) -> None:
    read = film(tmp_path, **RECTANGLE)
    assert read.valid_box == (5.0, 2.0, 30.0, 20.0)
    outside = np.ones((36, 40), bool)
    outside[2:20, 5:30] = False
    assert not read.pixels[outside].any()
    assert read.pixels[~outside].std() > 0.1


def test_a_bright_shutter_of_an_inverted_film_becomes_black_too(tmp_path: Path) -> None:
    read = film(tmp_path, PhotometricInterpretation="MONOCHROME1", **RECTANGLE)
    assert read.pixels[0, 0] == 0


def test_the_circle(tmp_path: Path) -> None:
    tags = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [18, 20], "RadiusOfCircularShutter": 10}
    assert film(tmp_path, **tags).valid_box == (9.0, 7.0, 30.0, 28.0)
    mask = shutter_mask(dataset(**tags), (36, 40))
    assert mask is not None
    assert mask.sum() == pytest.approx(np.pi * 100, rel=0.02)


def test_the_polygon(tmp_path: Path) -> None:
    corners = [5, 5, 5, 35, 30, 35, 30, 5]
    read = film(tmp_path, ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners)
    assert read.valid_box == (4.0, 4.0, 35.0, 30.0)


def test_shutters_combine(tmp_path: Path) -> None:
    tags = RECTANGLE | {
        "ShutterShape": ["RECTANGULAR", "CIRCULAR"],
        "CenterOfCircularShutter": [18, 20],
        "RadiusOfCircularShutter": 10,
    }
    assert film(tmp_path, **tags).valid_box == (9.0, 7.0, 30.0, 20.0)


@pytest.mark.parametrize(
    "tags",
    [
        {"ShutterShape": "RECTANGULAR"},
        RECTANGLE | {"ShutterRightVerticalEdge": 2},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [18, 20], "RadiusOfCircularShutter": 0},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [900, 900], "RadiusOfCircularShutter": 3},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 2, 3]},
    ],
)
def test_an_impossible_shutter_hides_nothing(tmp_path: Path, tags: dict[str, Any]) -> None:
    assert film(tmp_path, **tags).valid_box == (0.0, 0.0, 40.0, 36.0)


def test_constant_borders_are_found() -> None:
    pixels = np.zeros((50, 60), np.float32)
    pixels[4:45, 10:50] = np.random.default_rng(0).random((41, 40))
    assert content_box(pixels, None) == (10.0, 4.0, 50.0, 45.0)
    assert content_box(pixels, (0.0, 10.0, 60.0, 40.0)) == (10.0, 10.0, 50.0, 40.0)


def test_a_constant_film_keeps_its_box() -> None:
    assert content_box(np.zeros((20, 30), np.float32), None) == (0.0, 0.0, 30.0, 20.0)


@pytest.mark.parametrize(
    "tags", [{"PixelPaddingValue": 4095}, {"PixelPaddingValue": 4085, "PixelPaddingRangeLimit": 4095}]
)
def test_padding_is_hidden_from_the_border_inwards_only(tmp_path: Path, tags: dict[str, int]) -> None:
    """Metal that saturates the detector has the value of the padding, and stays bright."""
    stored = noise()
    stored[:4] = stored[:, 35:] = stored[4:9, 3] = 4095
    stored[15:20, 10:15] = 4095
    read = read_radiograph(save(tmp_path / "a", dataset(stored, WindowCenter=2048, WindowWidth=4096, **tags)))
    assert (read.pixels[15:20, 10:15] == 1).all()
    assert not read.pixels[:4].any()
    assert not read.pixels[:, 35:].any()
    assert not read.pixels[4:9, 3].any()
    assert read.valid_box == (0.0, 4.0, 35.0, 36.0)

"""Corners of a picture of another size than the one that lies there, or that lie off it, are no truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import AnnotatedFilm, read_annotations, write_coco, write_labelme
from kummell_ai.cli import exits
from kummell_ai.cli.corners import HandCorners
from kummell_ai.errors import InputError, UsageError
from kummell_ai.imaging.frames import FloatArray
from tests.annotations import sets
from tests.annotations.test_bad_files import lines_of, oracle, run
from tests.annotations.test_public_sets import buu_text, marks_text, mendeley_json, write_buu, write_mendeley
from tests.annotations.test_read import make
from tests.annotations.test_shards import load
from tests.annotations.test_tools import WRITERS

__all__ = ["oracle"]

HALF = (sets.SIZE[0] // 2, sets.SIZE[1] // 2)
DOUBLE = (2 * sets.SIZE[0], 2 * sets.SIZE[1])
Write = Callable[[Path, str, tuple[int, int]], None]


def of_buu(folder: Path, name: str, size: tuple[int, int]) -> None:
    write_buu(folder / "LA", buu_text(), name)
    sets.write_film(folder / "LA" / f"{name}.jpg", size)


def of_mendeley(folder: Path, name: str, size: tuple[int, int]) -> None:
    file = write_mendeley(folder, f"{name}.json", mendeley_json())
    sets.write_film(file.parents[2] / "images" / "train" / f"{name}.jpg", size)


def of_nhanes2(folder: Path, name: str, size: tuple[int, int]) -> None:
    sets.write_film(folder / f"{name}.tif", size)
    (folder / f"{name}.txt").write_text(marks_text(Facing.LEFT, 9, False))


def of_labelme(folder: Path, name: str, size: tuple[int, int]) -> None:
    """Without the size that LabelMe writes, so that the picture's own counts."""
    sets.write_film(folder / f"{name}.png", size)
    (file,) = write_labelme(folder, [sets.film(f"{name}.png")])
    file.write_text(json.dumps({**json.loads(file.read_text()), "imageWidth": None, "imageHeight": None}))


SIZED_BY_THE_FILM = [of_buu, of_mendeley, of_nhanes2, of_labelme]


@pytest.mark.parametrize("write", SIZED_BY_THE_FILM)
def test_a_picture_that_was_halved(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "set", "0001-F-037Y1", sets.SIZE)
    write(tmp_path / "set", "0002-F-037Y1", HALF)
    assert run(tmp_path / "set", tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert "0002-F-037Y1" in line
    assert (
        "lies at 123.9, 52.75, 23.92 px off the picture of 100 x 200 px; up to half a body's depth (20.06 px)" in line
    )
    assert "annotate the very picture that is given" in line
    for script in ("make_shards_from_annotations", "make_crops"):
        assert load(script).main([str(tmp_path / "set"), "--out", str(tmp_path / script)]) == exits.SOME_FAILED


@pytest.mark.parametrize("write", SIZED_BY_THE_FILM)
def test_a_picture_that_was_doubled_is_not_told(write: Write, tmp_path: Path) -> None:
    write(tmp_path, "0001-F-037Y1", DOUBLE)
    assert len(read_annotations(tmp_path)) == 1


def moved(move: Callable[[FloatArray], FloatArray], body: int | None = None) -> AnnotatedFilm:
    film = sets.film("films/a.png")
    bodies = [
        replace(v, points_px=move(v.points_px.copy())) if body in (None, k) else v
        for k, v in enumerate(film.landmarks.vertebrae)
    ]
    return replace(film, landmarks=replace(film.landmarks, vertebrae=tuple(bodies)))


def far_left(points: FloatArray) -> FloatArray:
    points[0, 0] = -300.0
    return points


OFF = {
    "shifted": (
        moved(lambda points: points + np.array([1000.0, 0.0])),
        "superior_posterior of L1 lies at 1124, 52.75, 923.9 px",
    ),
    "one corner": (moved(far_left, 3), "superior_anterior of L4 lies at -300, 208.4, 300 px"),
    "per cent": (moved(lambda points: points * [2.2, 1.0]), "superior_posterior of L1 lies at 272.6, 52.75, 72.63 px"),
}


@pytest.mark.parametrize("how", OFF)
@pytest.mark.parametrize("form", ["coco", *WRITERS])
def test_corners_off_a_picture_of_that_size(form: str, how: str, tmp_path: Path) -> None:
    film, text = OFF[how]
    sets.write_film(tmp_path / film.file_name)
    if form == "coco":
        write_coco(tmp_path / "annotations.json", [film])
    path = tmp_path if form == "coco" else WRITERS[form](tmp_path, [film])
    with pytest.raises(InputError, match=rf"films/a\.png: {text}.* off the picture of 200 x 400 px"):
        read_annotations(path)
    with pytest.raises(UsageError, match=rf"--corners: films/a\.png: {text}"):
        HandCorners.read(path, [tmp_path / film.file_name])


def test_an_annotation_of_another_size_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the file says its size and the film has another, the sizes are named rather than a corner."""
    for name, size in (("a.png", sets.SIZE), ("b.png", DOUBLE)):
        sets.write_film(tmp_path / "set" / name, size)
    doubled = replace(moved(lambda points: 2.0 * points), file_name="b.png")
    write_coco(tmp_path / "set" / "annotations.json", [sets.film("a.png"), doubled])
    assert run(tmp_path / "set", tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert line == "b.png: the film is 400 x 800 px, its annotation says 200 x 400; annotate this very file"


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [2, 3, 0, 1]])
def test_a_body_that_is_none_is_refused_on_every_way(
    order: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make("coco", tmp_path / "set")
    sets.write_film(folder / "films" / "b.png")
    wrong = replace(moved(lambda points: np.concatenate([points[order], points[4:]]), 0), file_name="films/b.png")
    write_coco(folder / "annotations.json", [sets.film("films/a.png"), wrong])
    with pytest.raises(InputError, match=r"films/b\.png: the .*exchanged; correct the names of its corners"):
        read_annotations(folder)
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    assert len(lines_of(capsys)) == 1
    for script in ("make_shards_from_annotations", "make_crops"):
        assert load(script).main([str(folder), "--out", str(tmp_path / script)]) == exits.SOME_FAILED
        (line,) = lines_of(capsys)
        assert line.startswith("films/b.png: the ")
    with pytest.raises(UsageError, match=r"--corners: films/b\.png: the .*exchanged"):
        HandCorners.read(folder, [folder / "films" / "a.png"])

"""Drawing tools: what is written comes back, and files as people draw them are read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations import (
    AnnotatedFilm,
    read_annotations,
    read_cvat,
    read_label_studio,
    read_labelme,
    write_cvat,
    write_label_studio,
    write_labelme,
)
from kummell_ai.annotations.labelme import to_labelme
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import ImageReference
from tests.annotations import sets

WRITERS: dict[str, Callable[[Path, list[AnnotatedFilm]], Path]] = {
    "labelme": lambda folder, films: _written(write_labelme, folder, films),
    "label-studio": lambda folder, films: _written(write_label_studio, folder / "tasks.json", films),
    "cvat": lambda folder, films: _written(write_cvat, folder / "annotations.xml", films),
}


def _written(write: Callable[..., object], path: Path, films: list[AnnotatedFilm]) -> Path:
    write(path, films)
    return path


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
def test_reading_is_the_inverse_of_writing(tmp_path: Path, form: str, facing: Facing) -> None:
    films = [sets.film("films/a.png", facing), sets.film("films/ä 2.png", facing)]
    for film in films:
        sets.write_film(tmp_path / film.file_name)
    read = read_annotations(WRITERS[form](tmp_path, films))
    assert len(read) == 2
    for one, other in zip(read, films, strict=True):
        assert (one.file_name, one.size_px, one.spacing, one.extra) == (
            other.file_name,
            other.size_px,
            other.spacing,
            other.extra,
        )
        assert (one.landmarks.reference, one.landmarks.facing) == (other.landmarks.reference, facing)
        sets.assert_same_points(one.landmarks.vertebrae, other.landmarks.vertebrae)
        assert [v.flags for v in one.landmarks.vertebrae] == [v.flags for v in other.landmarks.vertebrae]


def labelme(tmp_path: Path, shapes: list[dict[str, Any]], **keys: Any) -> Path:
    sets.write_film(tmp_path / "a.png")
    document = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": "a.png", "imageData": None} | keys
    (tmp_path / "a.json").write_text(json.dumps(document))
    return tmp_path / "a.json"


def polygon(i: int, label: str, order: tuple[int, ...] = (3, 1, 0, 2)) -> dict[str, Any]:
    points = sets.corners(i)[list(order)].tolist()
    return {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}


def point(label: str, group: int | None = None, xy: tuple[float, float] = (5.0, 6.0)) -> dict[str, Any]:
    return {"label": label, "points": [list(xy)], "group_id": group, "shape_type": "point", "flags": {}}


def test_labelme_polygons_are_ordered_by_geometry(tmp_path: Path) -> None:
    shapes = [polygon(1, "L2"), polygon(0, "L1"), polygon(5, "S1"), polygon(4, "vertebra")]
    (film,) = read_annotations(labelme(tmp_path, shapes), facing=Facing.LEFT)
    assert film.size_px == sets.SIZE
    assert [v.level and v.level.value for v in film.landmarks.vertebrae] == ["L1", "L2", None, "S1"]
    for vertebra, i in zip(film.landmarks.vertebrae, (0, 1, 4, 5), strict=True):
        np.testing.assert_allclose(vertebra.points_px, sets.corners(i))


def test_labelme_points_grouped_by_level_tell_the_front(tmp_path: Path) -> None:
    shapes = [point("L1 superior_anterior", xy=(90, 5)), point("l1:superior-posterior", xy=(40, 6))]
    (film,) = read_labelme(labelme(tmp_path, shapes))
    assert film.landmarks.facing is Facing.RIGHT
    assert film.landmarks.reference == ImageReference("a.png")
    (vertebra,) = film.landmarks.vertebrae
    assert vertebra.level is VertebralLevel.L1
    np.testing.assert_array_equal(vertebra.points_px, [[90, 5], [40, 6], [np.nan, np.nan], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("shapes", "match"),
    [
        ([polygon(0, "L1")], "give --facing left or --facing right"),
        ([point("superior_anterior")], "names no level and has no group_id"),
        ([point("L1 corner")], "'corner' is neither a level nor one of superior_anterior"),
        ([point("L1 superior_anterior")] * 2, "superior_anterior is marked twice on L1"),
        ([point("L1 superior_anterior", 1), point("L2 superior_posterior", 1)], "called both L1 and L2"),
        ([point("L1") | {"shape_type": "circle"}], "circle 'L1': mark corners as points"),
        ([{"label": "L1"}], "'points' is missing"),
    ],
)
def test_labelme_refuses(tmp_path: Path, shapes: list[dict[str, Any]], match: str) -> None:
    with pytest.raises(InputError, match=rf"a\.json: not understood as LabelMe: .*{match}"):
        read_labelme(labelme(tmp_path, shapes))


def test_labelme_needs_files_and_own_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no LabelMe JSON"):
        read_labelme(tmp_path)
    with pytest.raises(ValueError, match=r"two films would share films/a\.json"):
        write_labelme(tmp_path, [sets.film("films/a.png"), sets.film("films/a.dcm")])
    clash = AnnotatedFilm("a.png", (1, 1), SpineLandmarks((), ImageReference("a")), extra={"width": 3})
    with pytest.raises(ValueError, match="uses width"):
        to_labelme(clash)


def test_label_studio_export_of_people(tmp_path: Path) -> None:
    """An upload's name, a cancelled annotation, a polygon, and keypoints without a parent."""
    sets.write_film(tmp_path / "a.png")
    share = 100.0 * sets.corners(0) / sets.SIZE
    common = {"to_name": "image", "original_width": 200, "original_height": 400, "image_rotation": 0}
    outline = {"points": share[[1, 0, 3, 2]].tolist(), "polygonlabels": ["L1"]}
    results = [common | {"id": "x", "type": "polygonlabels", "value": outline}]
    for landmark in list(VertebralLandmark)[:4]:
        x, y = 100.0 * sets.corners(1)[landmark] / sets.SIZE
        value = {"x": x, "y": y, "width": 0.3, "keypointlabels": [f"L2 {landmark.key}"]}
        results.append(common | {"id": f"p{landmark}", "type": "keypointlabels", "value": value})
    task = {
        "id": 7,
        "data": {"image": "/data/upload/3/0a1b2c3d-a.png"},
        "annotations": [{"result": results}, {"result": [], "was_cancelled": True}],
    }
    (tmp_path / "export.json").write_text(json.dumps([task]))
    (film,) = read_annotations(tmp_path / "export.json", facing=Facing.LEFT)
    assert film.file_name == "a.png"
    for vertebra, i in zip(film.landmarks.vertebrae, (0, 1), strict=True):
        assert vertebra.level is sets.LEVELS[i]
        np.testing.assert_allclose(vertebra.points_px, sets.corners(i))


def test_label_studio_local_files_and_no_marks(tmp_path: Path) -> None:
    sets.write_film(tmp_path / "films" / "a b.png")
    task = {"data": {"image": "/data/local-files/?d=films/a%20b.png"}, "annotations": []}
    (tmp_path / "export.json").write_text(json.dumps([task]))
    (film,) = read_label_studio(tmp_path / "export.json")
    assert (film.file_name, film.size_px, film.landmarks.vertebrae) == ("films/a b.png", sets.SIZE, ())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"image_rotation": 90}, "film is turned by 90°"),
        ({"parentID": None}, "has no parent and no level"),
        ({"value": {"x": 1, "y": 1, "keypointlabels": ["chin"]}}, "'chin' is neither a level"),
        ({"value": {}}, "'keypointlabels' is missing"),
    ],
)
def test_label_studio_refuses(tmp_path: Path, change: dict[str, Any], match: str) -> None:
    write_label_studio(tmp_path / "tasks.json", [sets.film()])
    document = json.loads((tmp_path / "tasks.json").read_text())
    result = next(r for r in document[0]["annotations"][0]["result"] if r["type"] == "keypointlabels")
    result.update(copy.deepcopy(change))
    (tmp_path / "tasks.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=rf"tasks\.json: not understood as Label Studio tasks: .*{match}"):
        read_label_studio(tmp_path / "tasks.json")


def cvat(tmp_path: Path, shapes: str) -> Path:
    sets.write_film(tmp_path / "images" / "a.png")
    image = f'<image id="0" name="a.png" width="200" height="400">{shapes}</image>'
    (tmp_path / "annotations.xml").write_text(f"<annotations><version>1.1</version>{image}</annotations>")
    return tmp_path / "annotations.xml"


def test_cvat_polygons_and_loose_points(tmp_path: Path) -> None:
    outline = ";".join(f"{x!r},{y!r}" for x, y in sets.corners(0)[[1, 0, 3, 2]].tolist())
    shapes = f'<polygon label="L1" points="{outline}"/>'
    for landmark in list(VertebralLandmark)[:4]:
        x, y = sets.corners(1)[landmark].tolist()
        shapes += f'<points label="L2 {landmark.key}" points="{x!r},{y!r}" occluded="0"/>'
    cvat(tmp_path, shapes)
    (film,) = read_annotations(tmp_path, facing=Facing.LEFT)
    assert film.file_name == "images/a.png"
    for vertebra, i in zip(film.landmarks.vertebrae, (0, 1), strict=True):
        assert vertebra.level is sets.LEVELS[i]
        np.testing.assert_allclose(vertebra.points_px, sets.corners(i))


@pytest.mark.parametrize(
    ("shapes", "match"),
    [
        ("<box label='L1'/>", "<box>: mark vertebrae as skeletons"),
        ("<points label='superior_anterior' points='1,2'/>", "need a corner's name, and a level or a group_id"),
        ("<skeleton label='vertebra'><points label='L1' points='1,2'/></skeleton>", "point 'L1' is no corner"),
        ("<polygon label='L1' points='1,2;3'/>", "a point of 'L1' lies at \\['3'\\]; expected x and y"),
        ("<polygon points='1,2'/>", "'label' is missing"),
        ("<polygon", "no readable XML"),
        ("<!DOCTYPE x>", "declares entities"),
    ],
)
def test_cvat_refuses(tmp_path: Path, shapes: str, match: str) -> None:
    with pytest.raises(InputError, match=rf"annotations\.xml: not understood as CVAT for images 1\.1: .*{match}"):
        read_cvat(cvat(tmp_path, shapes))


def test_cvat_for_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text("<annotations><track/></annotations>")
    with pytest.raises(InputError, match="with tracks or of another kind"):
        read_cvat(tmp_path / "annotations.xml")

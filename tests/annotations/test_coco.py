"""COCO keypoints: reading is the inverse of writing, and every refusal says why."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import LEVELS, Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, read_coco, write_coco
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing

coordinates = st.floats(-500, 5000) | st.just(float("nan"))
probabilities = st.floats(0, 1)


@st.composite
def vertebrae(draw: st.DrawFn) -> VertebraLandmarks:
    count = draw(st.sampled_from((4, 6)))
    points = np.array(draw(st.lists(coordinates, min_size=2 * count, max_size=2 * count))).reshape(count, 2)
    points[np.isnan(points).any(axis=1)] = np.nan
    covariance = None
    if draw(st.booleans()):
        covariance = np.broadcast_to(np.eye(2) * draw(st.floats(0, 9)), (count, 2, 2)).copy()
        covariance[np.isnan(points[:, 0])] = np.nan
    return VertebraLandmarks(
        points,
        draw(st.none() | st.sampled_from(LEVELS)),
        draw(st.none() | probabilities),
        covariance,
        draw(probabilities),
        draw(st.frozensets(st.sampled_from(("fractured", "instrumented", "cemented")))),
        frozenset(m for m in draw(st.frozensets(st.sampled_from(VertebralLandmark))) if seen(points, m)),
    )


def seen(points: np.ndarray, landmark: VertebralLandmark) -> bool:
    return landmark < len(points) and bool(np.isfinite(points[landmark]).all())


@st.composite
def films(draw: st.DrawFn) -> AnnotatedFilm:
    reference = ImageReference(
        name=draw(st.text(min_size=1, max_size=8)),
        patient_id=draw(st.none() | st.text(min_size=1, max_size=5)),
        acquired=draw(st.none() | st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1))),
        modality=draw(st.sampled_from((None, "DX"))),
        simulated=draw(st.booleans()),
    )
    sizes = st.floats(0.05, 0.5)
    spacing = st.builds(PixelSpacing, sizes, sizes, st.sampled_from(Calibration), st.none() | st.floats(1, 1.4))
    landmarks = SpineLandmarks(
        tuple(draw(st.lists(vertebrae(), max_size=3))), reference, draw(st.sampled_from(Facing)), draw(st.none())
    )
    measured = st.dictionaries(st.text(max_size=3), st.floats(-9, 9) | st.none(), max_size=2)
    extra = draw(st.dictionaries(st.sampled_from(("phase", "mask")), st.floats(-9, 9) | st.text(max_size=3)))
    extra |= draw(st.just({}) | st.fixed_dictionaries({"truth": measured}))
    detail = st.dictionaries(st.sampled_from(("truth", "rims_mm")), st.floats(-9, 9) | st.none(), max_size=2)
    details = tuple(draw(detail) for _ in landmarks.vertebrae)
    given = details if any(details) else ()
    return AnnotatedFilm("films/ä 1.png", (640, 1280), landmarks, draw(st.none() | spacing), extra, given)


def assert_equal(first: AnnotatedFilm, second: AnnotatedFilm) -> None:
    assert first.file_name == second.file_name
    assert first.size_px == second.size_px
    assert first.spacing == second.spacing
    assert first.extra == second.extra
    assert first.details == second.details
    assert first.landmarks.reference == second.landmarks.reference
    assert first.landmarks.facing is second.landmarks.facing
    assert len(first.landmarks.vertebrae) == len(second.landmarks.vertebrae)
    for one, other in zip(first.landmarks.vertebrae, second.landmarks.vertebrae, strict=True):
        np.testing.assert_array_equal(one.points_px, other.points_px)
        assert (one.covariance_px is None) == (other.covariance_px is None)
        if one.covariance_px is not None and other.covariance_px is not None:
            np.testing.assert_array_equal(one.covariance_px, other.covariance_px)
        same = ("level", "level_probability", "confidence", "flags", "hidden")
        assert [getattr(one, key) for key in same] == [getattr(other, key) for key in same]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(films(), max_size=3))
def test_reading_is_the_inverse_of_writing(tmp_path: Path, written: list[AnnotatedFilm]) -> None:
    write_coco(tmp_path / "a.json", written)
    read = read_coco(tmp_path / "a.json")
    assert len(read) == len(written)
    for one, other in zip(written, read, strict=True):
        assert_equal(one, other)


def foreign(**changes: Any) -> dict[str, Any]:
    """A file of another program: two keypoints swapped, no attributes."""
    names = ["superior_posterior", "superior_anterior", "inferior_anterior", "inferior_posterior"]
    return {
        "categories": [{"id": 7, "name": "vertebra", "keypoints": names}],
        "images": [{"id": 3, "file_name": "x/a.png", "width": 100, "height": 200}],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": 7, "keypoints": [9, 1, 2, 5, 2, 1, 5, 8, 2, 0, 0, 0]},
        ],
    } | changes


def read(tmp_path: Path, document: Any) -> tuple[AnnotatedFilm, ...]:
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    return read_coco(tmp_path / "a.json")


def test_foreign_keypoint_order_is_read_by_name(tmp_path: Path) -> None:
    (film,) = read(tmp_path, foreign())
    (vertebra,) = film.landmarks.vertebrae
    np.testing.assert_array_equal(vertebra.points_px, [[5, 2], [9, 1], [5, 8], [np.nan, np.nan]])
    assert vertebra.level is None
    assert film.spacing is None
    assert film.landmarks.reference.name == "a.png"


def test_level_attribute_is_read(tmp_path: Path) -> None:
    document = foreign()
    document["annotations"][0]["attributes"] = {"level": "l1"}
    assert read(tmp_path, document)[0].landmarks.at(VertebralLevel.L1) is not None


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ([], "not understood as COCO"),
        ({"images": []}, "'categories' is missing"),
        (foreign(categories=[{"id": 7, "name": "person", "keypoints": []}]), "no category is called 'vertebra'"),
        (foreign(categories=[{"id": 7, "name": "vertebra", "keypoints": ["TL"]}]), "keypoint 'TL' is not one of"),
        (foreign(images=[]), "belongs to image 3, which does not exist"),
        (
            foreign(annotations=[{"id": 1, "image_id": 3, "category_id": 7, "keypoints": [1, 2]}]),
            "needs 12 keypoint numbers, not 2",
        ),
    ],
)
def test_bad_documents_are_refused_in_one_line(tmp_path: Path, document: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("at", "what"), [(0, "x of superior_p"), (4, "y of superior_a"), (5, "visibility of superior_a")]
)
@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_keypoint_that_is_no_number_is_named(tmp_path: Path, at: int, what: str, value: float | None) -> None:
    document = foreign()
    document["annotations"][0]["keypoints"][at] = value
    with pytest.raises(InputError, match=rf"{what}\w* in annotation 1 is nan; expected a finite number"):
        read(tmp_path, document)


def test_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=r"a\.json: no readable text \(not UTF-8\)"):
        read_coco(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"b\.json: no readable text \(No such file or directory\)"):
        read_coco(tmp_path / "b.json")


def test_extra_may_not_use_a_name_of_the_format(tmp_path: Path) -> None:
    film = AnnotatedFilm("a.png", (1, 1), SpineLandmarks((), ImageReference("a")), extra={"width": 3})
    with pytest.raises(ValueError, match="uses width"):
        write_coco(tmp_path / "a.json", [film])


def test_details_may_not_use_a_name_of_the_format_and_nothing_is_left_behind(tmp_path: Path) -> None:
    spine = SpineLandmarks((VertebraLandmarks(np.zeros((4, 2))),), ImageReference("a"))
    with pytest.raises(ValueError, match=r"details of a\.png uses flags"):
        write_coco(tmp_path / "a.json", [AnnotatedFilm("a.png", (1, 1), spine, details=({"flags": 1},))])
    assert not list(tmp_path.iterdir())


def test_films_that_can_be_gone_through_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gone through only once"):
        write_coco(tmp_path / "a.json", iter([]))


def test_the_file_holds_the_document_one_entry_a_line(tmp_path: Path) -> None:
    spine = SpineLandmarks(
        (VertebraLandmarks(np.arange(8.0).reshape(4, 2), hidden=frozenset({VertebralLandmark.INFERIOR_ANTERIOR})),),
        ImageReference("a"),
    )
    film = AnnotatedFilm("a.png", (1, 1), spine)
    write_coco(tmp_path / "a.json", [film, film])
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["info", "categories", "images", "annotations"]
    assert [image["id"] for image in json.loads(text)["images"]] == [1, 2]
    assert [(v["id"], v["image_id"]) for v in json.loads(text)["annotations"]] == [(1, 1), (2, 2)]
    assert json.loads(text)["annotations"][0]["keypoints"][2::3] == [2, 2, 1, 2]
    assert json.loads(text)["annotations"][0]["num_keypoints"] == 4
    assert sum('"file_name"' in line for line in text.splitlines()) == 2
    write_coco(tmp_path / "none.json", [])
    none = json.loads((tmp_path / "none.json").read_text(encoding="utf-8"))
    assert (none["images"], none["annotations"]) == ([], [])


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """Indented, four corners, no details."""
    document = foreign()
    document["annotations"][0]["attributes"] = {"level": "L1", "flags": ["fractured"], "points": 4, "confidence": 1.0}
    (tmp_path / "a.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    (film,) = read_coco(tmp_path / "a.json")
    assert film.details == ()
    assert film.landmarks.vertebrae[0].hidden == {VertebralLandmark.SUPERIOR_ANTERIOR}
    assert film.landmarks.vertebrae[0].points_px.shape == (4, 2)

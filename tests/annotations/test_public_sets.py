"""Public sets, on tiny files in exactly their forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations import read_annotations, read_buu_lspine, read_mendeley, read_nhanes2
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from tests.annotations import sets

BUU = "0001-F-037Y1"


def buu_text(facing: Facing = Facing.LEFT, separator: str = ",") -> str:
    """Eleven rows, no header, the end further left first."""
    rows = []
    for i, body in enumerate(sets.bodies(facing)):
        for plate in (body.points_px[:2], body.points_px[2:])[: 1 if i == 5 else 2]:
            ends = plate[np.argsort(plate[:, 0])].ravel()
            rows.append(separator.join([*(repr(float(v)) for v in ends), "1" if i == 3 else "0"]))
    return "\n".join(rows) + "\n"


def write_buu(folder: Path, text: str, name: str = BUU, ending: str = ".csv") -> Path:
    sets.write_film(folder / f"{name}.jpg")
    file = folder / f"{name}{ending}"
    file.write_text(text, encoding="utf-8")
    return file


def expected_buu(facing: Facing = Facing.LEFT) -> tuple[VertebraLandmarks, ...]:
    *lumbar, sacrum = sets.bodies(facing)
    plate = sacrum.points_px.copy()
    plate[2:] = np.nan
    return (*lumbar, VertebraLandmarks(plate, sacrum.level))


def test_buu_lspine_folder(tmp_path: Path) -> None:
    write_buu(tmp_path / "LA", buu_text())
    write_buu(tmp_path / "AP", buu_text().rsplit("\n", 2)[0], name="0001-F-037Y0")
    (tmp_path / "csv_info").mkdir()
    table = "filename\tpixel_spacing\n0001-F-037Y\t0.175\n"
    (tmp_path / "csv_info" / "pixel_spacing_BUU_LSPINE_V2.csv").write_text(table)
    (film,) = read_annotations(tmp_path)
    assert (film.file_name, film.size_px) == (f"LA/{BUU}.jpg", sets.SIZE)
    assert film.landmarks.facing is Facing.LEFT
    assert film.spacing == PixelSpacing(0.175, 0.175, Calibration.DETECTOR_PLANE)
    assert (film.landmarks.reference.patient_id, film.landmarks.reference.patient_sex) == ("0001", "F")
    assert film.extra == {"row_labels": [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]}
    sets.assert_same_points(film.landmarks.vertebrae, expected_buu())


@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
@pytest.mark.parametrize("separator", [",", ", ", "\t"])
def test_buu_lspine_rows(tmp_path: Path, facing: Facing, separator: str) -> None:
    file = write_buu(tmp_path, "x1,y1,x2,y2,label\n" + buu_text(facing, separator), ending=".txt")
    (film,) = read_annotations(file, facing=facing)
    assert film.file_name == f"{BUU}.jpg"
    assert film.spacing is None
    sets.assert_same_points(film.landmarks.vertebrae, expected_buu(facing))


def test_buu_lspine_ends_in_either_order(tmp_path: Path) -> None:
    rows = [line.split(",") for line in buu_text().splitlines()]
    swapped = "\n".join(",".join([*row[2:4], *row[:2], row[4]]) for row in rows)
    sets.assert_same_points(read_buu_lspine(write_buu(tmp_path, swapped))[0].landmarks.vertebrae, expected_buu())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (buu_text().rsplit("\n", 2)[0], "10 rows are those of a frontal film"),
        (buu_text().splitlines()[0], "1 rows; expected 11"),
        (buu_text().replace(",0\n", "\n", 1) + "1,2\n", "row 12 is '1,2'; expected x1,y1"),
        (buu_text().replace(",", ";", 1), "with both ; and ,: write decimal points and one separator"),
        (buu_text().replace("0\n", "nan\n", 1), "row 1 is"),
        (buu_text().replace("1", "a", 1), "a value of row 1 is '.*'; expected a number"),
        ("\n".join(buu_text().splitlines()[::-1]), "row 2 lies above row 1"),
    ],
)
def test_buu_lspine_refuses(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=rf"{BUU}\.csv: not understood as BUU-LSPINE: .*{match}"):
        read_buu_lspine(write_buu(tmp_path, text))


def test_buu_lspine_needs_films(tmp_path: Path) -> None:
    file = write_buu(tmp_path, buu_text())
    (tmp_path / f"{BUU}.jpg").unlink()
    with pytest.raises(InputError, match=rf"no film {BUU}\.jpg beside it"):
        read_buu_lspine(file)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no CSV or TXT with 11 rows"):
        read_buu_lspine(tmp_path / "none")
    (tmp_path / f"{BUU}.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="neither a picture nor DICOM"):
        read_buu_lspine(file)


def test_buu_lspine_spacing_table_without_columns(tmp_path: Path) -> None:
    file = write_buu(tmp_path, buu_text())
    for text, why in (
        ("name,mm\n", "its columns are name, mm, without filename"),
        ("filename,mm\n0001-F-037Y,0.175\n", "its columns are filename, mm, without pixel_spacing"),
        ("\n", "it is empty, without filename"),
        ("", "it is empty, without filename"),
    ):
        (tmp_path / "pixel_spacing.csv").write_text(text)
        remedy = "give its head the columns filename and pixel_spacing, or take it away"
        with pytest.raises(InputError, match=rf"pixel_spacing\.csv: not understood as a table of .*: {why}; {remedy}"):
            read_buu_lspine(file)


def mendeley_json(order: tuple[int, ...] = (2, 3, 0, 1)) -> dict[str, object]:
    keypoints = [[[*map(float, body.points_px[i]), 1] for i in order] for body in sets.bodies()]
    boxes = [[*body.points_px.min(0).tolist(), *body.points_px.max(0).tolist()] for body in sets.bodies()]
    return {"boxes": boxes, "labels": [1] * len(boxes), "keypoints": keypoints}


def yolo_line(body: VertebraLandmarks, order: tuple[int, ...]) -> str:
    share = body.points_px / sets.SIZE
    box = [*share.mean(0), *np.ptp(share, axis=0)]
    points = [v for i in order for v in (*share[i], 1)]
    return " ".join(["0", *(f"{v:.9f}" for v in (*box, *points))])


def write_mendeley(root: Path, name: str, content: object, split: str = "train") -> Path:
    data = root / "Train" / "Keypointrcnn_data"
    sets.write_film(data / "images" / split / f"{Path(name).stem}.jpg")
    file = data / "labels" / split / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def expected_mendeley() -> tuple[VertebraLandmarks, ...]:
    return tuple(
        VertebraLandmarks(v.points_px, v.level if v.level is VertebralLevel.S1 else None) for v in sets.bodies()
    )


def test_mendeley_orders_differ_and_corners_do_not(tmp_path: Path) -> None:
    write_mendeley(tmp_path, "3209-F-073Y1_jpg.rf.0a1b.json", mendeley_json())
    lines = [yolo_line(body, (0, 2, 3, 1)) for body in sets.bodies()[::-1]]
    write_mendeley(tmp_path, "h17_jpg.rf.ffff.txt", "\n".join(lines), split="val")
    first, second = read_annotations(tmp_path)
    assert first.file_name == "Train/Keypointrcnn_data/images/train/3209-F-073Y1_jpg.rf.0a1b.jpg"
    assert [f.landmarks.reference.patient_id for f in (first, second)] == ["3209", "h17_jpg"]
    assert first.size_px == sets.SIZE
    sets.assert_same_points(first.landmarks.vertebrae, expected_mendeley())
    for one, other in zip(second.landmarks.vertebrae, expected_mendeley(), strict=True):
        np.testing.assert_allclose(one.points_px, other.points_px, atol=1e-5)


def test_mendeley_one_labels_folder(tmp_path: Path) -> None:
    file = write_mendeley(tmp_path, "a.json", mendeley_json((1, 3, 0, 2)))
    (film,) = read_annotations(file.parent)
    assert film.file_name == "../../images/train/a.jpg"
    sets.assert_same_points(film.landmarks.vertebrae, expected_mendeley())


def test_mendeley_corners_that_are_not_visible(tmp_path: Path) -> None:
    document = mendeley_json()
    keypoints = np.array(document["keypoints"])
    keypoints[0, 0] = 0.0
    keypoints[1, :2] = 0.0
    (film,) = read_mendeley(write_mendeley(tmp_path, "a.json", document | {"keypoints": keypoints.tolist()}))
    assert film.extra == {"left_out": 1}
    assert len(film.landmarks.vertebrae) == 5
    np.testing.assert_array_equal(np.isnan(film.landmarks.vertebrae[0].points_px[:, 0]), [False, False, True, False])


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.json", "{", "no readable JSON"),
        ("a.json", {"boxes": []}, "'keypoints' is missing"),
        ("a.json", mendeley_json() | {"boxes": []}, "0 boxes and 6 sets of keypoints"),
        ("a.json", {"boxes": [[0, 0, 1, 1]], "keypoints": [[[1, 2, 1]]]}, r"of shape \(1, 3\); expected four times"),
        ("a.txt", "0 0.5 0.5", "line 1 has 3 numbers; expected 17"),
    ],
)
def test_mendeley_refuses(tmp_path: Path, name: str, content: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_mendeley(write_mendeley(tmp_path, name, content))


def test_mendeley_needs_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no labels/\*\.json"):
        read_mendeley(tmp_path)


def nine_points(body: VertebraLandmarks) -> np.ndarray:
    """Posterior to anterior along the lower, then the upper endplate; the anterior wall; two osteophytes."""
    sa, sp, ia, ip = body.points_px
    upper, lower, front = (sa + sp) / 2, (ia + ip) / 2, (sa + ia) / 2
    return np.array([ip, lower, ia, sp, upper, sa, front, sa - (3, -2), ia - (3, 2)])


def marks_text(facing: Facing, count: int, numbered: bool) -> str:
    lines = ["# marks of one film"]
    for body in sets.bodies(facing)[:5]:
        assert body.level is not None
        points = nine_points(body)[:count] if count > 4 else body.points_px[[3, 0, 1, 2]]
        if numbered:
            lines += [f"{body.level.value} {i} {x!r} {y!r}" for i, (x, y) in enumerate(points.tolist(), start=1)]
        else:
            lines += [body.level.value, *(f"{x!r}, {y!r}" for x, y in points.tolist())]
    return "\n".join(lines)


def write_marks(folder: Path, text: str, size: tuple[int, int] = sets.SIZE) -> Path:
    sets.write_film(folder / "L00123.tif", size)
    (folder / "L00123.txt").write_text(text, encoding="utf-8")
    return folder / "L00123.txt"


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("count", [4, 6, 9])
@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
def test_nhanes2_marks(tmp_path: Path, facing: Facing, count: int, numbered: bool) -> None:
    write_marks(tmp_path, marks_text(facing, count, numbered))
    (film,) = read_annotations(tmp_path, facing=None if count == 9 else facing)
    assert (film.file_name, film.spacing, film.landmarks.facing) == ("L00123.tif", None, facing)
    for one, other in zip(film.landmarks.vertebrae, sets.bodies(facing)[:5], strict=True):
        sa, sp, ia, ip = other.points_px
        middles = [(sa + sp) / 2, (ia + ip) / 2]
        expected = other.points_px if count == 4 else np.concatenate([other.points_px, middles])
        np.testing.assert_allclose(one.points_px, expected)
        assert one.level is other.level


def test_nhanes2_scanned_film_has_its_spot_as_spacing(tmp_path: Path) -> None:
    (film,) = read_nhanes2(write_marks(tmp_path, marks_text(Facing.LEFT, 9, False), (2048, 2487)))
    assert film.spacing == PixelSpacing(0.175, 0.175, Calibration.DETECTOR_PLANE)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (marks_text(Facing.LEFT, 6, False), "give --facing left or --facing right"),
        ("1 2\nL1 3 4", "'1' stands before the first vertebra"),
        ("C3 1 2 3 4 5 6 7 8", "cervical vertebrae are marked"),
        ("L1 1 2 3 4", "L1 has 4 numbers; expected x and y of 4, 6 or 9 points"),
        ("L1 1 2 3 nan 5 6 7 8", "L1 has a coordinate that is not finite"),
        ("L1 1 2 L1 3 4", "L1 stands there 2 times"),
        ("L1 1 0 0 L1 2 9 0 L1 2 9 9 L1 3 0 9", "L1 has the points 1, 2, 2, 3; expected each of 1 to 4, 6 or 9 once"),
        ("L1 1 0 0 L1 2 4 0 L1 3 9 0 L1 5 4 9 L1 6 0 9 L1 7 0 4", "L1 has the points 1, 2, 3, 5, 6, 7"),
        ("L9 1 2 3 4 5 6 7 8", "is no vertebral level"),
        ("L2 0 0 9 0 9 9 0 9 L1 0 20 9 20 9 29 0 29", "from top to bottom the film shows L2, L1"),
    ],
)
def test_nhanes2_refuses(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_nhanes2(write_marks(tmp_path, text))


def test_nhanes2_needs_marks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"in a file ending in \.txt or \.mrk; give"):
        read_nhanes2(tmp_path)

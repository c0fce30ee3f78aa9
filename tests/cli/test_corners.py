"""Corners that a person corrects: written for a drawing tool, read back, and found to belong to their films."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kummell_ai.anatomy import Facing, Phase
from kummell_ai.cli import models
from kummell_ai.cli.main import main
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests import made_up
from tests.cli.conftest import FakePredictor, read_rows, write_dicom


def written(film: Path, folder: Path) -> Path:
    """The LabelMe file that ``measure`` writes of a film."""
    assert main(["measure", str(film), "--out", str(folder), "--formats", "labelme"]) == 0
    return folder / "labelme" / f"{film.stem}.json"


def change(file: Path, label: str, by: tuple[float, float]) -> None:
    """Drag one point, as a person does."""
    document = json.loads(file.read_text())
    (shape,) = [s for s in document["shapes"] if s["label"] == label]
    shape["points"] = [[shape["points"][0][0] + by[0], shape["points"][0][1] + by[1]]]
    file.write_text(json.dumps(document))


def without_time(folder: Path, stem: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / f"{stem}.json").read_text())
    del result["provenance"]["created"]
    return result


def test_a_film_is_written_for_labelme_in_its_own_pixels(film: Path, tmp_path: Path) -> None:
    file = written(film, tmp_path / "out")
    document = json.loads(file.read_text())
    with Image.open(file.parent / document["imagePath"]) as picture:
        assert picture.size == made_up.SIZE
        assert picture.mode == "L"
    points = {shape["label"]: shape["points"][0] for shape in document["shapes"]}
    assert np.allclose(points["L1 superior_anterior"], made_up.landmarks().vertebrae[3].points_px[0])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["labelme"]
    assert "Made" not in file.read_text()  # no name of the patient


def test_corners_given_back_untouched_change_nothing(film: Path, tmp_path: Path) -> None:
    marks = written(film, tmp_path / "marks").parent
    assert main(["measure", str(film), "--out", str(tmp_path / "a")]) == 0
    assert main(["measure", str(film), "--out", str(tmp_path / "b"), "--corners", str(marks)]) == 0
    assert without_time(tmp_path / "a", "pre") == without_time(tmp_path / "b", "pre")


def test_a_corner_that_was_moved_counts_and_is_told(film: Path, tmp_path: Path) -> None:
    file = written(film, tmp_path / "marks")
    change(file, "L1 superior_anterior", (0.0, -10.0))
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--corners", str(file.parent)]) == 0
    row = {row["level"]: row for row in read_rows(tmp_path / "out" / "measurements.csv")}["L1"]
    sa, _, ia, _ = made_up.landmarks().vertebrae[3].points_px
    expected = np.linalg.norm(sa - [0.0, 10.0] - ia) * made_up.MM
    assert float(row["anterior_height_mm"]) == pytest.approx(expected, abs=1e-2)
    assert "by-hand" in row["flags"]
    assert "corners-by-hand" in row["findings"]


def exchange(file: Path, *levels: str) -> None:
    """Call the front of some bodies the back, and the other way round; of all bodies where none is named."""
    document = json.loads(file.read_text())
    other = {"anterior": "posterior", "posterior": "anterior"}
    for shape in document["shapes"]:
        level, point = shape["label"].split(" ")
        endplate, _, end = point.partition("_")
        if not levels or level in levels:
            shape["label"] = f"{level} {endplate}_{other.get(end, end)}"
    file.write_text(json.dumps(document))


class MirroredPredictor(FakePredictor):
    """Takes the front for the back, as a network does on a film that it faced wrongly."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        landmarks = FakePredictor.locate(self, radiograph)
        order = [1, 0, 3, 2]
        bodies = [replace(v, points_px=v.points_px[order], covariance_px=None) for v in landmarks.vertebrae]
        return replace(landmarks, vertebrae=tuple(bodies), facing=Facing.RIGHT)


def test_a_person_puts_front_and_back_right(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the corners count against the side that the program wrote into the file."""
    assert main(["measure", str(film), "--out", str(tmp_path / "truth")]) == 0
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: MirroredPredictor())
    file = written(film, tmp_path / "marks")
    assert json.loads(file.read_text())["kummell_ai"]["facing"] == "right"
    exchange(file)
    for command in ("measure", "series"):
        assert main([command, str(film), "--out", str(tmp_path / command), "--corners", str(file)]) == 0
    rows, truth = (
        {row["level"]: row for row in read_rows(tmp_path / name / "measurements.csv")} for name in ("measure", "truth")
    )
    for name in ("anterior_height_mm", "posterior_height_mm", "wedge_angle_deg"):
        assert float(rows["L1"][name]) == pytest.approx(float(truth["L1"][name]), abs=1e-6)
    assert float(rows["L1"]["anterior_height_mm"]) < float(rows["L1"]["posterior_height_mm"])
    results = [json.loads((tmp_path / name / "pre.json").read_text()) for name in ("measure", "truth")]
    angles = [{(s["id"], s["index_level"]): s["angle"]["value"] for s in r["segments"]} for r in results]
    assert angles[0] == pytest.approx(angles[1])
    assert angles[0]["segmental_cobb", "L1"] > 0.0
    assert results[0]["film"]["facing"] == "left"
    (note,) = [f["message"] for f in results[0]["findings"] if "by hand are named" in f["message"]]
    assert note.startswith(
        "The network took the front to be on the right; the corners that were set by hand are named for"
    )


def test_front_and_back_of_one_body_alone_are_refused_with_a_remedy(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(film, tmp_path / "marks")
    exchange(file, "L1")
    capsys.readouterr()
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--corners", str(file)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the corners of L1 are named as on a film that faces right, all others as on one that faces left" in line
    assert "--facing" not in line


def test_a_middle_that_no_endplate_has_is_refused(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(film, tmp_path / "marks")
    document = json.loads(file.read_text())
    sa, sp, ia, ip = made_up.landmarks().vertebrae[3].points_px
    middle = next(s for s in document["shapes"] if s["label"] == "L1 superior_anterior")
    for name, place in (("superior_middle", (sa + sp) / 2), ("inferior_middle", (ia + ip) / 2)):
        document["shapes"].append(middle | {"label": f"L1 {name}", "points": [place.tolist()]})
    file.write_text(json.dumps(document))
    command = ["measure", str(film), "--out", str(tmp_path / "out"), "--corners", str(file)]
    assert main(command) == 0
    change(file, "L1 superior_middle", (250.0, 0.0))
    capsys.readouterr()
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "superior_middle of L1 lies at" in line
    assert "beyond the end of it; up to 0.25 is plausible: correct the point, or take it away" in line


def test_a_series_takes_corners_of_one_of_its_films(stored: Path, tmp_path: Path) -> None:
    film = stored / "post-op" / "IM_0001.dcm"
    file = written(film, tmp_path / "marks")
    change(file, "L1 superior_anterior", (0.0, -10.0))
    for name, further in (("a", []), ("b", ["--corners", str(file)])):
        assert main(["series", str(stored), "--out", str(tmp_path / name), *further]) == 0
    before, after = (read_rows(tmp_path / name / "series.csv")[0] for name in "ab")
    assert float(after["post_anterior_height_mm"]) > float(before["post_anterior_height_mm"]) + 2.0
    assert after["pre_anterior_height_mm"] == before["pre_anterior_height_mm"]


def test_a_cohort_takes_them_too(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(stored / "post-op" / "IM_0001.dcm", tmp_path / "marks")
    change(file, "L1 superior_anterior", (0.0, -10.0))
    for name, further in (("a", []), ("b", ["--corners", str(file.parent)])):
        assert main(["cohort", str(stored), "--out", str(tmp_path / name), *further]) == 0, capsys.readouterr().err
    heights = [
        {row["phase"]: float(row["value"]) for row in rows if row["measure"] == "anterior_height_mm"}
        for rows in (read_rows(tmp_path / name / "values.csv") for name in "ab")
    ]
    assert heights[1]["post-op"] > heights[0]["post-op"] + 2.0
    assert heights[1]["pre-op"] == heights[0]["pre-op"]


@pytest.mark.parametrize("name", ["empty", "frontal"])
def test_a_film_that_was_refused_is_measured_by_hand(tmp_path: Path, name: str) -> None:
    marks = written(write_dicom(tmp_path / "pre.dcm", Phase.PRE_OP), tmp_path / "marks")
    refused = tmp_path / "in" / f"{name}.dcm"
    refused.parent.mkdir()
    refused.write_bytes((tmp_path / "pre.dcm").read_bytes())
    assert main(["measure", str(refused), "--out", str(tmp_path / "a")]) == 3
    assert main(["measure", str(refused), "--out", str(tmp_path / "b"), "--corners", str(marks)]) == 0
    assert all("by-hand" in row["flags"] for row in read_rows(tmp_path / "b" / "measurements.csv"))


def test_what_a_person_drew_is_not_replaced(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(film, tmp_path / "out")
    text = file.read_text()
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--formats", "labelme", "json"]) == 1
    assert "may hold corners that you set" in capsys.readouterr().err
    assert file.read_text() == text
    assert not (tmp_path / "out" / "pre.json").exists()


def test_wrong_corners_are_one_line(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(film, tmp_path / "marks")
    command = ["measure", str(film), "--out", str(tmp_path / "out"), "--corners"]

    def told(path: Path, code: int) -> str:
        capsys.readouterr()
        assert main([*command, str(path)]) == code
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "no such file or folder" in told(tmp_path / "nothing", 1)
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"imageWidth": 100}))
    assert "picture of 100 x 900 px" in told(file.parent, 3)
    file.write_text(json.dumps(document))
    (file.parent / "again.json").write_text(json.dumps(document | {"imagePath": "again.png"}))
    assert "are both of" in told(file.parent, 1)
    (file.parent / "again.json").write_text("{")
    assert "again.json" in told(file.parent, 1)
    (file.parent / "again.json").unlink()
    other = written(write_dicom(tmp_path / "other" / "post.dcm", Phase.POST_OP), tmp_path / "marks2")
    assert "post.png" in told(other, 0)


def test_corners_without_a_hash_are_told_by_their_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write_dicom(tmp_path / "in" / "a" / "film.dcm", Phase.PRE_OP)
    file = written(first, tmp_path / "marks")
    document = json.loads(file.read_text())
    del document["kummell_ai"]["sha256"]
    file.write_text(json.dumps(document))
    change(file, "L1 superior_anterior", (0.0, -10.0))
    assert main(["measure", str(first), "--out", str(tmp_path / "out"), "--corners", str(file)]) == 0
    assert any("by-hand" in row["flags"] for row in read_rows(tmp_path / "out" / "measurements.csv"))
    write_dicom(tmp_path / "in" / "b" / "film.dcm", Phase.POST_OP)
    assert main(["measure", str(tmp_path / "in"), "--out", str(tmp_path / "two"), "--corners", str(file)]) == 1
    assert "may be" in capsys.readouterr().err

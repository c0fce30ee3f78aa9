"""One annotation that cannot be used is one line; the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import (
    FORMS,
    detect_form,
    read_annotations,
    why_not_a_spine,
    write_coco,
    write_cvat,
    write_label_studio,
    write_labelme,
)
from kummell_ai.cli import exits, models
from kummell_ai.cli.main import main
from kummell_ai.errors import CheckpointError, InputError
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from tests.annotations import sets
from tests.annotations.test_public_sets import buu_text, marks_text, mendeley_json, write_buu, write_mendeley
from tests.annotations.test_read import Oracle, make
from tests.annotations.test_shards import load

BAD = "0003-F-040Y1"


@pytest.fixture(autouse=True)
def oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: Oracle())


def run(set_: Path, out: Path, *words: str) -> int:
    return main(["evaluate", str(set_), "--out", str(out), "--gallery", "0", *words])


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def buu(folder: Path) -> Path:
    """Two good films, and a third to be spoilt; its annotation file is returned."""
    for name in ("0001-F-037Y1", "0002-F-038Y1"):
        write_buu(folder / "LA", buu_text(), name)
    return write_buu(folder / "LA", buu_text(), BAD)


def spacing_table(folder: Path, text: str) -> None:
    (folder / "csv").mkdir()
    (folder / "csv" / "pixel_spacing.csv").write_text(f"filename;pixel_spacing\n0001-F-037Y;0.175\n{text}\n")


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda file: file.write_text(""), "0 rows; expected 11"),
    "5 rows": (lambda file: file.write_text("\n".join(buu_text().splitlines()[:5])), "5 rows; expected 11"),
    "10 rows": (lambda file: file.write_text("\n".join(buu_text().splitlines()[:10])), "those of a frontal film"),
    "short row": (lambda file: file.write_text(buu_text() + "1,2\n"), "row 12 is '1,2'"),
    "decimal commas": (
        lambda file: file.write_text(buu_text().replace(",", ";").replace(".", ",")),
        "write decimal points and one separator",
    ),
    "no film": (lambda file: file.with_suffix(".jpg").unlink(), f"no film {BAD}.jpg beside it"),
    "junk film": (lambda file: file.with_suffix(".jpg").write_bytes(b"junk"), "neither a picture nor DICOM"),
    "comma in the table": (lambda file: spacing_table(file.parents[1], "0003-F-040Y;0,175"), "'0,175'; write mm above"),
    "comma in a table of commas": (lambda file: spacing_table(file.parents[1], "0003-F-040Y;1,75"), "'1,75'; write mm"),
    "micrometres": (lambda file: spacing_table(file.parents[1], "0003-F-040Y;175"), "5 to 100 are plausible"),
    "mirrored": (
        lambda file: file.write_text(buu_text(Facing.RIGHT)),
        "its sacrum slopes down to the back: give --facing right",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_buu_lspine(how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, text = SPOILT[how]
    spoil(buu(tmp_path / "set"))
    assert run(tmp_path / "set", tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert BAD in line
    assert text in line
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["films"], len(summary["unused"])) == (2, 1)


@pytest.mark.parametrize("script", ["make_shards_from_annotations", "make_crops"])
def test_scripts_go_on_too(script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    buu(tmp_path / "set").write_text(buu_text(Facing.RIGHT))
    assert load(script).main([str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert BAD in line
    assert load(script).main([str(tmp_path / "set"), "--out", str(tmp_path / "o"), "--facing", "right"]) == 2
    assert len(lines_of(capsys)) == 2


def test_a_row_of_a_table_with_a_decimal_comma_is_not_cut(tmp_path: Path) -> None:
    file = write_buu(tmp_path, buu_text())
    (tmp_path / "pixel_spacing.csv").write_text("filename,pixel_spacing\n0001-F-037Y,0,175\n")
    with pytest.raises(InputError, match="'0001-F-037Y,0,175'; write mm above 0 with a decimal point"):
        read_annotations(file)


def test_an_empty_file_beside_a_film_counts_without_the_names_of_the_set(tmp_path: Path) -> None:
    write_buu(tmp_path, buu_text(), "a")
    write_buu(tmp_path, "", "b")
    faults: list[str] = []
    films = read_annotations(tmp_path, on_fault=lambda name, _: faults.append(name))
    assert ([f.file_name for f in films], faults) == (["a.jpg"], ["b.csv"])


def test_nhanes2_with_a_cervical_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    for name, text in (
        ("C001", "C3 1 2 3 4 5 6 7 8"),
        ("L001", marks_text(Facing.LEFT, 4, False)),
        ("L002", ""),
        ("L003", marks_text(Facing.RIGHT, 9, False)),
    ):
        sets.write_film(folder / f"{name}.tif")
        (folder / f"{name}.txt").write_text(text)
    (folder / "README.txt").write_bytes(b"caf\xe9")
    assert run(folder, tmp_path / "out", "--facing", "left") == exits.SOME_FAILED
    first, second, third = lines_of(capsys)
    assert "C001.txt" in first
    assert "cervical" in first
    assert "L002.txt" in second
    assert "no vertebra is marked" in second
    assert "the anterior wall is marked on the right; leave --facing away" in third


def test_labelme_with_a_wrong_label_and_broken_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    for name in ("a.png", "b.png", "c.png"):
        sets.write_film(folder / name)
    write_labelme(folder, [sets.film(name) for name in ("a.png", "b.png", "c.png")])
    (folder / "b.json").write_text(
        (folder / "b.json").read_text().replace("L1 superior_anterior", "L1 superior_anteror")
    )
    (folder / "c.json").write_text((folder / "c.json").read_text()[:200])
    (folder / "notes").mkdir()
    (folder / "notes" / "other.json").write_text("{")
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    lines = lines_of(capsys)
    assert [line.partition(":")[0] for line in lines] == ["c.json", "notes/other.json", "b.json"]
    assert "'superior_anteror' is neither a level" in lines[2]


def test_mendeley_with_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json"):
        write_mendeley(tmp_path / "set", name, mendeley_json())
    write_mendeley(tmp_path / "set", "c.json", "{")
    assert run(tmp_path / "set", tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert "labels/train/c.json" in line


@pytest.mark.parametrize("form", FORMS[1:])
def test_where_no_film_is_left_it_is_said(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make(form, tmp_path / "set")
    for film in [*(tmp_path / "set").rglob("*.jpg"), *(tmp_path / "set").rglob("*.tif")]:
        film.unlink()
    if form in ("coco", "labelme", "label-studio", "cvat"):
        far = replace(sets.film(), spacing=PixelSpacing(175.0, 175.0, Calibration.DETECTOR_PLANE))
        writers = {"coco": write_coco, "label-studio": write_label_studio, "cvat": write_cvat}
        if form == "labelme":
            write_labelme(path, [far])
        else:
            writers[form](path / "annotations.json" if path.is_dir() else path, [far])
    assert run(path, tmp_path / "out") == exits.NONE_USABLE
    first, last = lines_of(capsys)
    assert "no film is left; correct what is said above" in last
    assert ("no film" in first) or ("a pixel of 175 x 175 mm makes its vertebrae 70" in first)
    assert not (tmp_path / "out").exists()


def coco(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A set of two films, the first of which is changed."""
    for name in ("a.png", "b.png"):
        sets.write_film(folder / name)
    write_coco(folder / "annotations.json", [sets.film("a.png"), sets.film("b.png")])
    document = json.loads((folder / "annotations.json").read_text())
    change(document)
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def of_image(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["images"][0].update(values)


def of_vertebra(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["annotations"][0]["attributes"].update(values)


INF, NAN = float("inf"), float("nan")
SPACING = {"row_mm": 175, "column_mm": 175, "calibration": "geometry", "magnification": None}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (of_image(width=INF), "width is inf; expected a whole number of px"),
        (of_image(width=10**400), f"width is 1{'0' * 39}; expected a whole number of px"),
        (of_image(height="tall"), "height is 'tall'"),
        (of_vertebra(points=INF), "attributes.points of annotation 1 is inf; expected 4 or 6"),
        (of_image(truth=[1, 2]), "truth is [1, 2]; expected numbers by name"),
        (of_image(truth={"wedge_angle_deg": "12"}), "wedge_angle_deg of truth is '12'; expected a number"),
        (of_image(lateral_probability="high"), "lateral_probability is 'high'; expected a number of 0 to 1"),
        (of_image(patient=["a"]), "patient is ['a']; expected a text"),
        (of_image(frame_number="x"), "frame_number is 'x'; expected a whole number"),
        (of_image(phase=NAN), "'phase' of the entry is nan"),
        (of_vertebra(confidence=NAN), "confidence is nan; expected a number of 0 to 1"),
        (of_vertebra(rims_mm=[NAN]), "'rims_mm' of attributes is nan"),
        (of_image(spacing=SPACING), "a pixel of 175 x 175 mm makes its vertebrae"),
        (of_image(spacing=SPACING | {"row_mm": 0.2, "magnification": NAN}), "magnification is nan"),
        (of_image(facing="right"), "the corners of L1 are named as on one that faces left: give --facing left"),
    ],
)
def test_impossible_values_of_coco_are_one_line(
    change: Callable[[dict[str, Any]], object], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = coco(tmp_path / "set", change)
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert line.startswith("a.png: ")
    assert text in line
    assert len((tmp_path / "out" / "films.csv").read_text().splitlines()) == 2
    assert load("make_shards_from_annotations").main([str(folder), "--out", str(tmp_path / "shards")]) == 2


def test_a_film_that_is_annotated_twice_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image that stands twice in a COCO file, or a CSV and a TXT beside one film."""
    folder = coco(tmp_path / "coco", lambda document: document["images"][1].update(file_name="./a.png"))
    for ending in (".csv", ".txt"):
        write_buu(tmp_path / "buu" / "LA", buu_text(), ending=ending)
    for place in (folder, tmp_path / "buu"):
        with pytest.raises(InputError, match="annotated more than once"):
            read_annotations(place)
        assert run(place, tmp_path / "out" / place.name) == exits.SOME_FAILED
        (line,) = lines_of(capsys)
        assert "it is annotated more than once; the first annotation counts" in line
        assert len((tmp_path / "out" / place.name / "films.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"phase": "preop"}, "phase is 'preop'; write one of pre-op, post-op, follow-up, unknown"),
        ({"phase": ["pre-op"]}, "phase is ['pre-op']"),
        ({"index_level": "L9"}, "index_level: 'L9' is no vertebral level"),
    ],
)
def test_facts_that_an_evaluation_does_not_know_are_one_line(
    facts: dict[str, Any], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = coco(tmp_path / "set", of_image(**facts))
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert line.startswith("a.png: ")
    assert text in line


def test_an_integer_patient_is_its_digits(tmp_path: Path) -> None:
    folder = coco(tmp_path / "set", of_image(patient=7))
    assert [f.landmarks.reference.patient_id for f in read_annotations(folder)] == ["7", "0001"]
    words = [str(folder), "--out", str(tmp_path / "a"), "--validation", str(tmp_path / "b"), "--share", "0.5"]
    assert load("make_shards_from_annotations").main(words) == 0


@pytest.mark.filterwarnings("error")
def test_impossible_values_of_drawing_tools_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "labelme"
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "a": lambda d: d.update(imageWidth=INF),
        "b": lambda d: d["shapes"][0].update(points=[[INF, 3.0]]),
        "c": lambda d: d["kummell_ai"].update(truth={"x": NAN}),
        "d": lambda d: None,
    }
    for name, change in changes.items():
        sets.write_film(folder / f"{name}.png")
        (file,) = write_labelme(folder, [sets.film(f"{name}.png")])
        document = json.loads(file.read_text())
        change(document)
        file.write_text(json.dumps(document))
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    first, second, third = lines_of(capsys)
    assert "imageWidth is inf; expected a whole number of px" in first
    assert "superior_anterior of vertebra lies at inf, 3.0" in second
    assert "'x' of 'truth' of the entry is nan" in third


def test_one_bad_task_of_an_export_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    for name in ("a.png", "b.png"):
        sets.write_film(folder / name)
    write_label_studio(folder / "export.json", [sets.film("a.png"), sets.film("b.png")])
    document = json.loads((folder / "export.json").read_text())
    document[0]["annotations"][0]["result"][0]["original_width"] = INF
    (folder / "export.json").write_text(json.dumps(document))
    assert detect_form(folder) == "label-studio"
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert line.startswith("a.png: export.json: not understood as Label Studio tasks: original_width is inf")
    write_label_studio(folder / "again.json", [sets.film("a.png")])
    with pytest.raises(InputError, match=r"2 Label Studio exports \(again\.json, export\.json\); give one of them"):
        read_annotations(folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="give the exported JSON file"):
        read_annotations(tmp_path / "none", "label-studio")


def test_one_bad_image_of_cvat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    for name in ("a.png", "b.png"):
        sets.write_film(folder / name)
    write_cvat(folder / "annotations.xml", [sets.film("a.png"), sets.film("b.png")])
    text = (folder / "annotations.xml").read_text()
    (folder / "annotations.xml").write_text(text.replace('width="200"', 'width="wide"', 1))
    assert run(folder, tmp_path / "out") == exits.SOME_FAILED
    (line,) = lines_of(capsys)
    assert line.startswith("a.png: annotations.xml: not understood as CVAT for images 1.1: width is 'wide'")


def test_corners_that_run_the_wrong_way_round_are_no_spine() -> None:
    film = sets.film()
    assert why_not_a_spine(film.landmarks) is None
    swapped = [replace(v, points_px=v.points_px[[1, 0, 3, 2]]) for v in film.landmarks.vertebrae]
    fault = why_not_a_spine(replace(film.landmarks, vertebrae=tuple(swapped)))
    assert fault is not None
    assert "give --facing right, or correct the names" in fault
    assert why_not_a_spine(replace(film.landmarks, vertebrae=tuple(swapped), facing=Facing.RIGHT)) is None
    flat = np.array([[0.0, 0], [40, 0], [0, -1], [40, 3]])  # crushed flat, its endplates cross
    assert why_not_a_spine(replace(film.landmarks, vertebrae=(replace(swapped[0], points_px=flat),))) is None


def test_evaluate_leaves_the_set_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("coco", tmp_path / "set")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for given in (folder, folder / "annotations.json"):
        assert run(given, folder / ".." / "set") == exits.WRONG_USE
        assert "the set lies there, and its files would be replaced" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_empty_paths_are_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["evaluate", "", "--out", "o"],
        ["evaluate", "d", "--out", ""],
        ["synthesize", "--out", "", "--count", "1"],
        ["synthesize", "--out", "o", "--count", "1", "--recipe", ""],
    ):
        assert main(words) == exits.WRONG_USE
        assert "an empty path" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wrong_model_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path | None, **_: object) -> None:
        raise CheckpointError(f"{folder}: no such folder")

    monkeypatch.setattr(models, "load_predictor", refuse)
    assert run(make("labelme", tmp_path / "set"), tmp_path / "out") == exits.WRONG_USE
    assert not (tmp_path / "out").exists()


def test_the_truth_of_an_earlier_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(make("labelme", tmp_path / "one"), out) == 0
    assert not lines_of(capsys)
    assert run(make("coco", tmp_path / "two"), out) == 0
    (line,) = lines_of(capsys)
    assert "truth.json of an earlier run stay here" in line


def test_help_lists_the_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--help"]) == 0
    assert f"of the annotations: {', '.join(FORMS)} (default" in " ".join(capsys.readouterr().out.split()).replace(
        "label- studio", "label-studio"
    ).replace("buu- lspine", "buu-lspine")


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", ["make_shards_from_annotations", "make_crops"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--out", "file"], "--out file: file is a file; name a folder"),
        (["--out", "o", "--validation", "o"], "--validation and --out are one folder"),
        (["--out", "o", "--validation", "file"], "--validation file: file is a file"),
        (["--out", "o", "--share", "2"], "share is 2; give 0 to 1"),
        (["--out", "o", "--rows", "0"], "'0' is not a whole number of 1 or more"),
    ],
)
def test_wrong_use_of_scripts_is_one_line(script: str, words: list[str], text: str, tmp_path: Path) -> None:
    make("coco", tmp_path / "set")
    (tmp_path / "file").touch()
    if "--share" in words:
        words = [*words, "--validation", "v"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / f"{script}.py"), "set", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == exits.WRONG_USE
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("script", ["make_shards_from_annotations", "make_crops"])
def test_that_no_patient_was_held_out_is_said(script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(make("coco", tmp_path / "set")), "--out", str(tmp_path / "a"), "--validation", str(tmp_path / "b")]
    assert load(script).main([*words, "--share", "0"]) == 0
    assert "no patient was held out at --share 0; raise it" in capsys.readouterr().err

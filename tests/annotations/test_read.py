"""One way in: the form is told by the content, and an evaluation takes any of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS, as_coco, detect_form, films_folder, read_annotations, read_coco, write_coco
from kummell_ai.cli import exits, models
from kummell_ai.cli.main import main
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests.annotations import sets, test_public_sets, test_tools


def make(form: str, folder: Path) -> Path:
    """A set of one film in ``folder``."""
    if form == "coco":
        sets.write_film(folder / "films" / "a.png")
        write_coco(folder / "annotations.json", [sets.film()])
    elif form == "buu-lspine":
        test_public_sets.write_buu(folder / "LA", test_public_sets.buu_text())
    elif form == "mendeley":
        test_public_sets.write_mendeley(folder, "a.json", test_public_sets.mendeley_json())
    elif form == "nhanes2":
        test_public_sets.write_marks(folder, test_public_sets.marks_text(Facing.LEFT, 9, False))
    else:
        sets.write_film(folder / "films" / "a.png")
        return test_tools.WRITERS[form](folder, [sets.film()])
    return folder


@pytest.mark.parametrize("form", FORMS[1:])
def test_every_form_is_told_by_its_content(tmp_path: Path, form: str) -> None:
    path = make(form, tmp_path / "set")
    assert detect_form(path) == form
    (film,) = read_annotations(path)
    assert (films_folder(path) / film.file_name).is_file()
    assert read_annotations(path, form) is not None


@pytest.mark.parametrize("form", FORMS[1:])
def test_every_form_becomes_coco(tmp_path: Path, form: str) -> None:
    path = make(form, tmp_path / "set")
    coco = as_coco(path, tmp_path / "out" / "truth.json")
    (film,) = read_coco(coco)
    assert (coco.parent / film.file_name).is_file()
    assert (coco == tmp_path / "set" / "annotations.json") is (form == "coco")
    sets.assert_same_points(film.landmarks.vertebrae, read_annotations(path)[0].landmarks.vertebrae)


def test_notes_beside_the_set_do_not_matter(tmp_path: Path) -> None:
    make("mendeley", tmp_path)
    (tmp_path / "README.txt").write_bytes(b"caf\xe9")
    labels = tmp_path / "Train" / "Keypointrcnn_data" / "labels" / "train"
    (labels / "classes.txt").write_text("vertebra")
    assert len(read_annotations(tmp_path)) == len(read_annotations(labels)) == 1


def test_facing_overrules_a_coco_file(tmp_path: Path) -> None:
    mirrored = replace(sets.film(facing=Facing.RIGHT).landmarks, facing=Facing.LEFT)
    write_coco(tmp_path / "annotations.json", [replace(sets.film(), landmarks=mirrored)])
    with pytest.raises(InputError, match="give --facing right, or correct the names"):
        read_annotations(tmp_path)
    assert read_annotations(tmp_path, facing=Facing.RIGHT)[0].landmarks.facing is Facing.RIGHT


def test_what_is_no_annotation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing: no such file or folder"):
        detect_form(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "other.json").write_text("{}")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "other.json"):
        with pytest.raises(InputError, match="no annotations of a known form"):
            detect_form(path)
    (tmp_path / "bad.json").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"bad\.json: no readable text"):
        detect_form(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="form 'voc' is not one of auto, coco"):
        read_annotations(tmp_path, "voc")


class Oracle:
    """Knows the truth of the made-up spine, but for S1."""

    class bundle:  # noqa: N801
        name = "oracle"
        weights_sha256 = "00"
        calibrated_on = None

    precision = "auto"
    device = "cpu"

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        return SpineLandmarks(sets.bodies()[:5], radiograph.reference, Facing.LEFT, 0.99)


@pytest.mark.parametrize("form", FORMS[1:])
def test_evaluate_takes_every_form(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: Oracle())
    path, out = make(form, tmp_path / "set"), tmp_path / "out"
    assert main(["evaluate", str(path), "--out", str(out), "--json"]) == 0
    assert json.loads((out / "evaluation.json").read_text())["films"] == 1
    with (out / "evaluation.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert (row["vertebrae"], float(row["found_percent"])) == ("5", 100.0)
    assert float(row["corner_median_percent"]) == pytest.approx(0.0, abs=1e-6)


def test_evaluate_refuses_an_unknown_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path), "--out", str(tmp_path), "--form", "voc"]) == exits.WRONG_USE
    assert "'voc' is no form of annotations; use one of auto, coco" in capsys.readouterr().err

"""A folder holds one form, or its form is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS, detect_form, read_annotations, write_coco, write_cvat, write_labelme
from kummell_ai.cli import exits
from kummell_ai.cli.main import main
from kummell_ai.errors import InputError
from tests.annotations import sets
from tests.annotations.test_bad_files import lines_of, oracle, run
from tests.annotations.test_public_sets import (
    BUU,
    buu_text,
    marks_text,
    mendeley_json,
    write_buu,
    write_marks,
    write_mendeley,
)
from tests.annotations.test_read import make
from tests.annotations.test_shards import load

__all__ = ["oracle"]


def test_two_forms_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_buu(tmp_path / "set", buu_text(), ending=".txt")
    write_labelme(tmp_path / "set", [sets.film(f"{BUU}.jpg")])
    text = f"annotations as labelme ({BUU}.json) and buu-lspine ({BUU}.txt); name one form with --form, or put them"
    assert run(tmp_path / "set", tmp_path / "out") == exits.NONE_USABLE
    (line,) = lines_of(capsys)
    assert text in line
    for script in ("make_shards_from_annotations", "make_crops"):
        with pytest.raises(InputError, match="name one form with --form"):
            load(script).main([str(tmp_path / "set"), "--out", str(tmp_path / "out")])
    for form in ("buu-lspine", "labelme"):
        assert run(tmp_path / "set", tmp_path / form, "--form", form) == 0
        assert len(read_annotations(tmp_path / "set", form)) == 1


@pytest.mark.parametrize("second", FORMS[1:])
@pytest.mark.parametrize("first", FORMS[1:])
def test_any_two_forms(first: str, second: str, tmp_path: Path) -> None:
    for form in (first, second):
        make(form, tmp_path / "set")
    if first == second:
        assert detect_form(tmp_path / "set") == first
    else:
        with pytest.raises(InputError, match=rf"{first} .*{second} |{second} .*{first} "):
            read_annotations(tmp_path / "set")


def test_marks_beside_labelme(tmp_path: Path) -> None:
    write_marks(tmp_path, marks_text(Facing.LEFT, 9, False))
    write_labelme(tmp_path, [sets.film("L00123.tif")])
    with pytest.raises(InputError, match=r"labelme \(L00123\.json\) and nhanes2 \(L00123\.txt\)"):
        detect_form(tmp_path)


@pytest.mark.parametrize("form", FORMS[1:])
def test_what_is_no_annotation_does_not_matter(form: str, tmp_path: Path) -> None:
    """Results of this program, COCO files of another name, notes, and files that only look like another form."""
    path = make(form, tmp_path / "set")
    out = tmp_path / "set" / "out"
    out.mkdir(exist_ok=True)
    (out / "a.json").write_text(json.dumps({"schema": "kummell-ai", "film": {"width": 3}, "vertebrae": []}))
    if form != "labelme":
        write_labelme(out / "labelme", [sets.film("b.png")])
    write_coco(out / "truth.json", [sets.film()])
    (out / "films.csv").write_text("film,level\na,L1\n")
    (out / "notes.txt").write_text("L1 is fractured on film 3\n")
    (out / f"{BUU}.txt").write_text("")
    (out / "broken.json").write_text("{")
    assert detect_form(tmp_path / "set") == form
    if form not in ("labelme", "nhanes2"):  # their reader names the damaged file that may be of the set
        assert len(read_annotations(path)) == 1


def test_measured_films_are_a_set_by_themselves(tmp_path: Path) -> None:
    write_labelme(tmp_path / "labelme", [sets.film("a.png")])
    (tmp_path / "a.json").write_text("{}")
    assert detect_form(tmp_path) == "labelme"


def test_damaged_files_alone_are_told_by_their_look(tmp_path: Path) -> None:
    write_buu(tmp_path / "buu", "")
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks" / "a.txt").write_text("L1 1 2 3")
    (tmp_path / "of" / "LA").mkdir(parents=True)
    assert [detect_form(tmp_path / name) for name in ("buu", "marks", "of")] == ["buu-lspine", "nhanes2", "buu-lspine"]


def test_a_film_without_bodies_does_not_make_another_form(tmp_path: Path) -> None:
    write_mendeley(tmp_path, "a.json", mendeley_json())
    write_mendeley(tmp_path, f"{BUU}_jpg.rf.0a.txt", "")
    assert detect_form(tmp_path) == "mendeley"


def test_corners_of_two_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets.write_film(tmp_path / "a.png")
    write_labelme(tmp_path / "marks", [sets.film("a.png")])
    write_cvat(tmp_path / "marks" / "annotations.xml", [sets.film("a.png")])
    words = ["measure", str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--corners", str(tmp_path / "marks")]
    assert main(words) == exits.WRONG_USE
    (line,) = lines_of(capsys)
    assert "cvat (annotations.xml) and labelme (a.json); name one form" in line

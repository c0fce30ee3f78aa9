"""Words about a vertebra: known whatever their case, and refused when they are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.annotations import read_annotations, write_coco
from kummell_ai.annotations.flags import FLAGS, parse_flags
from kummell_ai.errors import InputError
from kummell_ai.landmarks.channels import STATES
from kummell_ai.reporting.names import FLAG_WORDS
from tests.annotations import sets
from tests.annotations.test_tools import WRITERS

KNOWN = "is not one of fractured, instrumented, cemented, cropped, no-contrast, by-hand"


def test_all_words_of_the_program_are_known() -> None:
    assert FLAGS[: len(STATES)] == STATES
    assert set(FLAG_WORDS) <= set(FLAGS)


@pytest.mark.parametrize("words", ["fractured", {"fractured": True}, 3])
def test_what_is_no_list_is_refused(words: Any) -> None:
    with pytest.raises(ValueError, match=r"flags of L1 are .*; expected a list, as \['fractured', 'cemented'\]"):
        parse_flags(words, "L1")


def coco(folder: Path, flags: Any) -> Path:
    sets.write_film(folder / "films" / "a.png")
    write_coco(folder / "annotations.json", [sets.film()])
    document = json.loads((folder / "annotations.json").read_text())
    document["annotations"][0]["attributes"]["flags"] = flags
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_coco_flags_of_any_case(tmp_path: Path) -> None:
    (film,) = read_annotations(coco(tmp_path, ["Fractured", " CEMENTED", "by-hand"]))
    assert film.landmarks.vertebrae[0].flags == {"fractured", "cemented", "by-hand"}
    (film,) = read_annotations(coco(tmp_path, None))
    assert film.landmarks.vertebrae[0].flags == frozenset()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["fracture", "screws"], f"flag 'fracture' of annotation 1 {KNOWN}"),
        ([["fractured"]], rf"flag \['fractured'\] of annotation 1 {KNOWN}"),
        ("fractured", "flags of annotation 1 are 'fractured'; expected a list"),
    ],
)
def test_coco_flags_that_are_unknown(flags: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=text) as caught:
        read_annotations(coco(tmp_path, flags))
    assert "\n" not in str(caught.value)


def respelt(form: str, folder: Path, change: Callable[[str], str]) -> Path:
    """A film whose L1 is called fractured and cemented, in a drawing tool's file that is changed."""
    sets.write_film(folder / "films" / "a.png")
    path = WRITERS[form](folder, [sets.film()])
    file = folder / "films" / "a.json" if form == "labelme" else path
    text = file.read_text()
    assert change(text) != text
    file.write_text(change(text))
    return path


@pytest.mark.parametrize("form", WRITERS)
def test_tools_take_flags_of_any_case(form: str, tmp_path: Path) -> None:
    path = respelt(form, tmp_path, lambda text: text.replace("fractured", "Fractured"))
    (film,) = read_annotations(path)
    assert film.landmarks.vertebrae[0].flags == {"fractured", "cemented"}


@pytest.mark.parametrize("form", WRITERS)
def test_tools_refuse_unknown_flags(form: str, tmp_path: Path) -> None:
    path = respelt(form, tmp_path, lambda text: text.replace("fractured", "fracture"))
    with pytest.raises(InputError, match=rf"flag 'fracture' of L1 {KNOWN}"):
        read_annotations(path)


def test_cvat_flags_with_commas(tmp_path: Path) -> None:
    path = respelt("cvat", tmp_path, lambda text: text.replace("cemented fractured", "cemented, fractured"))
    assert read_annotations(path)[0].landmarks.vertebrae[0].flags == {"fractured", "cemented"}


def test_label_studio_choices_about_the_film_are_no_flags(tmp_path: Path) -> None:
    sets.write_film(tmp_path / "films" / "a.png")
    path = WRITERS["label-studio"](tmp_path, [sets.film()])
    document = json.loads(path.read_text())
    about = {"id": "q", "type": "choices", "from_name": "quality", "value": {"choices": ["good"]}}
    document[0]["annotations"][0]["result"].append(about)
    path.write_text(json.dumps(document))
    assert read_annotations(path)[0].landmarks.vertebrae[0].flags == {"fractured", "cemented"}


@pytest.mark.parametrize("flags", ["fractured", ["fractured"], {"fractured": "no"}])
def test_labelme_flags_that_cannot_be_ticked(flags: Any, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "films" / "a.png")
    WRITERS["labelme"](tmp_path, [sets.film()])
    file = tmp_path / "films" / "a.json"
    document = json.loads(file.read_text())
    document["shapes"][0]["flags"] = flags
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"flags of 'L1 superior_anterior' are .*; expected each with true or false"):
        read_annotations(tmp_path)


def test_labelme_flags_that_are_not_ticked_do_not_matter(tmp_path: Path) -> None:
    path = respelt("labelme", tmp_path, lambda text: text.replace('"cemented": true', '"difficult": false'))
    assert read_annotations(path)[0].landmarks.vertebrae[0].flags == {"fractured"}

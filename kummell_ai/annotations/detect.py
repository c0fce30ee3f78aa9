"""Which form annotations have, told by their content, and that a folder holds one form only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kummell_ai.annotations import buu_lspine, label_studio, labelme, mendeley, nhanes2
from kummell_ai.annotations.source import read_json, read_text, relative_name
from kummell_ai.errors import InputError

COCO_NAME = "annotations.json"
CVAT_NAME = "annotations.xml"

ONE_FILE = {"coco": COCO_NAME, "cvat": CVAT_NAME}
"""Forms that keep all films in one file, with its usual name in a folder."""

OF_MEASURE = "labelme"
"""Folder in which ``measure`` puts films to draw in; below another set its files are results and no second form."""

_ENDINGS = (".json", ".csv", ".txt", ".mrk")


def form_of_folder(folder: Path) -> str | None:
    """The form of the annotations in a folder; None when there are none.

    A file that only looks like a form, by its name or first word, counts where no file can be read as any.

    Raises:
        InputError: there are several forms.
    """
    sure = {form: name for form, name in ONE_FILE.items() if (folder / name).is_file()}
    likely = {"buu-lspine": "LA"} if (folder / "LA").is_dir() else {}
    results: dict[str, str] = {}
    for file, form in _annotations_in(folder):
        name = relative_name(file, folder)
        found = results if OF_MEASURE in name.split("/")[:-1] else sure
        (found if _is_sure(file, form) else likely).setdefault(form, name)
    told = sure or results
    if len(told) > 1:
        forms = " and ".join(f"{form} ({name})" for form, name in told.items())
        raise InputError(f"{folder.name}: annotations as {forms}; name one form with --form, or put them apart", forms)
    return next(iter(told or likely), None)


def _annotations_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file of which the reader of a folder makes films, with its form."""
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in _ENDINGS or file.name == COCO_NAME:
            continue
        form = _form_or_none(file)
        is_export_elsewhere = form == "label-studio" and file.parent != folder
        if form is not None and form not in ONE_FILE and not is_export_elsewhere:
            yield file, form


def _is_sure(file: Path, form: str) -> bool:
    """Whether a file can be read as its form; of JSON and YOLO the look is enough."""
    if form == "nhanes2":
        return nhanes2.holds_marks(read_text(file))
    return form != "buu-lspine" or buu_lspine.holds_endplates(file)


def _form_or_none(file: Path) -> str | None:
    """As `form_of_file`; a file that cannot be read tells nothing about the folder it lies in."""
    try:
        return form_of_file(file)
    except InputError:
        return None


def form_of_file(file: Path) -> str | None:
    """The form of an annotation file; None when it has none of the known ones.

    Raises:
        InputError: it cannot be read.
    """
    suffix = file.suffix.lower()
    if suffix == ".xml":
        return "cvat"
    if suffix == ".json":
        return _form_of_json(read_json(file))
    text = read_text(file)
    if nhanes2.looks_like_marks(text):
        return "nhanes2"
    if mendeley.looks_like_yolo(text):
        return "mendeley"
    return "buu-lspine" if buu_lspine.looks_like_endplates(file) else None


def _form_of_json(document: Any) -> str | None:
    known: dict[str, Callable[[Any], bool]] = {
        "labelme": labelme.looks_like_labelme,
        "mendeley": mendeley.looks_like_keypoints,
        "label-studio": label_studio.looks_like_label_studio,
        "coco": lambda d: isinstance(d, dict) and "annotations" in d and "images" in d,
    }
    return next((form for form, looks in known.items() if looks(document)), None)

"""One way in for annotated films, whatever form they have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import buu_lspine, label_studio, labelme, mendeley, nhanes2
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.annotations.cvat import read_cvat
from kummell_ai.annotations.source import read_json, read_text, relative_name
from kummell_ai.errors import InputError

COCO_NAME = "annotations.json"
CVAT_NAME = "annotations.xml"
AUTO = "auto"

Reader = Callable[[Path, Facing | None], tuple[AnnotatedFilm, ...]]


def _read_coco(path: Path, facing: Facing | None) -> tuple[AnnotatedFilm, ...]:
    films = read_coco(path)
    if facing is None:
        return films
    return tuple(dataclasses.replace(f, landmarks=dataclasses.replace(f.landmarks, facing=facing)) for f in films)


READERS: dict[str, Reader] = {
    "coco": _read_coco,
    "buu-lspine": buu_lspine.read_buu_lspine,
    "mendeley": mendeley.read_mendeley,
    "nhanes2": nhanes2.read_nhanes2,
    "labelme": labelme.read_labelme,
    "label-studio": label_studio.read_label_studio,
    "cvat": read_cvat,
}

FORMS: tuple[str, ...] = (AUTO, *READERS)
"""What ``form`` may be."""

_ONE_FILE = {"coco": COCO_NAME, "cvat": CVAT_NAME}
"""Forms that keep all films in one file, with its usual name in a folder."""


def read_annotations(path: Path | str, form: str = AUTO, *, facing: Facing | None = None) -> tuple[AnnotatedFilm, ...]:
    """Annotated films in the project's own convention: corners by anatomy, px of `imaging.frames`.

    Args:
        path: annotation file, or folder of a set.
        form: one of `FORMS`; ``auto`` looks at the content.
        facing: side of the image the front is turned to, for sets that do not say (see docs/annotations.md).

    Returns:
        Films whose ``file_name`` is relative to `films_folder`.

    Raises:
        ValueError: ``form`` is not one of `FORMS`.
        InputError: nothing is there, the form cannot be told, or an entry cannot be understood.
    """
    file, found = _resolve(Path(path), form)
    return READERS[found](file, facing)


def films_folder(path: Path | str) -> Path:
    """The folder to which the file names of `read_annotations` are relative."""
    file = Path(path)
    return file if file.is_dir() else file.parent


def as_coco(path: Path | str, converted: Path | str, form: str = AUTO, *, facing: Facing | None = None) -> Path:
    """A COCO file of the films: the very file when it is one, else ``converted``, which is written.

    Raises:
        ValueError: ``form`` is not one of `FORMS`.
        InputError: nothing is there, the form cannot be told, or an entry cannot be understood.
    """
    file, found = _resolve(Path(path), form)
    if found == "coco" and facing is None:
        return file
    films = READERS[found](file, facing)
    target, base = Path(converted), films_folder(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    moved = [dataclasses.replace(f, file_name=relative_name(base / f.file_name, target.parent)) for f in films]
    write_coco(target, moved)
    return target


def detect_form(path: Path | str) -> str:
    """The form of an annotation file or folder, told by its content.

    Raises:
        InputError: nothing is there, or the form cannot be told.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(f"{file.name}: no such file or folder; give an annotation file or a set's folder", str(file))
    found = _form_of_folder(file) if file.is_dir() else _form_of_file(file)
    if found is None:
        forms = ", ".join(READERS)
        hint = f"put {COCO_NAME} into it" if file.is_dir() else "choose another file"
        raise InputError(f"{file.name}: no annotations of a known form ({forms}); {hint} or name the form", str(file))
    return found


def _resolve(path: Path, form: str) -> tuple[Path, str]:
    if form not in FORMS:
        raise ValueError(f"form {form!r} is not one of {', '.join(FORMS)}")
    found = detect_form(path) if form == AUTO else form
    return (path / _ONE_FILE[found] if path.is_dir() and found in _ONE_FILE else path), found


def _form_of_folder(folder: Path) -> str | None:
    for form, name in _ONE_FILE.items():
        if (folder / name).is_file():
            return form
    if (folder / "LA").is_dir():
        return "buu-lspine"
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in (".json", ".csv", ".txt", ".mrk"):
            form_of_file = _form_or_none(file)
            if form_of_file is not None and form_of_file not in (*_ONE_FILE, "label-studio"):
                return form_of_file
    return None


def _form_or_none(file: Path) -> str | None:
    """As `_form_of_file`; a file that cannot be read tells nothing about the folder it lies in."""
    try:
        return _form_of_file(file)
    except InputError:
        return None


def _form_of_file(file: Path) -> str | None:
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

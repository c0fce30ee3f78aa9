"""One way in for annotated films, whatever form they have."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import buu_lspine, label_studio, labelme, mendeley, nhanes2
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.annotations.cvat import read_cvat
from kummell_ai.annotations.faults import why_not_its_front, why_not_its_scale
from kummell_ai.annotations.source import OnFault, read_json, read_text, relative_name, usable
from kummell_ai.errors import InputError

COCO_NAME = "annotations.json"
CVAT_NAME = "annotations.xml"
AUTO = "auto"

Reader = Callable[[Path, Facing | None, OnFault | None], tuple[AnnotatedFilm, ...]]


def _read_coco(path: Path, facing: Facing | None, on_fault: OnFault | None) -> tuple[AnnotatedFilm, ...]:
    films = read_coco(path, on_fault)
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

_WITHOUT_NAMES = ("buu-lspine", "mendeley", "nhanes2")
"""Forms whose corners are named by the side that the film is taken to face."""

_ONE_FILE = {"coco": COCO_NAME, "cvat": CVAT_NAME}
"""Forms that keep all films in one file, with its usual name in a folder."""


def read_annotations(
    path: Path | str, form: str = AUTO, *, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """Annotated films in the project's own convention: corners by anatomy, px of `imaging.frames`.

    Args:
        path: annotation file, or folder of a set.
        form: one of `FORMS`; ``auto`` looks at the content.
        facing: side of the image the front is turned to, for sets that do not say (see docs/annotations.md).
        on_fault: told the name of each file or film that cannot be used, and why; the others are read. None = such a
            film ends the reading.

    Returns:
        Films whose ``file_name`` is relative to `films_folder`.

    Raises:
        ValueError: ``form`` is not one of `FORMS`.
        InputError: nothing is there, the form cannot be told, or an entry cannot be understood or stands twice.
    """
    file, found = _resolve(Path(path), form)
    return _read(file, found, facing, on_fault)


def _read(file: Path, form: str, facing: Facing | None, on_fault: OnFault | None) -> tuple[AnnotatedFilm, ...]:
    seen: set[tuple[str, int | None]] = set()

    def check(film: AnnotatedFilm) -> AnnotatedFilm:
        place = (posixpath.normpath(film.file_name), film.landmarks.reference.frame_number)
        if place in seen:
            raise InputError(
                f"{film.file_name}: it is annotated more than once; the first annotation counts, take the others away",
                film.file_name,
            )
        seen.add(place)
        fault = why_not_its_scale(film)
        if fault is None and form in _WITHOUT_NAMES:
            fault = why_not_its_front(film.landmarks)
        if fault is not None:
            raise InputError(f"{film.file_name}: {fault}", film.spacing)
        return film

    films = READERS[form](file, facing, on_fault)
    return usable(films, lambda film: film.file_name, check, on_fault)


def films_folder(path: Path | str) -> Path:
    """The folder to which the file names of `read_annotations` are relative."""
    file = Path(path)
    return file if file.is_dir() else file.parent


def as_coco(
    path: Path | str,
    converted: Path | str,
    form: str = AUTO,
    *,
    facing: Facing | None = None,
    on_fault: OnFault | None = None,
) -> Path:
    """A COCO file of the films: the very file when it is one without faults, else ``converted``, which is written.

    Args:
        path: annotation file, or folder of a set.
        converted: file to write; not touched when no film is left.
        form: one of `FORMS`; ``auto`` looks at the content.
        facing: as for `read_annotations`.
        on_fault: as for `read_annotations`.

    Raises:
        ValueError: ``form`` is not one of `FORMS`.
        InputError: nothing is there, the form cannot be told, an entry cannot be understood, or no film is left.
    """
    file, found = _resolve(Path(path), form)
    faults: list[str] = []

    def note(name: str, error: InputError) -> None:
        faults.append(name)
        if on_fault is not None:
            on_fault(name, error)

    films = _read(file, found, facing, None if on_fault is None else note)
    if faults and not films:
        raise InputError(f"{Path(path).name}: no film is left; correct what is said above", str(path))
    if found == "coco" and facing is None and not faults:
        return file
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
    if not path.is_dir():
        return path, found
    if found == "label-studio":
        export = label_studio.find_export(path)
        if export is None:
            raise InputError(f"{path.name}: no Label Studio export in it; give the exported JSON file", str(path))
        return export, found
    return (path / _ONE_FILE[found] if found in _ONE_FILE else path), found


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
    return "label-studio" if label_studio.find_export(folder) is not None else None


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

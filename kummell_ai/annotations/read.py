"""One way in for annotated films, whatever form they have."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable
from pathlib import Path

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import buu_lspine, label_studio, labelme, mendeley, nhanes2
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.annotations.cvat import read_cvat
from kummell_ai.annotations.detect import COCO_NAME, ONE_FILE, form_of_file, form_of_folder
from kummell_ai.annotations.faults import why_not_its_corners, why_not_its_scale, why_off_its_picture
from kummell_ai.annotations.middles import why_not_its_middles
from kummell_ai.annotations.sides import facing_as_named, why_not_its_front
from kummell_ai.annotations.source import OnFault, film_size, relative_name, usable
from kummell_ai.errors import InputError

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


def read_annotations(
    path: Path | str,
    form: str = AUTO,
    *,
    facing: Facing | None = None,
    names_tell_front: bool = False,
    on_fault: OnFault | None = None,
) -> tuple[AnnotatedFilm, ...]:
    """Annotated films in the project's own convention: corners by anatomy, px of `imaging.frames`.

    Args:
        path: annotation file, or folder of a set.
        form: one of `FORMS`; ``auto`` looks at the content.
        facing: side of the image the front is turned to, for sets that do not say (see docs/annotations.md).
        names_tell_front: what the corners are called overrules the side that a film is said to face, where all its
            bodies agree; where they do not, the film cannot be used.
        on_fault: told the name of each file or film that cannot be used, and why; the others are read. None = such a
            film ends the reading.

    Returns:
        Films whose ``file_name`` is relative to `films_folder`.

    Raises:
        ValueError: ``form`` is not one of `FORMS`.
        InputError: nothing is there, the form cannot be told or there are several, or an entry cannot be understood,
            stands twice or can be no spine on its picture.
    """
    file, found = _resolve(Path(path), form)
    return _read(file, found, facing, on_fault, names_tell_front)


def _read(
    file: Path, form: str, facing: Facing | None, on_fault: OnFault | None, names_tell_front: bool = False
) -> tuple[AnnotatedFilm, ...]:
    seen: set[tuple[str, int | None]] = set()
    folder = films_folder(file)

    def check(film: AnnotatedFilm) -> AnnotatedFilm:
        place = (posixpath.normpath(film.file_name), film.landmarks.reference.frame_number)
        if place in seen:
            raise InputError(
                f"{film.file_name}: it is annotated more than once; the first annotation counts, take the others away",
                film.file_name,
            )
        seen.add(place)
        if names_tell_front:
            film = dataclasses.replace(film, landmarks=facing_as_named(film.landmarks))
        fault = _why_not_usable(film, form, folder, names_tell_front)
        if fault is not None:
            raise InputError(f"{film.file_name}: {fault}", film.spacing)
        return film

    films = READERS[form](file, facing, on_fault)
    return usable(films, lambda film: film.file_name, check, on_fault)


def _why_not_usable(film: AnnotatedFilm, form: str, folder: Path, names_tell_front: bool) -> str | None:
    """Why the points cannot be right; whether they make a spine with its names is for `why_not_a_spine` to tell."""
    off = why_off_its_picture(film)
    if off is not None and not _is_of_another_size(film, folder):
        return off
    fault = why_not_its_scale(film)
    if fault is None and form in _WITHOUT_NAMES:
        fault = why_not_its_front(film.landmarks)
    if fault is None:
        fault = why_not_its_corners(film.landmarks, names_tell_front=names_tell_front)
    return why_not_its_middles(film) if fault is None else fault


def _is_of_another_size(film: AnnotatedFilm, folder: Path) -> bool:
    """Whether the film's file has another size than its annotation says; whoever reads the film says so."""
    try:
        return film_size(folder / film.file_name) != film.size_px
    except InputError:
        return False


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
        InputError: nothing is there, the form cannot be told, or a folder holds several.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(f"{file.name}: no such file or folder; give an annotation file or a set's folder", str(file))
    found = form_of_folder(file) if file.is_dir() else form_of_file(file)
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
    return (path / ONE_FILE[found] if found in ONE_FILE else path), found

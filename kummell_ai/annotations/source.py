"""Reading what annotation files share: text, JSON, the film beside an annotation and its size."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kummell_ai.errors import InputError

Item = TypeVar("Item")
Made = TypeVar("Made")

OnFault = Callable[[str, InputError], None]
"""What is done about an annotation that cannot be used: told the name of its file or film, and why."""

FILM_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm")


def read_text(path: Path) -> str:
    """The text of ``path``, UTF-8 with or without a byte order mark.

    Raises:
        InputError: it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: no readable text ({error}); give an annotation file", str(path)) from error


def read_json(path: Path) -> Any:
    """The JSON document in ``path``.

    Raises:
        InputError: it cannot be read or is no JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name}: no readable JSON ({error}); export it again", str(path)) from error


def usable(
    items: Iterable[Item], name: Callable[[Item], str], read: Callable[[Item], Made], on_fault: OnFault | None
) -> tuple[Made, ...]:
    """What ``read`` makes of each item; one that it refuses is left out and told to ``on_fault``.

    Args:
        items: files, or entries of one file.
        name: of an item, for ``on_fault``.
        read: raises `InputError` for an item that cannot be used.
        on_fault: None = the first such item ends the reading.

    Raises:
        InputError: an item cannot be used, and ``on_fault`` is None.
    """
    made = []
    for item in items:
        try:
            made.append(read(item))
        except InputError as error:
            if on_fault is None:
                raise
            on_fault(name(item), error)
    return tuple(made)


def whole_px(value: Any, what: str) -> int:
    """A film's width or height as files give it.

    Raises:
        ValueError: it is no whole number of 1 or more.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and number >= 1 and number == int(number)):
        raise ValueError(f"{what} is {value!r:.40}; expected a whole number of px")
    return int(number)


@contextmanager
def understood_as(form: str, path: Path, film: str | None = None) -> Iterator[None]:
    """Turn what goes wrong with the content of ``path`` into an `InputError` of one line.

    Args:
        form: what the content should be.
        path: file that is read.
        film: name of the one film that goes wrong, where ``path`` holds several.

    Raises:
        InputError: the content is not what ``form`` asks for.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        place = path.name if film is None else f"{film}: {path.name}"
        raise InputError(f"{place}: not understood as {form}: {reason}", str(path)) from error


def relative_name(film: Path, base: Path) -> str:
    """``film`` as seen from the folder ``base``, with forward slashes."""
    return Path(os.path.relpath(film, base)).as_posix()


def has_film(annotation: Path, *folders: Path) -> bool:
    """Whether a film with the stem of ``annotation`` lies in its folder or in one of ``folders``."""
    return next(_films_beside(annotation, folders), None) is not None


def _films_beside(annotation: Path, folders: Iterable[Path]) -> Iterator[Path]:
    for folder in (annotation.parent, *folders):
        for ending in FILM_ENDINGS:
            for name in (annotation.stem + ending, annotation.stem + ending.upper()):
                if (folder / name).is_file():
                    yield folder / name


def film_beside(annotation: Path, *folders: Path) -> Path:
    """The film with the stem of ``annotation``, in its folder or in one of ``folders``.

    Raises:
        InputError: there is none.
    """
    for film in _films_beside(annotation, folders):
        return film
    raise InputError(
        f"{annotation.name}: no film {annotation.stem}{FILM_ENDINGS[0]} beside it; put films and annotations together",
        str(annotation),
    )


def film_size(path: Path) -> tuple[int, int]:
    """(width, height) of a film (px) from its header alone.

    Raises:
        InputError: neither a picture nor DICOM.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return int(picture.width), int(picture.height)
    except (OSError, Image.DecompressionBombError):
        pass
    import pydicom

    try:
        syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:  # reading it would inflate all of it
            raise InputError(f"{path.name}: a deflated file, which may hold anything; export it again", str(path))
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
        return int(header.Columns), int(header.Rows)
    except (OSError, pydicom.errors.InvalidDicomError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path.name}: neither a picture nor DICOM; its size is needed", str(path)) from error

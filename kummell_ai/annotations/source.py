"""Reading what annotation files share: text, JSON, the film beside an annotation and its size."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kummell_ai.errors import InputError

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


@contextmanager
def understood_as(form: str, path: Path) -> Iterator[None]:
    """Turn what goes wrong with the content of ``path`` into an `InputError` of one line.

    Raises:
        InputError: the content is not what ``form`` asks for.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path.name}: not understood as {form}: {reason}", str(path)) from error


def relative_name(film: Path, base: Path) -> str:
    """``film`` as seen from the folder ``base``, with forward slashes."""
    return Path(os.path.relpath(film, base)).as_posix()


def film_beside(annotation: Path, *folders: Path) -> Path:
    """The film with the stem of ``annotation``, in its folder or in one of ``folders``.

    Raises:
        InputError: there is none.
    """
    for folder in (annotation.parent, *folders):
        for ending in FILM_ENDINGS:
            for name in (annotation.stem + ending, annotation.stem + ending.upper()):
                if (folder / name).is_file():
                    return folder / name
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

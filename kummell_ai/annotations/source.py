"""Reading what annotation files share: text, JSON, the film beside an annotation and its size."""

from __future__ import annotations

import json
import math
import os
import re
import struct
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kummell_ai.annotations.checked import MAX_PX, OF_ANOTHER_KIND
from kummell_ai.errors import InputError

Item = TypeVar("Item")
Made = TypeVar("Made")

OnFault = Callable[[str, InputError], None]
"""What is done about an annotation that cannot be used: told the name of its file or film, and why."""

_WITHOUT_PREAMBLE = (b"\x02\x00", b"\x08\x00")
"""How a DICOM file begins that has none: with group 0002 or 0008, little endian."""

FILM_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm")


def read_text(path: Path) -> str:
    """The text of ``path``, UTF-8 with or without a byte order mark.

    Raises:
        InputError: it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path.name}: no readable text ({reason}); give an annotation file", str(path)) from error


def read_json(path: Path) -> Any:
    """The JSON document in ``path``.

    Raises:
        InputError: it cannot be read or is no JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = _why_no_json(text, error)
        raise InputError(f"{path.name}: no readable JSON ({reason}); export it again", str(path)) from error


def _why_no_json(text: str, error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    if isinstance(error, RecursionError):
        return "brackets within brackets without end"
    limit = sys.get_int_max_str_digits()
    long = re.search(rf"\d{{{limit + 1},}}", text)
    where = "" if long is None else f", {long[0][:12]}..., on line {text.count(chr(10), 0, long.start()) + 1}"
    return f"a number of more than {limit} digits{where}"


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
        ValueError: it is no whole number of 1 to `MAX_PX`.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not (1 <= number <= MAX_PX and number == int(number)):
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
        is_said = isinstance(error, ValueError)
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) if is_said else OF_ANOTHER_KIND
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
    from pydicom.errors import BytesLengthException, InvalidDicomError

    damage = (OSError, EOFError, AttributeError, TypeError, ValueError, LookupError, NotImplementedError, struct.error)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what pydicom makes the best of
            return _dicom_size(path)
    except (*damage, BytesLengthException, InvalidDicomError) as error:
        raise InputError(f"{path.name}: neither a picture nor DICOM; its size is needed", str(path)) from error


def _dicom_size(path: Path) -> tuple[int, int]:
    """(width, height) in the header of a DICOM file, with the usual preamble or without one.

    Raises:
        InputError: it is deflated: reading it would inflate all of it.
        ValueError: it is none, or the size is not in its header; what pydicom raises where it is damaged.
    """
    from pydicom import dcmread, uid
    from pydicom.filereader import read_dataset

    with path.open("rb") as file:
        head = file.read(132)
        has_preamble = head[128:] == b"DICM"
        if not has_preamble and head[:2] not in _WITHOUT_PREAMBLE:
            raise ValueError("no DICOM")
        file.seek(len(head) if has_preamble else 0)
        meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
    if meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian:
        raise InputError(f"{path.name}: a deflated file, which may hold anything; export it again", str(path))
    header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=["Rows", "Columns"])
    return int(header.Columns), int(header.Rows)

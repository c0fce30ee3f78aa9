"""BUU-LSPINE (Klinwichit et al. 2023, doi 10.3390/app13158646): lateral films with two points an endplate.

Beside each film ``0001-F-037Y1.jpg`` of the folder ``LA`` lies ``0001-F-037Y1.csv`` (or ``.txt``) without a header:
eleven rows ``x1,y1,x2,y2,label``, the superior and the inferior endplate of L1 to L5 and the superior one of S1.
What is known and what is assumed stands in docs/annotations.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations.checked import as_number, is_px
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.source import (
    OnFault,
    film_beside,
    film_size,
    has_film,
    read_text,
    relative_name,
    understood_as,
    usable,
)
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing

LEVELS = tuple(VertebralLevel[name] for name in ("L1", "L2", "L3", "L4", "L5", "S1"))
ROWS = 2 * len(LEVELS) - 1
ROWS_FRONTAL = ROWS - 1
"""Frontal films (folder ``AP``) end with L5."""

NAME = re.compile(r"^(?P<patient>\d{4})-(?P<sex>[FM])-(?P<age>\d{3})Y(?P<view>[01])?")
_SEPARATOR = re.compile(r"[,;\s]+")
_SPACING = "pixel_spacing"
"""With what the names of the table and of its column begin."""


def read_buu_lspine(
    path: Path, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """The lateral films of a folder (or of its subfolder ``LA``), or the one film of a file.

    Args:
        path: folder or file.
        facing: of the films; left when not given.
        on_fault: told of each file that cannot be used, which is left out; None = such a file ends the reading.

    Raises:
        InputError: a file is not of this form, a film is missing, or there is none.
    """
    files = annotation_files(path)
    if not files:
        raise InputError(f"{path.name}: no CSV or TXT with {ROWS} rows of endplates; give the folder LA", str(path))
    spacing = _spacings(path if path.is_dir() else path.parent)
    base = path if path.is_dir() else path.parent
    side = facing or Facing.LEFT
    return usable(files, lambda f: relative_name(f, base), lambda f: _film(f, base, spacing, side), on_fault)


def annotation_files(path: Path) -> tuple[Path, ...]:
    """Annotation files of lateral films, sorted."""
    if not path.is_dir():
        return (path,)
    folder = path / "LA" if (path / "LA").is_dir() else path
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".csv", ".txt"))
    return tuple(p for p in found if looks_like_endplates(p) or (NAME.match(p.stem) is None and has_film(p)))


def looks_like_endplates(path: Path) -> bool:
    """Whether ``path`` starts as a lateral film's file does, or carries a lateral film's name."""
    match = NAME.match(path.stem)
    if match is not None:
        return match["view"] != "0"
    return holds_endplates(path)


def holds_endplates(path: Path) -> bool:
    """Whether ``path`` holds the endplates of a lateral film, whatever its name."""
    try:
        return len(_rows(read_text(path))) == ROWS
    except (InputError, ValueError):
        return False


def _film(path: Path, base: Path, spacing: dict[str, str], facing: Facing) -> AnnotatedFilm:
    with understood_as("BUU-LSPINE", path):
        rows = _rows(read_text(path))
        vertebrae = _vertebrae(rows, facing)
    film = film_beside(path)
    match = NAME.match(path.stem)
    reference = ImageReference(name=film.name)
    if match is not None:
        reference = replace(reference, patient_id=match["patient"], patient_sex=match["sex"])
    bare = path.stem[: match.start("view")] if match is not None and match["view"] else path.stem
    given = spacing.get(path.stem, spacing.get(bare))
    mm = None if given is None else _millimetres(film.name, given)
    return AnnotatedFilm(
        file_name=relative_name(film, base),
        size_px=film_size(film),
        landmarks=SpineLandmarks(vertebrae, reference, facing),
        spacing=None if mm is None else PixelSpacing(mm, mm, Calibration.DETECTOR_PLANE),
        extra={"row_labels": [int(row[4]) for row in rows if len(row) > 4]},
    )


def _millimetres(name: str, text: str) -> float:
    try:
        mm = float(text)
    except ValueError:
        mm = 0.0
    if not 0 < mm < float("inf"):
        raise InputError(
            f"{name}: its pixel spacing in the table is {text!r}; write mm above 0 with a decimal point, as 0.175", text
        )
    return mm


def _rows(text: str) -> list[list[float]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("x1"):
        lines = lines[1:]
    rows = []
    for number, line in enumerate(lines, start=1):
        if ";" in line and "," in line:
            raise ValueError(f"row {number} is {line!r}, with both ; and ,: write decimal points and one separator")
        parts = _SEPARATOR.split(line.strip(",; "))
        values = [as_number(part, f"a value of row {number}") for part in parts]
        if len(values) not in (4, 5) or not all(map(is_px, values)):
            raise ValueError(f"row {number} is {line!r:.60}; expected x1,y1,x2,y2,label in px")
        rows.append(values)
    return rows


def _vertebrae(rows: list[list[float]], facing: Facing) -> tuple[VertebraLandmarks, ...]:
    if len(rows) == ROWS_FRONTAL:
        raise ValueError(f"{ROWS_FRONTAL} rows are those of a frontal film; give the folder LA")
    if len(rows) != ROWS:
        raise ValueError(f"{len(rows)} rows; expected {ROWS}: superior and inferior of L1 to L5, superior of S1")
    plates = [_plate(row, facing) for row in rows]
    bodies = []
    for i, level in enumerate(LEVELS):
        upper, lower = plates[2 * i], plates[2 * i + 1] if 2 * i + 1 < ROWS else np.full((2, 2), np.nan)
        bodies.append(VertebraLandmarks(np.concatenate([upper, lower]), level))
    heights = [float(plate[:, 1].mean()) for plate in plates[:-1]]
    for number, (above, below) in enumerate(pairwise(heights), start=1):
        if below <= above:
            raise ValueError(f"row {number + 1} lies above row {number}; endplates must run from L1 down to S1")
    return tuple(bodies)


def _plate(row: list[float], facing: Facing) -> FloatArray:
    """Anterior and posterior end (2, 2) px of an endplate, whichever of them comes first."""
    ends = np.array(row[:4], dtype=np.float64).reshape(2, 2)
    left_first = ends[np.argsort(ends[:, 0], kind="stable")]
    plate: FloatArray = left_first if facing is Facing.LEFT else left_first[::-1]
    return plate


def _spacings(folder: Path) -> dict[str, str]:
    """Millimetres per pixel as they stand there by film name, from a ``pixel_spacing*.csv`` in or near ``folder``.

    A row with more or fewer cells than the head, as a decimal comma makes it, stands there whole.
    """
    found: dict[str, str] = {}
    for table in _spacing_tables(folder):
        with understood_as("a table of filename and pixel_spacing", table):
            head, *lines = [line.strip() for line in read_text(table).splitlines() if line.strip()] or [""]
            mark = next((m for m in "\t;," if m in head), ",")
            titles = [title.strip() for title in head.split(mark)]
            name, value = _column(titles, "filename"), _column(titles, _SPACING)
            rows = [[cell.strip() for cell in line.split(mark)] for line in lines]
            pairs = [
                (cells[name], cells[value] if len(cells) == len(titles) else line)
                for cells, line in zip(rows, lines, strict=True)
                if len(cells) > name
            ]
            found = {Path(film).stem: text for film, text in pairs} | found
    return found


def _column(titles: list[str], name: str) -> int:
    """The place of the first column whose title begins with ``name``."""
    found = next((i for i, title in enumerate(titles) if title.startswith(name)), None)
    if found is None:
        there = f"its columns are {', '.join(titles)}" if any(titles) else "it is empty"
        raise ValueError(f"{there}, without {name}; give its head the columns filename and {_SPACING}, or take it away")
    return found


def _spacing_tables(folder: Path) -> Iterator[Path]:
    for place in (folder, folder.parent):
        for near in (place, place / "csv", place / "csv_info"):
            yield from sorted(near.glob(f"{_SPACING}*.csv"))

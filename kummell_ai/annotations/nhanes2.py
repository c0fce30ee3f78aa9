"""NHANES II lateral lumbar films (National Library of Medicine): the ASCII ``marks`` of some 600 films.

The archive says that vertebra coordinates of a subset come as ASCII text, and how the films were scanned; it does not
print the layout of these files. What is read here is therefore written down as an assumption in docs/annotations.md:
a level's name, then its points as x and y in px of the film at full resolution, on one line or over several:

    L1 812.0 604.5 905.0 598.0 ...
    L2
    815.5 741.0

or one point a line, with its number: ``L1 4 812.0 604.5``. A vertebra has 4 points (its corners in any order), 6 (1, 3,
4, 6 corners, 2 and 5 the middle of the endplates) or 9 (7 the middle of the anterior wall, 8 and 9 osteophytes, which
are left out). Corners are ordered by geometry, so it does not matter which of them is number 1.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations.checked import MAX_PX, as_number, is_px
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.corners import order_outlines
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

SCANNED_PX = (2048, 2487)
"""Width and height of a lumbar film at full resolution."""

SPOT_MM = 0.175
"""Spot of the laser scanner, on the film: magnification is not divided out."""

CORNER_NUMBERS = (1, 3, 4, 6)
MIDDLE_NUMBERS = (2, 5)
ANTERIOR_NUMBER = 7
_COUNTS = (4, 6, 9)
_NUMBERS = (*(list(range(1, count + 1)) for count in _COUNTS), list(CORNER_NUMBERS))
"""Numbers that the points of one vertebra may have."""

_LEVEL = re.compile(r"[CTLS]\d{1,2}", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;:\s]+")
_COMMENT = "#"


def read_nhanes2(
    path: Path, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """The films of a folder of marks, or the one film of a file.

    Args:
        path: folder or file; each ``NAME.txt`` or ``NAME.mrk`` lies beside its film ``NAME.jpg`` or ``NAME.tif``.
        facing: of the films; needed when the anterior wall is not marked (4 or 6 points).
        on_fault: told of each file that cannot be used, which is left out; None = such a file ends the reading.

    Raises:
        InputError: a file is not of this form, a film is missing, or there is none.
    """
    files = annotation_files(path)
    if not files:
        raise InputError(
            f"{path.name}: no marks of vertebrae in a file ending in .txt or .mrk; give their folder", str(path)
        )
    base = path if path.is_dir() else path.parent
    return usable(files, lambda file: relative_name(file, base), lambda file: _film(file, base, facing), on_fault)


def annotation_files(path: Path) -> tuple[Path, ...]:
    """Files of marks, sorted: those that begin with a vertebra's name, or have a film."""
    if not path.is_dir():
        return (path,)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".txt", ".mrk"))
    return tuple(p for p in files if has_film(p, *_film_folders(p)) or _begins_as_marks(p))


def _begins_as_marks(path: Path) -> bool:
    try:
        return looks_like_marks(read_text(path))
    except InputError:
        return False


def _film_folders(path: Path) -> tuple[Path, ...]:
    return tuple(path.parent.parent / name for name in ("jpg", "tif8", "images"))


def looks_like_marks(text: str) -> bool:
    """Whether the first word of a text is a vertebra's name."""
    words = _words(text)
    return bool(words) and _LEVEL.fullmatch(words[0]) is not None


def holds_marks(text: str) -> bool:
    """Whether a text can be read as marks of vertebrae; one that is damaged may look like them."""
    try:
        return bool(_marks(_words(text)))
    except ValueError:
        return False


def _film(path: Path, base: Path, facing: Facing | None) -> AnnotatedFilm:
    film = film_beside(path, *_film_folders(path))
    size = film_size(film)
    with understood_as("NHANES II marks", path):
        marks = _marks(_words(read_text(path)))
        side = _facing(marks)
        if Facing.UNKNOWN not in (side, facing or side) and facing not in (None, side):
            raise ValueError(f"the anterior wall is marked on the {side.value}; leave --facing away")
        side = facing or side
        vertebrae = _vertebrae(marks, side)
    return AnnotatedFilm(
        file_name=relative_name(film, base),
        size_px=size,
        landmarks=SpineLandmarks(vertebrae, ImageReference(name=film.name, patient_id=path.stem), side),
        spacing=PixelSpacing(SPOT_MM, SPOT_MM, Calibration.DETECTOR_PLANE) if size == SCANNED_PX else None,
    )


def _words(text: str) -> list[str]:
    lines = (line.split(_COMMENT)[0] for line in text.splitlines())
    return [word for line in lines for word in _SEPARATOR.split(line) if word]


def _marks(words: list[str]) -> dict[VertebralLevel, FloatArray]:
    """Points (4|6|9, 2) px of each vertebra."""
    runs: dict[str, list[list[float]]] = {}
    for word in words:
        if _LEVEL.fullmatch(word):
            current: list[float] = []
            runs.setdefault(word.upper(), []).append(current)
        elif not runs:
            raise ValueError(f"{word!r} stands before the first vertebra; expected a name, for example L1")
        else:
            current.append(as_number(word, f"a value among the points of {list(runs)[-1]}"))
    if not runs:
        raise ValueError("no vertebra is marked; expected a name, for example L1, and its points")
    if any(name.startswith("C") for name in runs):
        raise ValueError("cervical vertebrae are marked; only films of the lumbar spine are read")
    return {VertebralLevel.parse(name): _points(name, values) for name, values in runs.items()}


def _points(name: str, values: list[list[float]]) -> FloatArray:
    if len(values) > 1:
        if any(len(run) != 3 for run in values):
            raise ValueError(f"{name} stands there {len(values)} times; expected its number, x and y each time")
        values = sorted(values)
        if (numbers := [run[0] for run in values]) not in _NUMBERS:
            told = ", ".join(f"{number:g}" for number in numbers)
            raise ValueError(f"{name} has the points {told}; expected each of 1 to 4, 6 or 9 once, or 1, 3, 4, 6")
        values = [[number for run in values for number in run[1:]]]
    if len(values[0]) % 2 or len(values[0]) // 2 not in _COUNTS:
        raise ValueError(f"{name} has {len(values[0])} numbers; expected x and y of 4, 6 or 9 points")
    points = np.array(values[0], dtype=np.float64).reshape(-1, 2)
    if not all(map(is_px, points.ravel())):
        raise ValueError(f"{name} has a coordinate that is not finite, or of more than {MAX_PX:,.0f} px; correct it")
    return points


def _corners(points: FloatArray) -> FloatArray:
    return points if len(points) == 4 else points[[number - 1 for number in CORNER_NUMBERS]]


def _facing(marks: dict[VertebralLevel, FloatArray]) -> Facing:
    """The side on which the anterior wall is marked; UNKNOWN when it is on no film."""
    side = sum(float(p[ANTERIOR_NUMBER - 1, 0] - _corners(p)[:, 0].mean()) for p in marks.values() if len(p) == 9)
    if side == 0.0:
        return Facing.UNKNOWN
    return Facing.LEFT if side < 0 else Facing.RIGHT


def _vertebrae(marks: dict[VertebralLevel, FloatArray], facing: Facing) -> tuple[VertebraLandmarks, ...]:
    levels = sorted(marks, key=lambda level: level.index)
    tops = sorted(levels, key=lambda level: float(_corners(marks[level])[:, 1].mean()))
    if tops != levels:
        names = ", ".join(level.value for level in tops)
        raise ValueError(f"from top to bottom the film shows {names}; names must run downwards")
    ordered = order_outlines([_corners(marks[level]) for level in levels], facing)
    return tuple(
        VertebraLandmarks(corners if len(marks[level]) == 4 else _with_middles(corners, marks[level]), level)
        for level, corners in zip(levels, ordered, strict=True)
    )


def _with_middles(corners: FloatArray, points: FloatArray) -> FloatArray:
    middles = points[[number - 1 for number in MIDDLE_NUMBERS]]
    upper = corners[[VertebralLandmark.SUPERIOR_ANTERIOR, VertebralLandmark.SUPERIOR_POSTERIOR]].mean(axis=0)
    near_first = np.argsort(np.linalg.norm(middles - upper, axis=1))
    six: FloatArray = np.concatenate([corners, middles[near_first]])
    return six

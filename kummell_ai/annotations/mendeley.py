"""Spondylolisthesis Vertebral Landmark (Reyes 2025, Mendeley Data, doi 10.17632/5jdfdgp762.1): four corners a body.

``Train/Keypointrcnn_data/labels/{train,val}`` holds one file for each film of ``images/{train,val}``: either JSON with
``boxes`` (x1, y1, x2, y2), ``keypoints`` (a body's four x, y, visible in px) and ``labels``, or YOLO-pose text with 17
numbers a line (class, box centre, box size, four times x, y, visible; shares of the film's size). The order of the
corners differs between the two and between films, so it is not used: see `corners.order_outlines`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations.buu_lspine import NAME
from kummell_ai.annotations.checked import MAX_PX, as_keys, as_list, as_number, in_entry
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.corners import MIN_POINTS, order_outlines
from kummell_ai.annotations.source import (
    OnFault,
    film_beside,
    film_size,
    read_json,
    read_text,
    relative_name,
    understood_as,
    usable,
)
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import ImageReference

YOLO_NUMBERS = 17
_CLASSES = "classes.txt"
"""What YOLO tools put beside the annotations."""

_COPY = ".rf."
"""Before the hash that the export adds to a film's name; copies of one film share what stands before it."""


def read_mendeley(
    path: Path, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """The films of the set's folder, of one ``labels`` folder, or of one file.

    The lowest body of a film is called S1, the others have no name. A body with fewer than three visible corners is
    left out, and ``extra["left_out"]`` says how many.

    Args:
        path: folder or file.
        facing: of the films; left when not given.
        on_fault: told of each file that cannot be used, which is left out; None = such a file ends the reading.

    Raises:
        InputError: a file is not of this form, a film is missing, or there is none.
    """
    files = annotation_files(path)
    if not files:
        raise InputError(f"{path.name}: no labels/*.json or *.txt; give the folder Keypointrcnn_data", str(path))
    base = path if path.is_dir() else path.parent
    side = facing or Facing.LEFT
    return usable(files, lambda file: relative_name(file, base), lambda file: _film(file, base, side), on_fault)


def annotation_files(path: Path) -> tuple[Path, ...]:
    """Annotation files of the set, sorted: those below a folder ``labels``, or those of the folder itself."""
    if not path.is_dir():
        return (path,)
    found = (p for p in sorted(path.rglob("*")) if p.suffix.lower() in (".json", ".txt"))
    files = [p for p in found if p.name != _CLASSES]
    below = [p for p in files if "labels" in p.relative_to(path).parts[:-1]]
    return tuple(below or [p for p in files if p.parent == path])


def looks_like_keypoints(document: Any) -> bool:
    """Whether a JSON document is of this form."""
    return isinstance(document, dict) and "keypoints" in document and "boxes" in document


def looks_like_yolo(text: str) -> bool:
    """Whether every line has the 17 numbers of four keypoints."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(len(line) == YOLO_NUMBERS for line in lines)


def _film(path: Path, base: Path, facing: Facing) -> AnnotatedFilm:
    film = film_beside(path, *_image_folders(path))
    size = film_size(film)
    document = read_json(path) if path.suffix.lower() == ".json" else read_text(path)
    with understood_as("Mendeley keypoints", path):
        outlines = _from_yolo(document, size) if isinstance(document, str) else _from_json(document)
        usable = [o for o in outlines if np.isfinite(o).all(axis=1).sum() >= MIN_POINTS]
        bodies = [VertebraLandmarks(corners) for corners in order_outlines(usable, facing)]
    if len(bodies) > 1:
        bodies[-1] = replace(bodies[-1], level=VertebralLevel.S1)
    match = NAME.match(path.stem)
    patient = match["patient"] if match is not None else path.stem.split(_COPY)[0]
    reference = ImageReference(name=film.name, patient_id=patient)
    left_out = len(outlines) - len(usable)
    return AnnotatedFilm(
        file_name=relative_name(film, base),
        size_px=size,
        landmarks=SpineLandmarks(tuple(bodies), reference, facing),
        extra={"left_out": left_out} if left_out else {},
    )


def _image_folders(path: Path) -> tuple[Path, ...]:
    """Where the film may lie: the same path with ``images`` in place of ``labels``."""
    parts = list(path.parent.parts)
    if "labels" not in parts:
        return ()
    at = len(parts) - 1 - parts[::-1].index("labels")
    return (Path(*parts[:at], "images", *parts[at + 1 :]),)


def _from_json(document: Any) -> list[FloatArray]:
    with in_entry("the file"):
        found = as_keys(document, "the whole file")
        boxes, bodies = (as_list(found[key], key) for key in ("boxes", "keypoints"))
    if len(boxes) != len(bodies):
        raise ValueError(f"{len(boxes)} boxes and {len(bodies)} sets of keypoints; expected as many")
    return [_outline(_numbers(points, number)) for number, points in enumerate(bodies, start=1)]


def _numbers(points: Any, number: int) -> FloatArray:
    """The numbers that stand for one body."""
    what = f"keypoints of body {number}"
    rows = [[as_number(value, what) for value in as_list(point, what)] for point in as_list(points, what)]
    if any(len(row) != 3 for row in rows):
        raise ValueError(f"{what} are {points!r:.40}; expected four times x, y, visible")
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _from_yolo(text: str, size: tuple[int, int]) -> list[FloatArray]:
    outlines = []
    for number, line in enumerate(text.splitlines(), start=1):
        values = [as_number(part, f"a value of line {number}") for part in line.split()]
        if values and len(values) != YOLO_NUMBERS:
            raise ValueError(f"line {number} has {len(values)} numbers; expected {YOLO_NUMBERS}")
        if values:
            outlines.append(_outline(np.array(values[5:]).reshape(4, 3) * [*size, 1.0]))
    return outlines


def _outline(points: FloatArray) -> FloatArray:
    """(4, 2) px from (4, 3) x, y, visible; NaN = not visible."""
    if points.shape != (4, 3):
        raise ValueError(f"a body's keypoints are of shape {points.shape}; expected four times x, y, visible")
    if (np.abs(points[:, :2]) > MAX_PX).any():
        raise ValueError(f"a body's keypoints reach {np.nanmax(np.abs(points)):g} px; expected {MAX_PX:,.0f} at most")
    outline: FloatArray = np.where(points[:, 2:] > 0, points[:, :2], np.nan)
    return outline

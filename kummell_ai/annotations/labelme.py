"""LabelMe: one JSON file beside each film, a point a corner.

A point's label names level and corner (``L1 superior_anterior``), its ``group_id`` the vertebra, its ``flags`` the
vertebra's state. A polygon of four corners labelled ``L1`` or ``vertebra`` is read too. LabelMe keeps keys that it does
not know, so that facing, spacing and the like lie in the key ``kummell_ai``. Coordinates run from 0 to width, as ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.checked import as_keys, as_list, as_place, as_text, in_entry
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.marks import FACTS, Body, facts_of, parse_label, seen_points, title_of, to_film
from kummell_ai.annotations.source import OnFault, film_size, read_json, relative_name, understood_as, usable, whole_px
from kummell_ai.annotations.writing import whole_file
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import VertebraLandmarks

VERSION = "5.4.1"
"""Of the LabelMe file format that is written."""


def read_labelme(
    path: Path, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """The films of a folder and its subfolders, or the one film of a file.

    Args:
        path: folder or file.
        facing: overrules what the file says; needed for polygons when it says nothing.
        on_fault: told of each file that cannot be used, which is left out; None = such a file ends the reading.

    Raises:
        InputError: a file is not of this form, or there is none.
    """
    files = annotation_files(path, on_fault)
    if not files:
        raise InputError(f"{path.name}: no LabelMe JSON; give the folder that holds films and JSON files", str(path))
    base = path if path.is_dir() else path.parent
    return usable(files, lambda file: relative_name(file, base), lambda file: _film(file, base, facing), on_fault)


def annotation_files(path: Path, on_fault: OnFault | None = None) -> tuple[Path, ...]:
    """LabelMe files, sorted; ``on_fault`` is told of JSON files that cannot be read.

    Raises:
        InputError: a JSON file cannot be read, and ``on_fault`` is None.
    """
    if not path.is_dir():
        return (path,)
    files = sorted(path.rglob("*.json"))
    read = usable(files, lambda p: relative_name(p, path), lambda p: (p, looks_like_labelme(read_json(p))), on_fault)
    return tuple(p for p, is_one in read if is_one)


def looks_like_labelme(document: Any) -> bool:
    """Whether a JSON document is of this form."""
    return isinstance(document, dict) and "shapes" in document and "imagePath" in document


def write_labelme(folder: Path | str, films: Sequence[AnnotatedFilm]) -> tuple[Path, ...]:
    """Write ``folder/NAME.json`` for each film ``NAME.png``; returns the files.

    Raises:
        ValueError: two films would share a file, or ``extra`` uses a name of the format.
    """
    names = [str(PurePosixPath(film.file_name).with_suffix(".json")) for film in films]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two films would share {twice}; give them different names")
    written = []
    for film, name in zip(films, names, strict=True):
        text = json.dumps(to_labelme(film), ensure_ascii=False, allow_nan=False, indent=1)
        file = Path(folder) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as stream:
            stream.write(text)
        written.append(file)
    return tuple(written)


def to_labelme(film: AnnotatedFilm) -> dict[str, Any]:
    """The LabelMe document of a film as plain values.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    shapes = [s for group, v in enumerate(film.landmarks.vertebrae, start=1) for s in _shapes(v, group)]
    return {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": PurePosixPath(film.file_name).name,
        "imageData": None,
        "imageHeight": film.size_px[1],
        "imageWidth": film.size_px[0],
        FACTS: facts_of(film),
    }


def _shapes(vertebra: VertebraLandmarks, group: int) -> list[dict[str, Any]]:
    return [
        {
            "label": f"{title_of(vertebra)} {landmark.key}",
            "points": [list(xy)],
            "group_id": group,
            "description": "",
            "shape_type": "point",
            "flags": dict.fromkeys(sorted(vertebra.flags), True),
        }
        for landmark, xy in seen_points(vertebra).items()
    ]


def _film(path: Path, base: Path, facing: Facing | None) -> AnnotatedFilm:
    content = read_json(path)
    with understood_as("LabelMe", path), in_entry("the file"):
        document = as_keys(content, "the whole file")
        film = path.parent / as_text(document["imagePath"], "imagePath").replace("\\", "/")
        width, height = document.get("imageWidth"), document.get("imageHeight")
        sized = width and height
        size = (whole_px(width, "imageWidth"), whole_px(height, "imageHeight")) if sized else film_size(film)
        bodies: dict[Any, Body] = {}
        for number, shape in enumerate(as_list(document["shapes"], "shapes"), start=1):
            with in_entry(f"shape {number}"):
                _add(bodies, as_keys(shape, f"shape {number}"), number)
        return to_film(relative_name(film, base), size, bodies.values(), document.get(FACTS), facing)


def _add(bodies: dict[Any, Body], shape: dict[str, Any], number: int) -> None:
    level, landmark = parse_label(shape["label"])
    kind, group = shape.get("shape_type", "polygon"), shape.get("group_id")
    marked = as_list(shape["points"], f"points of {shape['label']!r}")
    points = [as_place(xy, f"a point of {shape['label']!r}") for xy in marked]
    flags = _flags(shape)
    if kind == "point" and landmark is not None and len(points) == 1:
        if group is None and level is None:
            raise ValueError(f"point {shape['label']!r} names no level and has no group_id; give it one of them")
        body = bodies.setdefault(f"group {group}" if group is not None else level, Body())
        body.mark(landmark, *points[0])
    elif kind == "polygon" and landmark is None:
        body = bodies.setdefault(f"shape {number}", Body())
        body.outline = points
    else:
        raise ValueError(f"{kind} {shape['label']!r}: mark corners as points, or bodies as polygons of four corners")
    body.name(level)
    body.flags |= flags


def _flags(shape: dict[str, Any]) -> set[str]:
    flags = shape.get("flags") or {}
    if not isinstance(flags, dict) or not all(isinstance(on, bool) for on in flags.values()):
        raise ValueError(f"flags of {shape['label']!r} are {flags!r:.40}; expected each with true or false")
    return {name for name, on in flags.items() if on}

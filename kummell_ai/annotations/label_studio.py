"""Label Studio: the JSON export of tasks, a rectangle a vertebra and its keypoints as children.

A rectangle (``rectanglelabels`` L1 ... or ``vertebra``) is the parent of the keypoints (``keypointlabels``
superior_anterior ...), and ``choices`` on it are the vertebra's state. Keypoints without a parent are grouped by a
level in their label (``L1 superior_anterior``); a ``polygonlabels`` of four corners is read too. Coordinates are per
cent of width and height from the film's edge, so that 100 % is the width, as ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.checked import as_keys, as_list, as_number, as_place, in_entry
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.marks import FACTS, Body, facts_of, parse_label, seen_points, title_of, to_film
from kummell_ai.annotations.source import OnFault, film_size, read_json, understood_as, usable, whole_px
from kummell_ai.annotations.writing import whole_file
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import VertebraLandmarks

IMAGE = "image"
_POINT_SHARE = 0.3
"""Drawn size of a keypoint (% of the width)."""

_UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""What an upload puts before the name of a file."""


def read_label_studio(
    path: Path, facing: Facing | None = None, on_fault: OnFault | None = None
) -> tuple[AnnotatedFilm, ...]:
    """The films of a JSON export; the newest annotation that was not cancelled counts.

    Args:
        path: the exported file; films are looked for beside it.
        facing: overrules what the file says; needed for polygons when it says nothing.
        on_fault: told of each film that cannot be used, which is left out; None = such a film ends the reading.

    Raises:
        InputError: the file is not of this form.
    """
    document = read_json(path)
    tasks = list(enumerate(document if isinstance(document, list) else [document], start=1))

    def read(numbered: tuple[int, Any]) -> AnnotatedFilm:
        with understood_as("Label Studio tasks", path, _title(numbered)):
            return _film(numbered[1], path.parent, facing)

    return usable(tasks, _title, read, on_fault)


def _title(numbered: tuple[int, Any]) -> str:
    number, task = numbered
    data = task.get("data") if isinstance(task, dict) else None
    return str(data[IMAGE]) if isinstance(data, dict) and IMAGE in data else f"task {number}"


def find_export(folder: Path) -> Path | None:
    """The one JSON export that lies in ``folder``; None where there is none.

    Raises:
        InputError: there are several.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            document = read_json(file)
        except InputError:
            continue
        if looks_like_label_studio(document):
            found.append(file)
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:3])
        raise InputError(f"{folder.name}: {len(found)} Label Studio exports ({names}); give one of them", str(folder))
    return found[0] if found else None


def looks_like_label_studio(document: Any) -> bool:
    """Whether a JSON document is of this form."""
    tasks = document if isinstance(document, list) else [document]
    return bool(tasks) and all(isinstance(t, dict) and "data" in t and "annotations" in t for t in tasks)


def write_label_studio(path: Path | str, films: Sequence[AnnotatedFilm]) -> None:
    """Write all films as one file of tasks, to be imported with their annotations.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    text = json.dumps(to_label_studio(films), ensure_ascii=False, allow_nan=False, indent=1)
    with whole_file(path) as stream:
        stream.write(text + "\n")


def to_label_studio(films: Sequence[AnnotatedFilm]) -> list[dict[str, Any]]:
    """The tasks as plain values.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    return [
        {
            "id": number,
            "data": {IMAGE: film.file_name, FACTS: facts_of(film)},
            "annotations": [{"result": _results(film)}],
        }
        for number, film in enumerate(films, start=1)
    ]


def _results(film: AnnotatedFilm) -> list[dict[str, Any]]:
    results = []
    for number, vertebra in enumerate(film.landmarks.vertebrae, start=1):
        results += _vertebra(vertebra, f"vertebra-{number}", film.size_px)
    return results


def _vertebra(vertebra: VertebraLandmarks, name: str, size: tuple[int, int]) -> list[dict[str, Any]]:
    points = {k: (100.0 * x / size[0], 100.0 * y / size[1]) for k, (x, y) in seen_points(vertebra).items()}
    if not points:
        return []
    columns, rows = zip(*points.values(), strict=True)
    box = {"x": min(columns), "y": min(rows), "width": max(columns) - min(columns), "height": max(rows) - min(rows)}
    common = {"to_name": IMAGE, "original_width": size[0], "original_height": size[1], "image_rotation": 0}
    box["rotation"] = 0
    body = common | {"id": name, "type": "rectanglelabels", "from_name": "level"}
    results: list[dict[str, Any]] = [body | {"value": box | {"rectanglelabels": [title_of(vertebra)]}}]
    if vertebra.flags:
        state = common | {"id": name, "type": "choices", "from_name": "state"}
        results.append(state | {"value": box | {"choices": sorted(vertebra.flags)}})
    for landmark, (x, y) in points.items():
        point = common | {"id": f"{name}-{landmark.key}", "type": "keypointlabels", "from_name": "corner"}
        value = {"x": x, "y": y, "width": _POINT_SHARE, "keypointlabels": [landmark.key]}
        results.append(point | {"parentID": name, "value": value})
    return results


def _film(task: Any, folder: Path, facing: Facing | None) -> AnnotatedFilm:
    with in_entry("the task"):
        data = as_keys(as_keys(task, "the task")["data"], "data of the task")
        name = _file_name(str(data[IMAGE]), folder)
        results = _kept(as_list(task["annotations"], "annotations of the task"))
    sized = next((r for r in results if "original_width" in r), None)
    size = film_size(folder / name) if sized is None else _size(sized)
    bodies: dict[Any, Body] = {}
    for number, result in enumerate(results, start=1):
        with in_entry(f"result {number} of the task"):
            _add(bodies, result, size)
    return to_film(name, size, bodies.values(), data.get(FACTS), facing)


def _kept(annotations: list[Any]) -> list[dict[str, Any]]:
    """What the newest annotation says that was not cancelled."""
    kept = [a for a in annotations if not as_keys(a, "an annotation of the task").get("was_cancelled")]
    results = as_list(kept[-1]["result"], "result of the annotation") if kept else []
    return [as_keys(result, f"result {number} of the task") for number, result in enumerate(results, start=1)]


def _size(result: dict[str, Any]) -> tuple[int, int]:
    width, height = (whole_px(result[key], key) for key in ("original_width", "original_height"))
    return width, height


def _add(bodies: dict[Any, Body], result: dict[str, Any], size: tuple[int, int]) -> None:
    if result.get("image_rotation"):
        raise ValueError(f"film is turned by {result['image_rotation']}°; turn it back and mark the stored film")
    kind, value = result["type"], as_keys(result["value"], "value")
    if kind == "choices":
        choices = value["choices"]
        bodies.setdefault(result["id"], Body()).flags |= {choices} if isinstance(choices, str) else set(choices)
    elif kind in ("rectanglelabels", "polygonlabels", "keypointlabels"):
        level, landmark = parse_label(" ".join(as_list(value[kind], kind)))
        own = result["id"] if kind != "keypointlabels" else level
        group = result.get("parentID") or own
        if group is None:
            raise ValueError(f"keypoint {result.get('id')} has no parent and no level; draw it inside a rectangle")
        body = bodies.setdefault(group, Body())
        body.name(level)
        if kind == "keypointlabels" and landmark is not None:
            body.mark(landmark, *_px((as_number(value["x"], "x"), as_number(value["y"], "y")), size))
        elif kind == "polygonlabels":
            corners = as_list(value["points"], "points of the polygon")
            body.outline = [_px(as_place(xy, "a point of the polygon"), size) for xy in corners]


def _px(share: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    """A place in px from one in per cent of the film's width and height."""
    return share[0] * size[0] / 100.0, share[1] * size[1] / 100.0


def _file_name(address: str, folder: Path) -> str:
    """The film's name relative to ``folder``, from the address a task gives."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    name = unquote(local[0] if local else parts.path)
    short = name.rsplit("/", 1)[-1]
    candidates = (name, short, _UPLOAD.sub("", short))
    return next((c for c in candidates if c and (folder / c.lstrip("/")).is_file()), name).lstrip("/")

"""CVAT for images 1.1: one XML file, a skeleton a vertebra.

A ``skeleton`` (label ``vertebra``) has ``points`` labelled superior_anterior ..., ``outside="1"`` for one that is not
seen, and the attributes ``level`` and ``flags``. A ``polygon`` of four corners labelled ``L1`` or ``vertebra``, and
loose ``points`` with a ``group_id`` or a level in their label, are read too. Coordinates run from 0 to width, as ours.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kummell_ai.anatomy import Facing, VertebralLandmark
from kummell_ai.annotations.checked import as_place, in_entry
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.flags import split_flags
from kummell_ai.annotations.marks import FACTS, VERTEBRA, Body, facts_of, parse_label, seen_points, to_film
from kummell_ai.annotations.source import OnFault, read_text, understood_as, usable, whole_px
from kummell_ai.annotations.writing import whole_file
from kummell_ai.imaging.annotation import VertebraLandmarks

VERSION = "1.1"
_FORM = f"CVAT for images {VERSION}"
_FILM = "film"
"""Label of the tag that carries a film's facts."""


def read_cvat(path: Path, facing: Facing | None = None, on_fault: OnFault | None = None) -> tuple[AnnotatedFilm, ...]:
    """The films of an ``annotations.xml``.

    Args:
        path: the exported file; film names are relative to its folder, or to ``images`` beside it.
        facing: overrules what the file says; needed for polygons when it says nothing.
        on_fault: told of each film that cannot be used, which is left out; None = such a film ends the reading.

    Raises:
        InputError: the file is not of this form.
    """
    text = read_text(path)
    with understood_as(_FORM, path):
        root = _parse(text)
        if root.tag != "annotations" or root.find("track") is not None:
            raise ValueError(f"<{root.tag}> with tracks or of another kind; export as CVAT for images 1.1")

    def read(image: ET.Element) -> AnnotatedFilm:
        with understood_as(_FORM, path, _title(image)):
            return _film(image, path.parent, facing)

    return usable(root.iter("image"), _title, read, on_fault)


def _title(image: ET.Element) -> str:
    return image.get("name") or f"image {image.get('id')}"


def write_cvat(path: Path | str, films: Sequence[AnnotatedFilm]) -> None:
    """Write all films as one XML file.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    text = to_cvat(films)
    with whole_file(path) as stream:
        stream.write(text + "\n")


def to_cvat(films: Sequence[AnnotatedFilm]) -> str:
    """The XML document.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = VERSION
    for number, film in enumerate(films):
        width, height = film.size_px
        image = ET.SubElement(root, "image", id=str(number), name=film.file_name, width=str(width), height=str(height))
        tag = ET.SubElement(image, "tag", label=_FILM, source="manual")
        facts = json.dumps(facts_of(film), ensure_ascii=False, allow_nan=False)
        ET.SubElement(tag, "attribute", name=FACTS).text = facts
        for vertebra in film.landmarks.vertebrae:
            _write_skeleton(image, vertebra)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _write_skeleton(image: ET.Element, vertebra: VertebraLandmarks) -> None:
    skeleton = ET.SubElement(image, "skeleton", label=VERTEBRA, source="manual", z_order="0")
    seen = seen_points(vertebra)
    for landmark in list(VertebralLandmark)[: len(vertebra.points_px)]:
        x, y = seen.get(landmark, (0.0, 0.0))
        outside = "0" if landmark in seen else "1"
        common = {"source": "manual", "outside": outside, "occluded": "0"}
        ET.SubElement(skeleton, "points", label=landmark.key, points=f"{x!r},{y!r}", attrib=common)
    level = "" if vertebra.level is None else vertebra.level.value
    ET.SubElement(skeleton, "attribute", name="level").text = level
    ET.SubElement(skeleton, "attribute", name="flags").text = " ".join(sorted(vertebra.flags))


def _parse(text: str) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("the file declares entities, which no export does; export it again")
    try:
        return ET.fromstring(text.encode())
    except ET.ParseError as error:
        raise ValueError(f"no readable XML ({error})") from error


def _film(image: ET.Element, folder: Path, facing: Facing | None) -> AnnotatedFilm:
    name = image.attrib["name"]
    if not (folder / name).is_file() and (folder / "images" / name).is_file():
        name = f"images/{name}"
    facts: dict[str, Any] | None = None
    bodies: dict[Any, Body] = {}
    for number, shape in enumerate(image):
        if shape.tag == "tag":
            facts = _facts(_attributes(shape).get(FACTS, "null")) or facts
        else:
            with in_entry(f"<{shape.tag}> {number + 1} of the image"):
                _add(bodies, shape, number)
    size = (whole_px(image.attrib["width"], "width"), whole_px(image.attrib["height"], "height"))
    return to_film(name, size, bodies.values(), facts, facing)


def _facts(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(
            f"{FACTS} of the tag {_FILM} is {text!r:.40}; expected JSON, as this program wrote it"
        ) from None


def _add(bodies: dict[Any, Body], shape: ET.Element, number: int) -> None:
    level, landmark = parse_label(shape.attrib["label"])
    attributes = _attributes(shape)
    group: Any = f"shape {number}"
    if shape.tag == "points":
        group = shape.get("group_id") or level
        if group is None or landmark is None:
            raise ValueError(f"points {shape.attrib['label']!r} need a corner's name, and a level or a group_id")
    body = bodies.setdefault(group, Body())
    body.name(level or parse_label(attributes.get("level", ""))[0])
    body.flags |= split_flags(attributes.get("flags", ""))
    if shape.tag == "skeleton":
        for point in shape.findall("points"):
            _mark(body, point, parse_label(point.attrib["label"])[1])
    elif shape.tag == "points":
        _mark(body, shape, landmark)
    elif shape.tag == "polygon":
        body.outline = _points(shape)
    else:
        raise ValueError(f"<{shape.tag}>: mark vertebrae as skeletons, or as polygons of four corners")


def _mark(body: Body, point: ET.Element, landmark: VertebralLandmark | None) -> None:
    if landmark is None:
        raise ValueError(f"point {point.attrib['label']!r} is no corner; name it as superior_anterior")
    if point.get("outside", "0") == "0":
        points = _points(point)
        if len(points) != 1:
            raise ValueError(f"{len(points)} points are one {point.attrib['label']!r}; expected one")
        body.mark(landmark, *points[0])


def _points(shape: ET.Element) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in shape.attrib["points"].split(";")]
    return [as_place(pair, f"a point of {shape.attrib['label']!r}") for pair in pairs]


def _attributes(shape: ET.Element) -> dict[str, str]:
    return {str(a.get("name")): a.text or "" for a in shape.findall("attribute")}

"""COCO keypoints, the project's own annotation format: read and write, each the inverse of the other.

One category ``vertebra`` whose keypoints are named by `VertebralLandmark.key`; an annotation is one vertebra, cranial
to caudal within its image. Visibility is 2 for a point that is seen, 1 for one that is marked although something
covers it, and 0 (with x = y = 0) for one that is not on the film. ``attributes`` of an annotation carry level, flags,
confidence and whatever else the film's ``details`` hold; an image carries ``spacing``, ``patient``, ``facing`` and
whatever else the film's ``extra`` holds, for example ``phase`` and ``truth``.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations.checked import (
    MAX_PX,
    as_keys,
    as_list,
    as_number,
    as_one_of,
    as_text,
    in_entry,
    is_px,
)
from kummell_ai.annotations.flags import parse_flags
from kummell_ai.annotations.source import OnFault, read_json, understood_as, usable, whole_px
from kummell_ai.annotations.writing import whole_file
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph

CATEGORY = "vertebra"
SKELETON = [[1, 2], [2, 4], [4, 3], [3, 1]]
"""The body's outline through the four corners, as 1-based keypoint numbers."""

_REFERENCE_TEXT = (
    "sha256", "patient_sex", "study_uid", "series_uid", "sop_instance_uid", "modality", "view_position",
    "patient_position", "manufacturer",
)  # fmt: skip
_IMAGE_KEYS = frozenset(
    {"id", "file_name", "width", "height", "name", "patient", "acquired", "facing", "lateral_probability", "spacing",
     "simulated", "frame_number", *_REFERENCE_TEXT}
)  # fmt: skip
_ATTRIBUTES = frozenset({"level", "level_probability", "confidence", "flags", "points", "covariance_px"})
_SEEN, _HIDDEN, _NOT_SEEN = 2, 1, 0
_FORM = "COCO keypoints"
_Entry = tuple[dict[str, Any], list[dict[str, Any]]]
_Orders = dict[Any, tuple[VertebralLandmark, ...]]


@dataclass(frozen=True, slots=True)
class AnnotatedFilm:
    """A film's file, size and landmarks.

    Attributes:
        file_name: relative to the annotation file, with forward slashes.
        size_px: (width, height).
        landmarks: in the film's own pixels.
        spacing: pixel size, or None when the annotation does not say.
        extra: anything else of the image entry that JSON can hold, for example ``phase`` and ``truth``.
        details: anything else about each vertebra that JSON can hold, in the order of the landmarks; empty when there
            is nothing.
    """

    file_name: str
    size_px: tuple[int, int]
    landmarks: SpineLandmarks
    spacing: PixelSpacing | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    details: tuple[dict[str, Any], ...] = ()


def write_coco(path: Path | str, films: Iterable[AnnotatedFilm]) -> None:
    """Write ``films`` as one COCO file, one entry a line; patient names and absolute paths are left out.

    Args:
        path: file to write.
        films: gone through three times, so that they need not all be in memory.

    Raises:
        ValueError: ``extra`` or ``details`` use a name that the format itself uses, or ``films`` is used up by going
            through it once.
    """
    if isinstance(films, Iterator):
        raise ValueError(
            "films can be gone through only once; give a sequence, or an object that starts anew each time"
        )
    with whole_file(path) as stream:
        stream.writelines(_lines(films))


def _lines(films: Iterable[AnnotatedFilm]) -> Iterator[str]:
    """The document's text: an entry a line, so that a long one can be read by eye and written without being held."""
    points = _points(films)
    for key, value in _head(points).items():
        yield f"{'{' if key == 'info' else ''}{json.dumps(key)}: {_text(value)},\n"
    for key, entries in (("images", _images(films)), ("annotations", _annotations(films, points))):
        yield f"{json.dumps(key)}: ["
        for number, entry in enumerate(entries):
            yield f"{',' if number else ''}\n{_text(entry)}"
        yield "],\n" if key == "images" else "]}\n"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _points(films: Iterable[AnnotatedFilm]) -> int:
    return max((len(v.points_px) for film in films for v in film.landmarks.vertebrae), default=4)


def _head(points: int) -> dict[str, Any]:
    names = [landmark.key for landmark in VertebralLandmark][:points]
    category = {"id": 1, "name": CATEGORY, "supercategory": "spine", "keypoints": names, "skeleton": SKELETON}
    return {
        "info": {"description": "Vertebral landmarks; x, y in px from the top-left corner, pixel centres at + 0.5"},
        "categories": [category],
    }


def _images(films: Iterable[AnnotatedFilm]) -> Iterator[dict[str, Any]]:
    for number, film in enumerate(films, start=1):
        yield image_entry(film, number)


def _annotations(films: Iterable[AnnotatedFilm], points: int) -> Iterator[dict[str, Any]]:
    count = 0
    for number, film in enumerate(films, start=1):
        details: tuple[Mapping[str, Any], ...] = film.details or ({},) * len(film.landmarks.vertebrae)
        for vertebra, detail in zip(film.landmarks.vertebrae, details, strict=True):
            count += 1
            entry = _annotation(vertebra, count, number, points)
            _refuse_clash(f"details of {film.file_name}", _ATTRIBUTES.intersection(detail))
            entry["attributes"].update(detail)
            yield entry


def _refuse_clash(what: str, names: frozenset[str]) -> None:
    if names:
        raise ValueError(f"{what} uses {', '.join(sorted(names))}, which the format itself uses; rename it")


def image_entry(film: AnnotatedFilm, number: int) -> dict[str, Any]:
    """Everything about a film but its vertebrae, as JSON values; `film_from_entry` is the inverse.

    Raises:
        ValueError: ``extra`` uses a name that the format itself uses.
    """
    _refuse_clash(f"extra of {film.file_name}", _IMAGE_KEYS.intersection(film.extra))
    reference = film.landmarks.reference
    entry: dict[str, Any] = {
        "id": number,
        "file_name": film.file_name,
        "width": film.size_px[0],
        "height": film.size_px[1],
        "name": reference.name,
        "patient": reference.patient_id,
        "acquired": None if reference.acquired is None else reference.acquired.isoformat(),
        "facing": film.landmarks.facing.value,
        "lateral_probability": film.landmarks.lateral_probability,
        "spacing": None if film.spacing is None else _spacing(film.spacing),
        "simulated": reference.simulated,
        "frame_number": reference.frame_number,
        **{key: getattr(reference, key) for key in _REFERENCE_TEXT},
    }
    return {key: value for key, value in entry.items() if value is not None} | film.extra


def _spacing(spacing: PixelSpacing) -> dict[str, Any]:
    return {
        "row_mm": spacing.row_mm,
        "column_mm": spacing.column_mm,
        "calibration": spacing.calibration.value,
        "magnification": spacing.magnification,
    }


def _annotation(vertebra: VertebraLandmarks, number: int, image: int, points: int) -> dict[str, Any]:
    keypoints: list[float] = []
    for landmark in list(VertebralLandmark)[:points]:
        x, y = (float(v) for v in vertebra.point(landmark))
        seen = math.isfinite(x) and math.isfinite(y)
        keypoints += [x, y, _HIDDEN if landmark in vertebra.hidden else _SEEN] if seen else [0.0, 0.0, _NOT_SEEN]
    box = _box(vertebra.points_px)
    attributes: dict[str, Any] = {
        "level": None if vertebra.level is None else vertebra.level.value,
        "level_probability": vertebra.level_probability,
        "confidence": vertebra.confidence,
        "flags": sorted(vertebra.flags),
        "points": len(vertebra.points_px),
    }
    if vertebra.covariance_px is not None:
        flat = vertebra.covariance_px.reshape(-1).tolist()
        attributes["covariance_px"] = [value if math.isfinite(value) else None for value in flat]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": sum(visibility > _NOT_SEEN for visibility in keypoints[2::3]),
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "attributes": attributes,
    }


def _box(points: FloatArray) -> list[float]:
    """x, y, width, height of the points that are seen; zeros when none is."""
    seen = points[np.isfinite(points).all(axis=1)]
    if not len(seen):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = seen.min(axis=0), seen.max(axis=0)
    return [float(v) for v in (*low, *(high - low))]


def with_patient(film: AnnotatedFilm, radiograph: Radiograph) -> AnnotatedFilm:
    """The annotation with the patient of the film's header where it names none itself."""
    reference = film.landmarks.reference
    if reference.patient_id or not radiograph.reference.patient_id:
        return film
    known = replace(reference, patient_id=radiograph.reference.patient_id)
    return replace(film, landmarks=replace(film.landmarks, reference=known))


def read_coco(path: Path | str, on_fault: OnFault | None = None) -> tuple[AnnotatedFilm, ...]:
    """The annotated films of a COCO file, in the order of its images.

    Files of other programs are read too, as long as their keypoints are named as ours, in any order.

    Args:
        path: file.
        on_fault: told of each film that cannot be understood, which is left out; None = such a film ends the reading.

    Raises:
        InputError: not JSON, no COCO, or an entry that cannot be understood.
    """
    file = Path(path)
    document = read_json(file)
    with understood_as(_FORM, file):
        entries, orders = _entries(document)

    def read(entry: _Entry) -> AnnotatedFilm:
        with understood_as(_FORM, file, _name(entry)):
            return _film(entry, orders)

    return usable(entries, _name, read, on_fault)


def _name(entry: _Entry) -> str:
    return str(entry[0].get("file_name", f"image {entry[0]['id']}"))


def _entries(document: Any) -> tuple[list[_Entry], _Orders]:
    """Each image with its vertebrae, as they stand there, and the keypoints' order by category."""
    parts = as_keys(document, "the whole file")
    kinds, images, vertebrae = (_named(parts, key) for key in ("categories", "images", "annotations"))
    with in_entry("categories"):
        orders = {kind["id"]: _order(kind) for kind in kinds if kind["name"] == CATEGORY}
    if not orders:
        raise ValueError(f"no category is called {CATEGORY!r}")
    with in_entry("images"):
        numbers = [image["id"] for image in images]
        found: dict[Any, list[dict[str, Any]]] = {number: [] for number in numbers}
    if len(set(numbers)) < len(numbers):
        twice = next(n for n in numbers if numbers.count(n) > 1)
        raise ValueError(f"image id {twice} stands {numbers.count(twice)} times; merged files need ids of their own")
    for number, entry in enumerate(vertebrae, start=1):
        with in_entry(f"annotation {entry.get('id', number)}"):
            if entry["category_id"] in orders:
                if entry["image_id"] not in found:
                    of = f"annotation {entry['id']} belongs to image {entry['image_id']}"
                    raise ValueError(f"{of}, which does not exist; give its image, or take it away")
                found[entry["image_id"]].append(entry)
    return [(image, found[number]) for image, number in zip(images, numbers, strict=True)], orders


def _named(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The entries of a part of the document."""
    with in_entry("the file"):
        entries = as_list(document[key], key)
    return [as_keys(entry, f"entry {number} of {key}") for number, entry in enumerate(entries, start=1)]


def _film(entry: _Entry, orders: _Orders) -> AnnotatedFilm:
    image, vertebrae = entry
    bodies = []
    for vertebra in vertebrae:
        with in_entry(f"annotation {vertebra.get('id')}"):
            bodies.append(_vertebra(vertebra, orders[vertebra["category_id"]]))
    film = film_from_entry(image, tuple(bodies))
    details = [{k: v for k, v in (v.get("attributes") or {}).items() if k not in _ATTRIBUTES} for v in vertebrae]
    check_finite(details, "attributes")
    return replace(film, details=tuple(details) if any(details) else ())


def _order(category: dict[str, Any]) -> tuple[VertebralLandmark, ...]:
    keys = {landmark.key: landmark for landmark in VertebralLandmark}
    unknown = [name for name in as_list(category["keypoints"], "keypoints of the category") if name not in keys]
    if unknown:
        raise ValueError(f"keypoint {unknown[0]!r:.40} is not one of {', '.join(keys)}")
    return tuple(keys[name] for name in category["keypoints"])


def _vertebra(entry: dict[str, Any], order: tuple[VertebralLandmark, ...]) -> VertebraLandmarks:
    values = _keypoints(entry, order)
    attributes = as_keys(entry.get("attributes") or {}, f"attributes of annotation {entry['id']}")
    count = attributes.get("points", 4 if len(order) <= 4 else 6)
    if count not in (4, 6):
        raise ValueError(f"attributes.points of annotation {entry['id']} is {count!r:.40}; expected 4 or 6")
    count = int(count)
    points = np.full((6, 2), np.nan)
    hidden = set()
    for landmark, (x, y, visibility) in zip(order, values, strict=True):
        if visibility > _NOT_SEEN:
            points[landmark] = x, y
        if visibility == _HIDDEN:
            hidden.add(landmark)
    level, flat = attributes.get("level"), attributes.get("covariance_px")
    return VertebraLandmarks(
        points_px=points[:count],
        level=None if level is None else VertebralLevel.parse(as_text(level, f"level of annotation {entry['id']}")),
        level_probability=_probability(attributes.get("level_probability"), "level_probability"),
        covariance_px=None if flat is None else _covariance(flat, count, f"covariance_px of annotation {entry['id']}"),
        confidence=_probability(attributes.get("confidence"), "confidence", 1.0),
        flags=parse_flags(attributes.get("flags") or (), f"annotation {entry['id']}"),
        hidden=frozenset(hidden),
    )


def _keypoints(entry: dict[str, Any], order: tuple[VertebralLandmark, ...]) -> FloatArray:
    """x, y and visibility of each keypoint, (P, 3)."""
    values = as_list(entry["keypoints"], f"keypoints of annotation {entry['id']}")
    if len(values) != 3 * len(order):
        raise ValueError(f"annotation {entry['id']} needs {3 * len(order)} keypoint numbers, not {len(values)}")
    numbers = []
    for at, value in enumerate(values):
        what = f"{('x', 'y', 'visibility')[at % 3]} of {order[at // 3].key} in annotation {entry['id']}"
        number = np.nan if value is None else as_number(value, what)
        if not is_px(number):
            limit = f"a finite number of px, {MAX_PX:,.0f} at most"
            raise ValueError(f"{what} is {number}; expected {limit}, and 0, 0, 0 for a point that is not seen")
        numbers.append(number)
    return np.array(numbers).reshape(-1, 3)


def _covariance(values: Any, count: int, what: str) -> FloatArray:
    """(count, 2, 2) px² from a flat list, in which null stands for a point that is not seen."""
    numbers = [np.nan if value is None else as_number(value, what) for value in as_list(values, what)]
    if len(numbers) != 4 * count:
        raise ValueError(f"{what} has {len(numbers)} numbers; expected four for each of {count} points")
    return np.array(numbers).reshape(count, 2, 2)


def film_from_entry(image: dict[str, Any], vertebrae: tuple[VertebraLandmarks, ...]) -> AnnotatedFilm:
    """The film of an `image_entry`; ``file_name``, ``width`` and ``height`` must be there.

    Raises:
        KeyError: one of them is missing.
        ValueError: an entry has an impossible value.
    """
    frame = image.get("frame_number")
    if frame is not None and (isinstance(frame, bool) or not isinstance(frame, int) or frame < 1):
        raise ValueError(f"frame_number is {frame!r:.40}; expected a whole number of 1 or more")
    reference = ImageReference(
        name=_text_or_none(image, "name") or Path(str(image["file_name"])).name,
        patient_id=_text_or_none(image, "patient"),
        acquired=_moment(image.get("acquired")),
        frame_number=frame,
        simulated=bool(image.get("simulated", False)),
        **{key: _text_or_none(image, key) for key in _REFERENCE_TEXT},
    )
    spacing = image.get("spacing")
    facing = as_one_of(Facing, image.get("facing", Facing.UNKNOWN.value), "facing")
    lateral = _probability(image.get("lateral_probability"), "lateral_probability")
    extra = {key: value for key, value in image.items() if key not in _IMAGE_KEYS}
    check_finite(extra, "the entry")
    _check_truth(extra)
    return AnnotatedFilm(
        file_name=str(image["file_name"]),
        size_px=(whole_px(image["width"], "width"), whole_px(image["height"], "height")),
        landmarks=SpineLandmarks(vertebrae, reference, facing, lateral),
        spacing=None if spacing is None else _read_spacing(spacing),
        extra=extra,
    )


def _moment(value: Any) -> dt.datetime | None:
    try:
        return None if value is None else dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"acquired is {value!r:.40}; expected a date and time, as 2024-03-04T09:30:00") from None


def check_finite(value: Any, what: str) -> None:
    """Whether ``value`` holds finite numbers only: JSON has no others, so that they could not be written again.

    Raises:
        ValueError: one is NaN or infinite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{what} is {value}; expected a finite number, or null")
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            check_finite(part, f"{key!r} of {what}" if isinstance(value, dict) else what)


def _check_truth(extra: Mapping[str, Any]) -> None:
    """Whether the true measurements are numbers by name."""
    for key in ("truth", "projected_truth"):
        values = extra.get(key)
        if values is None:
            continue
        if not isinstance(values, dict):
            raise ValueError(f"{key} is {values!r:.40}; expected numbers by name, as {{'wedge_angle_deg': 12.5}}")
        for name, value in values.items():
            if value is not None and not _is_number(value):
                raise ValueError(f"{name} of {key} is {value!r:.40}; expected a number")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@overload
def _probability(value: Any, what: str) -> float | None: ...
@overload
def _probability(value: Any, what: str, otherwise: float) -> float: ...
def _probability(value: Any, what: str, otherwise: float | None = None) -> float | None:
    """``value``, or ``otherwise`` where there is none."""
    if value is None:
        return otherwise
    if not (_is_number(value) and 0 <= value <= 1):
        raise ValueError(f"{what} is {value!r:.40}; expected a number of 0 to 1")
    return float(value)


def _text_or_none(image: Mapping[str, Any], key: str) -> str | None:
    """A text; a whole number, as other programs write the patient, is taken as its digits."""
    value = image.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{key} is {value!r:.40}; expected a text")


def _read_spacing(value: Any) -> PixelSpacing:
    entry = as_keys(value, "spacing")
    calibration = as_one_of(Calibration, entry.get("calibration", Calibration.ASSUMED.value), "calibration")
    magnification = entry.get("magnification")
    if magnification is not None and not (_is_number(magnification) and 0 < magnification < math.inf):
        raise ValueError(f"magnification is {magnification!r:.40}; expected a number above 0")
    with in_entry("spacing"):
        row_mm, column_mm = (as_number(entry[key], key) for key in ("row_mm", "column_mm"))
    return PixelSpacing(row_mm, column_mm, calibration, magnification)

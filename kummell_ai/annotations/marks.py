"""What the drawing tools share: named points and outlines of a film, gathered into vertebrae."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations.checked import as_keys, as_one_of, as_text, check_place
from kummell_ai.annotations.coco import AnnotatedFilm, film_from_entry, image_entry
from kummell_ai.annotations.corners import facing_of, order_outlines
from kummell_ai.annotations.flags import parse_flags
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray

VERTEBRA = "vertebra"
"""Label of a vertebra without a name."""

FACTS = "kummell_ai"
"""Key under which the tools carry what they have no field for: facing, spacing, patient, phase, truth."""

_WORDS = re.compile(r"[\s:/|,]+")
_KEYS = {landmark.key: landmark for landmark in VertebralLandmark}


@dataclass(slots=True)
class Body:
    """What is marked of one vertebra.

    Attributes:
        level: its name, or None.
        flags: words about it.
        points: named points, image px.
        outline: four corners in any order, image px; empty when points are named.
    """

    level: VertebralLevel | None = None
    flags: set[str] = field(default_factory=set)
    points: dict[VertebralLandmark, tuple[float, float]] = field(default_factory=dict)
    outline: list[tuple[float, float]] = field(default_factory=list)

    def mark(self, landmark: VertebralLandmark, x: float, y: float) -> None:
        """Add a named point.

        Raises:
            ValueError: the point is there already, or a coordinate is not finite or too large.
        """
        check_place((x, y), f"{landmark.key} of {self.title}")
        if landmark in self.points:
            raise ValueError(f"{landmark.key} is marked twice on {self.title}; keep one, or give each vertebra a group")
        self.points[landmark] = (x, y)

    def name(self, level: VertebralLevel | None) -> None:
        """Set the level unless ``level`` is None.

        Raises:
            ValueError: the vertebra is called otherwise already.
        """
        if level is not None and self.level not in (None, level):
            raise ValueError(f"one group is called both {self.level} and {level}; give each vertebra a group")
        self.level = level or self.level

    @property
    def title(self) -> str:
        """The level's name, or `VERTEBRA`."""
        return VERTEBRA if self.level is None else self.level.value


def parse_label(label: Any) -> tuple[VertebralLevel | None, VertebralLandmark | None]:
    """Level and landmark in a label, in any order; None for what it does not say.

    Raises:
        ValueError: it is no text, or a word is neither.

    >>> [part.name for part in parse_label("L1 superior-anterior")]
    ['L1', 'SUPERIOR_ANTERIOR']
    >>> parse_label("vertebra")
    (None, None)
    """
    level: VertebralLevel | None = None
    landmark: VertebralLandmark | None = None
    for word in _WORDS.split(as_text(label, "the label").strip()):
        key = word.lower().replace("-", "_")
        if key in _KEYS:
            landmark = _KEYS[key]
        elif word.upper() in VertebralLevel.__members__:
            level = VertebralLevel.parse(word)
        elif key not in (VERTEBRA, ""):
            raise ValueError(f"label {label!r}: {word!r} is neither a level nor one of {', '.join(_KEYS)}")
    return level, landmark


def to_vertebrae(bodies: Iterable[Body], facing: Facing) -> tuple[VertebraLandmarks, ...]:
    """Vertebrae from top to bottom; bodies without any point are left out.

    Raises:
        ValueError: an outline is no quadrilateral, a flag is unknown, or the film's facing is needed and unknown.
    """
    kept = [body for body in bodies if body.points or body.outline]
    for body in kept:
        for xy in body.outline:
            check_place(xy, f"the outline of {body.title}")
    outlined = [body for body in kept if not body.points]
    outlined.sort(key=lambda body: sum(y for _, y in body.outline) / len(body.outline))
    corners = order_outlines([np.array(body.outline) for body in outlined], facing) if outlined else ()
    found = {id(body): points for body, points in zip(outlined, corners, strict=True)}
    made = [
        VertebraLandmarks(found.get(id(body), _array(body)), body.level, flags=parse_flags(body.flags, body.title))
        for body in kept
    ]
    return tuple(sorted(made, key=_height))


def _height(body: VertebraLandmarks) -> float:
    """How far down its film a body lies by its corners, or by its middles where no corner is seen (px)."""
    centre = float(body.centre_px[1])
    return centre if math.isfinite(centre) else float(np.nanmean(body.points_px[:, 1]))


def _array(body: Body) -> FloatArray:
    points = np.full((6, 2), np.nan)
    for landmark, xy in body.points.items():
        points[landmark] = xy
    return points if max(body.points, default=0) >= VertebralLandmark.SUPERIOR_MIDDLE else points[:4]


def seen_points(vertebra: VertebraLandmarks) -> dict[VertebralLandmark, tuple[float, float]]:
    """The points of a vertebra that are seen, image px."""
    points = {VertebralLandmark(i): (float(x), float(y)) for i, (x, y) in enumerate(vertebra.points_px)}
    return {landmark: xy for landmark, xy in points.items() if math.isfinite(xy[0]) and math.isfinite(xy[1])}


def title_of(vertebra: VertebraLandmarks) -> str:
    """The level's name, or `VERTEBRA`."""
    return VERTEBRA if vertebra.level is None else vertebra.level.value


def facts_of(film: AnnotatedFilm) -> dict[str, Any]:
    """What a tool carries along untouched under `FACTS`.

    Raises:
        ValueError: ``extra`` uses a name of the format.
    """
    return {key: value for key, value in image_entry(film, 1).items() if key not in ("id", "file_name")}


def to_film(
    file_name: str,
    size_px: tuple[int, int],
    bodies: Iterable[Body],
    facts: Any,
    facing: Facing | None,
) -> AnnotatedFilm:
    """A film of what was marked; ``facing`` overrules `FACTS`, and named points tell where both are silent.

    Raises:
        ValueError: an outline is no quadrilateral, a flag is unknown, or the film's facing is needed and unknown.
        KeyError: facts are incomplete.
    """
    carried = as_keys(facts or {}, FACTS)
    known = facing or as_one_of(Facing, carried.get("facing", Facing.UNKNOWN.value), "facing")
    vertebrae = to_vertebrae(bodies, known)
    entry = {**carried, "file_name": file_name, "width": size_px[0], "height": size_px[1]}
    film = film_from_entry(entry, vertebrae)
    if known is Facing.UNKNOWN:
        known = facing_of([v.points_px for v in vertebrae])
    return replace(film, landmarks=replace(film.landmarks, facing=known))

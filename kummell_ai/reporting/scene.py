"""What is drawn over a film: bodies, corners, names, angle lines, scale bar."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kummell_ai.anatomy import CORNERS, VertebralLevel
from kummell_ai.measurement.results import RadiographMeasurement, VertebraMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.angle_marks import cobb_lines, index_plates
from kummell_ai.reporting.ellipses import corner_ellipses
from kummell_ai.reporting.names import place_names
from kummell_ai.reporting.page_words import translator
from kummell_ai.reporting.pen import Pen, to_point
from kummell_ai.reporting.room import ANATOMY, LINE, Room
from kummell_ai.reporting.view import View
from kummell_ai.reporting.words import RESEARCH_USE

RING = [0, 1, 3, 2]
"""Corner rows in the order that walks around the body."""

CORNER_COLOUR = {corner: s.SUPERIOR if corner.key.startswith("superior") else s.INFERIOR for corner in CORNERS}

SMALL = 0.76
"""Height of the text at the border, in heights of a name."""

BAR_MM = 20.0
"""Length of the scale bar."""


def build_scene(
    measurement: RadiographMeasurement,
    view: View,
    index_level: VertebralLevel | None = None,
    language: str = "en",
    *,
    with_ellipses: bool = False,
) -> s.Scene:
    """The drawing of ``measurement`` in ``view``; ``index_level`` is highlighted and gets its angles.

    ``with_ellipses`` its corners, and those of its Cobb angle, get the ellipses that hold them in 95 %.
    """
    pen, room = Pen(measurement, view, translator(language)), Room(view.size)
    lines = cobb_lines(pen, index_level) if index_level is not None else []
    outlines = [shape for v in measurement.vertebrae for shape in _outline(pen, v, _is_index(v, index_level))]
    dots = [dot for v in measurement.vertebrae for dot in _dots(pen, v)]
    for vertebra in measurement.vertebrae:
        ring = _ring(pen, vertebra)
        if ring:
            room.take(ring)
    for disc in _discs(pen):
        room.take(disc)
    for line in lines:
        if line.colour != s.INK:
            room.take((line.start, line.end), LINE)
    for dot in dots:
        (x, y), r = dot.centre, dot.radius
        room.take_box((x - r, y - r, x + r, y + r), ANATOMY)
    names = place_names(pen, room, index_level)
    plates = index_plates(pen, room, index_level, lines) if index_level is not None else []
    ellipses = corner_ellipses(pen, index_level) if with_ellipses and index_level is not None else []
    parts = [*outlines, *lines, *ellipses, *dots, *names, *plates, *_furniture(pen, room)]
    return s.Scene(view.size[0], view.size[1], tuple(parts), _title(measurement))


def _title(measurement: RadiographMeasurement) -> str:
    names = [str(v.level) if v.level is not None else "unnamed" for v in measurement.vertebrae]
    return f"{measurement.reference.name}: {', '.join(names) or 'no vertebra'}"


def _is_index(vertebra: VertebraMeasurement, index_level: VertebralLevel | None) -> bool:
    return vertebra.level is not None and vertebra.level is index_level


def _ring(pen: Pen, vertebra: VertebraMeasurement) -> list[s.Point]:
    """The corners that are seen, in the order that walks around the body."""
    return [to_point(point) for point in pen.points(vertebra)[RING] if np.isfinite(point).all()]


def _discs(pen: Pen) -> list[list[s.Point]]:
    """What lies between each body and the next one."""
    points = [pen.points(vertebra) for vertebra in pen.measurement.vertebrae]
    spaces = [np.array([above[2], above[3], below[1], below[0]]) for above, below in pairwise(points)]
    return [[to_point(corner) for corner in space] for space in spaces if np.isfinite(space).all()]


def _outline(pen: Pen, vertebra: VertebraMeasurement, is_index: bool) -> list[s.Shape]:
    """The body as a polygon, or the sides of which both corners are seen; with a dark casing."""
    ring = tuple(_ring(pen, vertebra))
    colour, thick, thin = (s.INDEX, 2.6, 1.3) if is_index else (s.OUTLINE, 2.0, 0.75)
    if len(ring) == len(RING):
        fill = 0.16 if is_index else 0.0
        return [s.Polygon(ring, s.INK, pen.line * thick), s.Polygon(ring, colour, pen.line * thin, fill)]
    points = pen.points(vertebra)[RING]
    sides = [side for side in zip(points, np.roll(points, -1, axis=0), strict=True) if np.isfinite(side).all()]
    return [
        s.Line(to_point(a), to_point(b), c, pen.line * w) for c, w in ((s.INK, thick), (colour, thin)) for a, b in sides
    ]


def _dots(pen: Pen, vertebra: VertebraMeasurement) -> list[s.Dot]:
    """One dot a corner, coloured by its endplate."""
    corners = zip(CORNERS, pen.points(vertebra), strict=True)
    return [s.Dot(to_point(p), pen.line * 2.0, CORNER_COLOUR[c]) for c, p in corners if np.isfinite(p).all()]


def _furniture(pen: Pen, room: Room) -> list[s.Shape]:
    """Research-use line, scale bar and side of the front, each at the first free place along the border."""
    parts: list[s.Shape] = [_at_border(pen, room, pen.say(RESEARCH_USE), (False, True))]
    if pen.measurement.vertebrae:
        word = pen.say("◂ front" if pen.front < 0 else "front ▸")
        parts.insert(0, _at_border(pen, room, word, (True, False)))
    if pen.view.px_per_mm is not None:
        parts += _scale_bar(pen, room, BAR_MM * pen.view.px_per_mm)
    return parts


def _border(pen: Pen, tops: tuple[bool, ...]) -> list[tuple[s.Point, str]]:
    """Places for one line of text and its anchors, best first: in front, then behind; from the border inwards."""
    width, height = pen.view.size
    edge, rows = 0.7 * pen.text, [(1.0 + 1.4 * row) * pen.text for row in range(4)]
    front, behind = ((edge, "start"), (width - edge, "end"))[:: -1 if pen.front > 0 else 1]
    sides = [(side, top) for side in (front, behind) for top in tops]
    return [((x, y if top else height - y), anchor) for (x, anchor), top in sides for y in rows]


def _at_border(pen: Pen, room: Room, text: str, tops: tuple[bool, ...]) -> s.Label:
    labels = [pen.label(at, text, s.MUTED, anchor, size=SMALL * pen.text) for at, anchor in _border(pen, tops)]
    label = labels[room.best(label.box for label in labels)[0]]
    room.take_box(label.box)
    return label


def _scale_bar(pen: Pen, room: Room, length: float) -> list[s.Shape]:
    """A bar with its length, in a free place along the border."""
    text, tick = f"{BAR_MM:.0f} mm", 0.3 * pen.text
    bars = []
    for at, anchor in _border(pen, (False, True)):
        end = at[0] + (1.0 if anchor == "start" else -1.0) * length
        beside = end + (0.8 if anchor == "start" else -0.8) * pen.text
        label = pen.label((beside, at[1]), text, s.OUTLINE, anchor, size=SMALL * pen.text)
        x0, y0, x1, y1 = label.box
        bars.append((at, end, label, (min(x0, at[0]), y0, max(x1, at[0]), y1)))
    (x, y), end, label, around = bars[room.best(bar[-1] for bar in bars)[0]]
    room.take_box(around)
    strokes = [((x, y), (end, y)), ((x, y - tick), (x, y + tick)), ((end, y - tick), (end, y + tick))]
    casings = [s.Line(a, b, s.INK, pen.line * 2.6) for a, b in strokes]
    return [*casings, *(s.Line(a, b, s.OUTLINE, pen.line) for a, b in strokes), label]

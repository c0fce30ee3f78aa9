"""The marks at the injured level: Cobb lines, anterior height, wedge angle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.pen import Pen, to_point
from kummell_ai.reporting.room import Room
from kummell_ai.reporting.words import number, unit_text

REACH = 0.5
"""How far the Cobb lines stand out in front, in depths of a body."""

ROW = 1.36
"""From one line of text to the next, in its height."""

SMALLER = (1.0, 0.85, 0.72)
"""Sizes of the plates' text, in heights of a name, best first."""

NEAR = 12.0
"""How far a plate may move to a free place, in heights of its text."""

Ends = tuple[FloatArray, FloatArray]
"""Anterior and posterior end of an endplate, each (2,) scene px."""


def cobb_lines(pen: Pen, level: VertebralLevel) -> list[s.Line]:
    """The two endplate lines of the segmental Cobb angle and, dashed and last, what joins them in front."""
    segment = pen.measurement.segment("segmental_cobb", level)
    if segment is None or segment.angle.value is None:
        return []
    upper = _endplate(pen, segment.upper, segment.upper_endplate)
    lower = _endplate(pen, segment.lower, segment.lower_endplate)
    if upper is None or lower is None:
        return []
    reach = max(float(np.linalg.norm(anterior - posterior)) for anterior, posterior in (upper, lower))
    lines: list[s.Line] = []
    tips = []
    for anterior, posterior in (upper, lower):
        along = (anterior - posterior) / max(float(np.linalg.norm(anterior - posterior)), 1e-9)
        tips.append(to_point(pen.inside(anterior, anterior + along * REACH * reach)))
        tail = to_point(posterior - along * 0.12 * reach)
        lines += [s.Line(tail, tips[-1], c, pen.line * w) for c, w in ((s.INK, 2.6), (s.COBB, 1.2))]
    casing = s.Line(tips[0], tips[1], s.INK, pen.line * 1.8)
    return [*lines, casing, s.Line(tips[0], tips[1], s.COBB, pen.line * 0.8, dashed=True)]


def index_plates(pen: Pen, room: Room, level: VertebralLevel, lines: list[s.Line]) -> list[s.Shape]:
    """Cobb angle, anterior height and wedge angle, in front of the spine where nothing measured is covered."""
    return [*_cobb_plate(pen, room, level, lines), *_body_plates(pen, room, level)]


def _cobb_plate(pen: Pen, room: Room, level: VertebralLevel, lines: list[s.Line]) -> list[s.Shape]:
    """The number, outside the middle of the dashed line (the last of ``lines``)."""
    segment = pen.measurement.segment("segmental_cobb", level)
    if not lines or segment is None or segment.angle.value is None:
        return []
    (x0, y0), (x1, y1) = lines[-1].start, lines[-1].end
    text = f"Cobb {number(segment.angle.value, 1)}°"
    at = (0.5 * (x0 + x1) + pen.front * 0.7 * pen.text, 0.5 * (y0 + y1))
    return _placed(pen, room, [s.Label(at, text, pen.text, s.COBB, _front_anchor(pen), bold=True)])


def _body_plates(pen: Pen, room: Room, level: VertebralLevel) -> list[s.Shape]:
    """Anterior height and wedge angle of the injured body, one above the other."""
    vertebra = pen.measurement.at(level)
    if vertebra is None:
        return []
    points = pen.points(vertebra)[[0, 2]]
    if not np.isfinite(points).all():
        return []
    texts = []
    for quantity_id, word in (("anterior_height", "anterior"), ("wedge_angle", "wedge")):
        quantity = vertebra.quantities.get(quantity_id)
        if quantity is not None and quantity.value is not None:
            texts.append(f"{pen.say(word)} {number(quantity.value, 1)}{unit_text(quantity.unit)}")
    x, y = float(points[:, 0].mean()) + pen.front * 0.9 * pen.text, float(points[:, 1].mean())
    top = y - 0.5 * ROW * pen.text * (len(texts) - 1)
    labels = [
        s.Label((x, top + ROW * pen.text * i), t, pen.text, s.INDEX, _front_anchor(pen)) for i, t in enumerate(texts)
    ]
    return _placed(pen, room, labels)


def _front_anchor(pen: Pen) -> str:
    return "end" if pen.front < 0 else "start"


def _placed(pen: Pen, room: Room, labels: list[s.Label]) -> list[s.Shape]:
    """Labels moved together to the nearest free place, which they take; smaller ones where there is none."""
    if not labels:
        return []
    found: list[tuple[float, list[s.Label]]] = []
    for share in SMALLER:
        (x, y) = labels[0].at
        small = [replace(a, at=(x, y + (a.at[1] - y) * share), size=a.size * share) for a in labels]
        boxes = [label.box for label in small]
        around = (min(b[0] for b in boxes), boxes[0][1], max(b[2] for b in boxes), boxes[-1][3])
        (dx, dy), cost = room.nearest(around, 0.5 * pen.text, NEAR * pen.text)
        found.append((cost, [replace(label, at=(label.at[0] + dx, label.at[1] + dy)) for label in small]))
        if cost == 0.0:
            break
    _, placed = min(found, key=lambda one: one[0])
    for label in placed:
        room.take_box(label.box)
    return list(placed)


def _endplate(pen: Pen, level: VertebralLevel, which: str) -> Ends | None:
    """The ends of an endplate, or None when one is not seen."""
    vertebra = pen.measurement.at(level)
    if vertebra is None:
        return None
    first = 0 if which == Endplate.SUPERIOR.value else 2
    anterior, posterior = pen.points(vertebra)[[first, first + 1]]
    return (anterior, posterior) if np.isfinite([anterior, posterior]).all() else None

"""The marks at the injured level: Cobb lines, anterior height, wedge angle."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.pen import Pen, to_point
from kummell_ai.reporting.words import number, unit_text

Ends = tuple[FloatArray, FloatArray]
"""Anterior and posterior end of an endplate, each (2,) scene px."""


def cobb_marks(pen: Pen, level: VertebralLevel) -> list[s.Shape]:
    """The two endplate lines of the segmental Cobb angle, joined in front, with the number."""
    segment = pen.measurement.segment("segmental_cobb", level)
    if segment is None or segment.angle.value is None:
        return []
    upper = _endplate(pen, segment.upper, segment.upper_endplate)
    lower = _endplate(pen, segment.lower, segment.lower_endplate)
    if upper is None or lower is None:
        return []
    reach = max(float(np.linalg.norm(anterior - posterior)) for anterior, posterior in (upper, lower))
    parts: list[s.Shape] = []
    tips = []
    for anterior, posterior in (upper, lower):
        along = (anterior - posterior) / max(float(np.linalg.norm(anterior - posterior)), 1e-9)
        tips.append(pen.inside(anterior, anterior + along * 0.85 * reach))
        tail = to_point(posterior - along * 0.12 * reach)
        parts += [s.Line(tail, to_point(tips[-1]), c, pen.line * w) for c, w in ((s.INK, 2.6), (s.COBB, 1.2))]
    first, second = to_point(tips[0]), to_point(tips[1])
    parts += [s.Line(first, second, s.INK, pen.line * 1.8), s.Line(first, second, s.COBB, pen.line * 0.8, dashed=True)]
    at = (float(tips[0][0]), float(tips[0][1]) - 1.4 * pen.text)
    text = f"Cobb {number(segment.angle.value, 1)}°"
    return [*parts, pen.label(at, text, s.COBB, "middle", bold=True, size=1.15 * pen.text)]


def index_labels(pen: Pen, level: VertebralLevel) -> list[s.Shape]:
    """Anterior height and wedge angle, written in front of the injured body."""
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
    x = float(points[:, 0].mean()) + pen.front * 1.2 * pen.text
    top = float(points[:, 1].mean()) - 0.7 * pen.text * (len(texts) - 1)
    anchor = "end" if pen.front < 0 else "start"
    return [pen.label((x, top + 1.4 * pen.text * i), text, s.INDEX, anchor) for i, text in enumerate(texts)]


def _endplate(pen: Pen, level: VertebralLevel, which: str) -> Ends | None:
    """The ends of an endplate, or None when one is not seen."""
    vertebra = pen.measurement.at(level)
    if vertebra is None:
        return None
    first = 0 if which == Endplate.SUPERIOR.value else 2
    anterior, posterior = pen.points(vertebra)[[first, first + 1]]
    return (anterior, posterior) if np.isfinite([anterior, posterior]).all() else None

"""What is drawn over a film: bodies, corners, names, angle lines, scale bar."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import CORNERS, VertebralLandmark, VertebralLevel
from kummell_ai.measurement.results import RadiographMeasurement, VertebraMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.angle_marks import cobb_marks, index_labels
from kummell_ai.reporting.page_words import translator
from kummell_ai.reporting.pen import Pen, to_point
from kummell_ai.reporting.view import View
from kummell_ai.reporting.words import RESEARCH_USE

RING = [0, 1, 3, 2]
"""Corner rows in the order that walks around the body."""

FLAG_WORDS = {"fractured": "fracture", "instrumented": "screws", "cemented": "cement", "cropped": "cropped"}
"""What is written beside a body for each flag, in this order."""

CORNER_COLOUR = {corner: s.SUPERIOR if corner.key.startswith("superior") else s.INFERIOR for corner in CORNERS}

FLAG_STEP, FLAG_SIZE = 1.1, 0.74
"""From a name to its flags, and their height, in heights of a name."""

BAR_MM = 20.0
"""Length of the scale bar."""


def build_scene(
    measurement: RadiographMeasurement,
    view: View,
    index_level: VertebralLevel | None = None,
    language: str = "en",
) -> s.Scene:
    """The drawing of ``measurement`` in ``view``; ``index_level`` is highlighted and gets its angles."""
    pen = Pen(measurement, view, translator(language))
    parts: list[s.Shape] = []
    for vertebra in measurement.vertebrae:
        parts += _outline(pen, vertebra, _is_index(vertebra, index_level))
    if index_level is not None:
        parts += cobb_marks(pen, index_level)
    names: list[s.Label] = []
    for vertebra in measurement.vertebrae:
        parts += _dots(pen, vertebra)
        names += _name(pen, vertebra, _is_index(vertebra, index_level), names)
    parts += names
    if index_level is not None:
        parts += index_labels(pen, index_level)
    parts += _furniture(pen, names)
    return s.Scene(view.size[0], view.size[1], tuple(parts), _title(measurement))


def _title(measurement: RadiographMeasurement) -> str:
    names = [str(v.level) if v.level is not None else "unnamed" for v in measurement.vertebrae]
    return f"{measurement.reference.name}: {', '.join(names) or 'no vertebra'}"


def _is_index(vertebra: VertebraMeasurement, index_level: VertebralLevel | None) -> bool:
    return vertebra.level is not None and vertebra.level is index_level


def _outline(pen: Pen, vertebra: VertebraMeasurement, is_index: bool) -> list[s.Shape]:
    """The body as a polygon of the corners that are seen, if they are three or more; with a dark casing."""
    ring = [to_point(point) for point in pen.points(vertebra)[RING] if np.isfinite(point).all()]
    if len(ring) < 3:
        return []
    if is_index:
        return [s.Polygon(tuple(ring), s.INK, pen.line * 2.6), s.Polygon(tuple(ring), s.INDEX, pen.line * 1.3, 0.16)]
    return [s.Polygon(tuple(ring), s.INK, pen.line * 2.0), s.Polygon(tuple(ring), s.OUTLINE, pen.line * 0.75)]


def _dots(pen: Pen, vertebra: VertebraMeasurement) -> list[s.Shape]:
    """One dot a corner, coloured by its endplate."""
    corners = zip(CORNERS, pen.points(vertebra), strict=True)
    return [s.Dot(to_point(p), pen.line * 2.0, CORNER_COLOUR[c]) for c, p in corners if np.isfinite(p).all()]


def _name(pen: Pen, vertebra: VertebraMeasurement, is_index: bool, above: list[s.Label]) -> list[s.Label]:
    """Level name and flags behind the body, moved up from the border of the film, and down from a name ``above``."""
    points = pen.points(vertebra)
    back = points[[VertebralLandmark.SUPERIOR_POSTERIOR, VertebralLandmark.INFERIOR_POSTERIOR]]
    seen = back if np.isfinite(back).all() else points[np.isfinite(points).all(axis=1)]
    if not len(seen):
        return []
    x, y = float(seen[:, 0].mean()) - pen.front * 1.1 * pen.text, float(seen[:, 1].mean())
    if not 0 <= y <= pen.view.size[1]:
        return []
    anchor = "start" if pen.front < 0 else "end"
    name = str(vertebra.level) if vertebra.level is not None else "?"
    colour = s.INDEX if is_index else s.OUTLINE
    flags = [pen.say(word) for flag, word in FLAG_WORDS.items() if flag in vertebra.landmarks.flags]
    beneath = FLAG_STEP * pen.text * len(flags)
    lowest = pen.label((x, pen.view.size[1]), name, colour, anchor, size=FLAG_SIZE * pen.text if flags else None)
    label = pen.label((x, min(y, lowest.at[1] - beneath)), name, colour, anchor, bold=True)
    for _ in above:
        y = label.at[1] + max(other.overlap(label) for other in above)
        label = pen.label((x, y), name, colour, anchor, bold=True)
    y, parts = label.at[1], [label]
    for row, flag in enumerate(flags, start=1):
        parts.append(pen.label((x, y + row * FLAG_STEP * pen.text), flag, s.FLAG, anchor, size=FLAG_SIZE * pen.text))
    return parts


def _furniture(pen: Pen, names: list[s.Label]) -> list[s.Shape]:
    """Research-use line, scale bar and side of the front; in front of the spine, where hardly a name stands.

    On a narrow film the name of a low body may reach the research-use line, which then stands at the top.
    """
    width, height = pen.view.size
    edge, small = 0.7 * pen.text, 0.76 * pen.text
    x, anchor = (edge, "start") if pen.front < 0 else (width - edge, "end")
    use = pen.label((x, height - pen.text), pen.say(RESEARCH_USE), s.MUTED, anchor, size=small)
    if any(use.touches(name) for name in names):
        use = pen.label((x, 2.4 * pen.text), pen.say(RESEARCH_USE), s.MUTED, anchor, size=small)
    parts: list[s.Shape] = [use]
    if pen.measurement.vertebrae:
        parts.append(
            pen.label((x, pen.text), pen.say("◂ front" if pen.front < 0 else "front ▸"), s.MUTED, anchor, size=small)
        )
    if pen.view.px_per_mm is not None:
        parts += _scale_bar(pen, (x, height - 2.7 * pen.text), BAR_MM * pen.view.px_per_mm, anchor)
    return parts


def _scale_bar(pen: Pen, at: s.Point, length: float, anchor: str) -> list[s.Shape]:
    (x, y), tick, toward = at, 0.3 * pen.text, 1.0 if anchor == "start" else -1.0
    end = x + toward * length
    strokes = [((x, y), (end, y)), ((x, y - tick), (x, y + tick)), ((end, y - tick), (end, y + tick))]
    casings = [s.Line(a, b, s.INK, pen.line * 2.6) for a, b in strokes]
    lines = [s.Line(a, b, s.OUTLINE, pen.line) for a, b in strokes]
    text = f"{BAR_MM:.0f} mm"
    label = pen.label((end + toward * 0.8 * pen.text, y), text, s.OUTLINE, anchor, size=0.76 * pen.text)
    return [*casings, *lines, label]

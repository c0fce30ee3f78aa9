"""Names of the vertebrae, each beside its own body: they move away from the spine, hardly up or down."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import BY_HAND, NO_CONTRAST
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.measurement.results import VertebraMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.bodies import complete, usual_depth
from kummell_ai.reporting.pen import Pen, to_point
from kummell_ai.reporting.room import ANATOMY, LINE, Box, Room

FLAG_WORDS = {
    "fractured": "fracture",
    "instrumented": "screws",
    "cemented": "cement",
    "cropped": "cropped",
    NO_CONTRAST: "no contrast",
    BY_HAND: "by hand",
}
"""What is written beside a name for each flag, in this order."""

GAP, PAD, FARTHER = 0.8, 0.3, 0.6
"""From a wall to the plate of its name, on to the text, and further away with each try, in heights of a name."""

SHIFTS = np.array([0.0, 0.24, -0.24, 0.48, -0.48])
"""How far a name is moved along the axis of its body, in body heights, best first."""

WHOLE, CUT = 0.5, 0.75
"""How far from the middle of its body a name may lie, in body heights, and for one that reaches out of the view."""

LEADER_FROM = 1.9
"""A plate farther than this from the middle of its wall, in heights of a name, gets a line to it."""


@dataclass(frozen=True)
class Body:
    """Where a body lies (scene px), as far as its name must know.

    Attributes:
        corners: (4, 2), the unseen ones completed.
        low, high: y that belong to it alone, so that names stand in the order of their bodies.
        reach: how far from its middle its name may lie, along its axis, in its heights.
    """

    vertebra: VertebraMeasurement
    corners: FloatArray
    reach: float
    low: float = -np.inf
    high: float = np.inf

    @cached_property
    def axis(self) -> FloatArray:
        """From the middle of the superior endplate to that of the inferior one, (2,)."""
        axis: FloatArray = self.corners[2:].mean(axis=0) - self.corners[:2].mean(axis=0)
        return axis

    @cached_property
    def _walls(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Middles of the anterior and the posterior wall, and the way from front to back, length 1."""
        anterior, posterior = self.corners[[0, 2]].mean(axis=0), self.corners[[1, 3]].mean(axis=0)
        back = posterior - anterior
        return anterior, posterior, back / max(float(np.linalg.norm(back)), 1e-9)

    def wall(self, side: float, front: float) -> tuple[FloatArray, FloatArray]:
        """Middle (2,) of the wall that looks to ``side`` (-1 left, +1 right), and the way out of it, length 1."""
        anterior, posterior, back = self._walls
        return (anterior, -back) if side == front else (posterior, back)

    def off_centre(self, x: float, y: float) -> float:
        """How far a point lies above or below the line through the middles of the walls, in heights of the body."""
        anterior, _, (back_x, back_y) = self._walls
        down_x, down_y = self.axis
        across = back_x * down_y - back_y * down_x
        offset = back_x * (y - anterior[1]) - back_y * (x - anterior[0])
        return float(offset / across) if across else float(np.inf if offset else 0.0)


def place_names(pen: Pen, room: Room, index_level: VertebralLevel | None) -> list[s.Shape]:
    """The names and flags, with lines to the walls where they stand apart; they take their room.

    A name lies within half a body height of the line through the middles of its body's walls, and from top to
    bottom the names stand in the order of the vertebrae. Where its place is taken a name moves away from the spine,
    and only without any room there to the front.
    """
    names: list[s.Shape] = []
    leaders: list[s.Shape] = []
    above = -np.inf
    for body in _bodies(pen):
        labels = _best(pen, room, body, index_level, above)
        if not labels:
            continue
        above = labels[0].at[1]
        names += labels
        room.take_box(_around(labels))
        line = _leader(pen, body, labels)
        if line is not None:
            colours = ((s.INK, 1.6), (labels[0].colour, 0.6))
            leaders += [s.Line(line[0], line[1], c, pen.line * w) for c, w in colours]
            room.take(line, LINE)
    return [*leaders, *names]


def _best(pen: Pen, room: Room, body: Body, index_level: VertebralLevel | None, above: float) -> list[s.Label]:
    """The name and its flags at the first free place, lower than ``above``; empty when the body is not in view.

    Flags stand in the line of the name; where they do not fit beside the spine, the last of them stand beneath it.
    """
    level = body.vertebra.level
    colour = s.INDEX if level is not None and level is index_level else s.OUTLINE
    words = [pen.say(FLAG_WORDS[flag]) for flag in shown_flags(body.vertebra.landmarks.flags)]
    least = np.inf
    tried: set[tuple[s.Point, int]] = set()
    found: list[s.Label] = []
    for side in (-pen.front, pen.front):
        for kept in range(len(words), -1, -1):
            for at in _tries(pen, body, side):
                if (at, kept) in tried:
                    continue
                tried.add((at, kept))
                name = s.Label(at, str(level or "?"), pen.text, colour, "start" if side > 0 else "end", bold=True)
                labels = _with_flags(name, words[:kept], words[kept:])
                if labels[0].at[1] <= above:
                    continue
                line = _leader(pen, body, labels)
                cost = room.cost(_around(labels))
                cost += ANATOMY if line is not None and room.crosses_plate(*line) else 0.0
                if cost < least:
                    least, found = cost, labels
                if cost == 0.0:
                    return found
    if found or body.reach == CUT:
        return found
    wall, _ = body.wall(-pen.front, pen.front)
    name = s.Label(to_point(wall), str(level or "?"), pen.text, colour, "start" if pen.front < 0 else "end", bold=True)
    return [pen.inward(label) for label in _with_flags(name, words, [])]


def _tries(pen: Pen, body: Body, side: float) -> Iterator[s.Point]:
    """Places beside the wall that looks to ``side`` (-1 left, +1 right), from the wall outwards."""
    wall, normal = body.wall(side, pen.front)
    width, height = pen.view.size
    margin = s.PLATE_HALF * pen.text
    sideways = np.array([side, 0.0])
    for i in range(int(width / (FARTHER * pen.text)) + 1):
        for away in (sideways, normal) if i else (normal,):
            beside = wall + (GAP * normal + FARTHER * i * away) * pen.text
            for x, y in beside + SHIFTS[:, None] * body.axis:
                middle = min(max(y, body.low), body.high)
                if body.reach > WHOLE:
                    middle = min(max(middle, margin), height - margin)
                if margin <= middle <= height - margin and abs(body.off_centre(x, middle)) <= body.reach:
                    yield (float(x + side * PAD * pen.text), float(middle))


def shown_flags(flags: Collection[str]) -> list[str]:
    """The flags that are written beside a name; of a body that is cut off no fracture can be told.

    >>> shown_flags({"cropped", "fractured"}), shown_flags({"fractured", "cemented"})
    (['cropped'], ['fractured', 'cemented'])
    """
    return [flag for flag in FLAG_WORDS if flag in flags and not (flag == "fractured" and "cropped" in flags)]


def _with_flags(name: s.Label, beside: list[str], beneath: list[str]) -> list[s.Label]:
    """The name with flags in its line and, where there are others, a second line."""
    named = replace(name, note=", ".join(beside))
    if not beneath:
        return [named]
    (x, y), size = name.at, s.NOTE_SIZE * name.size
    return [named, s.Label((x, y + s.PLATE_HALF * (name.size + size)), ", ".join(beneath), size, s.FLAG, name.anchor)]


def _around(labels: list[s.Label]) -> Box:
    """The box around all plates."""
    boxes = [label.box for label in labels]
    return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))


def _leader(pen: Pen, body: Body, labels: list[s.Label]) -> tuple[s.Point, s.Point] | None:
    """From a name that stands apart to the middle of the wall it faces."""
    x0, _, x1, _ = labels[0].box
    side = 1.0 if labels[0].anchor == "start" else -1.0
    wall, _ = body.wall(side, pen.front)
    near = np.array([x0 if side > 0 else x1, labels[0].at[1]])
    apart = float(np.linalg.norm(near - wall)) > LEADER_FROM * pen.text
    return (to_point(near), to_point(wall)) if apart else None


def _bodies(pen: Pen) -> list[Body]:
    """All vertebrae of which a corner is in view, with the heights that belong to their names alone."""
    seen = [(v, pen.points(v)) for v in pen.measurement.vertebrae]
    seen = [(v, points) for v, points in seen if np.isfinite(points).all(axis=1).any()]
    depth = usual_depth([points for _, points in seen], 4.0 * pen.text)
    bodies = []
    for vertebra, points in seen:
        corners = points[:2] if vertebra.level is VertebralLevel.S1 else points
        in_view = [bool(((corner >= 0) & (corner <= pen.view.size)).all()) for corner in corners]
        if not any(in_view):
            continue
        is_cropped = "cropped" in vertebra.landmarks.flags or not np.isfinite(corners).all()
        reach = np.inf if is_cropped else WHOLE if all(in_view) else CUT
        bodies.append(Body(vertebra, complete(points, depth, pen.front), reach))
    wanted = [next(_tries(pen, body, -pen.front), (0.0, float(body.corners[:, 1].mean())))[1] for body in bodies]
    for i in range(len(bodies) - 1):
        if wanted[i] < wanted[i + 1]:
            between = 0.5 * (wanted[i] + wanted[i + 1])
            bodies[i], bodies[i + 1] = replace(bodies[i], high=between), replace(bodies[i + 1], low=between)
    return bodies

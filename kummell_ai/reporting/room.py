"""Where on a drawing a plate finds a free place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from kummell_ai.reporting import shapes as s

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) scene px."""

SLACK = 1e-6
"""How far a plate may reach beyond the drawing (px), for rounding."""

LINE, ANATOMY, PLATE = 1.0, 2.0, 6.0
"""How much it costs to cover a line, a body or corner, and another plate, where no place is free."""


@dataclass(frozen=True, slots=True)
class Area:
    """A convex area, a line or a point that is taken.

    Attributes:
        box: around it.
        normals: (x, y, least, most): a direction across one of its edges, and its extent along it.
        weight: what it costs to cover it.
    """

    box: Box
    normals: tuple[tuple[float, float, float, float], ...]
    weight: float

    @classmethod
    def of(cls, points: Sequence[s.Point], weight: float) -> Area:
        """The area within ``points``, which walk around it."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        normals = []
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            nx, ny = by - ay, ax - bx
            if nx or ny:
                along = [nx * x + ny * y for x, y in points]
                normals.append((nx, ny, min(along), max(along)))
        return cls((min(xs), min(ys), max(xs), max(ys)), tuple(normals), weight)

    def touches(self, box: Box) -> bool:
        """Whether it shares more than an edge with ``box``: no edge of either tells the two apart."""
        x0, y0, x1, y1 = box
        left, top, right, bottom = self.box
        if x1 <= left or right <= x0 or y1 <= top or bottom <= y0:
            return False
        x, y, half_x, half_y = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (x1 - x0), 0.5 * (y1 - y0)
        for nx, ny, least, most in self.normals:
            middle, half = nx * x + ny * y, abs(nx) * half_x + abs(ny) * half_y
            if middle + half <= least or most <= middle - half:
                return False
        return True


class Room:
    """What is taken on a drawing of ``size`` (width, height) scene px."""

    def __init__(self, size: tuple[float, float]) -> None:
        self.size = size
        self._taken: list[Area] = []

    def take(self, points: Sequence[s.Point], weight: float = ANATOMY) -> None:
        """Marks a convex area, a line or a point as taken."""
        self._taken.append(Area.of(points, weight))

    def take_box(self, box: Box, weight: float = PLATE) -> None:
        """Marks a plate, or another rectangle, as taken."""
        x0, y0, x1, y1 = box
        self.take(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), weight)

    def cost(self, box: Box) -> float:
        """0 where ``box`` is free; infinite where it leaves the drawing."""
        x0, y0, x1, y1 = box
        if min(x0, y0) < -SLACK or x1 > self.size[0] + SLACK or y1 > self.size[1] + SLACK:
            return float("inf")
        total = 0.0
        for area in self._taken:
            left, top, right, bottom = area.box
            if left < x1 and x0 < right and top < y1 and y0 < bottom and area.touches(box):
                total += area.weight
        return total

    def crosses_plate(self, start: s.Point, end: s.Point) -> bool:
        """Whether a straight line passes under a plate that stands already."""
        line = Area.of((start, end), LINE)
        return any(area.weight == PLATE and line.touches(area.box) for area in self._taken)

    def best(self, boxes: Iterable[Box]) -> tuple[int, float]:
        """Index and cost of the first free of ``boxes``, or of the one that covers least."""
        least, found = float("inf"), 0
        for i, box in enumerate(boxes):
            cost = self.cost(box)
            if cost < least:
                least, found = cost, i
            if cost == 0.0:
                break
        return found, least

    def nearest(self, box: Box, step: float, reach: float) -> tuple[s.Point, float]:
        """The shortest move (dx, dy) of ``box`` to a free place, or to the least bad one, and its cost.

        It goes up to ``reach`` to the sides and a third as far up and down, where other levels lie.
        """
        moves = [self._inside(box, i * step, j * step) for i, j in _steps(int(reach / step))]
        x0, y0, x1, y1 = box
        found, cost = self.best((x0 + dx, y0 + dy, x1 + dx, y1 + dy) for dx, dy in moves)
        return moves[found], cost

    def _inside(self, box: Box, dx: float, dy: float) -> s.Point:
        """A move, changed so that ``box`` ends on the drawing."""
        x0, y0, x1, y1 = box
        width, height = self.size
        return (max(min(dx, width - x1), -x0), max(min(dy, height - y1), -y0))


@cache
def _steps(count: int) -> list[tuple[int, int]]:
    """Steps to the sides and up or down, the shortest first; three times as many to the sides."""
    reach = range(-count, count + 1)
    inside = [(i, j) for i in reach for j in reach if i**2 + 9 * j**2 <= count**2]
    return sorted(inside, key=lambda step: step[0] ** 2 + 9 * step[1] ** 2)

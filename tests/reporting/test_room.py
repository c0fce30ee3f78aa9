from __future__ import annotations

import numpy as np
import pytest

from kummell_ai.reporting.room import ANATOMY, PLATE, Area, Room


def test_a_box_touches_a_slanted_area_only_where_they_share_a_point() -> None:
    """The corner of the square lies within the bounding box of the triangle, but beyond its long side."""
    triangle = Area.of([(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)], ANATOMY)
    assert triangle.touches((4.0, 4.0, 9.0, 9.0))
    assert not triangle.touches((6.0, 6.0, 9.0, 9.0))
    assert not triangle.touches((10.0, 0.0, 12.0, 2.0))


def test_a_line_touches_the_box_it_crosses() -> None:
    line = Area.of([(0.0, 0.0), (10.0, 10.0)], ANATOMY)
    assert line.touches((4.0, 4.0, 6.0, 6.0))
    assert not line.touches((6.0, 1.0, 9.0, 4.0))


def test_touching_agrees_with_a_fine_grid() -> None:
    draw = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(0.01, 9.99, 120), np.linspace(0.01, 9.99, 120))
    for _ in range(60):
        angles = np.sort(draw.uniform(0, 2 * np.pi, 3))
        points = 5 + 4 * np.column_stack([np.cos(angles), np.sin(angles)])
        edges = np.roll(points, -1, axis=0) - points
        inside = np.all(
            [e[0] * (y - p[1]) - e[1] * (x - p[0]) >= 0 for p, e in zip(points, edges, strict=True)], axis=0
        )
        x0, y0 = draw.uniform(0, 7, 2)
        box = (x0, y0, x0 + 3, y0 + 2)
        shared = int((inside & (x > x0) & (x < x0 + 3) & (y > y0) & (y < y0 + 2)).sum())
        touches = Area.of([(float(a), float(b)) for a, b in points], ANATOMY).touches(box)
        assert touches or not shared
        assert shared or not touches or area_is_thin(points, box)


def area_is_thin(points: np.ndarray, box: tuple[float, float, float, float]) -> bool:
    """Whether a slightly smaller box does not touch, so that the grid may have missed what is shared."""
    x0, y0, x1, y1 = box
    smaller = (x0 + 0.2, y0 + 0.2, x1 - 0.2, y1 - 0.2)
    return not Area.of([(float(a), float(b)) for a, b in points], ANATOMY).touches(smaller)


def test_a_box_moves_the_shortest_way_to_a_free_place_and_rather_to_the_side() -> None:
    room = Room((100.0, 100.0))
    room.take_box((40.0, 40.0, 60.0, 60.0))
    (dx, dy), cost = room.nearest((45.0, 45.0, 55.0, 55.0), 1.0, 40.0)
    assert cost == 0.0
    assert (abs(dx), dy) == (15.0, 0.0)


def test_without_a_free_place_least_is_covered_and_the_drawing_is_not_left() -> None:
    room = Room((30.0, 10.0))
    room.take_box((0.0, 0.0, 15.0, 10.0), PLATE)
    room.take_box((15.0, 0.0, 30.0, 10.0), ANATOMY)
    (dx, dy), cost = room.nearest((-5.0, 0.0, 5.0, 10.0), 1.0, 60.0)
    assert cost == ANATOMY
    assert 15.0 <= -5.0 + dx <= 20.0
    assert dy == pytest.approx(0.0)
    assert room.cost((-5.0, 0.0, 5.0, 10.0)) == float("inf")

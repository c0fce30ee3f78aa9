"""Vertebral bodies for the laws of geometry: drawn by hypothesis, and a few plain ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

RECTANGLE = np.array([[34.0, 0.0], [0.0, 0.0], [34.0, 28.0], [0.0, 28.0]])
"""34 mm deep and 28 mm high, front to the right."""

ROUND_OFF = 1e-7
"""Absolute tolerance (mm, deg, %): coordinates reach 1e3, float64 keeps 13 digits of them, an angle loses 3 more."""

_MAX_SHIFT = 4.0


@st.composite
def bodies(draw: st.DrawFn, points: int = 4) -> np.ndarray:
    """A convex body (4|6, 2): depth 25 to 45, heights 14 to 35, corners moved by up to 4."""
    depth, height = draw(st.floats(25, 45)), draw(st.floats(14, 35))
    base = np.array([[depth, 0], [0, 0], [depth, height], [0, height], [depth / 2, 1], [depth / 2, height - 1]])
    moves = draw(st.lists(st.floats(-_MAX_SHIFT, _MAX_SHIFT), min_size=2 * points, max_size=2 * points))
    return base[:points] + np.array(moves).reshape(points, 2)


@st.composite
def stacks(draw: st.DrawFn, points: int = 4) -> np.ndarray:
    """Three bodies (3, 4|6, 2), cranial to caudal."""
    return np.stack([draw(bodies(points)) + np.array([0.0, 45.0 * i]) for i in range(3)])


def rotation(degrees: float) -> np.ndarray:
    """Matrix (2, 2) for points @ matrix."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, s], [-s, c]])


rotations = st.floats(-180, 180)
shifts = st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000)).map(np.array)
scales = st.floats(0.05, 20)

"""Cages and spacers as closed meshes (mm), in a frame whose z points cranially and x forwards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.operation.hardware import Mesh, box, cylinder, frame_along, hollow, moved, prism, tube


def interbody(height_mm: float, rng: np.random.Generator) -> dict[str, list[Mesh]]:
    """A spacer of a disc space, of titanium or of PEEK with tantalum markers."""
    length, width = float(rng.uniform(20.0, 30.0)), float(rng.uniform(8.0, 14.0))
    x, y, z = 0.5 * length, 0.5 * width, 0.5 * height_mm
    outer = [(-x, -0.7 * y), (x - 3.0, -y), (x, 0.0), (x - 3.0, y), (-x, 0.7 * y)]
    wall = [prism(outer, (-z, z)), hollow(prism(0.72 * np.array(outer), (-z + 0.01, z - 0.01)))]
    if rng.random() < 0.6:
        at = [(-x + 1.5, 0.0), (x - 1.5, -y + 1.5), (x - 1.5, y - 1.5)]
        pins = [moved(cylinder(0.45, -z, z, 6), np.eye(3), np.array([a, b, 0.0])) for a, b in at]
        return {"peek": wall, "tantalum": pins}
    ridges = np.arange(-x + 3.0, x - 4.0, 3.0)
    for end in (-z, z):
        wall += [box((r, -0.6 * y, end - 0.4), (r + 1.0, 0.6 * y, end + 0.4)) for r in ridges]
    return {"titanium": wall}


def mesh_tube(height_mm: float, rng: np.random.Generator) -> dict[str, list[Mesh]]:
    """A titanium mesh: rings, and slanting ribs that cross."""
    radius, columns = float(rng.uniform(7.0, 10.5)), 10
    rows = max(2, round(height_mm / 6.0))
    levels = np.linspace(-0.5 * height_mm, 0.5 * height_mm, rows + 1)
    turn = np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False)

    def on_wall(angle: float, z: float) -> FloatArray:
        return np.array([radius * np.cos(angle), radius * np.sin(angle), z])

    parts = []
    for k in (0, rows):
        ends = (levels[k] - 0.9, levels[k] + 0.9)
        parts += [cylinder(radius + 0.7, *ends, 20), hollow(cylinder(radius - 0.7, *ends, 20))]
    half = np.pi / columns
    for low, high in pairwise(levels):
        for angle in turn:
            for way in (-half, half):
                parts.append(tube([on_wall(angle, low), on_wall(angle + way, high)], 0.75, 4))
    return {"titanium": parts}


def expandable(height_mm: float, rng: np.random.Generator) -> dict[str, list[Mesh]]:
    """Two telescoping cylinders between end plates with teeth."""
    radius, half = float(rng.uniform(6.0, 9.0)), 0.5 * height_mm
    joint = float(rng.uniform(-0.2, 0.25)) * height_mm
    parts = []
    for r, low, high in ((radius, -half, joint), (0.78 * radius, joint, half)):
        parts += [cylinder(r, low, high, 20), hollow(cylinder(r - 1.6, low + 0.01, high - 0.01, 20))]
    parts.append(cylinder(radius + 1.2, joint - 1.5, joint + 1.5, 20))
    for end in (-half, half):
        parts.append(cylinder(1.35 * radius, end - 1.0, end + 1.0, 20))
        for angle in np.linspace(0.0, 2.0 * np.pi, 6, endpoint=False):
            foot = 1.15 * radius * np.array([np.cos(angle), np.sin(angle), end / (1.15 * radius)])
            cone = prism(1.1 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)]), (0.0, 2.6), (1.0, 0.1))
            parts.append(moved(cone, frame_along((0.0, 0.0, np.sign(end))), foot))
    return {"titanium": parts}

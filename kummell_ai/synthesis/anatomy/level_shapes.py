"""Sizes and angles of each level: what a typical spine looks like, and how much it varies.

Lumbar values summarise 1,755 real lateral films; thoracic ones follow published morphometry (docs/simulation.md).
"""

from __future__ import annotations

from typing import NamedTuple


class LevelShape(NamedTuple):
    """One level.

    Attributes:
        depth: endplate depth with regard to L3.
        height: mean body height with regard to its depth.
        disc: height of the disc below with regard to the depth of L3.
        angle_deg: rotation of the body axis to the next level below, kyphosis +.
        spread_deg: standard deviation of that angle.
    """

    depth: float
    height: float
    disc: float
    angle_deg: float
    spread_deg: float


SHAPES: dict[str, LevelShape] = {
    "T4": LevelShape(0.66, 0.82, 0.11, 3.6, 2.0),
    "T5": LevelShape(0.69, 0.81, 0.12, 4.2, 2.2),
    "T6": LevelShape(0.73, 0.80, 0.13, 4.8, 2.4),
    "T7": LevelShape(0.77, 0.78, 0.14, 4.8, 2.4),
    "T8": LevelShape(0.80, 0.76, 0.15, 4.4, 2.4),
    "T9": LevelShape(0.83, 0.75, 0.16, 3.8, 2.4),
    "T10": LevelShape(0.86, 0.75, 0.17, 3.2, 2.6),
    "T11": LevelShape(0.89, 0.74, 0.19, 2.8, 3.0),
    "T12": LevelShape(0.92, 0.74, 0.22, 0.8, 3.4),
    "T13": LevelShape(0.935, 0.735, 0.24, -0.3, 3.6),
    "L1": LevelShape(0.95, 0.73, 0.26, -1.4, 4.0),
    "L2": LevelShape(0.98, 0.73, 0.30, -5.8, 4.2),
    "L3": LevelShape(1.00, 0.72, 0.33, -9.8, 4.4),
    "L4": LevelShape(1.00, 0.71, 0.34, -13.5, 5.0),
    "L5": LevelShape(0.985, 0.69, 0.30, -18.0, 6.0),
    "L6": LevelShape(0.97, 0.69, 0.26, -16.0, 6.0),
    "S1": LevelShape(0.93, 0.80, 0.0, 0.0, 0.0),
}

"""How a message names a vertebra and a place on its film."""

from __future__ import annotations

from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray


def name_of(body: VertebraLandmarks, number: int) -> str:
    """The level, or the place in the row, counted from 1."""
    return str(body.level or f"vertebra {number}")


def place_of(point: FloatArray) -> str:
    """Its x and y, of a point (2,) px."""
    return f"{point[0]:.4g}, {point[1]:.4g}"

"""Typical shape of each vertebra: a table of bodies, and key levels of the posterior elements between which to blend.

Body sizes follow the usual morphometric surveys of adults of both sexes, lumbar depths 31 to 34 mm, with the wedge of
the healthy thoracolumbar junction. Posterior elements are lateral outlines in mm: x from the posterior wall of the body
(backwards is negative), z from the centre of the body.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.synthesis.anatomy.bones import FloatArray

BODIES: dict[str, tuple[float, float, float, float, float, float]] = {
    "T1": (16.5, 17.2, 28.5, 28.0, 15.5, 16.5),
    "T2": (17.8, 18.8, 27.5, 27.0, 17.0, 17.8),
    "T3": (19.3, 20.5, 26.5, 26.3, 17.4, 18.3),
    "T4": (21.0, 22.3, 26.0, 26.2, 17.8, 18.9),
    "T5": (22.8, 24.0, 26.0, 26.6, 18.1, 19.4),
    "T6": (24.4, 25.3, 26.8, 27.8, 18.5, 20.0),
    "T7": (25.7, 26.5, 28.0, 29.2, 18.9, 20.6),
    "T8": (26.8, 27.5, 29.4, 30.8, 19.5, 21.1),
    "T9": (27.6, 28.2, 31.0, 32.6, 20.3, 21.7),
    "T10": (28.3, 28.7, 33.0, 35.0, 21.2, 22.6),
    "T11": (28.8, 29.2, 36.0, 38.2, 21.8, 24.0),
    "T12": (29.4, 30.2, 39.5, 41.2, 23.4, 25.8),
    "T13": (30.2, 31.0, 41.0, 42.5, 24.4, 26.6),
    "L1": (31.2, 32.0, 42.0, 43.5, 25.3, 27.3),
    "L2": (32.5, 33.0, 43.8, 45.5, 26.4, 27.8),
    "L3": (33.5, 33.8, 45.5, 47.5, 27.0, 27.5),
    "L4": (34.0, 34.0, 47.5, 49.5, 27.2, 26.3),
    "L5": (34.0, 33.2, 50.0, 50.0, 27.6, 23.6),
    "L6": (33.6, 32.6, 50.5, 49.5, 27.0, 23.0),
}
"""Superior depth, inferior depth, superior width, inferior width, anterior height, posterior height (mm)."""


@dataclass(frozen=True, slots=True)
class PosteriorShape:
    """Posterior elements of a vertebra (mm).

    Attributes:
        spinous: outline (6, 2), clockwise from the upper root.
        pillar: outline (10, 2) of superior and inferior articular process and the isthmus between them.
        pillar_y: distance of the superior and the inferior articular process from the mid-line.
        pillar_half: half the width of the articular processes.
        pedicle: lower z, upper z, half width, distance of the axis from the mid-line.
        transverse: root x, y, z, radius; tip x, y, z, radius.
        lamina: x at the mid-line, upper z, lower z, backward slope per mm downward.
        spinous_half: half thickness of the spinous process at root and tip.
    """

    spinous: FloatArray
    pillar: FloatArray
    pillar_y: FloatArray
    pillar_half: FloatArray
    pedicle: FloatArray
    transverse: FloatArray
    lamina: FloatArray
    spinous_half: FloatArray


def _key(
    spinous: list[tuple[float, float]],
    pillar: list[tuple[float, float]],
    y: tuple[float, float],
    half: float,
    pedicle: tuple[float, float, float, float],
    transverse: tuple[float, ...],
    lamina: tuple[float, float, float, float],
    thick: tuple[float, float],
) -> PosteriorShape:
    arrays = (spinous, pillar, y, [half], pedicle, transverse, lamina, thick)
    return PosteriorShape(*(np.array(item, dtype=np.float64) for item in arrays))


_KEYS: dict[str, PosteriorShape] = {
    "T1": _key(
        [(-14, 5), (-28, -2), (-43, -9), (-45, -19), (-29, -17), (-15, -11)],
        [(-5, 4), (-8, 11), (-12, 12.5), (-15, 7), (-17, -3), (-18.5, -10), (-16, -13), (-12.5, -11), (-10.5, -3),
         (-7, 0)],
        (14.0, 12.0), 4.5, (-1.0, 7.0, 4.0, 12.0), (-10, 13, 2, 5.0, -17, 33, 4, 5.0), (-15.5, 3, -8, 0.25), (2.8, 3.6),
    ),
    "T5": _key(
        [(-13, 5), (-27, -11), (-41, -31), (-41.5, -38), (-29, -29), (-17, -14)],
        [(-5, 4), (-7.5, 14.5), (-10.5, 19), (-14, 9), (-17, -3), (-19.5, -11), (-17.5, -14.5), (-14, -12.5),
         (-11.5, -4), (-7.5, 0)],
        (10.5, 9.0), 4.3, (-1.0, 6.8, 2.6, 9.5), (-12, 12, 4, 4.5, -22, 29, 9, 4.5), (-15.5, 4, -9, 0.3), (2.5, 3.0),
    ),
    "T9": _key(
        [(-14, 5), (-27, -8), (-41, -24), (-42, -32), (-30, -26), (-17, -15)],
        [(-5, 5), (-8, 16), (-11, 20.5), (-14.5, 10), (-17, -3), (-19.5, -13), (-17.5, -16.5), (-14, -14), (-11.5, -4),
         (-7.5, 1)],
        (11.0, 9.0), 4.5, (-1.0, 8.0, 3.0, 10.5), (-12, 12, 4, 4.5, -22, 28, 9, 4.5), (-15.8, 4, -10, 0.3), (2.5, 3.2),
    ),
    "T11": _key(
        [(-15, 5), (-27, -4), (-39, -13), (-41, -24), (-29, -25), (-17, -16)],
        [(-5, 6), (-8.5, 17), (-11.5, 21.5), (-16, 12), (-18, -3), (-21.5, -16), (-19.5, -20.5),
         (-14.5, -17.5), (-11.5, -5), (-7.5, 0)],
        (12.0, 9.5), 4.7, (-2.0, 9.5, 3.6, 11.5), (-12, 12, 3, 4.5, -18, 21, 6, 4.0), (-16.5, 3, -11, 0.25), (2.6, 3.6),
    ),
    "L1": _key(
        [(-18, 3), (-30, 0), (-44, -5), (-47, -21), (-36, -26), (-24, -19)],
        [(-6, 7.5), (-8.5, 16), (-14, 20.5), (-22.5, 15), (-22, -1), (-27, -18), (-25, -28.5), (-18.5, -25),
         (-13.5, -8), (-8, -0.5)],
        (13.5, 10.5), 5.0, (-3, 11, 4, 12), (-10, 14, 2, 4.8, -15, 34, 3, 3.2), (-19, 2, -14, 0.4), (2.8, 4.2),
    ),
    "L3": _key(
        [(-18, 3), (-31, 1), (-47, -2), (-50, -19), (-38, -26), (-25, -19)],
        [(-6, 8), (-8.5, 16.5), (-15, 21), (-24, 15.5), (-23.5, -1), (-28, -20), (-26.5, -30.5), (-19.5, -26.5),
         (-14, -9), (-8, -1)],
        (15.5, 12.5), 5.3, (-3.2, 11, 4.8, 13), (-10, 16, 2, 5.0, -15, 43, 3, 3.4), (-19.5, 1, -14, 0.4), (3.0, 4.6),
    ),
    "L5": _key(
        [(-19, 4), (-28, 1), (-40, -3), (-41, -14), (-31, -19), (-20, -16)],
        [(-5, 7), (-9, 15.5), (-15.5, 19), (-25, 12.5), (-25, -3), (-29, -16), (-26.5, -25.5), (-19, -22), (-15, -8),
         (-8.5, -2)],
        (20.0, 17.5), 5.5, (-3.0, 9.5, 6.8, 16.5), (-6, 20, 2, 6.0, -10, 45, 6, 4.5), (-20.5, 1, -12, 0.3), (3.0, 4.0),
    ),
}  # fmt: skip


def typical_posterior(level: VertebralLevel) -> PosteriorShape:
    """Posterior elements of ``level``, blended between the nearest key levels."""
    if level.value in _KEYS:
        return _KEYS[level.value]
    places = {VertebralLevel.parse(name).index: shape for name, shape in _KEYS.items()}
    below = max((i for i in places if i <= level.index), default=min(places))
    above = min((i for i in places if i >= level.index), default=max(places))
    if below == above:
        return places[below]
    share = (level.index - below) / (above - below)
    low, high = places[below], places[above]
    blended = {f.name: (1 - share) * getattr(low, f.name) + share * getattr(high, f.name) for f in fields(low)}
    return replace(low, **blended)


PROCEDURAL_LEVELS = tuple(level for level in LEVELS if level.value in BODIES)
"""Every level but the sacrum, cranial to caudal."""

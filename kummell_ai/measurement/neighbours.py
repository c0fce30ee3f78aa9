"""Which vertebrae stand beside a level, and which of them may serve as the height reference."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.geometry import heights
from kummell_ai.imaging.annotation import VertebraLandmarks, repeated_levels
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.scale import isotropic

_VARIANTS = (VertebralLevel.T13, VertebralLevel.L6)
_INTACT_WEDGE_RATIO = 75.0
"""Anterior / posterior height (%) below which a body is not taken as an intact reference."""
_FURTHEST = 3


@dataclass(frozen=True, slots=True)
class References:
    """The vertebrae whose anterior height stands for the lost one.

    Attributes:
        bodies: one or two vertebrae; none when the film shows no intact one near by.
        caveat: which are used and why not the two neighbours; None when they are the two neighbours.
    """

    bodies: tuple[VertebraLandmarks, ...]
    caveat: str | None


def above(level: VertebralLevel, present: Collection[VertebralLevel | None] = ()) -> VertebralLevel | None:
    """The level cranial of ``level``; the variants T13 and L6 count only when they are in ``present``.

    >>> above(VertebralLevel.L1).value
    'T12'
    """
    return _step(level, -1, present)


def below(level: VertebralLevel, present: Collection[VertebralLevel | None] = ()) -> VertebralLevel | None:
    """The level caudal of ``level``; the variants T13 and L6 count only when they are in ``present``."""
    return _step(level, +1, present)


def _step(level: VertebralLevel, step: int, present: Collection[VertebralLevel | None]) -> VertebralLevel | None:
    i = level.index + step
    while 0 <= i < len(LEVELS) and LEVELS[i] in _VARIANTS and LEVELS[i] not in present:
        i += step
    return LEVELS[i] if 0 <= i < len(LEVELS) else None


def is_intact(body: VertebraLandmarks, spacing: PixelSpacing) -> bool:
    """Whether a vertebra may serve as a reference for height or scale."""
    return _why_not(body, spacing) is None


def _why_not(body: VertebraLandmarks, spacing: PixelSpacing) -> str | None:
    if body.level is VertebralLevel.S1:
        return "has no body height"
    if "fractured" in body.flags or body.is_cemented_alone:
        return "is fractured"
    if "cropped" in body.flags:
        return "is cropped"
    points = isotropic(body.points_px, spacing)
    if not np.isfinite(points[:4]).all() or float(heights.anterior_height(points)) == 0.0:
        return "is not fully seen"
    if not float(heights.wedge_ratio(points)) >= _INTACT_WEDGE_RATIO:  # nor where there is no posterior wall
        return "is itself wedged"
    return None


def find_references(vertebrae: Sequence[VertebraLandmarks], index: int, spacing: PixelSpacing) -> References:
    """The reference vertebrae of ``vertebrae[index]``: its neighbours, or the next intact ones.

    Args:
        vertebrae: of one film, cranial to caudal.
        index: of the vertebra in question.
        spacing: of the film (its aspect decides).
    """
    found, notes = [], []
    for step, side in ((-1, "above"), (+1, "below")):
        body, skipped = _next_intact(vertebrae, index, step, spacing)
        if body is None:
            notes.append("; ".join([*skipped, f"no intact vertebra {side}"]))
        else:
            found.append(body)
            if skipped:
                notes.append("; ".join([*skipped, f"{_name(body)} is the reference {side}"]))
    if found and all(body.level is None for body in found):
        notes.append("levels are unnamed, the bodies next in order are the reference")
    return References(tuple(found), "; ".join(notes) or None)


def _next_intact(
    vertebrae: Sequence[VertebraLandmarks], index: int, step: int, spacing: PixelSpacing
) -> tuple[VertebraLandmarks | None, list[str]]:
    skipped = []
    twice = repeated_levels(vertebrae)
    for place, body in _candidates(vertebrae, index, step):
        if body is None:
            skipped.append(f"{place} is not on the film")
        elif body.level in twice:
            skipped.append(f"{place} is named twice")
        elif (reason := _why_not(body, spacing)) is not None:
            skipped.append(f"{_name(body)} {reason}")
        else:
            return body, skipped
    return None, skipped


def _candidates(
    vertebrae: Sequence[VertebraLandmarks], index: int, step: int
) -> list[tuple[str, VertebraLandmarks | None]]:
    """Up to three vertebrae on one side, nearest first; None for a level that the film lacks between others."""
    level = vertebrae[index].level
    if level is None:
        side = vertebrae[index + 1 :] if step > 0 else vertebrae[:index][::-1]
        return [("the next vertebra", body) for body in side[:_FURTHEST]]
    by_level = {v.level: v for v in vertebrae if v.level is not None}
    result: list[tuple[str, VertebraLandmarks | None]] = []
    place = _step(level, step, by_level)
    while place is not None and place is not VertebralLevel.S1 and len(result) < _FURTHEST:
        result.append((str(place), by_level.get(place)))
        place = _step(place, step, by_level)
    while result and result[-1][1] is None:
        result.pop()
    return result


def _name(body: VertebraLandmarks) -> str:
    return "an unnamed vertebra" if body.level is None else str(body.level)

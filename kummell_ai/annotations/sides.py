"""Front and back: which side a film faces by the names of its corners, and that they fit what it is said to face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations.naming import name_of
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray

TOLD_AREA = 0.1
"""Of a body's outline over its squared depth, from which on the way round of its corners tells the front; a body
crushed flat, whose endplates cross, stays below it."""

BACKWARD_DEG = -10.0
"""Slope of the sacral endplate plus its slope against the body two above, beyond which a film seems mirrored; 60 is
usual, and -60 on a mirrored film."""

_OTHER = {Facing.LEFT: Facing.RIGHT, Facing.RIGHT: Facing.LEFT}


def why_mirrored(landmarks: SpineLandmarks) -> str | None:
    """Why front and back are exchanged for the side the film is said to face; None when they are not."""
    other = _OTHER.get(landmarks.facing)
    for number, body in enumerate(landmarks.vertebrae, start=1):
        if other is not None and _side_of_outline(body) is other:
            return (
                f"the film is said to face {landmarks.facing.value}, but the corners of {name_of(body, number)} are "
                f"named as on one that faces {other.value}: give --facing {other.value}, or correct the names"
            )
    return None


def facing_as_named(landmarks: SpineLandmarks) -> SpineLandmarks:
    """The landmarks facing the side that the names of all their corners tell; as they are where these disagree."""
    sides = set(_sides(landmarks).values())
    return replace(landmarks, facing=sides.pop()) if len(sides) == 1 else landmarks


def why_two_sides(landmarks: SpineLandmarks) -> str | None:
    """Why the corners cannot be named rightly: some bodies face left and some right; None when all face one way."""
    sides = _sides(landmarks)
    if len(set(sides.values())) < 2:
        return None
    few = min(_OTHER, key=lambda side: list(sides.values()).count(side))
    names = [name_of(landmarks.vertebrae[k], k + 1) for k, side in sides.items() if side is few]
    told = f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"
    return (
        f"the corners of {told} are named as on a film that faces {few.value}, all others as on one that faces "
        f"{_OTHER[few].value}: correct the names, so that all face one way"
    )


def _sides(landmarks: SpineLandmarks) -> dict[int, Facing]:
    """The side that each body faces by the names of its corners, by its place in the row, where they tell one.

    A body of which a corner is not seen faces as the nearest whole one does, unless their endplates are opposed.
    """
    bodies = landmarks.vertebrae
    whole = {k: side for k, v in enumerate(bodies) if (side := _side_of_outline(v)) is not Facing.UNKNOWN}
    sides: dict[int, Facing] = dict(whole)
    for k, body in enumerate(bodies) if whole else ():
        near = min(whole, key=lambda other: abs(other - k))
        if not np.isfinite(body.corners_px).all() and np.isfinite(along := _forward(body) @ _forward(bodies[near])):
            sides[k] = whole[near] if along >= 0.0 else _OTHER[whole[near]]
    return dict(sorted(sides.items()))


def _forward(body: VertebraLandmarks) -> FloatArray:
    """The way from back to front along the endplates that are seen, (2,) px; NaN where none is."""
    endplates = body.corners_px[[0, 2]] - body.corners_px[[1, 3]]
    seen = endplates[np.isfinite(endplates).all(axis=1)]
    return seen.sum(axis=0) if len(seen) else np.full(2, np.nan)


def _side_of_outline(body: VertebraLandmarks) -> Facing:
    """The side for which the corners run clockwise; UNKNOWN where one lacks, or they enclose next to nothing."""
    sa, sp, ia, ip = body.corners_px
    x, y = np.array([sa, sp, ip, ia]).T
    clockwise = 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    share = clockwise / max(body.depth_px**2, 1e-9)
    if not abs(share) > TOLD_AREA or not np.isfinite(share):
        return Facing.UNKNOWN
    return Facing.LEFT if share > 0.0 else Facing.RIGHT


def why_not_its_front(landmarks: SpineLandmarks) -> str | None:
    """Why a film seems to face the other way, told by its sacrum; for corners that were named by the film's side.

    The sacral endplate slopes down to the front, and the more so against the body two above it. Of 224 simulated films
    with both, 219 are seen when they are mirrored, and 2 are taken for mirrored that are not.
    """
    sacrum = next((k for k, v in enumerate(landmarks.vertebrae) if v.level is VertebralLevel.S1), 0)
    other = _OTHER.get(landmarks.facing)
    if sacrum < 2 or other is None:
        return None
    slope, above = (_slope_deg(landmarks.vertebrae[k], landmarks.facing) for k in (sacrum, sacrum - 2))
    if not (slope < 0 and slope - above < 0 and 2 * slope - above < BACKWARD_DEG):
        return None
    return (
        f"taken to face {landmarks.facing.value}, its sacrum slopes down to the back: give --facing {other.value} if "
        f"the film faces {other.value}, else leave it out"
    )


def _slope_deg(body: VertebraLandmarks, facing: Facing) -> float:
    """Of the superior endplate, down to the front; NaN when it is not seen."""
    x, y = body.corners_px[0] - body.corners_px[1]
    return float(np.degrees(np.arctan2(y, x if facing is Facing.RIGHT else -x)))

"""Annotated vertebrae that cannot be a spine, so that nothing is held against them or trained from them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kummell_ai.imaging.annotation import SpineLandmarks


def why_not_a_spine(landmarks: SpineLandmarks) -> str | None:
    """Why annotated vertebrae are no truth to hold anything against: none, a level twice, or out of order; else None.

    In order of their names the bodies with four corners must go one way, and that not from the sacrum to the head: each
    step makes less than a right angle with the one before. A spine may lie across a film where the patient bends.
    """
    if not landmarks.vertebrae:
        return "no vertebra is annotated; annotate it, or leave the film out"
    levels = [v.level for v in landmarks.vertebrae if v.level is not None]
    twice = next((level for level in levels if levels.count(level) > 1), None)
    if twice is not None:
        return f"{twice} is annotated {levels.count(twice)} times; a level occurs once: correct the names"
    placed = sorted(
        (v.level, v.centre_px) for v in landmarks.vertebrae if v.level is not None and np.isfinite(v.corners_px).all()
    )
    remedy = "levels run from head to sacrum: correct the names"
    steps = [second[1] - first[1] for first, second in pairwise(placed)]
    for k, (before, after) in enumerate(pairwise(steps), start=1):
        if float(before @ after) < 0.0:
            return f"{placed[k][0]} does not lie between {placed[k - 1][0]} and {placed[k + 1][0]}; {remedy}"
    if len(steps) > 1 and (whole := placed[-1][1] - placed[0][1])[1] < -abs(float(whole[0])):
        return f"{placed[-1][0]} lies above {placed[0][0]}; {remedy}"
    return None

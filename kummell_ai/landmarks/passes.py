"""What one look of the network at a film gave, and at what scale to look again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.intensity import Box, box_slices
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.channels import VIEWS
from kummell_ai.landmarks.fitting import FitPlan
from kummell_ai.landmarks.grouping import Candidate

SCALE_TOLERANCE = 1.2
"""A second look is taken when bodies are this much larger or smaller than in training."""

MAX_ROWS = 1024
"""Rows of a second look beyond which only the spine's surroundings are shown."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at a film.

    Attributes:
        plan: how the film was fitted.
        to_network: image px -> network px.
        bodies: decoded vertebrae, network px, cranial to caudal.
        view: (3,) probability of `VIEWS`, as fitted.
    """

    plan: FitPlan
    to_network: ScaleShift
    bodies: tuple[Candidate, ...]
    view: FloatArray

    @property
    def bodies_px(self) -> tuple[Candidate, ...]:
        """The bodies in image px; their corners keep their anatomical names."""
        back = self.to_network.inverse()
        return tuple(
            replace(b, points_px=back.apply(b.points_px), covariance_px=back.apply_covariance(b.covariance_px))
            for b in self.bodies
        )


def total_confidence(look: Pass) -> float:
    """Sum of the confidences."""
    return sum(b.confidence for b in look.bodies)


def facing_probabilities(straight: FloatArray, turned: FloatArray) -> tuple[float, float]:
    """Probabilities that a film faces left and that it faces right, from its view (3,) straight and mirrored.

    A lateral film must turn with the mirror; one that faces the same way twice is none of the two.

    >>> lateral = facing_probabilities(np.array([0.9, 0.1, 0.0]), np.array([0.2, 0.8, 0.0]))
    >>> frontal = facing_probabilities(np.array([0.9, 0.1, 0.0]), np.array([0.9, 0.1, 0.0]))
    >>> [round(p, 2) for p in (*lateral, *frontal)]
    [0.72, 0.02, 0.09, 0.09]
    """
    left, right = VIEWS.index("left"), VIEWS.index("right")
    return float(straight[left] * turned[right]), float(straight[right] * turned[left])


def better_scale(first: Pass, usual_depth_px: float, rows: int) -> tuple[float, ...]:
    """Scales (network px per image row) at which to look again; none when the first was good.

    Where hardly anything was found the bodies may be far too small or too large, so both are tried.
    """
    if len(first.bodies) < 2:
        return (first.plan.scale * 1.5, first.plan.scale * 0.67)
    ratio = usual_depth_px / float(np.median([b.depth_px for b in first.bodies]))
    if max(ratio, 1.0 / ratio) <= SCALE_TOLERANCE:
        return ()
    return (first.plan.scale * float(np.clip(ratio, 0.5, 3.0)),)


def spine_box(first: Pass, radiograph: Radiograph, scale: float) -> Box | None:
    """Part of the film to show at ``scale``: all of it, or the spine's surroundings when it would be too large."""
    vertical, across = box_slices(radiograph.pixels.shape, radiograph.valid_box)
    if (vertical.stop - vertical.start) * scale <= MAX_ROWS or not first.bodies:
        return None
    points = np.concatenate([b.points_px for b in first.bodies_px])
    margin = 2.0 * float(np.median([b.depth_px for b in first.bodies_px]))
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    return (
        max(float(across.start), float(low[0])),
        max(float(vertical.start), float(low[1])),
        min(float(across.stop), float(high[0])),
        min(float(vertical.stop), float(high[1])),
    )

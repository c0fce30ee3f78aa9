"""What one look of the network at a film gave, and at what scale to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.intensity import Box, box_slices
from kummell_ai.imaging.picture_shape import needed_stretch
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.channels import VIEWS
from kummell_ai.landmarks.fitting import FitPlan
from kummell_ai.landmarks.grouping import Candidate, best_chain, shared_area

BEST_SIZE = 1.08
"""Size of a body (square root of its area) at which corners come out best, over the median depth in training.

Measured on 120 simulated films (seeds 72000000 and 73000000): at 0.9, 1.08 and 1.25 the median corner error is 0.75,
0.68 and 0.66 mm, the 90th percentile 2.3, 2.3 and 2.4 mm, the Cobb error 2.8, 2.9 and 3.0°: a heatmap cell is smaller
against a larger body, but beyond this size the doubtful ones get worse.
"""

SCALE_STEP = 2.0**0.25
"""A second look is so many whole steps larger or smaller: a tenth off `BEST_SIZE` costs nothing, and a scale in coarse
steps is the same on processors that round differently."""

CERTAIN_VIEW = 0.97
"""Probability of facing left beyond which the film is not looked at from the other side."""

CERTAIN_BODY = 0.6
"""Median confidence of the bodies that goes with it."""

SHAPE_TOLERANCE = 1.08
"""A film without a pixel size whose bodies have a `needed_stretch` beyond this is stretched; people differ less."""

SHAPE_LEFT = 1.04
"""A film that was stretched is looked at again until its bodies need less than this."""

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


def lateral_probability(look: Pass, mirrored: Pass) -> float:
    """Probability that a film is lateral, from two looks that are each other's mirror image."""
    return float(np.sqrt(max(facing_probabilities(look.view, mirrored.view))))


def is_certain(look: Pass) -> bool:
    """Whether a look shows a spine that faces left beyond doubt, so that its mirror image need not be looked at."""
    confidences = [b.confidence for b in look.bodies]
    left = float(look.view[VIEWS.index("left")])
    return left > CERTAIN_VIEW and len(confidences) >= 3 and float(np.median(confidences)) > CERTAIN_BODY


def better_plans(first: Pass, usual_depth_px: float, aspect_known: bool) -> tuple[FitPlan, ...]:
    """How to look again; empty when the first look was good.

    Where hardly anything was found the bodies may be far too small or too large, so both are tried. On a film whose
    pixel aspect nobody gave, bodies that are far too long or too high for vertebrae mean a stretched picture.
    """
    plan = first.plan
    if len(first.bodies) < 2:
        return (replace(plan, scale=plan.scale * 1.5), replace(plan, scale=plan.scale * 0.67))
    stretch = 1.0 if aspect_known else stretch_beyond(first, SHAPE_TOLERANCE)
    again = rescaled(first, usual_depth_px, stretch)
    return () if again == plan else (again,)


def rescaled(look: Pass, usual_depth_px: float, stretch: float) -> FitPlan:
    """The plan of a look with a further ``stretch`` across and the scale at which corners come out best."""
    size = float(np.median([b.size_px for b in look.bodies])) * float(np.sqrt(stretch))
    steps = round(float(np.log(np.clip(BEST_SIZE * usual_depth_px / size, 0.5, 3.0)) / np.log(SCALE_STEP)))
    plan = look.plan
    return replace(plan, scale=plan.scale * SCALE_STEP**steps, stretch=plan.stretch * stretch)


def stretch_beyond(look: Pass, tolerance: float) -> float:
    """Factor across that gives the film's bodies the usual shape; 1 when they need less than ``tolerance``."""
    factor = needed_stretch(np.array([b.points_px for b in look.bodies]).reshape(-1, 4, 2))
    return factor if max(factor, 1.0 / factor) > tolerance else 1.0


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


def join(main: Sequence[Candidate], other: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The bodies of ``main`` and those of ``other`` that lie where ``main`` has none, as one spine; image px."""
    free = [b for b in other if all(shared_area(b.points_px, m.points_px) < 0.2 for m in main)]
    return best_chain([*main, *free])


def average_names(bodies: Sequence[Candidate], looks: Sequence[Sequence[Candidate]]) -> tuple[Candidate, ...]:
    """``bodies`` with level and state probabilities averaged over all ``looks`` that show them; image px."""
    averaged: list[Candidate] = []
    for body, seen in zip(bodies, same_in(bodies, looks), strict=True):
        same = seen or [body]
        levels = np.mean([b.level_log_probability for b in same], axis=0)
        states = np.mean([b.states for b in same], axis=0)
        averaged.append(replace(body, level_log_probability=levels, states=states))
    return tuple(averaged)


def average_corners(bodies: Sequence[Candidate], looks: Sequence[Sequence[Candidate]]) -> tuple[Candidate, ...]:
    """``bodies`` with corners and covariances averaged with those of further ``looks``; image px."""
    averaged: list[Candidate] = []
    for body, seen in zip(bodies, same_in(bodies, looks), strict=True):
        same = [body, *seen]
        points = np.mean([b.points_px for b in same], axis=0)
        covariance = np.mean([b.covariance_px for b in same], axis=0)
        averaged.append(replace(body, points_px=points, covariance_px=covariance))
    return tuple(averaged)


def same_in(bodies: Sequence[Candidate], looks: Sequence[Sequence[Candidate]]) -> list[list[Candidate]]:
    """For each of ``bodies`` the body in each look that is nearest and within 0.3 of its depth."""
    found: list[list[Candidate]] = [[] for _ in bodies]
    centres = np.array([b.centre_px for b in bodies]).reshape(-1, 2)
    reach = 0.3 * np.array([b.depth_px for b in bodies])
    for look in looks:
        if not look:
            continue
        shown = np.array([b.centre_px for b in look])
        distance = np.linalg.norm(shown - centres[:, None], axis=2)
        for i, j in enumerate(distance.argmin(axis=1)):
            if distance[i, j] < reach[i]:
                found[i].append(look[j])
    return found

"""Landmarks of the vertebrae of one film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kummell_ai.anatomy import CORNERS, Facing, VertebralLandmark, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.imaging.radiograph import ImageReference

NO_CONTRAST = "no-contrast"
"""Flag of a vertebra with a corner where the film is evenly grey: burnt out, black or of too few greys."""

BY_HAND = "by-hand"
"""Flag of a vertebra with a point that a person set."""


@dataclass(frozen=True, slots=True)
class VertebraLandmarks:
    """The points of one vertebra.

    Attributes:
        points_px: (4, 2) or (6, 2) float64 image (x, y) px in `VertebralLandmark` order; NaN = not seen.
        level: its name, or None when it is not known.
        level_probability: probability of that name in [0, 1], or None.
        covariance_px: (4|6, 2, 2) px², or None when not known; NaN where the point is NaN.
        confidence: of the detection, in [0, 1]; 1 for truth.
        flags: words about the vertebra, for example ``fractured``, ``instrumented``, ``cemented``, ``cropped``,
            `NO_CONTRAST`, `BY_HAND`.
        hidden: points whose place is known although something covers them, such as a screw.
        interval_factors: of its quantities' intervals; None keeps them as the covariances give them.
    """

    points_px: FloatArray
    level: VertebralLevel | None = None
    level_probability: float | None = None
    covariance_px: FloatArray | None = None
    confidence: float = 1.0
    flags: frozenset[str] = field(default_factory=frozenset)
    hidden: frozenset[VertebralLandmark] = frozenset()
    interval_factors: IntervalFactors | None = None

    def __post_init__(self) -> None:
        if self.points_px.shape not in ((4, 2), (6, 2)):
            raise ValueError(f"points_px has shape {self.points_px.shape}; expected (4, 2) or (6, 2)")
        if self.covariance_px is not None and self.covariance_px.shape != (*self.points_px.shape, 2):
            expected = (*self.points_px.shape, 2)
            raise ValueError(f"covariance_px has shape {self.covariance_px.shape}; expected {expected}")

    @property
    def corners_px(self) -> FloatArray:
        """The four corners, (4, 2) px."""
        return self.points_px[: len(CORNERS)]

    @property
    def centre_px(self) -> FloatArray:
        """Mean of the corners that are seen, (2,) px; NaN when none is seen."""
        seen = self.corners_px[np.isfinite(self.corners_px).all(axis=-1)]
        centre: FloatArray = seen.mean(axis=0) if len(seen) else np.full(2, np.nan)
        return centre

    @property
    def depth_px(self) -> float:
        """Mean length of the two endplates (px); NaN when neither is seen."""
        sa, sp, ia, ip = self.corners_px
        lengths = np.array([np.linalg.norm(sa - sp), np.linalg.norm(ia - ip)])
        return float(lengths[np.isfinite(lengths)].mean()) if np.isfinite(lengths).any() else float("nan")

    @property
    def is_cemented_alone(self) -> bool:
        """Cement without screws: an injured body that was filled, not one that holds the rods."""
        return "cemented" in self.flags and "instrumented" not in self.flags

    def point(self, landmark: VertebralLandmark) -> FloatArray:
        """One point (2,) px; NaN when it is not seen or not part of this set."""
        if landmark >= len(self.points_px):
            return np.full(2, np.nan)
        point: FloatArray = self.points_px[landmark]
        return point


def repeated_levels(vertebrae: Sequence[VertebraLandmarks]) -> set[VertebralLevel]:
    """The levels that stand more than once, so that none of the vertebrae of that name can be told to bear it."""
    levels = [body.level for body in vertebrae if body.level is not None]
    return {level for level in levels if levels.count(level) > 1}


@dataclass(frozen=True, slots=True)
class SpineLandmarks:
    """All vertebrae of one film, cranial to caudal; gaps are allowed.

    Attributes:
        vertebrae: cranial to caudal.
        reference: the film they belong to.
        facing: side of the image the patient's front is turned to, as the landmarks tell.
        lateral_probability: probability in [0, 1] that the film is a lateral view, or None when not judged.
        level_evidence: what the film says about the names, one row a vertebra; None when they were set by hand.
        inverted: whether bone is dark on the film, so that it was read with its grey values exchanged.
        needed_turns: right angles counter-clockwise by which the picture would have to be turned for the head to be at
            the top, 0 to 3; a film that needs one is not measured.
    """

    vertebrae: tuple[VertebraLandmarks, ...]
    reference: ImageReference
    facing: Facing = Facing.UNKNOWN
    lateral_probability: float | None = None
    level_evidence: LevelEvidence | None = None
    inverted: bool = False
    needed_turns: int = 0

    def __post_init__(self) -> None:
        evidence = self.level_evidence
        if evidence is not None and len(evidence.log_probability) != len(self.vertebrae):
            rows = len(evidence.log_probability)
            raise ValueError(f"level_evidence has {rows} rows for {len(self.vertebrae)} vertebrae; drop it or fit it")

    def at(self, level: VertebralLevel) -> VertebraLandmarks | None:
        """The vertebra called ``level``, or None."""
        return next((v for v in self.vertebrae if v.level is level), None)

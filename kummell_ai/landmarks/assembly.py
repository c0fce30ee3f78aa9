"""Decoded bodies in image px -> `SpineLandmarks`: names, flags, calibrated covariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kummell_ai.anatomy import CORNERS, Facing, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.levels import weigh_names

FLOOR_SHARE = 0.006
"""Smallest standard deviation of a corner, as a share of the vertebra's depth."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Factors (4,) on the covariance of each corner, set by scripts/calibrate_covariance.py.

    The middles of the endplates take the mean of the corners' factors.
    """

    scale: FloatArray

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Uncertainty:
        """As in model.json; 1 where it says nothing."""
        scale = np.asarray(info.get("covariance_scale") or [1.0] * len(CORNERS), dtype=np.float64)
        return cls(np.broadcast_to(scale, (len(CORNERS),)))

    def calibrate(self, covariance_px: FloatArray, depth_px: float) -> FloatArray:
        """Calibrated covariance (4|6, 2, 2) px² of a body of ``depth_px``, with a floor."""
        missing = len(covariance_px) - len(self.scale)
        scale = np.concatenate([self.scale, np.full(missing, self.scale.mean())])
        calibrated: FloatArray = covariance_px * scale[:, None, None] + np.eye(2) * (FLOOR_SHARE * depth_px) ** 2
        return calibrated


def assemble(
    radiograph: Radiograph, bodies_px: Sequence[Candidate], mirrored: bool, lateral: float, uncertainty: Uncertainty
) -> SpineLandmarks:
    """The film's landmarks from its bodies in image px; ``lateral`` is the probability of a lateral view."""
    centres = np.array([b.centre_px for b in bodies_px]).reshape(-1, 2)
    aspect = np.array([1.0, radiograph.spacing.row_mm / radiograph.spacing.column_mm])
    depths = np.array([b.depth_px for b in bodies_px])
    log_probability = np.array([b.level_log_probability for b in bodies_px])
    evidence = weigh_names(centres * aspect, depths, log_probability)
    names: Sequence[VertebralLevel | None] = evidence.chosen.levels if evidence else [None] * len(bodies_px)
    probability = evidence.chosen.probability if evidence else None
    return SpineLandmarks(
        tuple(_vertebra(b, n, probability, radiograph, uncertainty) for b, n in zip(bodies_px, names, strict=True)),
        radiograph.reference,
        facing=Facing.RIGHT if mirrored else Facing.LEFT,
        lateral_probability=lateral,
        level_evidence=evidence,
    )


def _vertebra(
    body: Candidate,
    name: VertebralLevel | None,
    probability: float | None,
    radiograph: Radiograph,
    uncertainty: Uncertainty,
) -> VertebraLandmarks:
    points, covariance = body.points_px.copy(), body.covariance_px
    if body.middles_px is not None and body.middles_covariance_px is not None:
        points = np.concatenate([points, body.middles_px])
        covariance = np.concatenate([covariance, body.middles_covariance_px])
    covariance = uncertainty.calibrate(covariance, body.depth_px)
    outside = np.any((points < 0.0) | (points > [radiograph.width, radiograph.height]), axis=1)
    points[outside], covariance[outside] = np.nan, np.nan
    flags = {state for state, p in zip(STATES, body.states, strict=True) if p > 0.5}
    if np.any(outside[: len(CORNERS)]):
        flags.add("cropped")
    return VertebraLandmarks(
        points,
        level=name,
        level_probability=probability,
        covariance_px=covariance,
        confidence=body.confidence,
        flags=frozenset(flags),
    )

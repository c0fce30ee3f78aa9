"""Decoded bodies in image px -> `SpineLandmarks`: names, flags, calibrated covariances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kummell_ai.anatomy import CORNERS, Facing, VertebralLevel
from kummell_ai.errors import CheckpointError
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors, stratum_of
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.levels import weigh_names

FLOOR_SHARE = 0.006
"""Smallest standard deviation of a corner, as a share of the vertebra's depth."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What a network's covariances lack to be true to its errors, set by scripts/calibrate_covariance.py.

    Attributes:
        scale: by stratum, factors (4,) on the covariance of each corner; the middles of the endplates take their mean.
        factors: by quantity and stratum, on the standard error of the quantity (docs/uncertainty.md).
        together: as ``factors``, for a film that was measured together with others of the patient; empty where that was
            not calibrated.
        together_scale: by stratum, on the covariances of points that the films of a patient placed together.
        changes: by quantity and comparison, on the standard error of a change between two films measured together.
    """

    scale: Mapping[str, FloatArray]
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    together: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    together_scale: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Uncertainty:
        """As in model.json; 1 where it says nothing. ``covariance_scale`` may be one list for all strata.

        Where filled fractures have no factors of their own, they take those of cemented vertebrae, as they did in
        models calibrated before the two were told apart.

        Raises:
            CheckpointError: the factors are not of that form, not finite or not above 0.
        """
        scale = info.get("covariance_scale") or 1.0
        by_stratum = scale if isinstance(scale, Mapping) else dict.fromkeys(STRATA, scale)
        try:
            corners = {s: _corner_factors(f) for s, f in _complete(by_stratum).items()}
            alone, together = (_by_quantity(info.get(key) or {}) for key in ("interval_factors", "together_factors"))
            together_scale = {str(s): _factor(f) for s, f in (info.get("together_scale") or {}).items()}
            changes = {
                str(q): {str(name): _factor(f) for name, f in rows.items()}
                for q, rows in (info.get("change_factors") or {}).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"model.json holds no factors of uncertainty as expected ({error!r}): all are above 0, "
                f"covariance_scale is four for each of {', '.join(STRATA)}, interval_factors and together_factors "
                "one for each by quantity, change_factors one by quantity and comparison; calibrate the model anew",
                scale,
            ) from error
        return cls(corners, alone, together, together_scale, changes)

    def of(self, stratum: str) -> IntervalFactors:
        """The factors of the quantities of one stratum."""
        alone, together = (
            {quantity: rows[stratum] for quantity, rows in factors.items()} for factors in (self.factors, self.together)
        )
        if not together:
            return IntervalFactors(stratum, alone)
        joint = IntervalFactors(stratum, together, self.changes, True, self.together_scale.get(stratum, 1.0))
        return IntervalFactors(stratum, alone, together=joint)

    def calibrate(self, covariance_px: FloatArray, floor_px2: FloatArray, stratum: str) -> FloatArray:
        """Calibrated covariance (4|6, 2, 2) px² of a body whose corners have the floor (2, 2) px² of `floor_of`."""
        own = self.scale[stratum]
        scale = np.concatenate([own, np.full(len(covariance_px) - len(own), own.mean())])
        calibrated: FloatArray = covariance_px * scale[:, None, None] + floor_px2
        return calibrated


def _by_quantity(factors: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    return {str(quantity): {s: _factor(f) for s, f in _complete(rows).items()} for quantity, rows in factors.items()}


def _factor(value: Any) -> float:
    """``value`` as a factor of a standard error or covariance, which is finite and above 0."""
    factor = float(value)
    if not (math.isfinite(factor) and factor > 0.0):
        raise ValueError(f"{factor} is no factor")
    return factor


def _corner_factors(values: Any) -> FloatArray:
    """Factors (4,) of the corners' covariances, from one for all or four."""
    factors = np.broadcast_to(np.asarray(values, np.float64), (len(CORNERS),))
    return np.array([_factor(factor) for factor in factors])


def _complete(rows: Mapping[str, Any]) -> dict[str, Any]:
    """``rows`` for each of `STRATA`."""
    filled, cemented = STRATA[:2]
    return {**{s: rows[s] for s in STRATA[1:]}, filled: rows.get(filled, rows[cemented])}


def calibrated(landmarks: SpineLandmarks, uncertainty: Uncertainty, spacing: PixelSpacing) -> SpineLandmarks:
    """``landmarks`` of `assemble`, whose covariances are the network's own, with calibrated ones and factors.

    Args:
        landmarks: of a film.
        uncertainty: of the model.
        spacing: of the film (its aspect decides).
    """
    return replace(landmarks, vertebrae=tuple(_calibrated(body, uncertainty, spacing) for body in landmarks.vertebrae))


def _calibrated(body: VertebraLandmarks, uncertainty: Uncertainty, spacing: PixelSpacing) -> VertebraLandmarks:
    stratum = stratum_of(body.flags)
    covariance = body.covariance_px
    if covariance is not None:
        covariance = uncertainty.calibrate(covariance, floor_of(body, spacing), stratum)
    return replace(body, covariance_px=covariance, interval_factors=uncertainty.of(stratum))


def floor_of(body: VertebraLandmarks, spacing: PixelSpacing) -> FloatArray:
    """What is added to the covariance of each corner, (2, 2) px²: `FLOOR_SHARE` of the depth, alike all round in mm."""
    square = ScaleShift.resize(1.0, spacing.row_mm / spacing.column_mm)
    seen = replace(body, points_px=square.apply(body.points_px), covariance_px=None)
    return square.inverse().apply_covariance(np.eye(2) * (FLOOR_SHARE * _extent(seen)) ** 2)


def _extent(body: VertebraLandmarks) -> float:
    """The depth (px), or the height of the wall that is seen where no endplate is seen whole; 0 for a single corner."""
    if np.isfinite(body.depth_px):
        return body.depth_px
    walls = np.linalg.norm(body.corners_px[:2] - body.corners_px[2:], axis=1)
    return float(np.nanmax(walls)) if np.isfinite(walls).any() else 0.0


def assemble(
    radiograph: Radiograph, bodies_px: Sequence[Candidate], mirrored: bool, lateral: float, stretch: float = 1.0
) -> SpineLandmarks:
    """The film's landmarks from its bodies in image px, their covariances not yet calibrated.

    Args:
        radiograph: the film.
        bodies_px: cranial to caudal.
        mirrored: whether the front is to the right.
        lateral: probability of a lateral view.
        stretch: further scale across, as in `FitPlan`; only distances between vertebrae are taken with it.
    """
    aspect = np.array([stretch * radiograph.spacing.column_mm / radiograph.spacing.row_mm, 1.0])
    square = [replace(b, points_px=b.points_px * aspect) for b in bodies_px]
    centres = np.array([b.centre_px for b in square]).reshape(-1, 2)
    depths = np.array([b.depth_px for b in square])
    log_probability = np.array([b.level_log_probability for b in bodies_px])
    evidence = weigh_names(centres, depths, log_probability)
    names: Sequence[VertebralLevel | None] = evidence.chosen.levels if evidence else [None] * len(bodies_px)
    probability: Sequence[float | None] = evidence.chosen.of_each if evidence else [None] * len(bodies_px)
    return SpineLandmarks(
        tuple(_vertebra(b, n, p, radiograph) for b, n, p in zip(bodies_px, names, probability, strict=True)),
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
) -> VertebraLandmarks:
    points, covariance = body.points_px.copy(), body.covariance_px.copy()
    if body.middles_px is not None and body.middles_covariance_px is not None:
        points = np.concatenate([points, body.middles_px])
        covariance = np.concatenate([covariance, body.middles_covariance_px])
    outside = np.any((points < 0.0) | (points > [radiograph.width, radiograph.height]), axis=1)
    points[outside], covariance[outside] = np.nan, np.nan
    flags = {state for state, p in zip(STATES, body.states, strict=True) if p > 0.5}
    box = radiograph.valid_box or (0.0, 0.0, float(radiograph.width), float(radiograph.height))
    corners = body.points_px
    if np.any((corners < box[:2]) | (corners > box[2:])):
        flags.add("cropped")
    return VertebraLandmarks(
        points,
        level=name,
        level_probability=probability,
        covariance_px=covariance,
        confidence=body.confidence,
        flags=frozenset(flags),
    )

"""Decoded bodies in image px -> `SpineLandmarks`: names, flags, calibrated covariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import CORNERS, LEVELS, USUAL_LEVELS, Facing, VertebralLevel
from kummell_ai.errors import CheckpointError
from kummell_ai.imaging.annotation import NO_CONTRAST, SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.intensity import GreyArray, grey_spread
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors, stratum_of
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.levels import weigh_names

FACTORS = (0.01, 100.0)
"""Lowest and highest factor of a standard error or covariance. Those of trained networks lie from 0.4 to 2; a factor
far from 1 is a slip, and would give intervals of no width, or of any."""

LEAST_ON_FILM = 0.5
"""A point that the second stage takes to be on the film with less than this probability is not given."""

FLOOR_SHARE = 0.006
"""Smallest standard deviation of a corner, as a share of the vertebra's depth."""

EVEN_REACH = 0.2
"""A point is looked for within this share of the depth, along rows and columns."""

EVEN_SPREAD = 0.01
"""Where the greys within `EVEN_REACH` of a point differ by no more than this share of the film's whole range, nothing
of the bone is seen there: the film is burnt out, black or of too few greys, and the point is guessed from others."""

EVEN_FACTOR = 2.6
"""On the covariance of such points; set on 1,200 simulated films (docs/uncertainty.md, Where nothing is seen)."""


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
            CheckpointError: the factors are not of that form, or lie outside `FACTORS`.
        """
        scale = _given(info, "covariance_scale", 1.0)
        by_stratum = scale if isinstance(scale, Mapping) else dict.fromkeys(STRATA, scale)
        corners = {
            s: _corner_factors(f, f"covariance_scale of {s}")
            for s, f in _complete(by_stratum, "covariance_scale").items()
        }
        alone, together = (_by_quantity(_given(info, key, {}), key) for key in ("interval_factors", "together_factors"))
        together_scale = _factors(_given(info, "together_scale", {}), "together_scale")
        changes = {
            str(quantity): _factors(rows, f"change_factors of {quantity}")
            for quantity, rows in _mapping(_given(info, "change_factors", {}), "change_factors").items()
        }
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


def _given(info: Mapping[str, Any], key: str, default: Any) -> Any:
    """What model.json says of ``key``; null, as its absence, is the default."""
    value = info.get(key)
    return default if value is None else value


def _by_quantity(factors: Any, name: str) -> dict[str, dict[str, float]]:
    return {
        str(quantity): _factors(_complete(rows, f"{name} of {quantity}"), f"{name} of {quantity}")
        for quantity, rows in _mapping(factors, name).items()
    }


def _factors(rows: Any, name: str) -> dict[str, float]:
    return {str(key): _factor(value, f"{name}, {key},") for key, value in _mapping(rows, name).items()}


def _factor(value: Any, name: str) -> float:
    """``value`` as a factor of a standard error or covariance, which lies within `FACTORS`.

    Raises:
        CheckpointError: it is no number, or lies outside.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    low, high = FACTORS
    if not (is_number and low <= value <= high):  # NaN is not, and whole numbers of any size are compared exactly
        raise _not_as_expected(f"{name} is {value!r:.40}; expected a number of {low:g} to {high:g}", value)
    return float(value)


def _corner_factors(values: Any, name: str) -> FloatArray:
    """Factors (4,) of the corners' covariances, from one for all or four."""
    listed = values if isinstance(values, list | tuple) else [values] * len(CORNERS)
    if len(listed) != len(CORNERS):
        raise _not_as_expected(f"{name} has {len(listed)} numbers; expected one, or four for the corners", values)
    return np.array([_factor(value, name) for value in listed])


def _complete(rows: Any, name: str) -> dict[str, Any]:
    """``rows`` for each of `STRATA`."""
    rows = _mapping(rows, name)
    filled, cemented = STRATA[:2]
    lacking = [stratum for stratum in STRATA[1:] if stratum not in rows]
    if lacking:
        raise _not_as_expected(f"{name} lacks {', '.join(lacking)}", rows)
    return {**{s: rows[s] for s in STRATA[1:]}, filled: rows.get(filled, rows[cemented])}


def _mapping(rows: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(rows, Mapping):
        raise _not_as_expected(f"{name} is {rows!r:.40}; expected factors by name", rows)
    return rows


def _not_as_expected(fault: str, value: object) -> CheckpointError:
    return CheckpointError(f"model.json: {fault}; calibrate the model anew (docs/uncertainty.md)", value)


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
    bodies_px, evidence = _named(bodies_px, aspect)
    names: Sequence[VertebralLevel | None] = evidence.chosen.levels if evidence else [None] * len(bodies_px)
    probability: Sequence[float | None] = evidence.chosen.of_each if evidence else [None] * len(bodies_px)
    most = most_even(radiograph.pixels)
    return SpineLandmarks(
        tuple(_vertebra(b, n, p, radiograph, most) for b, n, p in zip(bodies_px, names, probability, strict=True)),
        radiograph.reference,
        facing=Facing.RIGHT if mirrored else Facing.LEFT,
        lateral_probability=lateral,
        level_evidence=evidence,
    )


def is_even(pixels: GreyArray, points_px: FloatArray, depth_px: float, most: float) -> NDArray[np.bool_]:
    """Which points of a body lie where nothing of it is seen; none that is NaN does.

    Args:
        pixels: (H, W) of the film.
        points_px: (n, 2) image px.
        depth_px: of the body.
        most: `most_even` of the film.
    """
    reach_px = EVEN_REACH * depth_px
    spreads = [grey_spread(pixels, (x, y), reach_px) if np.isfinite(x) else np.inf for x, y in points_px.tolist()]
    return np.array(spreads) <= most


def most_even(pixels: GreyArray) -> float:
    """The largest `grey_spread` of a film (H, W) that tells nothing."""
    return EVEN_SPREAD * float(pixels.max() - pixels.min())


def _named(bodies_px: Sequence[Candidate], aspect: FloatArray) -> tuple[Sequence[Candidate], LevelEvidence | None]:
    """The bodies that have a name, and the evidence for theirs.

    What lies above T1 has none: it is a neck's, or no vertebra. Were it kept, the row of names would need a T13 or an
    L6 that nothing else speaks for. So where the names reach T1 the topmost bodies go if those below do with less.
    """
    best: tuple[Sequence[Candidate], LevelEvidence | None] = bodies_px, None
    fewest = len(LEVELS)
    for first in range(len(bodies_px)):
        evidence = _evidence(bodies_px[first:], aspect)
        if evidence is not None:
            names = evidence.chosen.levels
            variants = len(set(names) - set(USUAL_LEVELS))
            if variants < fewest:
                best, fewest = (bodies_px[first:], evidence), variants
            if variants == 0 or names[0] is not USUAL_LEVELS[0]:
                break
    return best


def _evidence(bodies_px: Sequence[Candidate], aspect: FloatArray) -> LevelEvidence | None:
    square = [replace(b, points_px=b.points_px * aspect) for b in bodies_px]
    centres = np.array([b.centre_px for b in square]).reshape(-1, 2)
    depths = np.array([b.depth_px for b in square])
    return weigh_names(centres, depths, np.array([b.level_log_probability for b in bodies_px]))


def _vertebra(
    body: Candidate,
    name: VertebralLevel | None,
    probability: float | None,
    radiograph: Radiograph,
    most: float,
) -> VertebraLandmarks:
    points, covariance = body.points_px.copy(), body.covariance_px.copy()
    if body.middles_px is not None and body.middles_covariance_px is not None:
        points = np.concatenate([points, body.middles_px])
        covariance = np.concatenate([covariance, body.middles_covariance_px])
    unseen = np.any((points < 0.0) | (points > [radiograph.width, radiograph.height]), axis=1)
    if body.on_film is not None:  # where the edge cuts a body, what is seen of it was taken for the whole
        unseen |= body.on_film[: len(points)] < LEAST_ON_FILM
    points[unseen], covariance[unseen] = np.nan, np.nan
    flags = {state for state, p in zip(STATES, body.states, strict=True) if p > 0.5}
    even = is_even(radiograph.pixels, points, body.depth_px, most)
    covariance[even] *= EVEN_FACTOR
    if even[: len(CORNERS)].any():
        flags.add(NO_CONTRAST)
    box = radiograph.valid_box or (0.0, 0.0, float(radiograph.width), float(radiograph.height))
    corners = body.points_px
    if np.any((corners < box[:2]) | (corners > box[2:])) or unseen[: len(corners)].any():
        flags.add("cropped")
    return VertebraLandmarks(
        points,
        level=name,
        level_probability=probability,
        covariance_px=covariance,
        confidence=body.confidence,
        flags=frozenset(flags),
    )

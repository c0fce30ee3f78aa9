"""Corners that a person set, in the place of those that a network found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import CORNERS, Facing
from kummell_ai.imaging.annotation import BY_HAND, SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.landmarks.channels import STATES
from kummell_ai.measurement.scale import body_depths, isotropic

READER_SHARE = 0.03
"""Standard deviation of a point set by a person, of the depth of its body: 1 mm of 35.

Angles between two endplates of such points have one of 3.4°, heights one of 1.5 mm, as readers of fractured vertebrae
have (2.6 to 3.4° and 1.6 to 2.3 mm)."""

SAME_PX = 0.1
"""A point that lies nearer than this to the one that was found was not moved."""

SAME_BODY = 0.5
"""Two bodies are one where their centres lie nearer than this share of the depth."""


def with_corners_by_hand(
    found: SpineLandmarks, marked: SpineLandmarks, spacing: PixelSpacing, *, states_are_marked: bool = False
) -> SpineLandmarks:
    """The vertebrae that a person marked, with what the network said of those that were left as they were.

    A vertebra whose points were not moved stays as it was found. One that was moved, or was not found, bears the flag
    `BY_HAND`: its moved points have the covariance of a reader (`READER_SHARE`), it has no factors of intervals, and
    so its shape is not fitted to other films. Vertebrae that are not marked go. The names keep their evidence unless a
    vertebra came, went or got another name: then they are taken to be set by hand. Where a person changed anything the
    film counts as a lateral one with the head at the top.

    Args:
        found: by the network; no vertebra where it found none.
        marked: of the same film, in its px, cranial to caudal.
        spacing: of the film (its aspect decides).
        states_are_marked: whether the flags of ``marked`` say all that is fractured, instrumented and cemented; else
            those of ``found`` stay, too.
    """
    partners = _pair(found.vertebrae, marked.vertebrae, spacing)
    matched = [None if j is None else found.vertebrae[j] for j in partners]
    bodies = [
        _new(own, depth, spacing) if was is None else _corrected(was, own, depth, spacing, states_are_marked)
        for own, was, depth in zip(marked.vertebrae, matched, body_depths(marked.vertebrae, spacing), strict=True)
    ]
    evidence, seen = found.level_evidence, {j for j, body in enumerate(found.vertebrae) if _is_seen(body)}
    if set(partners) == seen and all(
        was and body.level is was.level for body, was in zip(bodies, matched, strict=True)
    ):
        of_found = {j: body for j, body in zip(partners, bodies, strict=True) if j is not None}
        bodies = [of_found.get(j, body) for j, body in enumerate(found.vertebrae)]  # one without a point is not drawn
        if all(body is was for body, was in zip(bodies, found.vertebrae, strict=True)):
            return found
    else:
        evidence = None
        bodies = [replace(body, level_probability=None) for body in bodies]
    return replace(
        found,
        vertebrae=tuple(bodies),
        facing=found.facing if marked.facing is Facing.UNKNOWN else marked.facing,
        lateral_probability=1.0,
        level_evidence=evidence,
        needed_turns=0,
    )


def _pair(
    found: Sequence[VertebraLandmarks], marked: Sequence[VertebraLandmarks], spacing: PixelSpacing
) -> list[int | None]:
    """For each marked vertebra the number of the found one that it is; None for one that was not found."""
    depths = body_depths(marked, spacing)
    known = depths[np.isfinite(depths)]
    reach = SAME_BODY * np.where(np.isfinite(depths), depths, np.median(known) if len(known) else 0.0)
    centres = np.array([_centre(body, spacing) for body in found]).reshape(-1, 2)
    near = []
    for i, own in enumerate(marked):
        apart = np.linalg.norm(_centre(own, spacing) - centres, axis=1)
        near += [(float(apart[j]), i, int(j)) for j in np.flatnonzero(apart <= reach[i])]
    partners: list[int | None] = [None] * len(marked)
    for _, i, j in sorted(near):
        if partners[i] is None and j not in partners:
            partners[i] = j
    return partners


def _is_seen(body: VertebraLandmarks) -> bool:
    """Whether a body has a point at all."""
    return bool(np.isfinite(body.points_px).all(axis=1).any())


def _centre(body: VertebraLandmarks, spacing: PixelSpacing) -> FloatArray:
    """Mean of all points of a body that are seen, (2,) isotropic; NaN where none is."""
    seen = body.points_px[np.isfinite(body.points_px).all(axis=1)]
    return isotropic(seen.mean(axis=0), spacing) if len(seen) else np.full(2, np.nan)


def _new(own: VertebraLandmarks, depth: float, spacing: PixelSpacing) -> VertebraLandmarks:
    """A vertebra that the network did not find."""
    covariance = _of_reader(own.points_px, depth, spacing)
    return replace(own, covariance_px=covariance, confidence=1.0, flags=own.flags | {BY_HAND}, interval_factors=None)


def _corrected(
    was: VertebraLandmarks, own: VertebraLandmarks, depth: float, spacing: PixelSpacing, states_are_marked: bool
) -> VertebraLandmarks:
    """A vertebra that was found, with the points, the name and the states that a person gave it."""
    states = (own.flags if states_are_marked else was.flags | own.flags).intersection(STATES)
    level, flags = own.level or was.level, was.flags.difference(STATES) | states
    kept = was if (level, flags) == (was.level, was.flags) else replace(was, level=level, flags=flags)
    count = min(len(was.points_px), len(own.points_px))
    if count == len(CORNERS) and not _is_moved(was.points_px[:count], own.points_px[:count]).any():
        return kept  # only corners are marked, and those were left: so the middles of the endplates stay as well
    old = np.full_like(own.points_px, np.nan)
    old[:count] = was.points_px[:count]
    moved = _is_moved(old, own.points_px)
    if not moved.any():
        return kept
    covariance = _of_reader(own.points_px, depth, spacing)
    known = np.full_like(covariance, np.nan)
    if was.covariance_px is not None:
        known[:count] = was.covariance_px[:count]
    return replace(
        kept,
        points_px=np.where(moved[:, None], own.points_px, old),
        covariance_px=np.where(moved[:, None, None], covariance, known),
        confidence=1.0,
        flags=kept.flags | {BY_HAND},
        hidden=frozenset(point for point in was.hidden if point < len(moved) and not moved[point]),
        interval_factors=None,
    )


def _is_moved(old: FloatArray, new: FloatArray) -> NDArray[np.bool_]:
    """Which points (N, 2) px lie elsewhere, came or went, (N,)."""
    far = np.asarray(np.linalg.norm(new - old, axis=1))
    came_or_went = np.isfinite(new).all(axis=1) != np.isfinite(old).all(axis=1)
    return np.asarray(came_or_went | (far > SAME_PX))


def _of_reader(points: FloatArray, depth: float, spacing: PixelSpacing) -> FloatArray:
    """Covariances (N, 2, 2) px² of points set by a person on a body of ``depth``; NaN where a point is not seen."""
    one = np.diag((READER_SHARE * depth / isotropic(np.ones(2), spacing)) ** 2)
    seen = np.asarray(np.isfinite(points).all(axis=1))
    return np.where(seen[:, None, None], one, np.nan)

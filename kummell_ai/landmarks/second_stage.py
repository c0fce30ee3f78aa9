"""The second stage of the predictor: every body of a film looked at again in a crop of its own, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.crops import CropFrame, crop_frame, cut, standard
from kummell_ai.landmarks.grouping import Candidate, endplate_depth, is_plausible
from kummell_ai.landmarks.refiner import RefinedBody, RefinerNetwork, run_refiner

REACH = 0.3
"""A point that the second stage moves by more than this share of the depth is left where the first stage put it."""

FIRST_STAGE_SHARE = 0.25
"""Share of the squared distance between the two stages' corners that goes into the covariance: the weight of this
part against the refiner's own, as the calibration scales their sum."""

LOOKS = ((0.0, 1.0), (4.0, 0.94), (-4.0, 1.06))
"""Turn (deg) and size of the frames whose results are averaged."""


def refine(
    radiograph: Radiograph,
    bodies_px: Sequence[Candidate],
    refiner: RefinerNetwork,
    *,
    mirror: bool,
    stretch: float = 1.0,
    looks: int = 1,
) -> tuple[Candidate, ...]:
    """``bodies_px`` with corners and covariances from the second stage; image px.

    Args:
        radiograph: the film.
        bodies_px: as the first stage found them.
        refiner: the network, as `landmarks.inference.for_inference` makes it.
        mirror: whether the film's front is to the right.
        stretch: further scale across, as in `FitPlan`.
        looks: how many of `LOOKS` are averaged.
    """
    if not bodies_px:
        return ()
    aspect = stretch * radiograph.spacing.column_mm / radiograph.spacing.row_mm
    frames = [_frame(body, aspect, mirror, *look) for body in bodies_px for look in LOOKS[:looks]]
    crops = np.stack([standard(cut(radiograph.pixels, frame)) for frame in frames])
    seen = run_refiner(refiner, crops)
    pairs = list(zip(seen, frames, strict=True))
    return tuple(_moved(body, pairs[k * looks : (k + 1) * looks], mirror, aspect) for k, body in enumerate(bodies_px))


def _frame(body: Candidate, aspect: float, mirror: bool, turn_deg: float, size: float) -> CropFrame:
    """The frame about a body, turned and enlarged about its middle."""
    frame = crop_frame(body.points_px, aspect, mirror)
    angle = np.radians(turn_deg)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = frame.apply(body.points_px).mean(axis=0)
    linear = turn @ frame.matrix[:, :2]
    shift = turn @ (frame.matrix[:, 2] - middle) + middle
    return CropFrame(np.concatenate([linear, shift[:, None]], axis=1))


def _moved(body: Candidate, looks: Sequence[tuple[RefinedBody, CropFrame]], mirror: bool, aspect: float) -> Candidate:
    """The body with the mean of its refined corners, where they lie near the first stage's, and its middles.

    A covariance is the mean of the looks' own, what the looks differ by, and a share of what the stages differ by:
    where the film is read in two ways the network is less sure than it says.
    """
    corners = len(body.points_px)
    each = np.array([frame.back(seen.points) for seen, frame in looks])
    six = each.mean(axis=0)
    own = np.mean([frame.back_covariance(seen.covariance) for seen, frame in looks], axis=0)
    spread = own + _square(each - six).mean(axis=0)
    points, covariance = (
        six[:corners].copy(),
        spread[:corners] + FIRST_STAGE_SHARE * _square(six[:corners] - body.points_px),
    )
    square = np.array([aspect, 1.0])
    far = np.linalg.norm((points - body.points_px) * square, axis=1) > REACH * endplate_depth(body.points_px * square)
    points[far], covariance[far] = body.points_px[far], body.covariance_px[far]
    on_film = np.mean([seen.visible for seen, _ in looks], axis=0)
    upright = points * square * [-1.0 if mirror else 1.0, 1.0]
    if not is_plausible(upright):
        return replace(body, on_film=on_film)
    states = np.mean([body.states, *(seen.states for seen, _ in looks)], axis=0)
    return replace(
        body,
        points_px=points,
        covariance_px=covariance,
        states=states,
        middles_px=six[corners:],
        middles_covariance_px=spread[corners:],
        on_film=on_film,
    )


def _square(offsets: FloatArray) -> FloatArray:
    """Outer products (..., 2, 2) of offsets (..., 2) with themselves."""
    products: FloatArray = offsets[..., :, None] * offsets[..., None, :]
    return products

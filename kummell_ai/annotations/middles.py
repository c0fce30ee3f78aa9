"""Middles of endplates that lie where an endplate cannot have them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kummell_ai.anatomy import VertebralLandmark, VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.naming import name_of, place_of
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray

SUNK = 0.6
"""Of a body's depth, by which the middle of an endplate may lie off the line between its ends.

Bodies are 0.72 ± 0.10 depths high, so that an endplate sunk farther in would leave next to nothing of the body. Of
25,000 endplates of simulated films, biconcave and collapsed ones among them, none is sunk by more than 0.32."""

PAST = 0.25
"""Of an endplate's length, by which its middle may lie beyond an end: simulated ones lie at 0.46 to 0.56 of the way,
and what a network finds on real films at 0.35 to 0.65."""

NEAR = 1.5
"""Depths (median of the film) between a middle and the nearest corner of its body, where an end of its endplate is not
seen: 0.94 at most on simulated films. The sacrum's inferior endplate, which is grown into the bone below and whose
middle a network finds at -0.03 to 0.5 of the way, is held against this alone."""


class _Plate(NamedTuple):
    anterior: VertebralLandmark
    posterior: VertebralLandmark
    middle: VertebralLandmark


_L = VertebralLandmark
_PLATES = (
    _Plate(_L.SUPERIOR_ANTERIOR, _L.SUPERIOR_POSTERIOR, _L.SUPERIOR_MIDDLE),
    _Plate(_L.INFERIOR_ANTERIOR, _L.INFERIOR_POSTERIOR, _L.INFERIOR_MIDDLE),
)


def why_not_its_middles(film: AnnotatedFilm) -> str | None:
    """Why a middle cannot be that of its endplate; None when all can, or only corners are marked.

    It lies beyond neither end of its endplate by more than `PAST`, and off the line between them by no more than
    `SUNK`; where one end is not seen, not farther from the nearest corner of its body than `NEAR`. Pixels that are not
    square count as such.
    """
    size = np.ones(2) if film.spacing is None else np.array([film.spacing.column_mm, film.spacing.row_mm])
    size = size / size.max()  # so that no coordinate grows
    depths = [VertebraLandmarks(v.points_px * size).depth_px for v in film.landmarks.vertebrae]
    known = [depth for depth in depths if np.isfinite(depth)]
    usual = float(np.median(known)) if known else np.inf
    for number, (body, depth) in enumerate(zip(film.landmarks.vertebrae, depths, strict=True), start=1):
        for plate in _PLATES if len(body.points_px) > _L.SUPERIOR_MIDDLE else ():
            points, middle = body.points_px * size, body.points_px[plate.middle]
            is_plate = np.isfinite(points[list(plate[:2])]).all() and not _is_grown_in(body, plate)
            why = _why_off(points, plate, depth) if is_plate else _why_far(points, plate, usual)
            if why is not None:
                what = f"{plate.middle.key} of {name_of(body, number)} lies at {place_of(middle)}"
                return f"{what}, {why}: correct the point, or take it away"
    return None


def _is_grown_in(body: VertebraLandmarks, plate: _Plate) -> bool:
    return body.level is VertebralLevel.S1 and plate.middle is _L.INFERIOR_MIDDLE


def _why_far(points: FloatArray, plate: _Plate, usual: float) -> str | None:
    """Why a middle among ``points`` (6, 2), of square pixels, lies too far from the corners that are seen."""
    apart = np.linalg.norm(points[:4] - points[plate.middle], axis=1)
    far = float(np.min(apart[np.isfinite(apart)], initial=np.inf)) / usual
    if not NEAR < far < np.inf:
        return None
    return f"{far:.3g} depths of a body from its nearest corner; up to {NEAR:g} are plausible"


def _why_off(points: FloatArray, plate: _Plate, depth: float) -> str | None:
    """Why a middle among ``points`` (6, 2), of square pixels, lies off an endplate of which both ends are seen."""
    anterior, posterior, middle = points[list(plate)]
    chord, way = posterior - anterior, middle - anterior
    length = max(float(np.linalg.norm(chord)), 1e-9)
    beyond = abs(float(way @ chord) / length**2 - 0.5) - 0.5
    if beyond > PAST:
        return f"{beyond:.3g} of its endplate's length beyond the end of it; up to {PAST:g} is plausible"
    off = abs(float(way[0] * chord[1] - way[1] * chord[0])) / max(length * depth, 1e-9)
    if off > SUNK:
        return (
            f"{off:.3g} of the body's depth off the line between the ends of its endplate; up to {SUNK:g} is plausible"
        )
    return None

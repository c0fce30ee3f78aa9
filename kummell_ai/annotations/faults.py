"""Annotated vertebrae that cannot be a spine, so that nothing is held against them or trained from them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kummell_ai.anatomy import LEVELS, VertebralLandmark
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.annotations.corners import caudal
from kummell_ai.annotations.naming import name_of, place_of
from kummell_ai.annotations.sides import why_mirrored, why_two_sides
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray

PLAUSIBLE_DEPTH_MM = (5.0, 100.0)
"""Of the bodies of a film, in the median: wide enough for children and for magnified films, and for no film whose pixel
size is in micrometres or centimetres, or 1."""

BEYOND = 0.5
"""Of a body's depth (median of the film), by which a point may lie off the picture: its place may be known where the
film ends."""

UPSIDE_DOWN = -0.1
"""Of the way along the spine from superior to inferior over a body's depth, when the two are exchanged; a body crushed
flat, whose endplates cross, stays above it."""

ON_ITS_HEAD = -0.7
"""Cosine between the picture's way down and the way from superior to inferior, for bodies without named neighbours: as
a spine may lie across a film, only what stands on its head tells. Beside named neighbours any angle beyond 90° does."""


def why_not_its_scale(film: AnnotatedFilm) -> str | None:
    """Why the annotation's pixel size cannot be that of its vertebrae; None when it can, or nothing tells."""
    if film.spacing is None or not film.spacing.is_metric:
        return None
    size = np.array([film.spacing.column_mm, film.spacing.row_mm])
    corners = np.array([v.corners_px * size for v in film.landmarks.vertebrae]).reshape(-1, 4, 2)
    lengths = np.linalg.norm(corners[:, [1, 3]] - corners[:, [0, 2]], axis=2)
    lengths = lengths[np.isfinite(lengths)]
    low, high = PLAUSIBLE_DEPTH_MM
    if not lengths.size or low <= (depth := float(np.median(lengths))) <= high:
        return None
    return (
        f"a pixel of {film.spacing.row_mm:g} x {film.spacing.column_mm:g} mm makes its vertebrae {depth:.4g} mm deep; "
        f"{low:g} to {high:g} are plausible: correct the pixel size, in mm"
    )


def why_off_its_picture(film: AnnotatedFilm) -> str | None:
    """Why the points cannot be those of a picture of the annotation's size; None when they can.

    No body has its centre off the picture, and no corner or middle lies off it by more than `BEYOND`. Nothing tells
    that a picture was enlarged after it was annotated.
    """
    size = np.array(film.size_px, dtype=np.float64)
    picture = f"off the picture of {film.size_px[0]} x {film.size_px[1]} px"
    depths = [v.depth_px for v in film.landmarks.vertebrae if np.isfinite(v.depth_px)]
    reach = BEYOND * float(np.median(depths)) if depths else float("inf")
    for number, body in enumerate(film.landmarks.vertebrae, start=1):
        far = [np.nan_to_num(_px_off(point, size), nan=-np.inf) for point in body.points_px]
        worst = VertebralLandmark(int(np.argmax(far)))
        if far[worst] > reach:
            what = f"{worst.key} of {name_of(body, number)} lies at {place_of(body.point(worst))}"
            return (
                f"{what}, {far[worst]:.4g} px {picture}; up to half a body's depth ({reach:.4g} px) is plausible: "
                "annotate the very picture that is given, or correct the point"
            )
        if _px_off(body.centre_px, size) > 0.0:
            what = f"the centre of {name_of(body, number)} lies at {place_of(body.centre_px)}, {picture}"
            return f"{what}: annotate the very picture that is given, or correct the corners"
    return None


def _px_off(point: FloatArray, size: FloatArray) -> float:
    """How far a point lies off a picture (px), below 0 on it; NaN when it is not seen."""
    return float(np.maximum(-point, point - size).max())


def why_not_a_spine(landmarks: SpineLandmarks) -> str | None:
    """Why annotated vertebrae are no truth to hold anything against; None when they may be one.

    There is none, there are more than a spine has, one is twisted or a mere spot, a level stands there twice or out of
    order, superior and inferior are exchanged, or front and back are.

    In order of their names the bodies with four corners must go one way, and that not from the sacrum to the head: each
    step makes less than a right angle with the one before. A spine may lie across a film where the patient bends.
    """
    if not landmarks.vertebrae:
        return "no vertebra is annotated; annotate it, or leave the film out"
    if len(landmarks.vertebrae) > len(LEVELS):
        return (
            f"{len(landmarks.vertebrae)} vertebrae are annotated; a spine shows at most {len(LEVELS)}: keep one of each"
        )
    return _why_misnamed(landmarks) or why_not_its_corners(landmarks)


def why_not_its_corners(landmarks: SpineLandmarks, *, names_tell_front: bool = False) -> str | None:
    """Why the corners of a vertebra are not what they are called; None when they may be.

    Where the levels cannot be right, they do not tell which way the spine runs: only single bodies are looked at then.

    Args:
        landmarks: of a film.
        names_tell_front: hold front and back of each body against those of the others, not against the side that the
            film is said to face.
    """
    fault = _why_no_body(landmarks)
    if fault is None and _why_misnamed(landmarks) is None:
        why = why_two_sides if names_tell_front else why_mirrored
        fault = _why_upside_down(landmarks) or why(landmarks)
    return fault


def _why_no_body(landmarks: SpineLandmarks) -> str | None:
    """Why the corners of one vertebra enclose nothing: its endplates cross from end to end, or have no length."""
    for number, body in enumerate(landmarks.vertebrae, start=1):
        superior, inferior = body.corners_px[[1, 3]] - body.corners_px[[0, 2]]
        if float(superior @ inferior) < 0.0:
            exchanged = "the two ends of one are exchanged; correct the names of its corners"
            return f"the endplates of {name_of(body, number)} point in opposite directions: {exchanged}"
        if _is_spot(body):
            return f"front and back of {name_of(body, number)} lie on one spot; mark its corners, or leave it out"
    return None


def _why_misnamed(landmarks: SpineLandmarks) -> str | None:
    """Why the levels cannot be right: one stands there twice, or they do not follow each other."""
    levels = [v.level for v in landmarks.vertebrae if v.level is not None]
    twice = next((level for level in levels if levels.count(level) > 1), None)
    if twice is not None:
        return f"{twice} is annotated {levels.count(twice)} times; a level occurs once: correct the names"
    placed = [(v.level, v.centre_px) for v in _placed(landmarks)]
    remedy = "levels run from head to sacrum: correct the names"
    steps = [second[1] - first[1] for first, second in pairwise(placed)]
    for k, (before, after) in enumerate(pairwise(steps), start=1):
        if float(before @ after) < 0.0:
            return f"{placed[k][0]} does not lie between {placed[k - 1][0]} and {placed[k + 1][0]}; {remedy}"
    if len(steps) > 1 and (whole := placed[-1][1] - placed[0][1])[1] < -abs(float(whole[0])):
        return f"{placed[-1][0]} lies above {placed[0][0]}; {remedy}"
    return None


def _placed(landmarks: SpineLandmarks) -> list[VertebraLandmarks]:
    """The bodies with a name and four corners, in the order of their names."""
    whole = [v for v in landmarks.vertebrae if np.isfinite(v.corners_px).all()]
    return [v for level in LEVELS for v in whole if v.level is level]


def _is_spot(body: VertebraLandmarks) -> bool:
    """Whether the endplates that are seen have no length, so that there is no way from front to back."""
    endplates = body.corners_px[[1, 3]] - body.corners_px[[0, 2]]
    seen = endplates[np.isfinite(endplates).all(axis=1)]
    return bool(len(seen)) and not seen.any()


def _why_upside_down(landmarks: SpineLandmarks) -> str | None:
    """Why superior and inferior are exchanged, whichever side the film faces: told by the way the spine runs."""
    placed = _placed(landmarks)
    ways = caudal(np.array([v.centre_px for v in placed]).reshape(-1, 2))
    known = {id(body): way for body, way in zip(placed, ways, strict=True)} if len(placed) > 1 else {}
    for number, body in enumerate(landmarks.vertebrae, start=1):
        axis = body.corners_px[2:].mean(axis=0) - body.corners_px[:2].mean(axis=0)
        along = float(axis @ known.get(id(body), np.array([0.0, 1.0])))
        is_turned = id(body) in known or along < ON_ITS_HEAD * float(np.linalg.norm(axis))
        if is_turned and along < UPSIDE_DOWN * body.depth_px:
            return (
                f"the inferior endplate of {name_of(body, number)} lies nearer to the head than its superior one: "
                "superior and inferior are exchanged; correct the names of its corners"
            )
    return None

"""When annotated vertebrae cannot be a spine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, why_not_a_spine
from kummell_ai.annotations.faults import why_off_its_picture
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference

L = VertebralLevel
BODY = np.array([[-17.0, -13.0], [17.0, -13.0], [-17.0, 13.0], [17.0, 13.0]])


def spine(levels: list[L | None], turn_deg: float = 0.0, bend_deg: float = 0.0) -> SpineLandmarks:
    """Bodies 36 px apart and turned along, the first step downwards but for ``turn_deg``, each one ``bend_deg`` on."""
    centre, bodies = np.array([200.0, 300.0]), []
    for k, level in enumerate(levels):
        angle = np.radians(turn_deg + k * bend_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        bodies.append(VertebraLandmarks(BODY @ turn + centre, level))
        centre = centre + 36.0 * np.array([np.sin(angle), np.cos(angle)])
    return SpineLandmarks(tuple(bodies), ImageReference("film"), Facing.LEFT)


NAMES: list[L | None] = [L.T11, L.T12, L.L1, L.L2, L.L3]


@pytest.mark.parametrize(("turn", "bend"), [(0.0, 0.0), (-60.0, 20.0), (95.0, 0.0), (80.0, 15.0), (0.0, 40.0)])
def test_a_bent_spine_is_one(turn: float, bend: float) -> None:
    assert why_not_a_spine(spine(NAMES, turn, bend)) is None


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ([L.T12, L.T11, L.L1, L.L2, L.L3], "T12 does not lie between T11 and L1"),
        ([L.T11, L.L1, L.T12, L.L2, L.L3], "T12 does not lie between T11 and L1"),
        ([L.T11, L.T12, L.L1, L.L3, L.L2], "L2 does not lie between L1 and L3"),
        (NAMES[::-1], "L3 lies above T11"),
        ([L.T11, L.T12, L.L1, L.L1, L.L3], "L1 is annotated 2 times"),
        ([], "no vertebra is annotated"),
    ],
)
def test_names_that_cannot_be(names: list[L | None], fault: str) -> None:
    assert str(why_not_a_spine(spine(names))).startswith(fault)


def test_more_bodies_than_a_spine_has() -> None:
    assert why_not_a_spine(spine([None] * 20)) is None
    assert str(why_not_a_spine(spine([None] * 21))).startswith("21 vertebrae are annotated; a spine shows at most 20")


@pytest.mark.parametrize("corners", [np.zeros((4, 2)), BODY[[0, 0, 2, 2]]])
@pytest.mark.parametrize("level", [L.L1, None])
def test_a_body_without_depth(corners: np.ndarray, level: L | None) -> None:
    landmarks = spine([L.T11, L.T12, level, L.L2, L.L3])
    landmarks.vertebrae[2].points_px[:] = corners + landmarks.vertebrae[2].centre_px
    name = level or "vertebra 3"
    assert str(why_not_a_spine(landmarks)).startswith(f"front and back of {name} lie on one spot")


def reordered(landmarks: SpineLandmarks, order: list[int], only: int | None = None) -> SpineLandmarks:
    """The corners named otherwise, of all bodies or of one."""
    bodies = [
        replace(v, points_px=v.points_px[order]) if only in (None, k) else v for k, v in enumerate(landmarks.vertebrae)
    ]
    return replace(landmarks, vertebrae=tuple(bodies))


TWISTED = [[1, 0, 2, 3], [0, 1, 3, 2]]
UPSIDE_DOWN = [[2, 3, 0, 1], [3, 2, 1, 0]]


@pytest.mark.parametrize("order", TWISTED)
@pytest.mark.parametrize("names", [NAMES, [None] * 5])
def test_the_ends_of_one_endplate_exchanged(order: list[int], names: list[L | None]) -> None:
    fault = str(why_not_a_spine(reordered(spine(names), order, only=2)))
    assert fault.startswith(f"the endplates of {names[2] or 'vertebra 3'} point in opposite directions: the two ends")


def test_one_endplate_that_is_seen_is_not_twisted() -> None:
    landmarks = spine(NAMES)
    landmarks.vertebrae[2].points_px[3] = np.nan
    assert why_not_a_spine(landmarks) is None


@pytest.mark.parametrize("order", UPSIDE_DOWN)
@pytest.mark.parametrize("facing", Facing)
@pytest.mark.parametrize("only", [None, 0, 2, 4])
@pytest.mark.parametrize("names", [NAMES, [None] * 5, [None] * 4 + [L.S1]])
def test_superior_and_inferior_exchanged(
    order: list[int], facing: Facing, only: int | None, names: list[L | None]
) -> None:
    """Whatever side the film is said to face: `--facing` is no remedy."""
    landmarks = replace(reordered(spine(names), order, only), facing=facing)
    fault = str(why_not_a_spine(landmarks))
    name = names[only or 0] or f"vertebra {(only or 0) + 1}"
    assert fault.startswith(f"the inferior endplate of {name} lies nearer to the head than its superior one")
    assert "--facing" not in fault


@pytest.mark.parametrize(("turn", "bend"), [(-60.0, 20.0), (95.0, 0.0), (80.0, 15.0), (0.0, 40.0)])
def test_superior_and_inferior_exchanged_on_a_bent_spine(turn: float, bend: float) -> None:
    for only in range(5):
        fault = str(why_not_a_spine(reordered(spine(NAMES, turn, bend), UPSIDE_DOWN[0], only)))
        assert "superior and inferior are exchanged" in fault


@pytest.mark.parametrize("names", [NAMES, [None] * 5])
def test_a_body_crushed_flat_is_not_upside_down(names: list[L | None]) -> None:
    landmarks = spine(names)
    landmarks.vertebrae[2].points_px[:, 1] = 372.0 + np.array([1.0, 1.0, -1.0, 0.0])
    assert why_not_a_spine(landmarks) is None


def film(*points: tuple[int, int, float, float], size: tuple[int, int] = (400, 600)) -> AnnotatedFilm:
    """A spine at x = 200, y = 300 to 444 of bodies 34 px deep; of each of ``points`` body, corner, x and y."""
    landmarks = spine(NAMES)
    for body, corner, x, y in points:
        landmarks.vertebrae[body].points_px[corner] = x, y
    return AnnotatedFilm("a.png", size, landmarks)


@pytest.mark.parametrize("size", [(400, 600), (4000, 6000), (217, 458), (205, 600), (400, 446)])
def test_corners_a_little_beyond_the_edge_are_no_fault(size: tuple[int, int]) -> None:
    """On the edge, or beyond it by 12 or 11 px."""
    assert why_off_its_picture(film(size=size)) is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            film(size=(199, 600)),
            "superior_posterior of T11 lies at 217, 287, 18 px off the picture of 199 x 600 px; up",
        ),
        (film(size=(230, 443)), "the centre of L3 lies at 200, 444, off the picture of 230 x 443 px: annotate the"),
        (
            film((2, 0, -18.0, 359.0)),
            "superior_anterior of L1 lies at -18, 359, 18 px off the picture of 400 x 600 px; "
            "up to half a body's depth (17 px) is plausible: annotate the very picture that is given, or correct",
        ),
        (film((2, 0, -300.0, 359.0), (2, 2, np.nan, np.nan)), "superior_anterior of L1 lies at -300, 359, 300 px off"),
    ],
)
def test_corners_off_the_picture(given: AnnotatedFilm, text: str) -> None:
    assert str(why_off_its_picture(given)).startswith(text)


def test_without_a_whole_endplate_the_centres_alone_tell() -> None:
    landmarks = spine(NAMES)
    for body in landmarks.vertebrae:
        body.points_px[[1, 3]] = np.nan
    assert why_off_its_picture(AnnotatedFilm("a.png", (400, 600), landmarks)) is None
    assert str(why_off_its_picture(AnnotatedFilm("a.png", (180, 600), landmarks))).startswith("the centre of T11 lies")


def test_bodies_without_a_name_or_a_corner_do_not_count() -> None:
    landmarks = spine([L.T11, None, L.T12, L.L2, L.L1])
    landmarks.vertebrae[3].points_px[0] = np.nan
    assert why_not_a_spine(landmarks) is None

"""Middles of endplates: where none can lie, and that a body is sorted by its corners."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Facing, VertebralLandmark, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, read_annotations, write_coco
from kummell_ai.annotations.faults import why_off_its_picture
from kummell_ai.annotations.middles import NEAR, PAST, SUNK, why_not_its_middles
from kummell_ai.annotations.read import READERS
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing
from tests.annotations import sets
from tests.annotations.test_tools import WRITERS

L = VertebralLevel
CORNERS = np.array([[100.0, 100], [140, 100], [100, 128], [140, 128]])
"""A body 40 px deep and 28 high, as lumbar ones are on average."""


def film(
    superior: tuple[float, float], inferior: tuple[float, float] = (120.0, 128.0), spacing: PixelSpacing | None = None
) -> AnnotatedFilm:
    bodies = (
        VertebraLandmarks(np.concatenate([CORNERS, [superior, inferior]]), L.L1),
        VertebraLandmarks(CORNERS + np.array([0.0, 40.0]), L.L2),
    )
    return AnnotatedFilm("a.png", (400, 600), SpineLandmarks(bodies, ImageReference("a"), Facing.LEFT), spacing)


@given(st.floats(-0.999 * PAST, 1.0 + 0.999 * PAST), st.floats(-SUNK, SUNK))
def test_about_its_endplate_and_not_too_deep_a_middle_may_lie_anywhere(along: float, sunk: float) -> None:
    """Biconcave and collapsed bodies, whose endplates may touch or cross in the middle."""
    assert why_not_its_middles(film((100.0 + 40.0 * along, 100.0 + 0.999 * 40.0 * sunk))) is None


@pytest.mark.parametrize(
    ("superior", "text"),
    [
        (
            (370.0, 100.0),
            "superior_middle of L1 lies at 370, 100, 5.75 of its endplate's length beyond the end of it; up to 0.25 is "
            "plausible: correct the point, or take it away",
        ),
        ((88.0, 100.0), "superior_middle of L1 lies at 88, 100, 0.3 of its endplate's length beyond"),
        (
            (120.0, 130.0),
            "superior_middle of L1 lies at 120, 130, 0.75 of the body's depth off the line between the ends of its "
            "endplate; up to 0.6 is plausible: correct the point, or take it away",
        ),
        ((120.0, 350.0), "superior_middle of L1 lies at 120, 350, 6.25 of the body's depth"),
        ((120.0, 70.0), "superior_middle of L1 lies at 120, 70, 0.75 of"),
    ],
)
def test_a_middle_that_no_endplate_has(superior: tuple[float, float], text: str) -> None:
    assert str(why_not_its_middles(film(superior))).startswith(text)


def test_the_inferior_one_is_held_against_its_own_endplate() -> None:
    assert why_not_its_middles(film((120.0, 103.0), (120.0, 120.0))) is None
    assert str(why_not_its_middles(film((120.0, 103.0), (120.0, 154.0)))).startswith("inferior_middle of L1 lies at")


def test_the_inferior_endplate_of_the_sacrum_is_none() -> None:
    """It is grown into the bone below; a network marks its middle wherever."""

    def sacrum(inferior: tuple[float, float]) -> AnnotatedFilm:
        given = film((120.0, 103.0), inferior)
        last = replace(given.landmarks.vertebrae[0], level=L.S1)
        return replace(given, landmarks=replace(given.landmarks, vertebrae=(last,)))

    assert why_not_its_middles(film((120.0, 103.0), (80.0, 130.0))) is not None
    assert why_not_its_middles(sacrum((80.0, 130.0))) is None
    assert str(why_not_its_middles(sacrum((370.0, 128.0)))).startswith(
        "inferior_middle of S1 lies at 370, 128, 5.75 depths"
    )


def test_a_middle_that_is_not_seen_is_no_fault() -> None:
    assert why_not_its_middles(film((np.nan, np.nan))) is None


def test_pixels_that_are_not_square_count_as_such() -> None:
    """26 px of rows a third as high as the columns are wide are 0.22 of the depth."""
    assert why_not_its_middles(film((120.0, 126.0))) is not None
    assert why_not_its_middles(film((120.0, 126.0), spacing=PixelSpacing.unknown(aspect=1 / 3))) is None


def test_where_an_end_of_the_endplate_is_not_seen_the_nearest_corner_tells() -> None:
    def cut(middle: tuple[float, float]) -> AnnotatedFilm:
        given = film(middle)
        given.landmarks.vertebrae[0].points_px[0] = np.nan
        return given

    assert why_not_its_middles(cut((140.0 - 0.99 * NEAR * 40.0, 100.0))) is None
    fault = str(why_not_its_middles(cut((40.0, 20.0))))
    assert fault.startswith(
        "superior_middle of L1 lies at 40, 20, 3.09 depths of a body from its nearest corner; up to 1.5"
    )


def test_a_body_without_a_corner_tells_nothing() -> None:
    given = film((120.0, 300.0))
    given.landmarks.vertebrae[0].points_px[:4] = np.nan
    assert why_not_its_middles(given) is None


def test_a_middle_off_the_picture_is_told() -> None:
    fault = str(why_off_its_picture(film((120.0, 1e5))))
    assert fault.startswith("superior_middle of L1 lies at 120, 1e+05, 9.94e+04 px off the picture of 400 x 600 px")


def dragged(by: float) -> AnnotatedFilm:
    """The film of the sets whose L2 has six points, the upper middle of it moved down."""
    given = sets.film("films/a.png")
    bodies = list(given.landmarks.vertebrae)
    points = bodies[1].points_px.copy()
    points[VertebralLandmark.SUPERIOR_MIDDLE, 1] += by
    bodies[1] = replace(bodies[1], points_px=points)
    return replace(given, landmarks=replace(given.landmarks, vertebrae=tuple(bodies)))


@pytest.mark.parametrize("form", ["coco", *WRITERS])
def test_every_form_refuses_it(form: str, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "films" / "a.png")

    def written(by: float) -> Path:
        if form != "coco":
            return WRITERS[form](tmp_path, [dragged(by)])
        write_coco(tmp_path / "annotations.json", [dragged(by)])
        return tmp_path

    assert len(read_annotations(written(8.0))) == 1
    with pytest.raises(InputError, match=r"films/a\.png: superior_middle of L2 lies at .*correct the point"):
        read_annotations(written(100.0))


@pytest.mark.parametrize("form", WRITERS)
def test_bodies_are_sorted_by_their_corners(form: str, tmp_path: Path) -> None:
    """However far below all bodies a middle lies."""
    path = WRITERS[form](tmp_path, [dragged(900.0)])
    (film,) = READERS[form](path, None, None)
    assert [v.level for v in film.landmarks.vertebrae] == [v.level for v in sets.film().landmarks.vertebrae]

"""Front and back by the names of the corners, where a person set them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import read_annotations, write_coco
from kummell_ai.annotations.sides import facing_as_named, why_mirrored, why_two_sides
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks
from tests.annotations import sets
from tests.annotations.test_tools import WRITERS

EXCHANGED = [1, 0, 3, 2, 4, 5]
"""Anterior and posterior; the middles stay."""


def exchanged(landmarks: SpineLandmarks, *only: int) -> SpineLandmarks:
    """Front and back exchanged on some bodies, or on all."""
    bodies = [
        replace(v, points_px=v.points_px[EXCHANGED[: len(v.points_px)]]) if not only or k in only else v
        for k, v in enumerate(landmarks.vertebrae)
    ]
    return replace(landmarks, vertebrae=tuple(bodies))


@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
@pytest.mark.parametrize("said", Facing)
def test_where_all_bodies_agree_their_names_count(facing: Facing, said: Facing) -> None:
    """The sacrum, of which a corner is not seen, among them."""
    landmarks = replace(sets.film(facing=facing).landmarks, facing=said)
    assert facing_as_named(landmarks).facing is facing
    assert why_two_sides(landmarks) is None
    assert (why_mirrored(landmarks) is None) is (said in (facing, Facing.UNKNOWN))


@pytest.mark.parametrize(
    ("only", "text"),
    [
        ((0,), "the corners of L1 are named as on a film that faces right, all others as on one that faces left: corr"),
        ((5,), "the corners of S1 are named as on a film that faces right"),
        ((0, 2), "the corners of L1, L3 are named"),
        ((1, 2, 3, 4, 5), "the corners of L1 are named as on a film that faces left, all others as on one that faces"),
    ],
)
def test_where_they_do_not_it_is_said_of_which(only: tuple[int, ...], text: str) -> None:
    landmarks = exchanged(sets.film().landmarks, *only)
    assert str(why_two_sides(landmarks)).startswith(text)
    assert facing_as_named(landmarks).facing is Facing.LEFT


def test_bodies_that_tell_no_side_change_nothing() -> None:
    flat = np.array([[0.0, 0], [40, 0], [0, -1], [40, 3]])  # crushed flat, its endplates cross
    body = replace(sets.bodies()[0], points_px=flat)
    landmarks = replace(sets.film().landmarks, vertebrae=(body,), facing=Facing.RIGHT)
    assert facing_as_named(landmarks) is landmarks
    assert why_two_sides(landmarks) is None


def test_a_sacrum_that_stands_on_end_agrees_with_the_body_above_it() -> None:
    """Its endplate slopes beyond the vertical, so that its front is no longer on the film's front side."""
    film = sets.film()
    steep = np.array([[110.0, 350.0], [100.0, 320.0], [np.nan, np.nan], [np.nan, np.nan]])
    *others, sacrum = film.landmarks.vertebrae
    landmarks = replace(film.landmarks, vertebrae=(*others, replace(sacrum, points_px=steep)))
    assert why_two_sides(landmarks) is None
    assert "S1" in str(why_two_sides(exchanged(landmarks, 5)))


@pytest.mark.parametrize("form", ["coco", *WRITERS])
def test_only_who_asks_for_it_has_names_overrule_the_side(form: str, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "films" / "a.png")

    def written(landmarks: SpineLandmarks) -> Path:
        given = replace(sets.film(), landmarks=landmarks)
        if form != "coco":
            return WRITERS[form](tmp_path, [given])
        write_coco(tmp_path / "annotations.json", [given])
        return tmp_path

    path = written(exchanged(sets.film().landmarks))
    with pytest.raises(InputError, match="give --facing right, or correct the names"):
        read_annotations(path)
    (film,) = read_annotations(path, names_tell_front=True)
    assert film.landmarks.facing is Facing.RIGHT
    path = written(exchanged(sets.film().landmarks, 2))
    with pytest.raises(InputError, match="the corners of L3 are named as on a film that faces right, all oth") as told:
        read_annotations(path, names_tell_front=True)
    assert "--facing" not in str(told.value)

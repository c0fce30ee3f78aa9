"""Films that show the same bones under other names, seen from either film; which level a given one is meant to be."""

from __future__ import annotations

import pytest

from kummell_ai.measurement.joint_names import FURTHEST, FilmEvidence, conflicts, counted, nearest
from tests.measurement.evidence import row_of
from tests.measurement.spines import L
from tests.measurement.test_naming import marked

NINE = "T7 T8 T9 T10 T11 T12 L1 L2 L3"


def named(place: int) -> FilmEvidence:
    """Nine bodies of which the one at ``place`` looks injured and is cemented."""
    return FilmEvidence(row_of(NINE), None, marked(9, injured=place, cemented=place))


@pytest.mark.parametrize("apart", range(-4, 5))
def test_bodies_marked_some_levels_apart_conflict_up_to_as_far_as_names_are_moved(apart: int) -> None:
    films = [named(4), named(4 + apart)]
    found = conflicts(films, [film.names for film in films])
    assert found == ([(0, 1, -apart)] if 0 < abs(apart) <= FURTHEST else [])
    assert [shift for *_, shift in conflicts(films[::-1], [film.names for film in films])] == [-s for *_, s in found]


@pytest.mark.parametrize("apart", [-2, -1, 1, 2])
def test_the_shift_that_is_told_ends_the_conflict(apart: int) -> None:
    films = [named(4), named(4 + apart)]
    ((_, _, shift),) = conflicts(films, [film.names for film in films])
    moved = counted(films[1].names, shift)
    assert moved is not None
    assert conflicts(films, [films[0].names, moved]) == []


def test_of_several_films_every_pair_is_looked_at() -> None:
    films = [named(4), named(4), named(5)]
    assert conflicts(films, [film.names for film in films]) == [(0, 2, -1), (1, 2, -1)]


@pytest.mark.parametrize("side", [-1, 1])
def test_of_shifts_that_explain_as_much_the_least_is_told(side: int) -> None:
    """The one marked body of the long film could be either of two neighbours on the short one."""
    short = marked(5)
    short.marks[[2 + side, 2 + 2 * side]] = [True, False, True]
    films = [named(4), FilmEvidence(row_of("T9 T10 T11 T12 L1"), None, short)]
    assert conflicts(films, [film.names for film in films]) == [(0, 1, -side)]


@pytest.mark.parametrize(
    ("levels", "given", "meant"),
    [
        ({L.T12: 1, L.T13: 3}, L.T12, L.T12),  # a variant counts as no further away, yet the name itself is meant
        ({L.T12: 3, L.T13: 1}, L.T13, L.T13),
        ({L.T11: 3, L.L1: 1, L.L2: 3}, L.T12, L.T11),  # of two as near the one on most films
        ({L.T11: 1, L.L1: 2, L.L2: 9}, L.T12, L.L1),
        ({L.T9: 1}, L.L3, L.T9),
        ({}, L.L1, None),
    ],
)
def test_the_level_that_is_meant(levels: dict[L, int], given: L, meant: L | None) -> None:
    for order in (list(levels), list(levels)[::-1]):
        assert nearest({level: levels[level] for level in order}, given) is meant

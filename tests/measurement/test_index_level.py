"""Laws of the evidence that a level is injured; the cases are in test_series.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.errors import SeriesError
from kummell_ai.measurement.index_level import find_index_level, rank_levels, ranked_levels
from tests.measurement.spines import L, measured, spine

few = settings(max_examples=20, deadline=None)


def points_of(heights: dict[L, float], flags: dict[L, set[str]] | None = None) -> dict[L, float]:
    return {level: points for level, points, _ in rank_levels([measured(spine(heights, flags=flags))])}


@pytest.mark.parametrize("flags", [{"fractured"}, {"cemented"}, {"fractured", "cemented"}])
def test_the_sacrum_is_never_the_injured_level(flags: set[str]) -> None:
    film = measured(spine(levels=(L.L4, L.L5, L.S1), flags={L.S1: flags}))
    assert {ranked.level for ranked in ranked_levels([film])} == {L.L4, L.L5}
    with pytest.raises(SeriesError, match="no vertebra stands out as the injured one among L4, L5"):
        find_index_level([film])


def test_screws_in_a_nameless_vertebra_bridge_nothing() -> None:
    held = spine(flags={level: {"instrumented"} for level in (L.T11, L.T12, L.L2)})
    bodies = tuple(replace(v, level=None) if v.level is L.T11 else v for v in held.vertebrae)
    level, reason = find_index_level([measured(replace(held, vertebrae=bodies))])
    assert (level, reason) == (L.L1, "L1: bridged by screws in T12 and L2 on film")


@few
@given(st.floats(5.0, 25.0), st.floats(0.5, 10.0))
def test_a_lower_body_has_as_many_points_or_more(height: float, less: float) -> None:
    assert points_of({L.L1: max(height - less, 1.0)})[L.L1] >= points_of({L.L1: height})[L.L1]


@few
@given(st.floats(2.0, 30.0), st.sampled_from([L.T12, L.L1, L.L2]))
def test_no_kind_of_evidence_has_more_than_four_points(height: float, level: L) -> None:
    held = {name: {"instrumented"} for name in (L.T11, L.T12, L.L1, L.L2, L.L3)}
    for flags in (None, held, {level: {"fractured", "cemented"}}):
        for ranked in ranked_levels([measured(spine({level: height}, flags=flags))]):
            assert all(0.0 <= points <= 4.0 for points, _ in ranked.kinds.values())
            assert ranked.points == sum(points for points, _ in ranked.kinds.values())


@few
@given(st.lists(st.floats(8.0, 26.0), min_size=2, max_size=3), st.randoms())
def test_the_best_film_counts_and_their_order_does_not(heights: list[float], random: object) -> None:
    films = [measured(spine({L.L1: height}, name=f"{height}")) for height in heights]
    alone = [{level: points for level, points, _ in rank_levels([film])} for film in films]
    order = films.copy()
    random.shuffle(order)  # type: ignore[attr-defined]
    together = {level: points for level, points, _ in rank_levels(order)}
    # with one body wedged the kinds of evidence rise and fall together
    assert together == pytest.approx({level: max(one[level] for one in alone) for level in together})


@pytest.mark.parametrize("treated", [L.T12, L.L2])
def test_of_two_within_a_point_the_treated_one_counts_even_if_it_is_the_second(treated: L) -> None:
    """Cement is worth 2 points; by their shapes T12 has 6.2 and L2 3.5, or T12 2.8 and L2 5.4."""
    heights = {L.T12: 14.0, L.L2: 18.5} if treated is L.L2 else {L.T12: 18.5, L.L2: 16.0}
    film = measured(spine(heights, flags={treated: {"cemented"}}))
    first, second = ranked_levels([film])[:2]
    assert second.level is treated
    assert 0.0 < first.points - second.points < 1.0
    assert find_index_level([film])[0] is treated


def test_of_two_treated_ones_within_a_point_the_first_counts() -> None:
    film = measured(spine({L.T12: 14.0, L.L2: 14.5}, flags={L.T12: {"cemented"}, L.L2: {"cemented"}}))
    first, second = ranked_levels([film])[:2]
    assert first.points - second.points < 1.0
    assert find_index_level([film])[0] is first.level

"""Laws of angles over several vertebrae; the cases are in test_film.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Endplate
from kummell_ai.measurement.segments import instrumented_ends, measure_angle, measure_segments
from tests.measurement.spines import LEVELS, SPACING, L, spine

unhurried = settings(deadline=None)
few = settings(max_examples=20, deadline=None)
LONG = tuple(L.parse(name) for name in ["T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"])


@few
@given(st.permutations(range(len(LONG))), st.sampled_from([None, *LONG]))
def test_segments_are_listed_from_head_to_sacrum_whatever_order_they_stand_in(
    order: list[int], about: L | None
) -> None:
    landmarks = spine({L.L1: 13.0}, levels=LONG)
    shuffled = replace(landmarks, vertebrae=tuple(landmarks.vertebrae[i] for i in order))
    straight, other = (measure_segments(film, SPACING, 1.0, about) for film in (landmarks, shuffled))
    levels = [segment.index_level for segment in straight if segment.index_level is not None]
    assert levels == sorted(levels)
    assert [(s.quantity_id, s.index_level, s.endplates) for s in other] == [
        (s.quantity_id, s.index_level, s.endplates) for s in straight
    ]
    for one, two in zip(straight, other, strict=True):
        assert (one.angle.value is None) is (two.angle.value is None)
        if one.angle.value is not None:
            assert two.angle.value == pytest.approx(one.angle.value, abs=1e-9)


@few
@given(st.lists(st.floats(12.0, 28.0), min_size=5, max_size=5))
def test_the_segmental_angle_is_the_local_one_and_what_lies_below(heights: list[float]) -> None:
    """Superior endplate of V-1 to inferior of V, then to inferior of V+1: all turn one way, so that they add up."""
    landmarks = spine(dict(zip(LEVELS, heights, strict=True)))
    found = {s.quantity_id: s.angle for s in measure_segments(landmarks, SPACING, 1.0, L.L1) if s.index_level is L.L1}
    below = measure_angle(landmarks, SPACING, 1.0, (L.L1, Endplate.INFERIOR), (L.L2, Endplate.INFERIOR)).angle
    assert found["segmental_cobb"].value is not None
    assert found["local_kyphosis"].value is not None
    assert below.value is not None
    assert found["segmental_cobb"].value == pytest.approx(found["local_kyphosis"].value + below.value, abs=1e-9)


@unhurried
@given(st.sets(st.sampled_from(LEVELS)))
def test_the_ends_are_the_first_and_the_last_level_with_screws(held: set[L]) -> None:
    landmarks = spine(flags={level: {"instrumented"} for level in held})
    assert instrumented_ends(landmarks) == ((min(held), max(held)) if len(held) > 1 else None)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_angle_over_one_vertebra_is_its_wedge_and_turns_with_the_front(sign: float) -> None:
    landmarks = spine({L.L1: 13.0})
    angle = measure_angle(landmarks, SPACING, sign, (L.L1, Endplate.SUPERIOR), (L.L1, Endplate.INFERIOR)).angle
    assert angle.value == pytest.approx(sign * np.degrees(np.arctan2(15, 34)))

"""Laws of the change from one film to another: order, sign, and which quantities have one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase
from kummell_ai.measurement.compare import LENGTHS, RATIOS, SEGMENTS, change_of, compare
from kummell_ai.measurement.results import Verdict
from kummell_ai.quantities import Z95, Interval, Quantity
from tests.measurement.spines import L, film

PRE, POST = Phase.PRE_OP, Phase.POST_OP
OTHER_WAY = {
    Verdict.IMPROVED: Verdict.WORSE,
    Verdict.WORSE: Verdict.IMPROVED,
    Verdict.NOT_DISTINGUISHABLE: Verdict.NOT_DISTINGUISHABLE,
    Verdict.UNKNOWN: Verdict.UNKNOWN,
}
numbers, errors = st.floats(-60.0, 60.0), st.floats(0.05, 9.0)
ids = st.sampled_from([*LENGTHS, *RATIOS, *SEGMENTS])


def known(value: float, error: float) -> Quantity:
    return Quantity(value, "deg", Interval(value - Z95 * error, value + Z95 * error))


@given(ids, numbers, numbers, errors, errors, st.floats(0.2, 1.5))
def test_films_turned_round_have_the_change_turned_round(
    name: str, one: float, other: float, first: float, second: float, factor: float
) -> None:
    there = change_of(name, known(one, first), known(other, second), factor)
    back = change_of(name, known(other, second), known(one, first), factor)
    assert there.change.value is not None
    assert back.change.value == -there.change.value
    assert there.mdc95 == pytest.approx(back.mdc95)
    assert there.mdc95 == pytest.approx(factor * Z95 * (first**2 + second**2) ** 0.5)
    assert back.verdict is OTHER_WAY[there.verdict]


@given(ids, numbers, numbers, errors)
def test_a_change_is_told_where_its_interval_excludes_none(name: str, one: float, other: float, error: float) -> None:
    found = change_of(name, known(one, error), known(other, error))
    assert found.change.interval is not None
    holds_none = found.change.interval.low <= 0.0 <= found.change.interval.high
    assert (found.verdict is Verdict.NOT_DISTINGUISHABLE) is holds_none
    if not holds_none:
        higher_is_better = name in (*LENGTHS, "wedge_ratio")
        assert (found.verdict is Verdict.IMPROVED) is ((other > one) is higher_is_better)


@settings(max_examples=10, deadline=None)
@given(st.floats(8.0, 26.0), st.floats(8.0, 26.0))
def test_correction_and_its_reverse_are_the_same_numbers(before: float, after: float) -> None:
    there = compare(film(PRE, before), film(POST, after), L.L1, "correction")
    back = compare(film(PRE, after), film(POST, before), L.L1, "correction")
    for one, other in zip(there.changes, back.changes, strict=True):
        assert one.quantity_id == other.quantity_id
        if one.change.value is not None:
            assert other.change.value == pytest.approx(-one.change.value, abs=1e-9)
            assert other.verdict is OTHER_WAY[one.verdict]


def test_the_reference_is_what_changes_are_held_against_and_has_none() -> None:
    held = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}
    found = compare(film(PRE, 13.0), film(POST, 22.0, flags=held), L.L1, "correction")
    assert {c.quantity_id for c in found.changes} == {*LENGTHS, *RATIOS, *SEGMENTS}

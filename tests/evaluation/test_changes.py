"""Laws of changes against the truth: which films stand for a phase, and when an interval holds."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.evaluation.changes import ChangeError, change_errors
from kummell_ai.evaluation.results import FilmResult
from tests.evaluation.made_results import film, quantity, vertebra

unhurried = settings(deadline=None)
PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
numbers = st.floats(-60.0, 60.0).map(lambda value: round(value, 6))  # no share of next to nothing
readings = st.tuples(numbers, numbers, st.floats(0.1, 9.0))


def of(phase: Phase, measured: float, true: float = 0.0, half: float | None = None) -> FilmResult:
    """A film whose segmental Cobb angle was measured as ``measured`` where ``true`` is right."""
    return film(vertebra(quantity(measured, true, half), is_index=True), phase=phase)


@unhurried
@given(numbers, numbers, st.floats(0.0, 30.0))
def test_an_interval_holds_errors_of_either_sign_alike(measured: float, true: float, half: float) -> None:
    one = ChangeError("p", "loss", "wedge_angle", "deg", measured, true, half)
    other = ChangeError("p", "loss", "wedge_angle", "deg", true, measured, half)
    assert one.inside is other.inside is (abs(measured - true) <= half)
    assert one.error == -other.error


@unhurried
@given(readings, readings)
def test_the_error_of_a_change_is_that_of_the_later_film_less_that_of_the_earlier(
    before: tuple[float, float, float], after: tuple[float, float, float]
) -> None:
    (change,) = change_errors([of(PRE, *before), of(POST, *after)], ["segmental_cobb"])
    assert math.isclose(change.error, (after[0] - after[1]) - (before[0] - before[1]), abs_tol=1e-9)
    assert change.half_width is not None
    assert math.isclose(change.half_width, math.hypot(before[2], after[2]))


def test_the_films_next_to_the_operation_and_the_last_follow_up_stand_for_their_phases() -> None:
    films = [of(PRE, 1.0), of(PRE, 2.0), of(POST, 4.0), of(POST, 8.0), of(LAST, 16.0), of(LAST, 32.0)]
    found = {change.change: change.measured for change in change_errors(films, ["segmental_cobb"])}
    assert found == {"correction": 4.0 - 2.0, "loss": 32.0 - 4.0}


def test_a_film_that_does_not_show_the_injured_vertebra_tells_no_change() -> None:
    """The level is known of the patient, but three of its corners are not on the film."""
    seen = of(POST, 3.0)
    other = replace(seen.vertebrae[0], level=VertebralLevel.L3, is_index=False)
    unseen = replace(seen, vertebrae=(other,))
    assert unseen.index_level is seen.index_level
    assert len(change_errors([of(PRE, 9.0), seen], ["segmental_cobb"])) == 1
    assert change_errors([of(PRE, 9.0), unseen], ["segmental_cobb"]) == ()

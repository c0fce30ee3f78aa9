"""The order of visits: what is given, the day of surgery, the days themselves, and hardware on one day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.problems import Fault
from kummell_ai.cohort.visits import Shot, order_visits
from kummell_ai.measurement.results import Severity
from tests import made_up

PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP


def shot(
    name: str, day: str | None, shows: Phase = PRE, given: Phase | None = None, posture: str | None = None
) -> Shot:
    """A film of ``day``, on which the made-up patient is seen as at phase ``shows``."""
    moment = dt.datetime.fromisoformat(day) if day else None
    measurement = made_up.measurement(shows)
    named = replace(measurement, reference=replace(measurement.reference, name=name, acquired=moment))
    return Shot.of(name, given, named, posture)


def ordered(*shots: Shot, surgery: str | None = None) -> list[tuple[str, str]]:
    visits = order_visits(shots, dt.date.fromisoformat(surgery) if surgery else None)
    return [(phase.value, film.reference.name) for phase, film in visits.films]


def test_several_follow_ups_by_date() -> None:
    films = [shot("d", "2025-09-01", LAST), shot("a", "2024-03-01"), shot("c", "2024-09-01", LAST)]
    assert ordered(*films, shot("b", "2024-03-09", POST)) == [
        *[("pre-op", "a"), ("post-op", "b"), ("follow-up", "c"), ("follow-up", "d")]
    ]


def test_the_day_of_surgery_decides() -> None:
    films = [shot("a", "2024-03-01"), shot("b", "2024-03-05"), shot("c", "2024-03-09", POST), shot("d", "2024-09-01")]
    assert [phase for phase, _ in ordered(*films, surgery="2024-03-07")] == ["pre-op", "pre-op", "post-op", "follow-up"]


def test_before_and_after_on_one_day_are_told_by_the_hardware() -> None:
    films = [shot("after", "2024-03-07T08:00", POST), shot("before", "2024-03-07T16:00", PRE)]
    assert ordered(*films, surgery="2024-03-07") == [("pre-op", "before"), ("post-op", "after")]
    assert ordered(*films) == [("pre-op", "before"), ("post-op", "after")]


@pytest.mark.parametrize("surgery", [dt.date(2024, 3, 7), None])
def test_hardware_against_the_clock_is_told(surgery: dt.date | None) -> None:
    films = [shot("post", "2024-03-07T09:00", POST), shot("pre", "2024-03-07T17:00", PRE)]
    (finding,) = order_visits(films, surgery).against_time
    assert (finding.code, finding.severity) == ("phase-against-dates", Severity.WARNING)
    assert finding.message == (
        "post (2024-03-07 09:00) is earlier than pre (17:00), yet taken as the later, for it shows screws or cement "
        "and the other none: check the times, and whether the films are swapped or of two patients, or implants were "
        "removed"
    )


@pytest.mark.parametrize(
    ("before", "after", "by_hardware"),
    [("T09:00", "T17:00", []), ("T09:00", "T09:00", [("pre", "post")]), ("", "", [("pre", "post")]),
     ("T09:00", "", [("pre", "post")]), ("", "T09:00", [("pre", "post")])],
)  # fmt: skip
def test_hardware_that_no_clock_contradicts_is_no_warning(
    before: str, after: str, by_hardware: list[tuple[str, str]]
) -> None:
    """A date without a time reads as midnight, which says nothing."""
    visits = order_visits([shot("pre", f"2024-03-07{before}"), shot("post", f"2024-03-07{after}", POST)])
    assert visits.against_time == ()
    assert [(one.name, other.name) for one, other in visits.by_hardware] == by_hardware


def test_a_phase_that_was_given_is_not_told_by_hardware() -> None:
    films = [shot("post", "2024-03-07T09:00", POST, POST), shot("pre", "2024-03-07T17:00", PRE, PRE)]
    assert order_visits(films).against_time == order_visits(films).by_hardware == ()


def test_two_films_before_and_one_after_on_one_day_are_one_warning() -> None:
    films = [
        shot("lying", "2024-03-07T16:00", posture="SUPINE"),
        shot("sitting", "2024-03-07T17:00", posture="SITTING"),
        shot("post", "2024-03-07T09:00", POST, posture="SITTING"),
    ]
    (finding,) = order_visits(films).against_time
    assert "post (2024-03-07 09:00) is earlier than sitting (17:00)" in finding.message


@pytest.mark.parametrize("surgery", ["2024-03-07", None])
def test_an_earlier_film_before_surgery_does_not_make_that_of_the_day_one_after_it(surgery: str | None) -> None:
    films = [shot("early", "2024-03-01"), shot("before", "2024-03-07"), shot("after", "2024-03-07", POST)]
    expected = [("pre-op", "early"), ("pre-op", "before"), ("post-op", "after"), ("follow-up", "last")]
    assert ordered(*films, shot("last", "2024-09-07", LAST), surgery=surgery) == expected


def test_hardware_missed_on_one_of_two_films_of_a_follow_up_makes_it_no_film_before_surgery() -> None:
    day = "2024-09-07"
    films = [shot("a", "2024-03-01"), shot("b", "2024-03-07", POST), shot("c", day, PRE), shot("d", day, LAST)]
    expected = [("pre-op", "a"), ("post-op", "b"), ("follow-up", "c"), ("follow-up", "d")]
    assert ordered(*films) == ordered(*films, surgery="2024-03-05") == expected


def test_two_films_of_one_day_count_once_and_the_rest_is_ordered() -> None:
    films = [shot("a2", "2024-03-01T10:00"), shot("a1", "2024-03-01T09:00"), shot("b", "2024-03-09", POST)]
    visits = order_visits(films)
    assert ordered(*films) == [("pre-op", "a1"), ("post-op", "b")]
    assert [(p.fault, p.place) for p in visits.same_day] == [(Fault.SAME_DAY, "a2")]
    assert "a1 and a2 are of one day, 2024-03-01; a1 counts" in visits.same_day[0].text
    assert not visits.are_certain


def test_lying_and_sitting_on_one_day_are_one_visit() -> None:
    films = [shot("a", "2024-03-01T09:00", posture="SUPINE"), shot("b", "2024-03-01T10:00", posture="SITTING")]
    films.append(shot("c", "2024-03-09", POST, posture="SITTING"))
    assert ordered(*films) == [("pre-op", "a"), ("pre-op", "b"), ("post-op", "c")]
    assert order_visits(films).same_day == ()


def test_films_that_are_not_measured_yet_are_ordered_too() -> None:
    films = [replace(shot(name, day), measurement=None) for name, day in (("b", "2024-03-09"), ("a", "2024-03-01"))]
    visits = order_visits(films)
    assert [(s.name, phase) for s, phase in zip(visits.shots, visits.phases, strict=True)] == [("a", PRE), ("b", POST)]
    assert visits.films == ()


def test_given_phases_stand_and_place_films_without_a_date() -> None:
    films = [shot("x", None, LAST, LAST), shot("b", "2024-03-09", POST), shot("a", "2024-03-01")]
    assert ordered(*films) == [("pre-op", "a"), ("post-op", "b"), ("follow-up", "x")]
    assert order_visits(films).are_certain
    both = [shot("p", "2024-03-01", PRE, PRE), shot("q", "2024-03-01", PRE, LAST)]
    assert ordered(*both) == [("pre-op", "p"), ("follow-up", "q")]


def test_a_film_without_date_and_phase_is_left_out_when_there_are_others() -> None:
    visits = order_visits([shot("a", "2024-03-01"), shot("x", None)])
    assert [p.fault for p in visits.undated] == [Fault.NO_DATE]
    assert "give its phase in a manifest" in visits.undated[0].text
    assert ordered(shot("x", None)) == [("unknown", "x")]


@pytest.mark.parametrize(
    ("day", "shows", "phase"), [("2024-03-01", PRE, PRE), ("2024-03-07", PRE, PRE), ("2024-03-07", POST, POST)]
)
def test_a_single_film_and_the_day_of_surgery(day: str, shows: Phase, phase: Phase) -> None:
    assert ordered(shot("a", day, shows), surgery="2024-03-07") == [(phase.value, "a")]


def test_phases_that_run_against_the_dates_are_told() -> None:
    films = [
        shot("x", "2020-07-19", LAST, LAST),
        shot("y", "2021-09-09", POST, POST),
        shot("z", "2020-07-09", PRE, PRE),
    ]
    (finding,) = order_visits(films).against_time
    assert (finding.code, finding.severity) == ("phase-against-dates", Severity.WARNING)
    assert finding.message == (
        "x (follow-up, 2020-07-19) is earlier than y (post-op, 2021-09-09): check the phases"
    )  # fmt: skip
    one_day = [shot("p", "2024-03-01T16:00", PRE, PRE), shot("q", "2024-03-01T08:00", PRE, POST)]
    assert order_visits(one_day).against_time == ()
    assert order_visits([shot("p", "2024-03-01"), shot("q", "2024-03-09", POST)]).against_time == ()


def test_phases_that_run_against_the_day_of_surgery_are_told() -> None:
    films = [
        shot("a", "2024-03-08", PRE, PRE),
        shot("b", "2024-03-09", POST, POST),
        shot("c", "2024-03-06", LAST, LAST),
    ]
    told = [f.message for f in order_visits(films, dt.date(2024, 3, 7)).against_time]
    assert told == [
        "a (pre-op, 2024-03-08) is later than the surgery date 2024-03-07: check the phase and the date",
        "c (follow-up, 2024-03-06) is earlier than b (post-op, 2024-03-09): check the phases",
        "c (follow-up, 2024-03-06) is earlier than the surgery date 2024-03-07: check the phase and the date",
    ]


def test_a_single_film_without_a_date_has_no_phase_by_the_day_of_surgery() -> None:
    assert ordered(shot("x", None), surgery="2024-03-07") == [("unknown", "x")]

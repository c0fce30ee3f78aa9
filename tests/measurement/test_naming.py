"""The films of a patient named together: closed forms on made-up evidence, then laws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.landmarks.levels import DOUBT, pin_level
from kummell_ai.measurement.body_match import MARK_ERROR, Traits, agreement, mark_weight, traits_of
from kummell_ai.measurement.film import measure_radiograph
from kummell_ai.measurement.joint_names import FilmEvidence, conflicts, counted, solve
from kummell_ai.measurement.naming import name_films, with_given_level
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.results import Finding, RadiographMeasurement, Severity
from kummell_ai.measurement.serialise import to_json
from tests.measurement.evidence import evidence_for, row_of, with_evidence
from tests.measurement.spines import SPACING, L, measured, spine

FIVE = {"T11 T12 L1 L2 L3": 0.0}
SURE = {"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -5.0}
OFF = {"T11 T12 L1 L2 L3": -0.5, "T10 T11 T12 L1 L2": 0.0}
SURE_AT_BEST = 1.0 - DOUBT
PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP


def no_traits(count: int) -> Traits:
    return Traits(np.zeros((count, 3), dtype=np.bool_), np.full((count, 3), np.nan))


def marked(count: int, **marks: int) -> Traits:
    """Traits of ``count`` bodies of which the body at each place bears the mark."""
    traits = no_traits(count)
    for name, place in marks.items():
        traits.marks[place, ("injured", "instrumented", "cemented").index(name)] = True
    return traits


def evidence(rows: Mapping[str, float], traits: Traits | None = None) -> FilmEvidence:
    found = evidence_for(rows)
    return FilmEvidence(found.chosen.levels, found, traits or no_traits(len(found.chosen.levels)))


def film(rows: Mapping[str, float] | None = None, name: str = "film", injured: int | None = 2) -> RadiographMeasurement:
    """Five bodies of which the one at place ``injured`` is wedged and marked, named by evidence."""
    level = None if injured is None else (L.T11, L.T12, L.L1, L.L2, L.L3)[injured]
    landmarks = spine({level: 13.0} if level else {}, flags={level: {"fractured"}} if level else {}, name=name)
    return measured(landmarks if rows is None else with_evidence(landmarks, rows))


def crushed() -> SpineLandmarks:
    """A spine whose L1 has lost height in front and behind alike."""
    landmarks = spine()
    body = landmarks.vertebrae[2]
    points = body.points_px.copy()
    points[:2, 1] += 0.4 * (points[2:, 1] - points[:2, 1])
    bodies = (*landmarks.vertebrae[:2], replace(body, points_px=points), *landmarks.vertebrae[3:])
    return replace(landmarks, vertebrae=bodies)


def names(film: RadiographMeasurement) -> str:
    return " ".join(str(v.level) for v in film.vertebrae)


def codes(findings: list[Finding]) -> list[str]:
    return [f.code for f in findings]


class TestMarks:
    def test_the_weight_is_bayes_rule(self) -> None:
        """Two looks with error e at one bone, of which a share p is marked, over two looks at two bones."""
        e, p = 0.1, 0.2
        q = p * (1 - e) + (1 - p) * e
        both = (p * (1 - e) ** 2 + (1 - p) * e**2) / q**2
        one = (p * (1 - e) * e + (1 - p) * e * (1 - e)) / (q * (1 - q))
        none = (p * e**2 + (1 - p) * (1 - e) ** 2) / (1 - q) ** 2
        assert mark_weight(True, True, e, p) == pytest.approx(math.log(both))
        assert mark_weight(True, False, e, p) == mark_weight(False, True, e, p) == pytest.approx(math.log(one))
        assert mark_weight(False, False, e, p) == pytest.approx(math.log(none))

    @given(st.floats(0.01, 0.49), st.floats(0.01, 0.99))
    def test_to_agree_speaks_for_and_to_differ_against_one_bone(self, error: float, share: float) -> None:
        assert mark_weight(True, True, error, share) > 0.0
        assert mark_weight(False, False, error, share) > 0.0
        assert mark_weight(True, False, error, share) < 0.0

    def test_a_mark_that_one_film_lacks_says_nothing(self) -> None:
        row = row_of("T12 L1 L2")
        assert agreement(marked(3, instrumented=0), no_traits(3), row, row) == 0.0

    def test_a_film_agrees_best_with_itself(self) -> None:
        landmarks = spine({L.L1: 13.0}, flags={L.L1: {"fractured"}})
        traits, row = traits_of(landmarks, SPACING), row_of("T11 T12 L1 L2 L3")
        best = agreement(traits, traits, row, row)
        for shift in (-2, -1, 1, 2):
            other = counted(row, shift)
            assert other is not None
            assert agreement(traits, traits, row, other) < best - 2.0

    def test_the_scale_of_a_film_makes_no_difference(self) -> None:
        row = row_of("T11 T12 L1 L2 L3")
        one, large = (traits_of(spine(px_per_mm=s), SPACING) for s in (4.0, 9.0))
        assert agreement(one, one, row, row) == pytest.approx(agreement(one, large, row, row))

    def test_what_looks_injured(self) -> None:
        held = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}
        for landmarks in (
            spine({L.L1: 13.0}),
            crushed(),
            spine(flags={L.L1: {"fractured"}}),
            spine(flags={L.L1: {"cemented"}}),
            spine(flags=held),
            spine(flags={**held, L.L1: {"instrumented", "cemented"}}),
        ):
            assert traits_of(landmarks, SPACING).marks[:, 0].tolist() == [False, False, True, False, False]
        for landmarks in (
            spine(),
            spine(flags={L.L1: {"instrumented", "cemented"}}),
            spine({L.L1: 13.0}, flags={L.L1: {"cropped"}}),
        ):
            assert not traits_of(landmarks, SPACING).marks[:, 0].any()


class TestSolve:
    def test_films_without_marks_keep_their_own_names(self) -> None:
        films = [evidence({"T11 T12 L1": 0.0, "T12 L1 L2": -1.0}), evidence({"T12 L1 L2": 0.0, "T11 T12 L1": -2.0})]
        assert [rows[0].levels for rows in solve(films)] == [row_of("T11 T12 L1"), row_of("T12 L1 L2")]

    def test_the_probability_of_a_film_alone_is_its_own(self) -> None:
        one = evidence({"T11 T12 L1": 0.0, "T12 L1 L2": -1.0})
        assert one.evidence is not None
        (rows,) = solve([one])
        assert rows[0].probability == pytest.approx(one.evidence.chosen.probability, abs=1e-3)
        assert rows[0].probability == pytest.approx(SURE_AT_BEST / (1 + math.exp(-1.0)), abs=1e-3)

    def test_two_films_by_the_formula(self) -> None:
        """Injured at the same place; the second film is 1 nat for the shifted names."""
        first = evidence({"T12 L1 L2": 0.0}, marked(3, injured=1))
        second = evidence({"T11 T12 L1": 0.0, "T12 L1 L2": -1.0}, marked(3, injured=1))
        e = MARK_ERROR[0]
        same = mark_weight(True, True, e) + 2 * mark_weight(False, False, e) - 1.0
        shifted = 2 * mark_weight(True, False, e)
        rows = solve([first, second])
        assert rows[1][0].levels == row_of("T12 L1 L2")
        share = 1 / (1 + math.exp((shifted - same) / math.sqrt(2)))
        assert rows[1][0].probability == pytest.approx(SURE_AT_BEST * share, rel=1e-3)

    def test_the_film_that_is_off_by_one_is_corrected(self) -> None:
        sure = {"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -4.0}
        off = {"T11 T12 L1 L2 L3": -1.0, "T10 T11 T12 L1 L2": 0.0}
        films = [evidence(rows, marked(5, injured=2)) for rows in (sure, sure, off)]
        assert [rows[0].levels for rows in solve(films)] == [row_of("T11 T12 L1 L2 L3")] * 3

    def test_the_evidence_of_all_films_adds_up(self) -> None:
        """Two films 1 nat each for the names below are outweighed by one that is 3 nats for those above."""
        below = {"T12 L1 L2": 0.0, "T11 T12 L1": -1.0}
        above = {"T12 L1 L2": -3.0, "T11 T12 L1": 0.0}
        films = [evidence(rows, marked(3, injured=1)) for rows in (below, below, above)]
        assert [rows[0].levels for rows in solve(films)] == [row_of("T11 T12 L1")] * 3

    def test_evidence_beyond_the_limit_is_not_overruled(self) -> None:
        first = evidence({"T11 T12 L1 L2 L3": 0.0}, marked(5, injured=2, cemented=2, instrumented=1))
        second = evidence({"T12 L1 L2 L3 L4": 0.0, "T11 T12 L1 L2 L3": -6.5}, first.traits)
        rows = solve([first, second])
        assert [r[0].levels for r in rows] == [first.names, second.names]
        assert conflicts([first, second], [first.names, second.names]) == [(0, 1, -1)]

    def test_all_films_have_the_same_variant(self) -> None:
        """One film shows T13 by 9 nats; on the other it costs 0.5 nats that the row fits."""
        with_it = evidence({"T11 T12 T13 L1": 0.0, "T11 T12 L1 L2": -9.0})
        unsure = evidence({"T11 T12 T13 L1": -0.5, "T11 T12 L1 L2": 0.0})
        alone = unsure.own_names
        assert alone == row_of("T11 T12 L1 L2")
        assert [r[0].levels for r in solve([with_it, unsure])] == [row_of("T11 T12 T13 L1")] * 2

    def test_films_too_sure_of_other_variants_are_still_named(self) -> None:
        """No spine has rows that both films allow: the one shows an L6, the other is called L6 where it has an S1."""
        with_it = evidence({"L5 L6 S1": 0.0, "L4 L5 S1": -12.0})
        without = evidence({"L4 L5 S1": 0.0, "L4 L5 L6": -3.2})
        for mine, other in zip(with_it.choices(), without.choices(), strict=True):
            assert not (mine and other)
        rows = solve([with_it, without])
        # L6 loses 3.2 and costs 3 sqrt(2); without it 12 are lost
        assert [r[0].levels for r in rows] == [row_of("L5 L6 S1"), row_of("L4 L5 L6")]

    def test_a_variant_costs_once_for_all_films(self) -> None:
        """T13 costs 3 nats on one film, more than its 2.3, and 3 sqrt(2) on two, less than their 4.6."""
        rows = {"T11 T12 T13 L1": 0.0, "T11 T12 L1 L2": -2.3}
        assert evidence(rows).own_names == row_of("T11 T12 L1 L2")
        assert [r[0].levels for r in solve([evidence(rows), evidence(rows)])] == [row_of("T11 T12 T13 L1")] * 2

    def test_names_set_by_hand_stay_and_pull_the_others(self) -> None:
        by_hand = FilmEvidence(row_of("T12 L1 L2"), None, marked(3, injured=1))
        other = evidence({"T11 T12 L1": 0.0, "T12 L1 L2": -1.0}, marked(3, injured=1))
        assert [r[0].levels for r in solve([other, by_hand])] == [row_of("T12 L1 L2")] * 2

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.permutations([0, 1, 2]))
    def test_the_order_of_the_films_makes_no_difference(self, seed: int, order: list[int]) -> None:
        rng = np.random.default_rng(seed)
        films = []
        for _ in range(3):
            rows = {"T10 T11 T12 L1": rng.normal(), "T11 T12 L1 L2": rng.normal(), "T12 L1 L2 L3": rng.normal()}
            films.append(evidence(rows, marked(4, injured=int(rng.integers(4)))))
        straight, turned = solve(films), solve([films[i] for i in order])
        for place, i in enumerate(order):
            assert turned[place][0].levels == straight[i][0].levels
            assert turned[place][0].probability == pytest.approx(straight[i][0].probability)

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([-1, 1]))
    def test_evidence_shifted_on_all_films_shifts_all_names(self, seed: int, shift: int) -> None:
        rng = np.random.default_rng(seed)
        texts = ["T3 T4 T5 T6", "T4 T5 T6 T7", "T5 T6 T7 T8"]
        scores = rng.normal(0, 2, (2, 3))
        places = rng.integers(0, 4, 2)

        def films(by: int) -> list[FilmEvidence]:
            moved = [counted(row_of(t), by) for t in texts]
            keys = [" ".join(map(str, row or ())) for row in moved]
            return [
                evidence(dict(zip(keys, s, strict=True)), marked(4, injured=p))
                for s, p in zip(scores, places, strict=True)
            ]

        for before, after in zip(solve(films(0)), solve(films(shift)), strict=True):
            assert after[0].levels == counted(before[0].levels, shift)
            assert after[0].probability == pytest.approx(before[0].probability)

    def test_five_films(self) -> None:
        films = [evidence({"T11 T12 L1 L2": 0.0, "T12 L1 L2 L3": -0.5}, marked(4, injured=2)) for _ in range(5)]
        films[3] = evidence({"T11 T12 L1 L2": -1.0, "T12 L1 L2 L3": 0.0}, marked(4, injured=2))
        assert [r[0].levels for r in solve(films)] == [row_of("T11 T12 L1 L2")] * 5


class TestNameFilms:
    def test_a_corrected_film_is_measured_under_its_new_names(self) -> None:
        films = [film(SURE, "pre"), film(SURE, "post"), film(OFF, "last")]
        assert names(films[2]) == "T10 T11 T12 L1 L2"
        named, findings = name_films(films)
        assert {names(f) for f in named} == {"T11 T12 L1 L2 L3"}
        assert codes(findings) == ["names-corrected"]
        assert "on last the names T10 to L2 are changed to T11 to L3 (one level down)" in findings[0].message
        injured = named[2].at(L.L1)
        assert injured is not None
        expected = films[0].at(L.L1)
        assert expected is not None
        assert injured.quantities["height_loss"] == expected.quantities["height_loss"]
        assert injured.landmarks.level_probability == named[2].landmarks.level_evidence.chosen.probability  # type: ignore[union-attr]
        assert named[2].segment("segmental_cobb", L.L1) is not None

    def test_naming_again_changes_nothing(self) -> None:
        once, _ = name_films([film(SURE, "pre"), film(OFF, "post")])
        twice, findings = name_films(once)
        assert [to_json(f) for f in twice] == [to_json(f) for f in once]
        assert codes(findings) == ["names-corrected"]

    def test_strong_evidence_that_conflicts_is_told_and_kept(self) -> None:
        films = [film({"T11 T12 L1 L2 L3": 0.0}, "pre"), film({"T10 T11 T12 L1 L2": 0.0}, "post")]
        named, findings = name_films(films)
        assert [names(f) for f in named] == ["T11 T12 L1 L2 L3", "T10 T11 T12 L1 L2"]
        assert codes(findings) == ["names-conflict"]
        assert findings[0].severity is Severity.WARNING
        assert "fit better with post one level down" in findings[0].message

    def test_films_that_agree_say_nothing(self) -> None:
        assert name_films([film(FIVE, "pre"), film(FIVE, "post")])[1] == []

    def test_names_set_by_hand_are_left_alone(self) -> None:
        films = [film(None, "pre"), film(None, "post")]
        assert name_films(films, L.T12) == (films, [])

    def test_a_film_with_a_nameless_body_is_left_alone(self) -> None:
        landmarks = spine(name="odd")
        odd = measured(
            replace(landmarks, vertebrae=(replace(landmarks.vertebrae[0], level=None), *landmarks.vertebrae[1:]))
        )
        named, findings = name_films([odd, film(SURE, "pre"), film(OFF, "post")])
        assert named[0] is odd
        assert codes(findings) == ["names-corrected"]

    def test_the_exposed_field_still_crops_after_renaming(self) -> None:
        landmarks = with_evidence(spine({L.L1: 13.0}, flags={L.L1: {"fractured"}}, name="post"), OFF)
        one = film(SURE, "pre")
        two = measure_radiograph(
            landmarks, SPACING, size_px=(800, 1600), exposed_px=(0.0, 120.0, 800.0, 1600.0), provenance=one.provenance
        )
        assert [f.code for f in two.vertebrae[0].findings] == ["cropped"]
        named, _ = name_films([one, two])
        assert [(f.code, f.level) for f in named[1].vertebrae[0].findings] == [("cropped", L.T11)]


class TestGivenLevel:
    def test_the_injured_vertebra_becomes_the_given_one(self) -> None:
        found = with_given_level(film(FIVE), L.T12)
        assert names(found) == "T10 T11 T12 L1 L2"
        (finding,) = [f for f in found.findings if f.code.startswith("names")]
        assert (finding.code, finding.level) == ("names-pinned", L.T12)
        assert "looks injured was found as L1; it is taken as T12" in finding.message

    def test_it_is_already(self) -> None:
        assert with_given_level(film(FIVE), L.L1).findings == film(FIVE).findings

    def test_to_confirm_the_names_settles_them(self) -> None:
        unsure = film({"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -0.5})
        assert "names-may-be-shifted" in codes(list(unsure.findings))
        confirmed = with_given_level(unsure, L.L1)
        assert names(confirmed) == names(unsure)
        assert "names-may-be-shifted" not in codes(list(confirmed.findings))
        assert confirmed.landmarks.level_evidence is not None
        assert confirmed.landmarks.level_evidence.chosen.probability == pytest.approx(1.0)
        assert confirmed.landmarks.level_evidence.runner_up is None

    def test_without_an_injured_vertebra_nothing_is_confirmed(self) -> None:
        unsure = film({"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -0.5}, injured=None)
        assert "names-may-be-shifted" in codes(list(with_given_level(unsure, L.L1).findings))

    def test_in_all_rows_that_are_left_the_vertebra_has_the_given_name(self) -> None:
        unsure = film({"T12 T13 L1 L2 L3": -2.0, "T11 T12 L1 L2 L3": 0.0}, injured=3)
        confirmed = with_given_level(unsure, L.L2)
        assert names(confirmed) == "T11 T12 L1 L2 L3"
        evidence = confirmed.landmarks.level_evidence
        assert evidence is not None
        assert all(row.levels[3] is L.L2 for row in evidence.rows)

    def test_at_most_two_levels(self) -> None:
        assert names(with_given_level(film(FIVE), L.L3)) == "L1 L2 L3 L4 L5"
        far = with_given_level(film(FIVE), L.L4)
        assert names(far) == "T11 T12 L1 L2 L3"
        assert "names-not-pinned" in codes(list(far.findings))
        assert any("that would move them 3 levels" in f.message for f in far.findings)

    def test_of_two_injured_vertebrae_the_one_of_that_name_or_the_nearest(self) -> None:
        flags = {L.L1: {"fractured"}, L.T11: {"fractured"}}
        both = measured(with_evidence(spine(flags=flags), FIVE))
        assert names(with_given_level(both, L.T11)) == "T11 T12 L1 L2 L3"
        assert names(with_given_level(both, L.L2)) == "T12 L1 L2 L3 L4"

    def test_without_an_injured_vertebra_only_as_far_as_the_evidence_allows(self) -> None:
        soft = film({"T11 T12 L1 L2 L3": 0.0, "T12 L1 L2 L3 L4": -3.0}, injured=None)
        assert names(with_given_level(soft, L.L4)) == "T12 L1 L2 L3 L4"
        hard = with_given_level(film(FIVE, injured=None), L.L4)
        assert names(hard) == "T11 T12 L1 L2 L3"
        assert any("the films speak clearly against it" in f.message for f in hard.findings)
        assert names(with_given_level(soft, L.L3)) == "T11 T12 L1 L2 L3"

    def test_all_films_move_together(self) -> None:
        films = [film(FIVE, "pre"), film({"T10 T11 T12 L1 L2": 0.0, "T11 T12 L1 L2 L3": -1.0}, "post")]
        named, findings = name_films(films, L.T12)
        assert {names(f) for f in named} == {"T10 T11 T12 L1 L2"}
        assert codes(findings) == ["names-pinned", "names-corrected"][: len(findings)]

    def test_a_film_that_does_not_show_it_moves_too(self) -> None:
        landmarks = with_evidence(spine(levels=(L.L2, L.L3, L.L4), name="low"), {"L2 L3 L4": 0.0})
        named, _ = name_films([film(FIVE, "pre"), measured(landmarks)], L.T12)
        assert [names(f) for f in named] == ["T10 T11 T12 L1 L2", "L1 L2 L3"]

    def test_a_sacrum_leaves_no_room_below_but_for_an_l6(self) -> None:
        levels = (L.L2, L.L3, L.L4, L.L5, L.S1)
        landmarks = with_evidence(spine(levels=levels, flags={L.L3: {"fractured"}}), {"L2 L3 L4 L5 S1": 0.0})
        assert names(with_given_level(measured(landmarks), L.L4)) == "L3 L4 L5 L6 S1"
        assert "names-not-pinned" in codes(list(with_given_level(measured(landmarks), L.L5).findings))

    def test_a_body_pinned_by_hand_holds_its_film_and_the_others(self) -> None:
        known = film(FIVE, "pre")
        held = pin_level(known.landmarks.level_evidence, 2, L.T12)  # type: ignore[arg-type]
        pre = measured(_renamed(known.landmarks, held))
        soft = film({"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -2.0}, "post")
        assert {names(f) for f in name_films([pre, soft])[0]} == {"T10 T11 T12 L1 L2"}


def _renamed(landmarks: SpineLandmarks, evidence: LevelEvidence) -> SpineLandmarks:
    vertebrae = tuple(replace(v, level=n) for v, n in zip(landmarks.vertebrae, evidence.chosen.levels, strict=True))
    return replace(landmarks, vertebrae=vertebrae, level_evidence=evidence)


class TestSeries:
    def test_the_report_has_one_name_for_the_injured_vertebra(self) -> None:
        films = [(PRE, film(SURE, "pre")), (POST, film(OFF, "post"))]
        report = measure_series(films)
        assert report.index_level is L.L1
        assert all(f.measurement.at(L.L1) is not None for f in report.films)
        assert codes(list(report.findings))[:2] == ["names-corrected", "index-level-found"]
        (correction,) = report.corrections
        change = next(c for c in correction.changes if c.quantity_id == "anterior_height")
        assert change.change.value == pytest.approx(0.0, abs=1e-9)

    def test_a_given_level_renames_all_films(self) -> None:
        report = measure_series([(PRE, film(FIVE, "pre")), (POST, film(FIVE, "post"))], index_level=L.T12)
        assert [names(f.measurement) for f in report.films] == ["T10 T11 T12 L1 L2"] * 2
        assert codes([f for f in report.findings if f.code.startswith("names")]) == ["names-pinned"]


class TestOutput:
    def test_json_has_the_names_and_the_runner_up(self) -> None:
        found = to_json(film({"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": -2.0}))["level_names"]
        share = 1 / (1 + math.exp(-2.0))
        assert found["names"] == ["T11", "T12", "L1", "L2", "L3"]
        assert found["probability"] == pytest.approx(SURE_AT_BEST * share, abs=1e-3)
        assert found["runner_up"]["names"] == ["T10", "T11", "T12", "L1", "L2"]
        assert found["runner_up"]["shift"] == -1
        assert found["runner_up"]["probability"] == pytest.approx(SURE_AT_BEST * (1 - share), abs=1e-3)
        assert to_json(film())["level_names"] is None

    @pytest.mark.parametrize(("score", "severity"), [(-2.0, Severity.INFO), (-0.5, Severity.WARNING)])
    def test_names_that_may_be_shifted_are_a_finding(self, score: float, severity: Severity) -> None:
        one = film({"T11 T12 L1 L2 L3": 0.0, "T10 T11 T12 L1 L2": score})
        (finding,) = [f for f in one.findings if f.code == "names-may-be-shifted"]
        assert finding.severity is severity
        assert "the names T11 to L3 have probability 0." in finding.message
        assert "T10 to L2 (one level up) has 0." in finding.message
        assert "names-may-be-shifted" not in codes(list(film(FIVE).findings))

    @pytest.mark.parametrize(("level", "is_told"), [(L.S1, True), (L.L4, False)])
    def test_a_sacrum_that_the_vertebrae_above_outvote_is_a_finding(self, level: L, is_told: bool) -> None:
        named = with_evidence(spine(), FIVE)
        assert named.level_evidence is not None
        local = named.level_evidence.log_probability.copy()
        local[-1, level.index] = 1.0
        one = measured(replace(named, level_evidence=replace(named.level_evidence, log_probability=local)))
        found = [f for f in one.findings if f.code == "sacrum-named-otherwise"]
        assert [(f.level, f.severity) for f in found] == ([(L.L3, Severity.WARNING)] if is_told else [])
        assert all("or give --index-level" in f.message for f in found)

    def test_a_sacrum_outvoted_by_a_given_level_is_told_as_that(self) -> None:
        landmarks = spine({L.L1: 13.0}, flags={L.L1: {"fractured"}})
        named = with_evidence(landmarks, FIVE)
        assert named.level_evidence is not None
        local = named.level_evidence.log_probability.copy()
        local[-1, L.S1.index] = 1.0
        one = measured(replace(named, level_evidence=replace(named.level_evidence, log_probability=local)))
        (finding,) = [f for f in with_given_level(one, L.L1).findings if f.code == "sacrum-named-otherwise"]
        assert "counted from the given L1" in finding.message
        assert "--index-level" not in finding.message

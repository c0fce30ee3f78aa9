"""A patient's films: the injured level, the phases, the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.errors import SeriesError
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.measurement.pipeline import assemble_report, find_index_level, further_reports
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement, Severity
from tests.measurement.reports import HELD, LAST, POST, PRE, built, codes, one, replace_name, report
from tests.measurement.spines import LEVELS, L, film, measured, spine


class TestIndexLevel:
    def test_by_shape(self) -> None:
        level, reason = find_index_level([film(PRE, 13.0).measurement])
        assert level is L.L1
        assert reason == "L1: height loss 50 % on pre-op, wedge angle 24° (usual 3°) on pre-op"

    def test_by_hardware_alone(self) -> None:
        level, reason = find_index_level([film(POST, 26.0, flags=HELD).measurement])
        assert level is L.L1
        assert reason == "L1: bridged by screws in T12 and L2 on post-op"

    def test_by_three_levels_with_screws_and_cement(self) -> None:
        held = {**HELD, L.L1: {"instrumented", "cemented"}}
        level, reason = find_index_level([film(POST, 26.0, flags=held).measurement])
        assert level is L.L1
        assert "the middle of the three levels with screws" in reason

    def test_four_levels_with_screws_have_no_middle(self) -> None:
        held = {level: {"instrumented"} for level in LEVELS[:4]}
        with pytest.raises(SeriesError, match="no vertebra stands out"):
            find_index_level([measured(spine(flags=held))])

    @pytest.mark.parametrize("flag", ["fractured", "cemented"])
    def test_by_flag(self, flag: str) -> None:
        assert find_index_level([film(PRE, 26.0, flags={L.L1: {flag}}).measurement])[0] is L.L1

    def test_an_old_fracture_loses_to_the_operated_one(self) -> None:
        two = {L.L1: 14.0, L.L3: 14.0}
        films = [measured(spine(two, name="a")), measured(spine(two, flags=HELD, name="b"))]
        assert find_index_level(films)[0] is L.L1

    def test_nothing_stands_out(self) -> None:
        with pytest.raises(SeriesError, match="no vertebra stands out as the injured one among T11, T12, L1, L2, L3"):
            find_index_level([measured(spine())])

    def test_no_names(self) -> None:
        landmarks = spine({L.L1: 13.0})
        nameless = replace(landmarks, vertebrae=tuple(replace(v, level=None) for v in landmarks.vertebrae))
        with pytest.raises(SeriesError, match="among none"):
            find_index_level([measured(nameless)])

    def test_two_stand_out(self) -> None:
        with pytest.raises(SeriesError, match=r"L2 \(.*\) and T12 \(.*\) both look injured; one is expected"):
            find_index_level([measured(spine({L.T12: 14.0, L.L2: 14.0}))])

    def test_cropped_bodies_do_not_count(self) -> None:
        with pytest.raises(SeriesError, match="no vertebra stands out"):
            find_index_level([film(PRE, 13.0, flags={L.L1: {"cropped"}}).measurement])

    def test_unseen_front_of_a_marked_body(self) -> None:
        landmarks = spine(flags={L.L1: {"fractured"}})
        landmarks.vertebrae[2].points_px[0] = np.nan
        assert find_index_level([measured(landmarks)])[0] is L.L1


class TestReport:
    def test_the_last_film_before_and_the_first_after_are_compared(self) -> None:
        fronts = ((PRE, 17.0), (PRE, 13.0), (POST, 22.0), (POST, 21.0), (LAST, 20.0), (LAST, 18.0))
        films = [film(phase, front) for phase, front in fronts]
        named = [replace_name(f, f"{i}") for i, f in enumerate(films)]
        found = report(*named)
        changes = {c.name: next(x for x in c.changes if x.quantity_id == "anterior_height") for c in found.corrections}
        heights = [(name, change.before.value, change.after.value) for name, change in changes.items()]
        assert heights == [
            ("correction", pytest.approx(13.0), pytest.approx(22.0)),
            ("loss", pytest.approx(22.0), pytest.approx(18.0)),
            ("net", pytest.approx(13.0), pytest.approx(18.0)),
        ]

    def test_three_films(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(LAST, 20.0, flags=HELD))
        assert found.index_level is L.L1
        assert found.index_level_source == "found"
        assert [(c.name, c.before, c.after) for c in found.corrections] == [
            ("correction", PRE, POST),
            ("loss", POST, LAST),
            ("net", PRE, LAST),
        ]
        assert codes(found) == ["index-level-found", "surgical-segment", "posture-unknown"]
        assert found.patient_id == "unknown"
        assert ("index_level", "L1 (found)") in found.provenance.options
        assert found.provenance.model == "manual"

    def test_the_surgical_segment_is_also_measured_before_the_screws(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD))
        before, after = (f.measurement.segment("surgical_segment_cobb", L.L1) for f in found.films)
        change = next(c for c in found.corrections[0].changes if c.quantity_id == "surgical_segment_cobb")
        assert before is not None
        assert after is not None
        assert before.angle == change.before
        assert after.angle == change.after

    def test_given_level_and_notes(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0), index_level=L.L1, notes=["phases by order"])
        assert found.index_level_source == "given"
        assert codes(found) == ["series-note", "posture-unknown"]
        assert [c.name for c in found.corrections] == ["correction"]

    def test_the_last_follow_up_counts(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0), film(LAST, 21.0), film(LAST, 20.0))
        loss = found.corrections[1].derived["height_loss_after_surgery"].value
        np.testing.assert_allclose(loss, 2.0)
        films = (replace_name(film(LAST, 21.0), "a"), replace_name(film(LAST, 20.0), "b"))
        several = report(film(PRE, 13.0), film(POST, 22.0), *films)
        assert one(several, "film-not-compared") == "a is measured and not compared; b stands for follow-up"

    def test_one_film(self) -> None:
        found = report(film(Phase.UNKNOWN, 13.0))
        assert found.corrections == ()
        assert "one-film" in codes(found)

    def test_no_film(self) -> None:
        with pytest.raises(SeriesError, match="0 films are given; a series needs at least 1"):
            report()

    def test_two_patients(self) -> None:
        films = [film(PRE, 13.0, patient_id="A"), film(POST, 22.0, patient_id="B")]
        with pytest.raises(SeriesError, match="the films are of 2 patients; a series has one") as error:
            assemble_report(films, L.L1)
        assert error.value.value == ("A", "B")

    def test_patient(self) -> None:
        assert report(film(PRE, 13.0, patient_id="A"), film(POST, 22.0)).patient_id == "A"

    def test_level_that_is_not_on_a_film(self) -> None:
        far = PhasedMeasurement(POST, measured(spine(levels=(L.L3, L.L4), name="post-op")))
        found = report(film(PRE, 13.0), far)
        assert "index-level-not-seen" in codes(found)

    def test_another_level_looks_injured(self) -> None:
        shifted = PhasedMeasurement(POST, measured(spine({L.L2: 12.0}, name="post-op")))
        found = report(film(PRE, 13.0), shifted, index_level=L.L1)
        assert "on post-op L2 looks injured" in one(found, "index-level-disagrees")

    def test_two_levels_that_look_alike_are_left_to_the_reader(self) -> None:
        both = PhasedMeasurement(PRE, measured(spine({L.L1: 13.0, L.T11: 12.5}, name="pre-op")))
        assert "index-level-disagrees" not in codes(report(both, film(POST, 22.0), index_level=L.L1))

    def test_instability_from_two_films_before(self) -> None:
        found = report(
            film(PRE, 17.0, patient_position="HFS"),
            film(PRE, 13.0, patient_position="SITTING"),
            film(POST, 22.0, patient_position="SITTING"),
            film(LAST, 21.0, patient_position="SITTING"),
        )
        assert found.corrections[0].derived["intravertebral_instability"].value == pytest.approx(4.0)
        assert "intravertebral_instability" not in found.corrections[1].derived

    def test_instability_does_not_need_a_film_after_surgery(self) -> None:
        found = report(
            film(PRE, 17.0, patient_position="HFS"),
            film(PRE, 13.0, patient_position="SITTING"),
            film(LAST, 21.0, patient_position="SITTING"),
        )
        (net,) = found.corrections
        assert net.derived["intravertebral_instability"].value == pytest.approx(4.0)

    def test_an_old_fracture_is_told_once_and_not_as_a_wrong_name(self) -> None:
        """T11 looks fractured on all films alike; L3 collapses after the operation of L1."""
        before = spine({L.T11: 15.0, L.L1: 13.0}, flags={L.T11: {"fractured"}, L.L1: {"fractured"}}, name="pre-op")
        after = spine(
            {L.T11: 15.0, L.L1: 22.0, L.L3: 12.0},
            flags={L.T11: {"fractured"}, L.L1: {"cemented"}, L.L3: {"fractured"}},
            name="follow-up",
        )
        found = report(PhasedMeasurement(PRE, measured(before)), PhasedMeasurement(LAST, measured(after)))
        assert "also-looks-fractured" in codes(found)
        (further,) = further_reports(found)
        assert further.index_level is L.L3
        assert "index-level-disagrees" not in codes(found) + codes(further)

    def test_the_surgical_segment_is_one_angle_whatever_a_page_is_about(self) -> None:
        landmarks = spine({L.L1: 13.0}, flags={L.L1: {"fractured"}, **HELD}, name="post-op")
        wide = {s: IntervalFactors(s, {"cobb": 1.0 + i}) for i, s in enumerate(("fractured", "instrumented", "intact"))}
        bodies = tuple(
            replace(v, interval_factors=wide["fractured" if v.level is L.L1 else "intact"]) for v in landmarks.vertebrae
        )
        one = measured(replace(landmarks, vertebrae=bodies))
        pages = [assemble_report([PhasedMeasurement(POST, one)], level) for level in (L.L1, L.L3)]
        first, second = (p.films[0].measurement.segment("surgical_segment_cobb", p.index_level) for p in pages)
        assert first is not None
        assert second is not None
        assert first.angle == second.angle


class TestPhases:
    def phases(self, *films: PhasedMeasurement, **options: object) -> tuple[list[Phase], list[str]]:
        found = report(*films, index_level=L.L1, **options)
        return [f.phase for f in found.films], [c for c in codes(found) if c.startswith("phase")]

    def test_hardware_agrees(self) -> None:
        phases, findings = self.phases(film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(LAST, 21.0, flags=HELD))
        assert (phases, findings) == ([PRE, POST, LAST], [])

    def test_no_hardware_seen_says_nothing(self) -> None:
        assert self.phases(film(PRE, 13.0), film(POST, 22.0)) == ([PRE, POST], [])

    def test_screws_on_the_first_film(self) -> None:
        phases, findings = self.phases(film(PRE, 20.0, flags=HELD), film(POST, 19.0, flags=HELD))
        assert phases == [POST, LAST]
        assert findings == ["phase-contradicts-hardware"] * 2

    def test_two_films_before(self) -> None:
        phases, findings = self.phases(film(PRE, 13.0), film(POST, 13.0), film(LAST, 21.0, flags=HELD))
        assert phases == [PRE, PRE, POST]
        assert len(findings) == 2

    @pytest.mark.parametrize(
        ("blank", "phases"),
        [
            ([L.T12, L.L2], [PRE, POST, LAST]),
            ([L.T12], [PRE, POST, LAST]),
            ([L.L1], [PRE, PRE, POST]),  # where the screws belong the film has contrast
            ([], [PRE, PRE, POST]),
        ],
    )
    def test_a_film_that_may_hide_screws_keeps_the_phase_of_its_date(self, blank: list[L], phases: list[Phase]) -> None:
        unseen = film(POST, 22.0, flags={level: {"no-contrast"} for level in blank})
        settled, findings = self.phases(film(PRE, 13.0), unseen, film(LAST, 21.0, flags=HELD))
        assert settled == phases
        assert len(findings) == (0 if settled[1] is POST else 2)

    def test_a_film_that_may_hide_screws_does_not_outvote_a_later_one_without(self) -> None:
        unseen = film(POST, 13.0, flags={L.T12: {"no-contrast"}})
        settled, _ = self.phases(film(PRE, 13.0), unseen, film(LAST, 13.0), film(LAST, 21.0, flags=HELD))
        assert settled == [PRE, PRE, PRE, POST]

    def test_films_that_may_hide_screws_are_named_as_the_reason(self) -> None:
        hides = {level: {"no-contrast"} for level in HELD}
        films = film(PRE, 13.0), film(LAST, 22.0, flags=hides), film(POST, 22.0, flags=hides)
        found = report(*films, film(LAST, 21.0, flags=HELD), index_level=L.L1)
        assert [f.phase for f in found.films] == [PRE, LAST, LAST, LAST]
        told = [f.message for f in found.findings if f.code == "phase-contradicts-hardware"]
        assert [m.split(";")[0] for m in told] == [
            "post-op is post-op by the dates but screws may be hidden on follow-up already"
        ]

    @pytest.mark.parametrize(("flag", "told"), [("no-contrast", 0), ("cropped", 1)])
    def test_a_film_that_may_hide_screws_does_not_contradict_a_given_phase(self, flag: str, told: int) -> None:
        unseen = film(POST, 22.0, flags={level: {flag} for level in HELD})
        films = film(PRE, 13.0), unseen, film(LAST, 21.0, flags=HELD)
        found = report(*films, index_level=L.L1, surgery_date=dt.date.min)
        assert [f.phase for f in found.films] == [PRE, POST, LAST]
        assert codes(found).count("phase-contradicts-hardware") == told

    def test_a_late_first_film_with_screws_stays_a_follow_up(self) -> None:
        assert self.phases(film(PRE, 13.0), film(LAST, 21.0, flags=HELD)) == ([PRE, LAST], [])

    def test_two_films_right_after(self) -> None:
        films = (film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(POST, 22.0, flags=HELD))
        assert self.phases(*films) == ([PRE, POST, POST], [])

    def test_a_single_film_with_screws(self) -> None:
        assert self.phases(film(Phase.UNKNOWN, 20.0, flags=HELD))[0] == [POST]

    def test_an_injured_vertebra_that_looks_cemented_before_surgery_is_told(self) -> None:
        filled = {**HELD, L.L1: {"cemented"}}
        after = film(POST, 22.0, flags=filled)
        found = report(film(PRE, 13.0, flags={L.L1: {"cemented"}}), after, index_level=L.L1)
        assert "L1 looks cemented on" in one(found, "cement-before-surgery")
        for before in (film(PRE, 13.0), film(PRE, 13.0, flags={L.L3: {"cemented"}})):  # an older filling elsewhere
            assert "cement-before-surgery" not in codes(report(before, after, index_level=L.L1))

    def test_the_date_of_surgery_decides(self) -> None:
        films = film(PRE, 20.0, flags=HELD), film(POST, 19.0, flags=HELD), film(LAST, 19.0)
        for day, option in ((dt.date(2024, 1, 1), "--surgery-date"), (dt.date.min, "--phases")):
            found = report(*films, index_level=L.L1, surgery_date=day)
            assert [f.phase for f in found.films] == [PRE, POST, LAST]
            told = [f.message for f in found.findings if f.code == "phase-contradicts-hardware"]
            assert len(told) == 2, "none about the film after surgery that shows screws"
            assert f"is pre-op by {option} but screws are seen; the phase stays pre-op: check {option}" in told[0]
            assert f"is follow-up by {option} but no screws are seen, as on another film" in told[1]

    def test_a_phase_taken_from_the_hardware_says_what_it_was_taken_from(self) -> None:
        films = film(PRE, 20.0, flags=HELD), film(POST, 19.0, flags=HELD)
        told = [f.message for f in report(*films, index_level=L.L1).findings if f.code == "phase-contradicts-hardware"]
        assert "is pre-op by the dates but is the first with screws; it is taken as post-op" in told[0]
        assert "is post-op by the dates but screws are seen on" in told[1]


CEMENT: dict[L, set[str]] = {L.L1: {"cemented"}, L.L3: {"cemented"}}


class TestFurtherLevels:
    def test_two_treated_levels_are_found(self) -> None:
        pre = built(PRE, {L.L1: 13.0, L.L3: 15.0})
        post = built(POST, {L.L1: 20.0, L.L3: 20.0}, flags=CEMENT)
        found = report(pre, post)
        assert (found.index_level, found.further_levels, found.index_level_source) == (L.L1, (L.L3,), "found")
        assert "further injured vertebra found: L3: height loss" in one(found, "further-level-found")
        assert "cement without screws on post-op" in one(found, "further-level-found")
        (other,) = further_reports(found)
        assert (other.index_level, other.further_levels, other.index_level_source) == (L.L3, (L.L1,), "found")
        assert other.corrections[0].changes[0].before.value == pytest.approx(15.0)

    def test_of_two_alike_the_treated_one_counts(self) -> None:
        films = [measured(spine({L.T12: 14.0, L.L2: 15.0}, name="a"))]
        films.append(measured(spine({L.T12: 14.0, L.L2: 26.0}, flags={L.L2: {"cemented"}}, name="b")))
        assert find_index_level(films)[0] is L.L2

    def test_an_old_fracture_is_told_and_not_mixed_in(self) -> None:
        old = {L.T11: 20.0}
        found = report(built(PRE, {L.L1: 13.0, **old}), built(POST, {L.L1: 22.0, **old}, flags=HELD))
        assert found.further_levels == ()
        assert one(found, "also-looks-fractured").startswith("T11 also looks fractured (height loss")
        assert further_reports(found) == ()

    def test_cement_in_an_intact_neighbour_is_no_injury(self) -> None:
        found = report(built(PRE, {L.L1: 13.0}), built(POST, {L.L1: 20.0}, flags=CEMENT))
        assert found.further_levels == ()
        assert "also-looks-fractured" not in codes(found)

    def test_cement_that_is_gone_on_the_next_film_is_no_treatment(self) -> None:
        post = built(POST, {L.L1: 20.0, L.L3: 18.0}, flags=CEMENT)
        found = report(built(PRE, {L.L1: 13.0, L.L3: 18.0}), post, built(LAST, {L.L1: 20.0, L.L3: 18.0}))
        assert found.further_levels == ()
        assert one(found, "also-looks-fractured").startswith("L3 also looks fractured (height loss")

    def test_a_new_fracture_is_found_where_names_are_certain(self) -> None:
        films = [built(PRE, {L.L1: 13.0}), built(POST, {L.L1: 22.0}, flags=HELD)]
        new = built(LAST, {L.L1: 22.0, L.L3: 15.0}, flags={**HELD, L.L3: {"fractured"}})
        found = report(*films, new)
        assert found.further_levels == (L.L3,)
        (warning,) = [f for f in found.findings if f.code == "new-fracture"]
        assert warning.severity is Severity.WARNING
        assert warning.message == (
            "new vertebral fracture at L3 on the follow-up film: anterior height 26.0 → 15.0 mm; "
            "it has a report of its own"
        )
        beside = built(LAST, {L.L1: 22.0, L.L2: 15.0}, flags={**HELD, L.L2: {"fractured", "instrumented"}})
        told = one(report(*films, beside), "new-fracture")
        assert "the segmental Cobb angle T12–L2 includes this vertebra" in told
        given = one(report(*films, new, index_level=L.L1), "new-fracture")
        assert given.endswith("add L3 to --index-level for its own report")
        assert report(*films, built(LAST, {L.L1: 22.0, L.L3: 15.0}, flags=HELD)).further_levels == (), "not marked"
        for doubt in ({"level_probability": 0.6}, {"confidence": 0.4}):
            vertebrae = tuple(replace(v, **doubt) for v in new.measurement.landmarks.vertebrae)  # type: ignore[arg-type]
            doubtful = replace(new.measurement.landmarks, vertebrae=vertebrae)
            assert report(*films, PhasedMeasurement(LAST, measured(doubtful))).further_levels == ()

    def test_given_levels_stand_and_what_else_looks_injured_is_told(self) -> None:
        films = [built(PRE, {L.L1: 13.0, L.L3: 15.0}), built(POST, {L.L1: 20.0, L.L3: 20.0}, flags=CEMENT)]
        found = report(*films, index_level=L.L1)
        assert found.further_levels == ()
        assert "L3 looks injured too" in one(found, "further-level-not-given")
        both = report(*films, index_level=L.L3, further_levels=[L.L1])
        assert (both.index_level, both.further_levels, both.index_level_source) == (L.L3, (L.L1,), "given")
        assert "further-level-not-given" not in codes(both)


class TestSurgicalSegment:
    def angles(self, found: CorrectionReport) -> set[str]:
        segments = (f.measurement.segment("surgical_segment_cobb", found.index_level) for f in found.films)
        return {s.endplates if s is not None else "none" for s in segments}

    def test_seen(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(LAST, 21.0, flags=HELD))
        assert one(found, "surgical-segment") == (
            "the surgical segment is T12 to L2, from the screws seen on post-op, follow-up"
        )
        assert self.angles(found) == {"T12 superior to L2 inferior"}

    def test_given_overrules_what_is_seen_on_every_film_and_change(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD), surgical_segment=(L.T11, L.L3))
        assert self.angles(found) == {"T11 superior to L3 inferior"}
        assert "T11 to L3, as given, but screws are seen in T12 to L2 on post-op" in one(
            found, "surgical-segment-differs"
        )
        change = next(c for c in found.corrections[0].changes if c.quantity_id == "surgical_segment_cobb")
        segment = found.films[0].measurement.segment("surgical_segment_cobb", L.L1)
        assert segment is not None
        assert change.before == segment.angle
        assert ("surgical_segment", "T11 to L3 (given)") in found.provenance.options

    def test_films_that_disagree_are_measured_alike(self) -> None:
        wide: dict[L, set[str]] = {L.T11: {"instrumented"}, **HELD}
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(LAST, 21.0, flags=wide))
        assert self.angles(found) == {"T12 superior to L2 inferior"}
        assert "screws are seen in T11 to L2 on follow-up" in one(found, "surgical-segment-differs")

    def test_a_segment_apart_from_the_injured_level(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0), surgical_segment=(L.L2, L.L3))
        assert "L2 to L3, and the injured level L1 lies outside of it" in one(found, "surgical-segment-apart")

    def test_the_wrong_way_round(self) -> None:
        with pytest.raises(
            ValueError, match="surgical segment L2 to T12: the upper level must be cranial of the lower"
        ):
            report(film(PRE, 13.0), film(POST, 22.0), surgical_segment=(L.L2, L.T12))

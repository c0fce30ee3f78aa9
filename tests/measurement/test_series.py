"""A patient's films: the injured level, the phases, the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.errors import SeriesError
from kummell_ai.measurement.pipeline import assemble_report, find_index_level, measure_series
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement
from tests.measurement.spines import LEVELS, L, film, measured, spine

PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
HELD: dict[L, set[str]] = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}


def report(*films: PhasedMeasurement, **options: object) -> CorrectionReport:
    return measure_series([(f.phase, f.measurement) for f in films], **options)  # type: ignore[arg-type]


def codes(found: CorrectionReport) -> list[str]:
    return [f.code for f in found.findings]


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
    def test_three_films(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(LAST, 20.0, flags=HELD))
        assert found.index_level is L.L1
        assert found.index_level_source == "found"
        assert [(c.name, c.before, c.after) for c in found.corrections] == [
            ("correction", PRE, POST),
            ("loss", POST, LAST),
            ("net", PRE, LAST),
        ]
        assert codes(found) == ["index-level-found"]
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
        assert codes(found) == ["series-note"]
        assert [c.name for c in found.corrections] == ["correction"]

    def test_the_last_follow_up_counts(self) -> None:
        found = report(film(PRE, 13.0), film(POST, 22.0), film(LAST, 21.0), film(LAST, 20.0))
        loss = found.corrections[1].derived["height_loss_after_surgery"].value
        np.testing.assert_allclose(loss, 2.0)

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
        assert codes(found) == ["index-level-disagrees"]
        assert "on post-op L2 looks injured" in found.findings[0].message

    def test_two_levels_that_look_alike_are_left_to_the_reader(self) -> None:
        both = PhasedMeasurement(PRE, measured(spine({L.L1: 13.0, L.T11: 12.5}, name="pre-op")))
        assert codes(report(both, film(POST, 22.0), index_level=L.L1)) == []

    def test_one_hash_of_weights(self) -> None:
        films = [film(PRE, 13.0), film(POST, 22.0)]
        made = [
            replace(
                f, measurement=replace(f.measurement, provenance=replace(f.measurement.provenance, weights_sha256=h))
            )
            for f, h in zip(films, ("aa", "bb"), strict=True)
        ]
        assert report(*made).provenance.weights_sha256 is None
        assert report(made[0]).provenance.weights_sha256 == "aa"

    def test_instability_from_two_films_before(self) -> None:
        found = report(
            film(PRE, 17.0, patient_position="HFS"),
            film(PRE, 13.0, patient_position="SITTING"),
            film(POST, 22.0, patient_position="SITTING"),
            film(LAST, 21.0, patient_position="SITTING"),
        )
        assert found.corrections[0].derived["intravertebral_instability"].value == pytest.approx(4.0)
        assert "intravertebral_instability" not in found.corrections[1].derived


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

    def test_a_late_first_film_with_screws_stays_a_follow_up(self) -> None:
        assert self.phases(film(PRE, 13.0), film(LAST, 21.0, flags=HELD)) == ([PRE, LAST], [])

    def test_two_films_right_after(self) -> None:
        films = (film(PRE, 13.0), film(POST, 22.0, flags=HELD), film(POST, 22.0, flags=HELD))
        assert self.phases(*films) == ([PRE, POST, POST], [])

    def test_a_single_film_with_screws(self) -> None:
        assert self.phases(film(Phase.UNKNOWN, 20.0, flags=HELD))[0] == [POST]

    def test_the_date_of_surgery_decides(self) -> None:
        phases, findings = self.phases(
            film(PRE, 20.0, flags=HELD), film(POST, 19.0, flags=HELD), surgery_date=dt.date(2024, 1, 1)
        )
        assert phases == [PRE, POST]
        assert "phase-contradicts-hardware" in findings

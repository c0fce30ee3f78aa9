"""Lengths of a patient stand on one scale in the cohort's tables, or are left out and said."""

from __future__ import annotations

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.film_values import film_observations, scale_film, scale_findings, verdicts
from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.pipeline import assemble_report
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement, Verdict
from tests.measurement.spines import MM, SPACING, L, measured, spine

PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
DETECTOR = PixelSpacing(1.18 * MM, 1.18 * MM, Calibration.DETECTOR_PLANE)
"""The same body, 18 % larger."""
UNKNOWN = PixelSpacing.unknown()


def report(
    *films: tuple[Phase, PixelSpacing], front: tuple[float, ...] = (20.0, 20.0, 20.0), **spines: object
) -> CorrectionReport:
    return assemble_report(
        [
            PhasedMeasurement(phase, measured(spine({L.L1: height}, name=f"{i}-{phase.value}", **spines), spacing))
            for i, ((phase, spacing), height) in enumerate(zip(films, front, strict=False))
        ],
        L.L1,
    )


def heights(found: CorrectionReport) -> dict[Phase, float]:
    return {o.phase: o.value for o in film_observations(found) if o.measure == "anterior_height" and o.counts}


@pytest.mark.parametrize("other", [DETECTOR, UNKNOWN])
def test_two_scales_are_brought_to_one_as_on_the_page(other: PixelSpacing) -> None:
    found = report((PRE, SPACING), (POST, other))
    change = next(c for c in found.corrections[0].changes if c.quantity_id == "anterior_height")
    assert change.change.value == pytest.approx(0.0, abs=1e-9)
    values = [o for o in film_observations(found) if o.measure == "anterior_height"]
    assert [o.value for o in values] == [change.before.value, change.after.value]
    assert change.after.interval is not None
    assert (values[1].low, values[1].high) == (change.after.interval.low, change.after.interval.high)
    assert [o.scale for o in values] == [Calibration.FIDUCIAL] * 2
    assert values[0].factor == 1.0
    assert values[1].factor == pytest.approx(1 / 1.18 if other is DETECTOR else MM)
    (said,) = scale_findings(found)
    assert said.message == (
        "heights of L1 are on the scale of 0-pre-op (fiducial) in the tables; multiplied are those of 1-post-op "
        f"({other.calibration.value}) by {values[1].factor:.4g}"
    )


def test_three_films_stand_on_the_scale_of_the_best_whatever_pairs_do() -> None:
    """Before and after surgery share no good scale; the follow-up, calibrated, is the one for all."""
    found = report((PRE, DETECTOR), (POST, UNKNOWN), (LAST, SPACING), front=(20.0, 24.0, 23.0))
    assert heights(found) == pytest.approx({PRE: 20.0, POST: 24.0, LAST: 23.0})
    correction = next(c for c in found.corrections if c.name == "correction")
    assert correction.changes[0].before.value == pytest.approx(23.6), "the pair alone is at the detector"


def test_films_of_one_scale_keep_their_own_values() -> None:
    found = report((PRE, DETECTOR), (POST, DETECTOR), (LAST, DETECTOR), front=(20.0, 24.0, 23.0))
    own = scale_film(found)
    assert own is found.films[0]
    assert scale_findings(found) == []
    values = [v.measurement.at(L.L1).quantities["anterior_height"].value for v in found.films]  # type: ignore[union-attr]
    assert list(heights(found).values()) == values
    assert [c.before.value for c in found.corrections[0].changes if c.quantity_id == "anterior_height"] == values[:1]


def test_without_a_ruler_the_height_is_left_out_and_said() -> None:
    """Only the injured vertebra is seen: nothing keeps its size."""
    found = report((PRE, SPACING), (POST, DETECTOR), (LAST, SPACING), levels=(L.L1,))
    assert heights(found) == pytest.approx({PRE: 20.0, LAST: 20.0})
    (said,) = scale_findings(found)
    assert said.message.startswith(
        "heights of L1 cannot be brought to the scale of 0-pre-op (fiducial) and are not in the tables: those of "
        "1-post-op (detector-plane); use films"
    )


def test_an_earlier_follow_up_of_another_scale_has_no_height() -> None:
    found = report((PRE, SPACING), (POST, SPACING), (LAST, DETECTOR), (LAST, SPACING), front=(20.0, 24.0, 23.0, 23.0))
    sources = [o.source for o in film_observations(found) if o.measure == "anterior_height"]
    assert sources == ["0-pre-op", "1-post-op", "3-follow-up"]
    assert "2-follow-up (detector-plane)" in scale_findings(found)[0].message


def test_verdicts_are_those_of_the_report_where_the_tables_have_both_values() -> None:
    found = report((PRE, SPACING), (POST, SPACING), (LAST, SPACING), front=(14.0, 24.0, 23.0))
    said = verdicts(found)
    assert said[PRE, POST, "anterior_height"] is Verdict.IMPROVED
    assert set(said) == {(a, b, m.key) for a, b in ((PRE, POST), (POST, LAST), (PRE, LAST)) for m in FILM_MEASURES}
    alone = report((PRE, SPACING), (POST, DETECTOR), levels=(L.L1,), front=(14.0, 24.0))
    assert alone.corrections[0].changes[0].verdict is Verdict.UNKNOWN
    assert verdicts(alone)[PRE, POST, "anterior_height"] is Verdict.UNKNOWN

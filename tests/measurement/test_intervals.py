"""Calibrated intervals: whose factor counts for what, and when a number is withheld."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Endplate
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors, stratum_of
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.compare import change_of
from kummell_ai.measurement.results import RadiographMeasurement, Verdict
from kummell_ai.measurement.segments import measure_angle
from kummell_ai.measurement.vertebrae import TOO_WIDE, measure_vertebra
from kummell_ai.quantities import Quantity
from tests.measurement.spines import SPACING, L, measured, spine


def calibrated(landmarks: SpineLandmarks, factors: dict[str, dict[str, float]]) -> SpineLandmarks:
    """``landmarks`` whose bodies have the factors of their stratum, by stratum and quantity."""
    bodies = (
        replace(body, interval_factors=IntervalFactors(stratum_of(body.flags), factors.get(stratum_of(body.flags), {})))
        for body in landmarks.vertebrae
    )
    return replace(landmarks, vertebrae=tuple(bodies))


def half_width(quantity: Quantity) -> float:
    assert quantity.interval is not None, quantity.caveat
    return quantity.interval.half_width


def of_l1(film: RadiographMeasurement, name: str) -> Quantity:
    vertebra = film.at(L.L1)
    assert vertebra is not None
    return vertebra.quantities[name]


def cobb(film: RadiographMeasurement) -> Quantity:
    segment = film.segment("segmental_cobb", L.L1)
    assert segment is not None
    return segment.angle


@given(st.floats(0.1, 2.0), st.floats(0.1, 2.0))
@settings(max_examples=20, deadline=None)
def test_each_quantity_has_the_factor_of_its_vertebra(fractured: float, intact: float) -> None:
    flagged = spine({L.L1: 20.0}, flags={L.L1: {"fractured"}})
    factors = {
        "fractured": dict.fromkeys(("anterior_height", "height_loss", "cobb"), fractured),
        "intact": dict.fromkeys(("anterior_height", "height_loss", "cobb"), intact),
    }
    plain, film = measured(flagged), measured(calibrated(flagged, factors))
    for name in ("anterior_height", "height_loss"):
        assert half_width(of_l1(film, name)) == pytest.approx(fractured * half_width(of_l1(plain, name)))
    assert half_width(of_l1(film, "wedge_angle")) == pytest.approx(half_width(of_l1(plain, "wedge_angle")))
    assert half_width(cobb(film)) == pytest.approx(fractured * half_width(cobb(plain)))
    other, plain_other = film.at(L.T12), plain.at(L.T12)
    assert other is not None
    assert plain_other is not None
    ratio = half_width(other.quantities["anterior_height"]) / half_width(plain_other.quantities["anterior_height"])
    assert ratio == pytest.approx(intact)


def test_an_angle_about_no_vertebra_has_the_factor_of_the_first_stratum_at_its_ends() -> None:
    landmarks = spine(flags={L.T12: {"instrumented"}, L.L3: {"cemented", "fractured"}})
    factors = {stratum: {"cobb": 0.5 + 0.5 * k} for k, stratum in enumerate(STRATA)}

    def angle(of: SpineLandmarks, upper: L, lower: L) -> float:
        ends = ((upper, Endplate.SUPERIOR), (lower, Endplate.INFERIOR))
        return half_width(measure_angle(of, SPACING, 1.0, *ends).angle)

    for upper, lower, factor in ((L.T12, L.L3, 0.5), (L.T12, L.L2, 1.5), (L.T11, L.L2, 2.5)):
        ratio = angle(calibrated(landmarks, factors), upper, lower) / angle(landmarks, upper, lower)
        assert ratio == pytest.approx(factor)


@pytest.mark.parametrize(("name", "unit"), [("anterior_height", "mm"), ("wedge_angle", "deg"), ("height_loss", "%")])
def test_a_number_is_withheld_when_its_interval_spans_a_typical_correction(name: str, unit: str) -> None:
    plain = half_width(of_l1(measured(spine()), name))
    for share, is_told in ((0.99, True), (1.01, False)):
        factor = share * TOO_WIDE[unit] / plain
        found = of_l1(measured(calibrated(spine(), {"intact": {name: factor}})), name)
        assert (found.value is not None) is is_told
        if not is_told:
            assert found.unit == unit
            assert found.caveat is not None
            assert found.caveat.startswith("not measurable: its 95 % interval is ± ")
            assert found.caveat.endswith("look at its corners")


def test_an_angle_over_vertebrae_is_withheld_too() -> None:
    factor = 1.01 * TOO_WIDE["deg"] / half_width(cobb(measured(spine())))
    film = measured(calibrated(spine(), {"intact": {"cobb": factor}}))
    assert cobb(film).value is None
    index = film.segment("sagittal_index", L.L1)
    assert index is None or index.angle.value is None


def test_an_interval_that_nobody_calibrated_withholds_nothing() -> None:
    blurred = spine(sigma_px=40.0)
    for landmarks in (blurred, calibrated(blurred, {})):
        found = of_l1(measured(landmarks), "anterior_height")
        assert half_width(found) > TOO_WIDE["mm"]


def test_lengths_in_pixels_are_not_judged_in_millimetres() -> None:
    bodies = calibrated(spine(sigma_px=30.0), {"intact": {"anterior_height": 1.0}}).vertebrae
    found = measure_vertebra(bodies, 2, PixelSpacing.unknown(), 1.0, length_unit="px")
    assert half_width(found["anterior_height"]) > TOO_WIDE["mm"]


def test_the_grade_of_a_withheld_loss_says_why() -> None:
    found = measured(calibrated(spine(), {"intact": {"height_loss": 100.0}}))
    grade = of_l1(found, "height_derived_grade")
    assert grade.value is None
    assert (grade.caveat or "").startswith("not measurable")


def test_a_change_of_a_withheld_number_is_unknown() -> None:
    before = of_l1(measured(calibrated(spine(), {"intact": {"wedge_angle": 100.0}})), "wedge_angle")
    after = of_l1(measured(calibrated(spine(), {"intact": {"wedge_angle": 0.5}})), "wedge_angle")
    change = change_of("wedge_angle", before, after)
    assert change.verdict is Verdict.UNKNOWN
    assert (change.change.caveat or "").startswith("missing before: not measurable")


def test_the_detectable_change_has_both_films_factors() -> None:
    quantities = [
        of_l1(measured(calibrated(spine(), {"intact": {"wedge_angle": factor}})), "wedge_angle")
        for factor in (0.6, 0.8)
    ]
    plain = half_width(of_l1(measured(spine()), "wedge_angle"))
    assert change_of("wedge_angle", *quantities).mdc95 == pytest.approx(plain)

"""Two films: changes, verdicts, the common scale, what follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.common_scale import common_scale
from kummell_ai.measurement.compare import UNLIKE_SCALES, UNLIKE_SIZES, change_of, compare, intravertebral_instability
from kummell_ai.measurement.derived import rates
from kummell_ai.measurement.mismatch import posture_of
from kummell_ai.measurement.results import Change, Correction, PhasedMeasurement, Verdict
from kummell_ai.quantities import Interval, Quantity
from tests.measurement.spines import LEVELS, MM, SPACING, L, film, measured, spine

PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
NONE = PixelSpacing.unknown()
DETECTOR = PixelSpacing(0.3, 0.3, Calibration.DETECTOR_PLANE)


def change(correction: Correction, quantity_id: str) -> Change:
    return next(c for c in correction.changes if c.quantity_id == quantity_id)


def codes(correction: Correction) -> list[str]:
    return [f.code for f in correction.findings]


def number(quantity: Quantity) -> float:
    assert quantity.value is not None, quantity.caveat
    return quantity.value


def test_heights_angles_and_rates() -> None:
    found = compare(film(PRE, 13.0), film(POST, 22.0), L.L1, "correction")
    height = change(found, "anterior_height")
    np.testing.assert_allclose(number(height.change), 9.0)
    assert height.verdict is Verdict.IMPROVED
    np.testing.assert_allclose(height.mdc95, 1.959964 * np.hypot(0.5, 0.5) * np.sqrt(2), rtol=1e-6)
    assert change(found, "wedge_angle").verdict is Verdict.IMPROVED
    assert change(found, "posterior_height").verdict is Verdict.NOT_DISTINGUISHABLE
    assert change(found, "middle_height").verdict is Verdict.UNKNOWN
    np.testing.assert_allclose(number(found.derived["height_restoration"]), 9.0)
    np.testing.assert_allclose(number(found.derived["height_restoration_rate"]), 100 * 9 / 13)
    np.testing.assert_allclose(number(found.derived["height_gain_rate"]), 100 * 9 / 13)
    np.testing.assert_allclose(
        number(found.derived["wedge_correction"]), np.degrees(np.arctan2(15, 34) - np.arctan2(6, 34))
    )


def test_a_change_for_the_worse() -> None:
    found = compare(film(POST, 22.0), film(LAST, 15.0), L.L1, "loss")
    assert change(found, "anterior_height").verdict is Verdict.WORSE
    np.testing.assert_allclose(number(found.derived["height_loss_after_surgery"]), 7.0)
    np.testing.assert_allclose(number(found.derived["loss_of_correction"]), 0.0, atol=1e-9)


def kyphotic(phase: Phase, drop: float) -> PhasedMeasurement:
    """A spine whose T12 falls to the front by ``drop`` mm over 34 mm."""
    return PhasedMeasurement(phase, measured(spine({L.T12: 28.0 - drop}, name=phase.value)))


def test_kyphosis_correction_and_its_rate() -> None:
    found = compare(kyphotic(PRE, 14.0), kyphotic(POST, 2.0), L.L1, "correction")
    before, after = np.degrees(np.arctan2([14, 2], 34))
    np.testing.assert_allclose(number(found.derived["kyphosis_correction"]), before - after, rtol=1e-9)
    np.testing.assert_allclose(number(found.derived["correction_rate"]), 100 * (before - after) / before, rtol=1e-9)


def test_correction_rate_near_zero_is_undefined() -> None:
    found = compare(kyphotic(PRE, 1.0), kyphotic(POST, 0.0), L.L1, "correction")
    assert "undefined: the angle before" in str(found.derived["correction_rate"].caveat)


def test_without_intervals_the_usual_detectable_change_guards() -> None:
    before = PhasedMeasurement(PRE, measured(spine({L.T12: 25.0}, sigma_px=None)))
    after = PhasedMeasurement(POST, measured(spine(sigma_px=None)))
    found = compare(before, after, L.L1, "correction")
    assert "5.6" in str(found.derived["correction_rate"].caveat)
    assert change(found, "segmental_cobb").mdc95 is None
    assert change(found, "segmental_cobb").verdict is Verdict.UNKNOWN
    assert found.derived["kyphosis_correction"].interval is None


def test_restoration_rate_without_a_loss() -> None:
    found = compare(film(PRE, 25.8), film(POST, 26.0), L.L1, "correction")
    assert "cannot be told from 0" in str(found.derived["height_restoration_rate"].caveat)


def test_a_restoration_rate_that_could_be_anything_is_withheld() -> None:
    before, after = film(PRE, 24.0, sigma_px=1.5), film(POST, 26.0, sigma_px=12.0)
    rate = compare(before, after, L.L1, "correction").derived["height_restoration_rate"]
    assert rate.value is None
    assert "not measurable: its 95 % interval is ± " in str(rate.caveat)


def test_of_a_lordosis_no_share_is_corrected() -> None:
    found = compare(kyphotic(PRE, -6.0), kyphotic(POST, -12.0), L.L1, "correction")
    assert number(found.derived["kyphosis_correction"]) > 9.0
    rate = found.derived["correction_rate"]
    assert rate.value is None
    assert "a lordosis" in str(rate.caveat)


def test_without_intervals_a_small_loss_of_height_has_no_rate() -> None:
    def at(height: float) -> PhasedMeasurement:
        return PhasedMeasurement(PRE, measured(spine({L.L1: height}, sigma_px=None)))

    for before, is_given in ((25.0, False), (23.0, True)):
        rate = compare(at(before), at(27.0), L.L1, "correction").derived["height_restoration_rate"]
        assert (rate.value is not None) is is_given
        assert is_given or "cannot be told from 0" in str(rate.caveat)


def test_the_interval_of_the_angle_before_guards_where_the_later_film_has_none() -> None:
    before, after = Quantity(7.0, "deg", Interval(-1.0, 15.0)), Quantity(2.0, "deg", None)
    height = Quantity(20.0, "mm", None)
    first = {"anterior_height": height, "reference_height": height, "segmental_cobb": before}
    found = rates(first, first | {"segmental_cobb": after}, None, lambda _: 1.0)
    assert "8.0°" in str(found["correction_rate"].caveat)


@pytest.mark.parametrize("name", ["height_gain_rate", "correction_rate"])
def test_a_rate_of_next_to_nothing_is_withheld(name: str) -> None:
    small, large = Quantity(6.0, "deg", Interval(0.5, 11.5)), Quantity(30.0, "deg", Interval(10.0, 50.0))
    body = {"anterior_height": replace(small, unit="mm"), "reference_height": Quantity(26.0, "mm", None)}
    after = {"anterior_height": replace(large, unit="mm"), "segmental_cobb": large}
    found = rates(body | {"segmental_cobb": small}, after, 5.0, lambda _: 1.0)
    assert found[name].value is None
    assert "the value before is too small" in str(found[name].caveat)
    every = rates(body | {"segmental_cobb": small}, after, 5.0, lambda _: 1.0, too_wide=np.inf)
    assert every[name].value is not None


def test_a_name_that_stands_twice_is_no_ruler_and_no_reference() -> None:
    good = spine({L.L1: 20.0})
    bodies = tuple(replace(v, level=L.T12) if v.level is L.T11 else v for v in good.vertebrae)
    twice = PhasedMeasurement(POST, measured(replace(good, vertebrae=bodies), PixelSpacing.unknown()))
    found = compare(PhasedMeasurement(PRE, measured(good)), twice, L.L1, "correction")
    assert found.scale is not None
    assert found.scale.rulers == (L.L2, L.L3)
    np.testing.assert_allclose(number(change(found, "anterior_height").change), 0.0, atol=1e-9)
    own = measured(replace(good, vertebrae=bodies)).at(L.L1)
    assert own is not None
    assert "T12 is named twice" in str(own.quantities["reference_height"].caveat)
    cobb = measured(replace(good, vertebrae=bodies)).segment("segmental_cobb", L.L1)
    assert cobb is not None
    assert cobb.angle.value is None
    assert cobb.angle.caveat == "several vertebrae of the film are called T12; correct the names"


def test_the_level_is_missing_on_one_film() -> None:
    before = PhasedMeasurement(PRE, measured(spine(levels=(L.T11, L.T12))))
    found = compare(before, film(POST, 22.0), L.L1, "correction")
    height = change(found, "anterior_height")
    assert height.before.caveat == "L1 is not found on the film"
    assert height.change.caveat == "missing before: L1 is not found on the film"
    assert found.derived["height_restoration"].value is None


def test_segments_that_do_not_exist() -> None:
    before = PhasedMeasurement(PRE, measured(spine(levels=(L.L5, L.S1))))
    found = compare(before, replace(before, phase=LAST), L.S1, "net")
    assert "kyphosis_correction" not in found.derived
    found = compare(before, replace(before, phase=LAST), L.S1, "loss")
    assert "loss_of_correction" not in found.derived


def test_unknown_comparison() -> None:
    with pytest.raises(ValueError, match="comparison 'gain' is not one of correction, loss, net"):
        compare(film(PRE, 13.0), film(POST, 22.0), L.L1, "gain")


def test_missing_after() -> None:
    found = change_of("wedge_angle", Quantity(1.0, "deg"), Quantity.missing("deg", "not seen"))
    assert found.change.caveat == "missing after: not seen"


def test_surgical_segments_are_measured_before_the_screws() -> None:
    held = {L.T11: {"instrumented"}, L.L3: {"instrumented"}}
    found = compare(film(PRE, 13.0), film(POST, 22.0, flags=held), L.L1, "correction")
    assert change(found, "surgical_segment_cobb").verdict is Verdict.NOT_DISTINGUISHABLE
    assert "surgical_segment_cobb" not in [
        c.quantity_id for c in compare(film(PRE, 13.0), film(POST, 22.0), L.L1, "correction").changes
    ]


class TestScale:
    def test_same_calibration(self) -> None:
        scale = common_scale(film(PRE, 13.0).measurement, film(POST, 22.0).measurement, L.L1)
        assert (scale.before, scale.after, scale.unit, scale.findings) == (SPACING, SPACING, "mm", ())

    def test_neighbours_scale_a_film_without_calibration(self) -> None:
        """The later film has 6 px a mm and no calibration; the neighbours tell 1/6 mm a pixel."""
        found = compare(film(PRE, 13.0), film(POST, 22.0, NONE, px_per_mm=6.0), L.L1, "correction")
        height = change(found, "anterior_height")
        np.testing.assert_allclose(number(height.after), 22.0, rtol=1e-9)
        assert "scaled by 0.1667" in str(height.after.caveat)
        assert "scale-from-neighbours" in codes(found)
        assert "0.1667" in found.findings[0].message
        assert "T11, T12, L2, L3" in found.findings[0].message
        assert found.scale is not None
        assert (found.scale.film, found.scale.rulers) == ("post-op", (L.T11, L.T12, L.L2, L.L3))
        np.testing.assert_allclose(number(found.scale.factor), 1 / 6)

    def test_the_earlier_film_may_be_the_uncalibrated_one(self) -> None:
        found = compare(film(PRE, 13.0, NONE, px_per_mm=6.0), film(POST, 22.0), L.L1, "correction")
        np.testing.assert_allclose(number(change(found, "anterior_height").before), 13.0, rtol=1e-9)
        np.testing.assert_allclose(number(found.derived["height_restoration_rate"]), 100 * 9 / 13, rtol=1e-9)

    def test_the_factor_adds_to_the_error(self) -> None:
        plain = compare(film(PRE, 13.0), film(POST, 22.0), L.L1, "correction")
        scaled = compare(film(PRE, 13.0), film(POST, 22.0, NONE), L.L1, "correction")
        first, second = (change(c, "anterior_height").after.interval for c in (plain, scaled))
        assert first is not None
        assert second is not None
        assert 1.0 < second.half_width / first.half_width < 1.3

    def test_calibrations_of_unlike_kind(self) -> None:
        found = compare(film(PRE, 13.0), film(POST, 22.0, DETECTOR), L.L1, "correction")
        np.testing.assert_allclose(number(change(found, "anterior_height").after), 22.0, rtol=1e-9)
        assert codes(found)[0] == "scale-from-neighbours"

    def test_two_films_without_scale_give_rates_only(self) -> None:
        found = compare(film(PRE, 13.0, NONE), film(POST, 22.0, NONE, px_per_mm=7.0), L.L1, "correction")
        height = change(found, "anterior_height")
        assert height.before.unit == height.change.unit == "mm"
        assert height.change.caveat == "neither film has a scale"
        assert found.derived["height_restoration"].caveat == "neither film has a scale"
        np.testing.assert_allclose(number(found.derived["height_restoration_rate"]), 100 * 9 / 13, rtol=1e-9)
        assert number(change(found, "wedge_angle").change) < 0

    def test_no_ruler(self) -> None:
        alone = (L.L1,)
        metric, bare = film(PRE, 13.0, levels=alone), film(POST, 22.0, NONE, levels=alone)
        found = compare(metric, bare, L.L1, "correction")
        assert codes(found)[0] == "no-common-scale"
        assert number(change(found, "anterior_height").before) == 13
        assert change(found, "anterior_height").change.value is None
        found = compare(metric, film(POST, 22.0, DETECTOR, levels=alone), L.L1, "correction")
        assert codes(found)[0] == "scale-unlike"
        height = change(found, "anterior_height")
        assert (height.change.caveat, height.mdc95, height.verdict) == (UNLIKE_SCALES, None, Verdict.UNKNOWN)
        np.testing.assert_allclose([number(height.before), number(height.after)], [13.0, 1.2 * 22.0])
        rates = ("height_restoration", "height_restoration_rate", "height_gain_rate")
        assert [found.derived[rate].caveat for rate in rates] == [UNLIKE_SCALES] * 3
        assert number(change(found, "wedge_angle").change) < 0
        found = compare(metric, film(POST, 22.0, levels=alone), L.L1, "correction")
        assert codes(found) == ["posture-unknown"]

    def test_films_of_one_calibration_that_disagree(self) -> None:
        found = compare(film(PRE, 13.0), film(POST, 22.0, px_per_mm=4.8), L.L1, "correction")
        assert codes(found)[0] == "magnification-unlike"
        assert "120 % on post-op" in found.findings[0].message
        np.testing.assert_allclose(number(change(found, "anterior_height").after), 22.0, rtol=1e-9)

    @pytest.mark.parametrize("spacing", [DETECTOR, replace(DETECTOR, calibration=Calibration.ASSUMED)])
    @pytest.mark.parametrize("larger", [0.91, 1.0, 1.09, 1.2])
    def test_a_bone_that_stayed_is_not_changed_by_magnification(self, spacing: PixelSpacing, larger: float) -> None:
        """A pixel size at the detector, or an assumed one, does not tell how much a film is magnified."""
        pair = film(PRE, 20.0, spacing, sigma_px=0.8), film(POST, 20.0, spacing, px_per_mm=larger / MM, sigma_px=0.8)
        found = compare(*pair, L.L1, "correction")
        height = change(found, "anterior_height")
        assert height.verdict is Verdict.NOT_DISTINGUISHABLE
        np.testing.assert_allclose(number(height.change), 0.0, atol=1e-9)
        np.testing.assert_allclose(number(found.derived["height_gain_rate"]), 0.0, atol=1e-9)
        assert "detector" not in (found.derived["height_gain_rate"].caveat or "")

    def test_the_error_of_the_ruler_counts_where_the_sizes_agree(self) -> None:
        plain = change(compare(film(PRE, 20.0), film(POST, 20.0), L.L1, "correction"), "anterior_height")
        pair = film(PRE, 20.0, DETECTOR), film(POST, 20.0, DETECTOR)
        seen = change(compare(*pair, L.L1, "correction"), "anterior_height")
        assert plain.mdc95 is not None
        assert seen.mdc95 is not None
        assert 1.0 < seen.mdc95 / plain.mdc95 < 1.3

    def test_without_covariances(self) -> None:
        scale = common_scale(
            film(PRE, 13.0, sigma_px=None).measurement, film(POST, 22.0, NONE, sigma_px=None).measurement, L.L1
        )
        assert np.isnan(scale.factor_error)
        known = Quantity(10.0, "mm", Interval(9.0, 11.0))
        assert scale.adjust(known, "after").interval is None
        assert scale.adjust(known, "before") is known


class TestPosture:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ("HFS", "FFS", []),
            ("ERECT", "erect", []),
            ("HFS", "SITTING", ["posture-unlike"]),
            (None, "SITTING", ["posture-unknown"]),
            ("unknown", None, ["posture-unknown"]),
        ],
    )
    def test_findings(self, before: str | None, after: str | None, expected: list[str]) -> None:
        found = compare(
            film(PRE, 13.0, patient_position=before), film(POST, 22.0, patient_position=after), L.L1, "correction"
        )
        assert codes(found) == expected

    def test_the_finding_says_where_the_position_is_not_recorded(self) -> None:
        for postures, where in (((None, None), "on any film;"), (("SITTING", None), "on post-op;")):
            pair = (film(phase, 13.0, patient_position=p) for phase, p in zip((PRE, POST), postures, strict=True))
            (finding,) = compare(*pair, L.L1, "correction").findings
            assert finding.message.startswith(f"patient position is not recorded {where} lying versus upright alone")

    @pytest.mark.parametrize(("code", "posture"), [("HFP", "PRONE"), ("HFDR", "DECUBITUS"), ("", None)])
    def test_codes(self, code: str, posture: str | None) -> None:
        assert posture_of(film(PRE, 13.0, patient_position=code).measurement.reference) == posture

    def test_instability_of_unlike_scales_is_missing_or_limited(self) -> None:
        """A scale that is 20 % off makes 3 mm of 17: as much as the instability that is looked for."""
        for levels, value in ((LEVELS, 4.0), ((L.L1,), None)):
            films = [film(PRE, h, s, levels=levels).measurement for h, s in ((17.0, DETECTOR), (13.0, SPACING))]
            found = intravertebral_instability(films[0], films[1], L.L1)
            assert found.value == (value and pytest.approx(value))
            assert (found.caveat == UNLIKE_SCALES) is (value is None)
        magnified = film(PRE, 17.0, px_per_mm=1.2 / MM).measurement
        found = intravertebral_instability(magnified, film(PRE, 13.0).measurement, L.L1)
        assert found.value == pytest.approx(1.2 * (17.0 - 13.0))
        assert found.caveat is not None
        assert found.caveat.endswith(UNLIKE_SIZES)

    def test_instability(self) -> None:
        found = intravertebral_instability(film(PRE, 17.0).measurement, film(PRE, 13.0).measurement, L.L1)
        np.testing.assert_allclose(number(found), 4.0)
        bare = intravertebral_instability(film(PRE, 17.0, NONE).measurement, film(PRE, 13.0, NONE).measurement, L.L1)
        assert bare.caveat == "neither film has a scale"

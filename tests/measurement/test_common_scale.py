"""Laws of the scale that two films share, and of what intact vertebrae tell about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.common_scale import CommonScale, common_scale, ruler_factor, ruler_levels
from kummell_ai.measurement.mismatch import rotation_findings
from kummell_ai.quantities import Z95, Interval, Quantity
from tests.measurement.spines import LEVELS, MM, SPACING, L, measured, spine

NONE = PixelSpacing.unknown()
DETECTOR = PixelSpacing(MM, MM, Calibration.DETECTOR_PLANE)
few = settings(max_examples=15, deadline=None)
sizes = st.floats(2.0, 9.0)


@given(st.floats(1.0, 60.0), st.floats(0.05, 5.0), st.floats(0.2, 5.0), st.floats(0.0, 0.5))
def test_relative_variances_of_a_length_and_of_its_factor_add_up(
    length: float, error: float, factor: float, of_factor: float
) -> None:
    scale = CommonScale(NONE, NONE, "mm", factor, of_factor, "after")
    told = scale.adjust(Quantity(length, "mm", Interval(length - Z95 * error, length + Z95 * error), "own"), "after")
    assert told.value == length
    assert told.standard_error is not None
    assert (told.standard_error / length) ** 2 == pytest.approx((error / length) ** 2 + (of_factor / factor) ** 2)
    assert str(told.caveat).startswith("own; scaled by ") is (factor != 1.0)


@pytest.mark.parametrize("own", [None, "assumed"])
def test_a_length_that_keeps_its_scale_is_not_said_to_be_scaled(own: str | None) -> None:
    """Where the sizes agree the factor is 1, and its error alone counts."""
    films = [measured(spine(sigma_px=2.0), DETECTOR) for _ in range(2)]
    scale = common_scale(*films, L.L1)
    assert (scale.rescaled, scale.factor, scale.findings) == ("after", 1.0, ())
    assert scale.factor_error > 0.0
    assert scale.adjust(Quantity(20.0, "mm", Interval(19.0, 21.0), own), "after").caveat == own


@pytest.mark.parametrize("of_factor", [0.01, np.nan])
def test_a_length_without_an_interval_gets_none(of_factor: float) -> None:
    scale = CommonScale(NONE, NONE, "mm", 1.25, of_factor, "before")
    told = scale.adjust(Quantity(20.0, "mm"), "before")
    assert (told.value, told.interval, told.caveat) == (20.0, None, "scaled by 1.25 to the other film")


@few
@given(sizes, sizes)
def test_the_film_of_the_worse_scale_is_rescaled_whichever_is_the_earlier(known: float, other: float) -> None:
    good = measured(spine(px_per_mm=known), replace(SPACING, row_mm=1 / known, column_mm=1 / known))
    bare = measured(spine(px_per_mm=other), NONE)
    one, two = common_scale(good, bare, L.L1), common_scale(bare, good, L.L1)
    assert (one.rescaled, two.rescaled) == ("after", "before")
    assert one.factor == pytest.approx(1 / other) == two.factor
    assert one.factor_error == pytest.approx(two.factor_error, rel=1e-6)
    for mine, theirs in ((one.before, two.after), (one.after, two.before)):
        assert (mine.row_mm, mine.column_mm) == pytest.approx((theirs.row_mm, theirs.column_mm))
        assert mine.calibration is theirs.calibration is Calibration.FIDUCIAL


@few
@given(sizes, sizes, st.floats(0.2, 3.0))
def test_the_factor_of_two_films_is_one_over_that_of_the_films_turned_round(
    first: float, second: float, sigma_mm: float
) -> None:
    """Its relative error is that of either direction, and grows as the errors of the corners do."""
    films = [measured(spine(px_per_mm=s, sigma_px=s * sigma_mm), NONE) for s in (first, second)]
    levels = ruler_levels(films[0], films[1], L.L1)
    assert levels == tuple(level for level in LEVELS if level is not L.L1)
    there, error = ruler_factor(films[0], films[1], levels)
    back, back_error = ruler_factor(films[1], films[0], levels)
    assert there == pytest.approx(first / second)
    assert there * back == pytest.approx(1.0)
    assert error / there == pytest.approx(back_error / back, rel=1e-6)
    twice = [measured(spine(px_per_mm=s, sigma_px=2 * s * sigma_mm), NONE) for s in (first, second)]
    assert ruler_factor(twice[0], twice[1], levels)[1] == pytest.approx(2 * error, rel=1e-6)


@pytest.mark.parametrize(("levels", "is_told"), [((L.L1, L.L2, L.L3), True), ((L.L1, L.L2), False)])
@pytest.mark.parametrize(("wider", "which"), [(1.12, "12 % deeper"), (1 / 1.12, "11 % less deep")])
def test_two_rulers_tell_a_rotation_and_one_does_not(
    levels: tuple[L, ...], is_told: bool, wider: float, which: str
) -> None:
    """One body may be misshapen by itself."""
    flat = spine(levels=levels, sigma_px=0.5, name="a")
    turned = tuple(replace(v, points_px=v.points_px * [wider, 1.0]) for v in flat.vertebrae)
    films = [measured(flat), measured(replace(spine(name="b"), vertebrae=turned))]
    found = rotation_findings(films, L.L1)
    assert [f.message.split(" for ")[0] for f in found] == ([f"intact vertebrae are {which} on b"] if is_told else [])


def test_a_rotation_within_the_errors_of_the_corners_is_not_told() -> None:
    """Of two bodies 34 mm deep whose corners err by some mm a depth may be 12 % off by chance."""
    found = {}
    for sigma in (0.5, 12.0):
        flat = spine(levels=(L.L1, L.L2, L.L3), sigma_px=sigma)
        turned = tuple(replace(v, points_px=v.points_px * [1.12, 1.0]) for v in flat.vertebrae)
        found[sigma] = len(rotation_findings([measured(flat), measured(replace(flat, vertebrae=turned))], L.L1))
    assert found == {0.5: 1, 12.0: 0}


def test_without_an_error_of_the_corners_the_size_of_a_rotation_decides() -> None:
    flat = spine(sigma_px=None)
    for wider in (1.07, 1.09):
        turned = tuple(replace(v, points_px=v.points_px * [wider, 1.0]) for v in flat.vertebrae)
        films = [measured(flat), measured(replace(flat, vertebrae=turned))]
        assert len(rotation_findings(films, L.L1)) == (wider > 1.08), "8 % is what a reader may overlook"
    assert not np.isfinite(ruler_factor(films[0], films[1], (L.L2,))[1])


@pytest.mark.parametrize("is_earlier", [True, False])
@pytest.mark.parametrize("change", [{"heights": {L.T12: 15.0}}, {"flags": {L.T12: {"fractured"}}}])
def test_a_vertebra_that_is_intact_on_one_film_only_is_no_ruler(is_earlier: bool, change: dict) -> None:
    whole = measured(spine())
    broken = measured(spine(change.get("heights"), flags=change.get("flags")))
    pair = (broken, whole) if is_earlier else (whole, broken)
    assert ruler_levels(*pair, L.L1) == (L.T11, L.L2, L.L3)


@pytest.mark.parametrize(
    ("other", "code", "unit"), [(replace(DETECTOR), "scale-unlike", "mm"), (NONE, "no-common-scale", None)]
)
def test_without_a_ruler_it_is_said_which_scales_do_not_meet_and_what_to_read(
    other: PixelSpacing, code: str, unit: str | None
) -> None:
    films = [measured(spine(levels=(L.L1,)), spacing) for spacing in (SPACING, other)]
    scale = common_scale(*films, L.L1)
    (finding,) = scale.findings
    assert (finding.code, scale.unit, scale.rescaled) == (code, unit, None)
    assert f"are {SPACING.calibration.value} and {other.calibration.value} and no intact vertebra" in finding.message
    assert "changes in mm" in finding.message
    assert finding.message.endswith("missing: use angles and ratios")

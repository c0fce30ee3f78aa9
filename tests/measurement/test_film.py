"""One film: quantities, references, segments, scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Endplate
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement import neighbours
from kummell_ai.measurement.segments import facing_sign_of, measure_angle, sagittal_index_of
from kummell_ai.quantities import Quantity
from tests.measurement.spines import LEVELS, MM, SPACING, L, measured, mirrored, spine

QUANTITY_IDS = [
    "anterior_height",
    "middle_height",
    "posterior_height",
    "superior_depth",
    "inferior_depth",
    "wedge_angle",
    "wedge_ratio",
    "reference_height",
    "height_loss",
    "compression",
    "height_derived_grade",
]


def value(quantity: Quantity) -> float:
    assert quantity.value is not None, quantity.caveat
    return quantity.value


def quantities(landmarks: SpineLandmarks, spacing: PixelSpacing = SPACING, level: L = L.L1) -> dict[str, Quantity]:
    vertebra = measured(landmarks, spacing).at(level)
    assert vertebra is not None
    return vertebra.quantities


def test_a_wedged_l1() -> None:
    found = quantities(spine({L.L1: 13.0}))
    assert list(found) == QUANTITY_IDS
    expected = {
        "anterior_height": 13.0,
        "posterior_height": 28.0,
        "inferior_depth": 34.0,
        "superior_depth": np.hypot(34, 15),
        "wedge_angle": np.degrees(np.arctan2(15, 34)),
        "wedge_ratio": 100 * 13 / 28,
        "reference_height": 26.0,
        "height_loss": 50.0,
        "compression": 100 * 15 / 28,
        "height_derived_grade": 3.0,
    }
    for name, number in expected.items():
        np.testing.assert_allclose(value(found[name]), number, rtol=1e-12, err_msg=name)
    assert found["middle_height"].value is None
    assert found["middle_height"].caveat == "four corners do not show it"
    assert found["anterior_height"].caveat is None


def test_the_interval_of_a_height() -> None:
    """Corners of 2 px sd at 0.25 mm: a wall of two corners has 0.5 sqrt 2 mm."""
    interval = quantities(spine({L.L1: 13.0}))["anterior_height"].interval
    assert interval is not None
    np.testing.assert_allclose(interval.half_width, 1.959964 * 0.5 * np.sqrt(2), rtol=1e-6)


def test_without_covariances_there_is_no_interval() -> None:
    film = measured(spine({L.L1: 13.0}, sigma_px=None), index_level=L.L1)
    vertebra = film.at(L.L1)
    assert vertebra is not None
    assert all(q.interval is None for q in vertebra.quantities.values())
    assert all(s.angle.interval is None for s in film.segments)


def test_a_mirrored_film_reads_the_same() -> None:
    straight, turned = spine({L.L1: 13.0}), mirrored(spine({L.L1: 13.0}))
    for name, quantity in quantities(straight).items():
        other = quantities(turned)[name]
        assert (quantity.value is None) == (other.value is None)
        if quantity.value is not None:
            np.testing.assert_allclose(value(other), quantity.value, rtol=1e-9, err_msg=name)
    for one, two in zip(measured(straight).segments, measured(turned).segments, strict=True):
        np.testing.assert_allclose(value(one.angle), value(two.angle), rtol=1e-9)


def test_six_points_give_a_middle_height() -> None:
    landmarks = spine(sigma_px=None)
    bodies = list(landmarks.vertebrae)
    middles = np.array([[57.0, 100.0], [57.0, 114.0]]) / MM
    bodies[2] = replace(bodies[2], points_px=np.vstack([bodies[2].points_px, middles]))
    found = quantities(replace(landmarks, vertebrae=tuple(bodies)))
    assert found["middle_height"].value == 14
    assert found["compression"].value == 50
    assert found["compression"].caveat is None


class TestScale:
    def test_no_spacing(self) -> None:
        film = measured(spine({L.L1: 13.0}), PixelSpacing.unknown())
        vertebra = film.at(L.L1)
        assert vertebra is not None
        for name, quantity in vertebra.quantities.items():
            is_length = quantity.unit == "mm"
            assert (quantity.value is None) == (is_length or name == "middle_height")
            assert not is_length or "no pixel spacing" in str(quantity.caveat)
        np.testing.assert_allclose(value(vertebra.quantities["height_loss"]), 50)
        assert [f.code for f in film.findings] == ["no-spacing"]

    def test_pixels_that_are_not_square(self) -> None:
        """A film with rows twice as far apart as columns, aspect known, scale not: same angles and ratios."""
        plain = spine({L.L1: 13.0})
        squeezed = tuple(replace(v, points_px=v.points_px * [1.0, 0.5], covariance_px=None) for v in plain.vertebrae)
        film = measured(replace(plain, vertebrae=squeezed), PixelSpacing.unknown(aspect=2.0))
        vertebra = film.at(L.L1)
        assert vertebra is not None
        for name in ("wedge_angle", "wedge_ratio", "height_loss"):
            np.testing.assert_allclose(value(vertebra.quantities[name]), value(quantities(plain)[name]), rtol=1e-12)

    def test_detector_plane(self) -> None:
        film = measured(spine(), replace(SPACING, calibration=Calibration.DETECTOR_PLANE))
        assert [f.code for f in film.findings] == ["spacing-at-detector"]
        assert "at the detector" in str(film.vertebrae[2].quantities["anterior_height"].caveat)
        assert film.vertebrae[2].quantities["wedge_angle"].caveat is None

    def test_assumed(self) -> None:
        found = quantities(spine(), replace(SPACING, calibration=Calibration.ASSUMED))
        assert found["anterior_height"].caveat == "mm by an assumed pixel size"

    def test_absurd_spacing(self) -> None:
        film = measured(spine(), PixelSpacing(2.0, 2.0, Calibration.FIDUCIAL))
        assert [f.code for f in film.findings] == ["implausible-spacing"]
        assert "272" in film.findings[0].message


class TestReferences:
    def test_a_fractured_neighbour_is_passed_over(self) -> None:
        found = quantities(spine({L.L1: 13.0, L.T12: 14.0, L.T11: 24.0}, flags={L.T12: {"fractured"}}))
        assert value(found["reference_height"]) == 25
        assert found["height_loss"].caveat == "T12 is fractured; T11 is the reference above"

    @pytest.mark.parametrize(
        ("flags", "reason"),
        [({"cropped"}, "T12 is cropped"), ({"cemented"}, "T12 is fractured")],
    )
    def test_other_neighbours_that_do_not_serve(self, flags: set[str], reason: str) -> None:
        found = quantities(spine({L.L1: 13.0}, flags={L.T12: flags}))
        assert reason in str(found["reference_height"].caveat)

    def test_cement_around_screws_is_no_fracture(self) -> None:
        found = quantities(spine({L.L1: 13.0}, flags={L.T12: {"cemented", "instrumented"}}))
        assert found["height_loss"].caveat is None

    def test_a_wedged_neighbour_without_a_flag(self) -> None:
        found = quantities(spine({L.L1: 13.0, L.L2: 14.0}))
        assert found["height_loss"].caveat == "L2 is itself wedged; L3 is the reference below"

    def test_a_gap(self) -> None:
        found = quantities(spine({L.L1: 13.0}, levels=(L.T11, L.L1, L.L2)))
        assert found["height_loss"].caveat == "T12 is not on the film; T11 is the reference above"

    def test_one_side_only(self) -> None:
        found = quantities(spine({L.L1: 13.0}, levels=(L.L1, L.L2)))
        assert found["height_loss"].caveat == "no intact vertebra above"
        assert value(found["height_loss"]) == 50

    def test_no_side(self) -> None:
        found = quantities(spine({L.L1: 13.0}, levels=(L.L1,)))
        for name in ("reference_height", "height_loss", "height_derived_grade"):
            assert found[name].caveat == "no intact vertebra above; no intact vertebra below"

    def test_a_neighbour_with_an_unseen_corner(self) -> None:
        landmarks = spine({L.L1: 13.0})
        landmarks.vertebrae[1].points_px[0] = np.nan
        assert "T12 is not fully seen" in str(quantities(landmarks)["height_loss"].caveat)

    def test_the_injured_vertebra_lacks_its_front(self) -> None:
        landmarks = spine({L.L1: 13.0})
        landmarks.vertebrae[2].points_px[0] = np.nan
        found = quantities(landmarks)
        for name in ("anterior_height", "height_loss", "height_derived_grade", "wedge_angle"):
            assert "not seen" in str(found[name].caveat)
        assert value(found["posterior_height"]) == 28

    def test_sacrum_has_no_height(self) -> None:
        found = quantities(spine(levels=(L.L4, L.L5, L.S1)), level=L.S1)
        assert {i for i, q in found.items() if q.value is not None} == {"superior_depth"}
        assert found["height_loss"].caveat == "the sacrum has a superior endplate only"
        above_it = quantities(spine(levels=(L.L4, L.L5, L.S1)), level=L.L5)
        assert above_it["height_loss"].caveat == "no intact vertebra below"

    @pytest.mark.parametrize("levels", [(L.L4, L.L5, L.S1), (L.L4, L.L5)], ids=["sacrum", "no sacrum"])
    def test_no_angle_runs_to_the_lower_end_of_the_sacrum(self, levels: tuple[L, ...]) -> None:
        film = measured(spine(levels=levels), index_level=L.L5)
        cobb = film.segment("segmental_cobb", L.L5)
        assert cobb is not None
        assert cobb.angle.value is None
        assert cobb.angle.caveat == "the sacrum has no inferior endplate; the angle is not defined for L5"
        assert all(s.angle.value is None for s in film.segments if s.lower is L.S1)

    def test_unnamed_vertebrae_take_the_next_in_order(self) -> None:
        landmarks = spine({L.L1: 13.0})
        nameless = tuple(replace(v, level=None) for v in landmarks.vertebrae)
        found = measured(replace(landmarks, vertebrae=nameless)).vertebrae[2].quantities
        np.testing.assert_allclose(value(found["height_loss"]), 50)
        assert "unnamed" in str(found["height_loss"].caveat)

    def test_unnamed_neighbour_that_does_not_serve(self) -> None:
        landmarks = spine({L.L1: 13.0, L.L2: 10.0})
        nameless = tuple(replace(v, level=None) for v in landmarks.vertebrae)
        found = measured(replace(landmarks, vertebrae=nameless)).vertebrae[2].quantities
        assert "an unnamed vertebra is itself wedged" in str(found["height_loss"].caveat)

    def test_sacrum_never_serves_as_reference(self) -> None:
        assert not neighbours.is_intact(spine(levels=(L.L5, L.S1)).vertebrae[1], SPACING)
        body = spine().vertebrae[1]
        flat = replace(body, points_px=4.0 * np.array([[34.0, 0.0], [0.0, 0.0], [34.0, 26.0], [0.0, 0.0]]))
        assert not neighbours.is_intact(flat, SPACING), "it has no posterior wall"

    def test_variants_count_when_they_are_there(self) -> None:
        assert neighbours.above(L.L1) is L.T12
        assert neighbours.above(L.L1, {L.T13}) is L.T13
        assert neighbours.below(L.L5) is L.S1
        assert neighbours.above(L.T1) is None
        assert neighbours.below(L.S1) is None

    def test_walls_without_length(self) -> None:
        landmarks = spine({L.L1: 0.0})
        found = quantities(landmarks)
        assert value(found["anterior_height"]) == 0
        assert found["anterior_height"].interval is None
        assert value(found["height_derived_grade"]) == 3
        landmarks.vertebrae[2].points_px[:] = landmarks.vertebrae[2].points_px[:1]
        assert "no length" in str(quantities(landmarks)["wedge_ratio"].caveat)


class TestSegments:
    def test_about_every_level(self) -> None:
        film = measured(spine())
        about = {level: [s.quantity_id for s in film.segments if s.index_level is level] for level in LEVELS}
        both = ["segmental_cobb", "local_kyphosis", "sagittal_index"]
        assert about == {L.T11: [], L.T12: both, L.L1: both, L.L2: both, L.L3: ["local_kyphosis"]}

    def test_segmental_cobb_sees_the_endplates_it_names(self) -> None:
        film = measured(spine({L.T12: 20.0}))
        cobb = film.segment("segmental_cobb", L.L1)
        assert cobb is not None
        assert cobb.endplates == "T12 superior to L2 inferior"
        np.testing.assert_allclose(value(cobb.angle), np.degrees(np.arctan2(8, 34)), rtol=1e-9)
        index = film.segment("sagittal_index", L.L1)
        assert index is not None
        np.testing.assert_allclose(value(index.angle) - value(cobb.angle), 2.3, rtol=1e-9)
        assert index.angle.interval is not None
        assert cobb.angle.interval is not None
        np.testing.assert_allclose(index.angle.interval.half_width, cobb.angle.interval.half_width)
        assert "±" in str(index.angle.caveat)

    def test_the_index_level_is_listed_with_the_reason(self) -> None:
        film = measured(spine(levels=(L.L1, L.L2)), index_level=L.L1)
        cobb = film.segment("segmental_cobb", L.L1)
        assert cobb is not None
        assert cobb.angle.caveat == "T12 is not found on the film"
        index = film.segment("sagittal_index", L.L1)
        assert index is not None
        assert index.angle.caveat == "T12 is not found on the film"

    def test_index_level_at_the_end_of_the_spine(self) -> None:
        film = measured(spine(levels=(L.L4, L.L5, L.S1)), index_level=L.S1)
        assert film.segment("segmental_cobb", L.S1) is None
        assert film.segment("local_kyphosis", L.S1) is not None

    def test_no_normal_value(self) -> None:
        found = sagittal_index_of(Quantity(10.0, "deg"), L.T11)
        assert found.caveat == "no normal segmental angle is known for T11, only for T12, L1, L2, L3"
        assert measured(spine(levels=(L.T9, L.T10, L.T11))).segment("sagittal_index", L.T10) is None

    def test_surgical_segments(self) -> None:
        held = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}
        found = measured(spine(flags=held)).segment("surgical_segment_cobb", L.L1)
        assert found is not None
        assert found.endplates == "T12 superior to L2 inferior"

    def test_surgical_segments_over_more_levels(self) -> None:
        held = {L.T11: {"instrumented"}, L.L2: {"instrumented"}}
        assert measured(spine(flags=held)).segments[-1].index_level is None
        assert measured(spine(flags=held), index_level=L.L1).segments[-1].index_level is L.L1

    def test_one_level_with_screws_is_no_segment(self) -> None:
        film = measured(spine(flags={L.T12: {"instrumented"}}))
        assert all(s.quantity_id != "surgical_segment_cobb" for s in film.segments)

    def test_any_pair(self) -> None:
        landmarks = spine({L.T11: 20.0})
        sign = facing_sign_of(landmarks)
        found = measure_angle(landmarks, SPACING, sign, (L.T11, Endplate.SUPERIOR), (L.L3, Endplate.SUPERIOR))
        np.testing.assert_allclose(value(found.angle), np.degrees(np.arctan2(8, 34) - np.arctan2(2, 34)), rtol=1e-9)
        wedge = measure_angle(landmarks, SPACING, sign, (L.T11, Endplate.SUPERIOR), (L.T11, Endplate.INFERIOR))
        np.testing.assert_allclose(value(wedge.angle), np.degrees(np.arctan2(8, 34)), rtol=1e-9)

    def test_pair_in_the_wrong_order(self) -> None:
        with pytest.raises(ValueError, match="upper level L2 is caudal of lower level T12; give the cranial one first"):
            measure_angle(spine(), SPACING, 1.0, (L.L2, Endplate.SUPERIOR), (L.T12, Endplate.INFERIOR))

    def test_uncertain_names_are_said(self) -> None:
        landmarks = spine()
        unsure = tuple(replace(v, level_probability=0.4) for v in landmarks.vertebrae)
        cobb = measured(replace(landmarks, vertebrae=unsure)).segment("segmental_cobb", L.L1)
        assert cobb is not None
        assert cobb.angle.caveat == "the name of T12 and L2 is uncertain"

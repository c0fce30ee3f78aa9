"""Films of a patient in another posture, of another size, or turned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import PhasedMeasurement
from kummell_ai.reporting.words import quantity_of
from tests.measurement.reports import LAST, POST, PRE, built, one, report
from tests.measurement.spines import MM, L, measured, spine


class TestUnlikeFilms:
    """Posture, magnification and rotation are told apart, and each is said once for the three films."""

    def mismatches(self, post: PhasedMeasurement, last: PhasedMeasurement) -> dict[str, str]:
        found = report(built(PRE, {L.L1: 13.0}, patient_position="ERECT"), post, last)
        assert not any(c.findings for c in found.corrections)
        assert len({f.code for f in found.findings}) == len(found.findings), "each kind is said once"
        kinds = ("posture", "magnification", "rotation", "scale", "no-common-scale")
        return {f.code: f.message for f in found.findings if f.code.startswith(kinds)}

    def test_alike(self) -> None:
        films = [built(phase, {L.L1: 20.0}, patient_position="ERECT") for phase in (POST, LAST)]
        assert self.mismatches(*films) == {}

    def test_posture(self) -> None:
        films = [built(phase, {L.L1: 20.0}, patient_position="HFS") for phase in (POST, LAST)]
        found = self.mismatches(*films)
        assert list(found) == ["posture-unlike"]
        assert "ERECT on pre-op, SUPINE on post-op, SUPINE on follow-up" in found["posture-unlike"]

    def test_magnification(self) -> None:
        films = [built(phase, {L.L1: 20.0}, px_per_mm=4.8, patient_position="ERECT") for phase in (POST, LAST)]
        found = self.mismatches(*films)
        assert list(found) == ["magnification-unlike"]
        assert (
            "measure 120 % on post-op and 120 % on follow-up of what they measure on pre-op"
            in (found["magnification-unlike"])
        )

    def test_films_by_the_detector_are_brought_to_one_magnification(self) -> None:
        """Heights of all films, their changes and the net are on the scale of the first one, and add up."""
        detector = PixelSpacing(MM, MM, Calibration.DETECTOR_PLANE)
        heights = {PRE: 13.0, POST: 20.0, LAST: 18.0}
        films = [
            built(phase, {L.L1: heights[phase]}, detector, px_per_mm=larger / MM, patient_position="ERECT")
            for phase, larger in ((PRE, 1.15), (POST, 1.23), (LAST, 1.09))
        ]
        found = report(*films)
        shown = [quantity_of(f.measurement, L.L1, "anterior_height").value for f in found.films]
        assert shown == pytest.approx([1.15 * height for height in heights.values()])
        by_name = {c.name: c.derived for c in found.corrections}
        assert by_name["correction"]["height_restoration"].value == pytest.approx(1.15 * 7.0)
        assert by_name["net"]["height_restoration_rate"].value == pytest.approx(100 * 5 / 13)
        assert not any(c.scale for c in found.corrections)
        text = one(found, "magnification-from-neighbours")
        assert "those of post-op by 0.935 ±" in text
        assert "those of follow-up by 1.055 ±" in text

    @pytest.mark.parametrize(
        ("px_per_mm", "first"),
        [((4.0, 4.0, 4.8), {"spacing": PixelSpacing(MM, MM, Calibration.GEOMETRY)}), ((4.0, 3.68, 4.32), {}),
         ((4.0, 4.0, 4.8), {"levels": (L.L1,)})],
        ids=["the first has a scale of another kind", "each is near the first", "the first has no ruler"],
    )  # fmt: skip
    def test_magnification_of_the_later_films(self, px_per_mm: tuple[float, float, float], first: dict) -> None:
        """What the loss is made of is looked at even where the first film cannot tell."""
        before, after, last = px_per_mm
        films = [
            built(PRE, {L.L1: 13.0}, px_per_mm=before, **first),
            built(POST, {L.L1: 20.0}, px_per_mm=after),
            built(LAST, {L.L1: 20.0}, px_per_mm=last),
        ]
        text = one(report(*films), "magnification-unlike")
        assert f"measure {100 * last / after:.0f} % on follow-up of what they measure on post-op" in text

    def test_rotation_of_the_later_films(self) -> None:
        landmarks = spine({L.L1: 20.0}, name=LAST.value)
        wide = tuple(replace(v, points_px=v.points_px * [1.12, 1.0]) for v in landmarks.vertebrae)
        last = PhasedMeasurement(LAST, measured(replace(landmarks, vertebrae=wide)))
        found = report(built(PRE, {L.L1: 13.0}, levels=(L.L1,)), built(POST, {L.L1: 20.0}), last)
        assert "12 % deeper on follow-up for their height than on post-op" in one(found, "rotation-unlike")

    def test_rotation(self) -> None:
        """Bodies 12 % deeper at one height: no magnification does that, and lengths along the spine are alike."""
        films = []
        for phase in (POST, LAST):
            landmarks = spine({L.L1: 20.0}, name=phase.value, patient_position="ERECT")
            wide = tuple(replace(v, points_px=v.points_px * [1.12, 1.0]) for v in landmarks.vertebrae)
            films.append(PhasedMeasurement(phase, measured(replace(landmarks, vertebrae=wide))))
        found = self.mismatches(*films)
        assert list(found) == ["rotation-unlike"]
        assert (
            "12 % deeper on post-op and 12 % deeper on follow-up for their height than on pre-op"
            in (found["rotation-unlike"])
        )

    def test_no_ruler_is_told_once(self) -> None:
        bare = PixelSpacing.unknown()
        films = [PhasedMeasurement(p, measured(spine(levels=(L.L1,), name=p.value), bare)) for p in (POST, LAST)]
        found = self.mismatches(*films)
        assert [code for code in found if not code.startswith("posture")] == ["no-common-scale"]
        assert "fiducial and none and no intact vertebra is seen on both" in found["no-common-scale"]

    def test_a_scale_from_the_neighbours_is_told_once_with_its_factors(self) -> None:
        bare = PixelSpacing.unknown()
        films = [built(p, {L.L1: 20.0}, bare, px_per_mm=6.0, patient_position="ERECT") for p in (POST, LAST)]
        found = self.mismatches(*films)
        assert list(found) == ["scale-from-neighbours"]
        text = found["scale-from-neighbours"]
        assert "those of post-op by 0.1667" in text
        assert "for the correction (T11, T12, L2, L3); those of follow-up by 0.1667" in text

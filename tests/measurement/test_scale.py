"""Which films are told that their pixels have another shape, or another size, than the spacing says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.scale import spacing_findings, stretch_findings
from tests.measurement.spines import MM, spine

unhurried = settings(deadline=None)
SURE = (Calibration.FIDUCIAL, Calibration.GEOMETRY, Calibration.DETECTOR_PLANE)


def codes(row_mm: float, column_mm: float, calibration: Calibration) -> list[str]:
    """Findings on bodies 34 mm deep and 28 mm high, 1.21 times as deep as high, on film pixels of 0.25 mm."""
    return [f.code for f in stretch_findings(spine().vertebrae, PixelSpacing(row_mm, column_mm, calibration))]


@pytest.mark.parametrize("calibration", Calibration)
def test_the_true_shape_is_usual(calibration: Calibration) -> None:
    assert codes(MM, MM, calibration) == []


@pytest.mark.parametrize("calibration", Calibration)
@pytest.mark.parametrize("factor", [0.667, 1.5])
def test_an_aspect_that_no_vertebra_has_is_told_whoever_gave_it(calibration: Calibration, factor: float) -> None:
    assert codes(MM, MM * factor, calibration) == ["picture-stretched"]


@pytest.mark.parametrize("calibration", Calibration)
def test_square_pixels_of_a_calibrated_header_are_believed(calibration: Calibration) -> None:
    wide = [replace(v, points_px=v.points_px * [1.5, 1.0]) for v in spine().vertebrae]
    found = stretch_findings(wide, PixelSpacing(MM, MM, calibration))
    assert [f.code for f in found] == ([] if calibration in SURE else ["picture-stretched"])


@unhurried
@given(st.floats(0.4, 2.5))
def test_a_stretch_is_told_where_it_lies_beyond_what_its_text_calls_usual(factor: float) -> None:
    """The bodies are 34 mm deep and 28 mm high, so that some stretch is theirs; the text tells all of it."""
    found = stretch_findings(spine().vertebrae, PixelSpacing(MM, MM * factor, Calibration.ASSUMED))
    own = 34.0 / 28.0 / 1.33 * factor
    assume(min(abs(own * 1.15 - 1.0), abs(own / 1.15 - 1.0)) > 0.01)
    assert bool(found) is not (1 / 1.15 <= own <= 1.15)
    for finding in found:
        told, low, high = map(float, re.findall(r"\d\.\d\d", finding.message)[:3])
        assert told == pytest.approx(own, abs=0.02)
        assert (low, high) == (0.87, 1.15)


@unhurried
@given(st.lists(st.floats(1.0, 200.0), min_size=1, max_size=7), st.integers(0, 3))
@example([17.9], 0)
@example([18.0], 1)
@example([60.0], 1)
@example([10.0, 60.1, 99.0], 0)
def test_a_spacing_is_told_where_the_median_depth_lies_beyond_the_plausible_range_of_its_text(
    depths: list[float], unseen: int
) -> None:
    given_depths = np.array(depths + [np.nan] * unseen)
    found = spacing_findings(PixelSpacing(MM, MM, Calibration.FIDUCIAL), given_depths)
    assert [f.code for f in found] == ([] if 18.0 <= np.median(depths) <= 60.0 else ["implausible-spacing"])
    assert all("18 to 60 mm are plausible" in f.message for f in found)


@pytest.mark.parametrize("calibration", Calibration)
def test_depths_that_nobody_sees_tell_nothing_of_the_spacing(calibration: Calibration) -> None:
    for depths in (np.empty(0), np.full(3, np.nan)):
        codes = [f.code for f in spacing_findings(PixelSpacing(MM, MM, calibration), depths)]
        alone = {Calibration.NONE: ["no-spacing"], Calibration.DETECTOR_PLANE: ["spacing-at-detector"]}
        assert codes == alone.get(calibration, [])


@pytest.mark.parametrize(("count", "expected"), [(1, []), (2, ["picture-stretched"])])
def test_two_whole_bodies_tell_a_stretch(count: int, expected: list[str]) -> None:
    bodies = list(spine().vertebrae)
    cut = [replace(v, points_px=np.where([[True], [True], [True], [False]], v.points_px, np.nan)) for v in bodies]
    found = stretch_findings([*bodies[:count], *cut[count:]], PixelSpacing(MM, 2 * MM, Calibration.ASSUMED))
    assert [f.code for f in found] == expected

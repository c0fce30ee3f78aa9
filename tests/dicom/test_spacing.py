"""Which pixel size is believed, and how far."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from kummell_ai.dicom.spacing import given_spacing, is_plausible, spacing_of, with_frame_spacing
from kummell_ai.errors import UsageError
from kummell_ai.imaging.radiograph import Calibration


def header(**tags: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


IMAGER = [0.2, 0.2]


@pytest.mark.parametrize(
    ("tags", "row_mm", "calibration", "magnification"),
    [
        ({"PixelSpacing": [0.15, 0.15], "PixelSpacingCalibrationType": "FIDUCIAL"}, 0.15, Calibration.FIDUCIAL, None),
        (
            {"PixelSpacing": [0.16, 0.16], "PixelSpacingCalibrationType": "GEOMETRY", "ImagerPixelSpacing": IMAGER},
            0.16, Calibration.GEOMETRY, 1.25,
        ),
        ({"PixelSpacing": [0.16, 0.16], "ImagerPixelSpacing": IMAGER}, 0.16, Calibration.GEOMETRY, 1.25),
        ({"PixelSpacing": IMAGER, "ImagerPixelSpacing": IMAGER}, 0.2, Calibration.DETECTOR_PLANE, None),
        ({"PixelSpacing": [0.4, 0.4], "ImagerPixelSpacing": IMAGER}, 0.4, Calibration.ASSUMED, None),  # scaled down
        ({"PixelSpacing": [0.05, 0.05], "ImagerPixelSpacing": IMAGER}, 0.05, Calibration.ASSUMED, None),  # scaled up
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.28]}, 0.2, Calibration.ASSUMED, None),  # one axis
        (
            {"ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25},
            0.16, Calibration.GEOMETRY, 1.25,
        ),
        (
            {"PixelSpacing": IMAGER, "ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25},
            0.16, Calibration.GEOMETRY, 1.25,
        ),
        (
            {"ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 0.1},
            0.2, Calibration.DETECTOR_PLANE, None,
        ),
        ({"ImagerPixelSpacing": IMAGER}, 0.2, Calibration.DETECTOR_PLANE, None),
        ({"NominalScannedPixelSpacing": IMAGER}, 0.2, Calibration.DETECTOR_PLANE, None),
        (
            {"PixelSpacing": IMAGER, "ImagerPixelSpacing": IMAGER, "PixelSpacingCalibrationType": "GEOMETRY"},
            0.2, Calibration.DETECTOR_PLANE, None,
        ),
        (
            {"PixelSpacing": [0.75] * 2, "ImagerPixelSpacing": [0.49] * 2, "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.75, Calibration.ASSUMED, None,
        ),
        (
            {"PixelSpacing": [0.05] * 2, "ImagerPixelSpacing": IMAGER, "PixelSpacingCalibrationType": "GEOMETRY"},
            0.05, Calibration.ASSUMED, None,
        ),
        ({"PixelSpacing": IMAGER}, 0.2, Calibration.ASSUMED, None),
        ({}, 1.0, Calibration.NONE, None),
        ({"PixelAspectRatio": [2, 1]}, 2.0, Calibration.NONE, None),
        ({"PixelAspectRatio": [0, 1]}, 1.0, Calibration.NONE, None),
    ],
)  # fmt: skip
def test_rule_of_the_header(
    tags: dict[str, Any], row_mm: float, calibration: Calibration, magnification: float | None
) -> None:
    found = spacing_of(header(**tags)).spacing
    assert found.row_mm == pytest.approx(row_mm)
    assert found.calibration is calibration
    assert found.magnification == (None if magnification is None else pytest.approx(magnification))
    assert found.is_metric == (calibration is not Calibration.NONE)


@pytest.mark.parametrize("kind", ["FIDUCIAL", "GEOMETRY"])
def test_a_calibration_that_the_detector_contradicts_is_told(kind: str) -> None:
    same = header(PixelSpacing=IMAGER, ImagerPixelSpacing=IMAGER, PixelSpacingCalibrationType=kind)
    assert any("is taken for the detector's" in note for note in spacing_of(same).notes)
    larger = header(PixelSpacing=[0.75] * 2, ImagerPixelSpacing=[0.49] * 2, PixelSpacingCalibrationType=kind)
    (warning,) = spacing_of(larger).warnings
    assert f"fit no magnification of 1 to 2, although it is named calibrated ({kind})" in warning
    assert spacing_of(larger, (0.3, 0.3)).warnings == ()


@pytest.mark.parametrize(
    ("pixel", "imager", "size", "named", "used"),
    [
        (1.0, 0.746, (512, 350), None, 0.746),  # what programs write that know no pixel size
        (1.0, 0.143, None, "GEOMETRY", 0.143),
        (0.3, 0.143, (2800, 1100), None, 0.143),  # 840 mm by PixelSpacing, 400 by the detector
        (0.286, 0.143, (1500, 750), None, 0.286),  # 429 mm by PixelSpacing: scaled down
        (0.3, 0.143, (2800, 1100), "FIDUCIAL", 0.3),  # calibrated after it was scaled
        (0.3, 0.143, (500, 300), None, 0.3),  # 150 and 72 mm: cut out and scaled
        (0.3, 0.143, None, None, 0.3),
    ],
)
def test_a_pixel_larger_than_the_detectors_is_warned_of(
    pixel: float, imager: float, size: tuple[int, int] | None, named: str | None, used: float
) -> None:
    tags = {} if size is None else {"Rows": size[0], "Columns": size[1]}
    tags |= {} if named is None else {"PixelSpacingCalibrationType": named}
    found = spacing_of(header(PixelSpacing=[pixel] * 2, ImagerPixelSpacing=[imager] * 2, **tags))
    assert found.spacing.row_mm == pytest.approx(used)
    assert found.spacing.calibration is (Calibration.ASSUMED if used == pixel else Calibration.DETECTOR_PLANE)
    (warning,) = found.warnings
    assert ("the detector's is used: check it" if used == imager else "PixelSpacing is used") in warning
    assert "pass --spacing ROW COLUMN" in warning


def test_the_detectors_pixel_is_divided_by_the_magnification_where_it_is_believed() -> None:
    tags = {"PixelSpacing": [1, 1], "ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25}
    assert spacing_of(header(**tags)).spacing.row_mm == pytest.approx(0.16)


def enhanced(keyword: str, macro: str, **tags: Any) -> Dataset:
    return header(**{keyword: [header(**{macro: [header(**tags)]})]})


@pytest.mark.parametrize("keyword", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_enhanced_objects_keep_their_pixel_size_in_groups(keyword: str) -> None:
    found = with_frame_spacing(enhanced(keyword, "PixelMeasuresSequence", PixelSpacing=[0.15, 0.15]), 0)
    assert spacing_of(found).spacing.row_mm == 0.15
    found = with_frame_spacing(enhanced(keyword, "FramePixelDataPropertiesSequence", ImagerPixelSpacing=IMAGER), 0)
    assert spacing_of(found).spacing.calibration is Calibration.DETECTOR_PLANE


def test_the_frames_own_pixel_size_counts_before_that_of_all_and_the_films_before_both() -> None:
    film = enhanced("SharedFunctionalGroupsSequence", "PixelMeasuresSequence", PixelSpacing=[0.3, 0.3])
    frames = [header(PixelMeasuresSequence=[header(PixelSpacing=[size] * 2)]) for size in (0.1, 0.2)]
    film.PerFrameFunctionalGroupsSequence = frames
    assert [spacing_of(with_frame_spacing(film, i)).spacing.row_mm for i in (0, 1, 2)] == [0.1, 0.2, 0.3]
    assert "PixelSpacing" not in film
    film.PixelSpacing = [0.4, 0.4]
    assert spacing_of(with_frame_spacing(film, 0)).spacing.row_mm == 0.4


def test_groups_that_are_no_sequences_are_passed_over() -> None:
    film = header(PixelSpacing=[0.4, 0.4])
    film.add_new("SharedFunctionalGroupsSequence", "LO", "rubbish")
    film.PerFrameFunctionalGroupsSequence = [header(PixelMeasuresSequence=[])]
    assert spacing_of(with_frame_spacing(film, 0)).spacing.row_mm == 0.4


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"ImagerPixelSpacing": IMAGER}, "0.667 times as high as wide, the detector's is 1;"),
        ({"PixelAspectRatio": [1, 1]}, "0.667 times as high as wide, PixelAspectRatio is 1;"),
        ({"ImagerPixelSpacing": [0.2, 0.3], "PixelAspectRatio": [2, 3]}, None),
        ({}, None),
    ],
)
def test_another_shape_of_the_pixel_is_told(tags: dict[str, Any], told: str | None) -> None:
    found = spacing_of(header(PixelSpacing=[0.16, 0.24], PixelSpacingCalibrationType="GEOMETRY", **tags))
    assert len(found.warnings) == (told is not None)
    assert told is None or told in found.warnings[0]


@pytest.mark.parametrize(
    "pair", [[0, 0], ["0.000", "0.000"], [-0.2, 0.2], [143, 143], [0.2, 1.9], [1e-9, 1e-9], [0.2], [0.2, 0.2, 0.2]]
)
def test_absurd_pixel_sizes_are_uncalibrated_with_a_note(pair: list[Any]) -> None:
    found = spacing_of(header(PixelSpacing=pair, PixelSpacingCalibrationType="FIDUCIAL"))
    assert not found.spacing.is_metric
    assert any("PixelSpacing" in note and "ignored" in note for note in found.notes)
    assert any("pass --spacing ROW COLUMN" in note for note in found.notes)


def test_an_absurd_calibrated_spacing_leaves_the_detector() -> None:
    found = spacing_of(header(PixelSpacing=[0, 0], ImagerPixelSpacing=IMAGER))
    assert found.spacing.calibration is Calibration.DETECTOR_PLANE


def test_rows_and_columns_keep_their_order() -> None:
    found = spacing_of(header(ImagerPixelSpacing=[0.2, 0.3])).spacing
    assert (found.row_mm, found.column_mm) == (0.2, 0.3)


def test_a_given_spacing_overrules_and_says_so() -> None:
    found = spacing_of(header(ImagerPixelSpacing=IMAGER), (0.1, 0.1))
    assert found.spacing.row_mm == 0.1
    assert found.spacing.calibration is Calibration.ASSUMED
    assert any("overrules 0.2 x 0.2 mm" in note for note in found.notes)


@pytest.mark.parametrize("pair", [(0.0, 0.1), (float("nan"), 0.1), (5.0, 5.0)])
def test_a_given_spacing_must_be_plausible(pair: tuple[float, float]) -> None:
    assert not is_plausible(pair)
    with pytest.raises(UsageError, match="is not plausible; give row and column spacing between"):
        given_spacing(pair)

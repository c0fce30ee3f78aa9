"""Simulated films: what is written is what is read, and the header says that no patient is behind it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pydicom
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.dicom import read_radiograph, write_simulated_dicom
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing

ACQUIRED = dt.datetime(2024, 2, 29, 10, 15, 30)
PIXELS = np.random.default_rng(0).random((64, 48), dtype=np.float32)
SPACINGS = (
    PixelSpacing(0.3127, 0.2911, Calibration.GEOMETRY, 1.173),
    PixelSpacing(0.3, 0.3, Calibration.FIDUCIAL),
    PixelSpacing(0.3, 0.3, Calibration.DETECTOR_PLANE),
    PixelSpacing(0.3, 0.3, Calibration.ASSUMED),
    PixelSpacing.unknown(),
)


def write(path: Path, spacing: PixelSpacing = SPACINGS[0], facing: Facing = Facing.LEFT, seed: int = 7) -> Path:
    write_simulated_dicom(
        path, PIXELS, spacing=spacing, patient_id="SIM-1", acquired=ACQUIRED, facing=facing, comment="L1", seed=seed
    )
    return path


@pytest.mark.parametrize("spacing", SPACINGS, ids=lambda spacing: spacing.calibration.value)
def test_spacing_survives(tmp_path: Path, spacing: PixelSpacing) -> None:
    read = read_radiograph(write(tmp_path / "a.dcm", spacing)).spacing
    assert read.calibration is spacing.calibration
    assert (read.row_mm, read.column_mm) == pytest.approx((spacing.row_mm, spacing.column_mm), rel=1e-9)
    assert read.magnification == (None if spacing.magnification is None else pytest.approx(spacing.magnification))


@pytest.mark.parametrize("facing", Facing)
def test_pixels_facing_and_date_survive(tmp_path: Path, facing: Facing) -> None:
    read = read_radiograph(write(tmp_path / "a.dcm", facing=facing))
    np.testing.assert_allclose(read.pixels, PIXELS, atol=0.51 / 4095)
    assert read.facing is facing
    assert read.reference.acquired == ACQUIRED
    assert read.reference.patient_id == "SIM-1"
    assert read.reference.modality == "DX"
    assert read.valid_box == (0.0, 0.0, 48.0, 64.0)
    assert read.notes == ()


def test_the_film_says_that_it_is_simulated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    assert read_radiograph(path).reference.simulated
    header = pydicom.dcmread(path)
    assert header.ImageComments.startswith("SIMULATED")
    assert str(header.PatientName).startswith("SIMULATED^")
    assert header.ImageType[0] == "DERIVED"


def test_equal_arguments_give_equal_bytes_and_a_seed_other_uids(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    other = pydicom.dcmread(write(tmp_path / "c", seed=8))
    assert other.SOPInstanceUID != pydicom.dcmread(first).SOPInstanceUID


def test_the_header_has_what_a_dx_image_needs(tmp_path: Path) -> None:
    """Type 1 and 2 attributes of the DX IOD's mandatory modules (PS3.3 A.26), as far as they apply."""
    header = pydicom.dcmread(write(tmp_path / "a"))
    needed = (
        "PatientName PatientID PatientBirthDate PatientSex StudyInstanceUID StudyDate StudyTime StudyID "
        "AccessionNumber ReferringPhysicianName Modality SeriesInstanceUID SeriesNumber "
        "PresentationIntentType Manufacturer ImageType "
        "InstanceNumber PatientOrientation AnatomicRegionSequence ImageLaterality PixelIntensityRelationship "
        "PixelIntensityRelationshipSign RescaleIntercept RescaleSlope RescaleType PresentationLUTShape "
        "LossyImageCompression BurnedInAnnotation DetectorType AcquisitionContextSequence ContentDate ContentTime "
        "ViewCodeSequence SOPClassUID SOPInstanceUID WindowCenter WindowWidth Rows Columns BitsStored"
    )
    assert not [keyword for keyword in needed.split() if keyword not in header]

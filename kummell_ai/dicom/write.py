"""Simulated films as DICOM: Digital X-Ray Image Storage, marked as simulated wherever a reader may look."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.valuerep import format_number_as_ds

from kummell_ai import __version__
from kummell_ai.anatomy import Facing
from kummell_ai.dicom.header import SIMULATED
from kummell_ai.imaging.intensity import GreyArray
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing

_MAX_VALUE = 4095
_UID_ROOT = "1.2.826.0.1.3680043.8.498."
"""pydicom's own root, free for any use."""


def write_simulated_dicom(
    path: Path | str,
    pixels: GreyArray,
    *,
    spacing: PixelSpacing,
    patient_id: str,
    acquired: dt.datetime,
    view: str = "LL",
    facing: Facing = Facing.LEFT,
    comment: str = "",
    seed: int = 0,
) -> None:
    """Write a simulated film as a 12-bit DX image, JPEG-LS lossless; equal arguments give equal bytes.

    Args:
        path: file to write.
        pixels: (H, W) float in [0, 1], bone bright; stored as value * 4095, rounded.
        spacing: at the patient; its magnification gives ImagerPixelSpacing.
        patient_id: PatientID; PatientName becomes ``SIMULATED^`` and the id.
        acquired: date and time of the exposure.
        view: ViewPosition, LL (left lateral) or RL.
        facing: side the front is turned to, written as PatientOrientation.
        comment: follows the word SIMULATED in ImageComments.
        seed: part of the UIDs and of ImageComments.
    """
    stored = np.rint(np.clip(np.asarray(pixels, dtype=np.float64), 0.0, 1.0) * _MAX_VALUE).astype(np.uint16)
    dataset = _empty_file(patient_id, acquired, seed)
    _describe_patient_and_study(dataset, patient_id, acquired)
    _describe_film(dataset, view, facing, comment, seed)
    _describe_spacing(dataset, spacing)
    _put_pixels(dataset, stored)
    dataset.save_as(path, enforce_file_format=True)


def _uid(*parts: object) -> uid.UID:
    return uid.generate_uid(prefix=_UID_ROOT, entropy_srcs=[SIMULATED, *map(str, parts)])


def _empty_file(patient_id: str, acquired: dt.datetime, seed: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = _uid("image", patient_id, acquired.isoformat(), seed)
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid("kummell_ai")
    meta.ImplementationVersionName = f"KUMMELL_AI {__version__}"
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = _uid("study", patient_id, acquired.isoformat(), seed)
    dataset.SeriesInstanceUID = _uid("series", patient_id, acquired.isoformat(), seed)
    return dataset


def _describe_patient_and_study(dataset: Dataset, patient_id: str, acquired: dt.datetime) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"{SIMULATED}^{patient_id}"
    dataset.PatientID = patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{kind}Date", f"{acquired:%Y%m%d}")
        setattr(dataset, f"{kind}Time", f"{acquired:%H%M%S}")
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = ""
    dataset.StudyDescription = f"{SIMULATED} lateral spine"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    dataset.Modality = "DX"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = "kummell_ai simulator"
    dataset.ManufacturerModelName = "kummell_ai simulator"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = __version__


def _describe_film(dataset: Dataset, view: str, facing: Facing, comment: str, seed: int) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.DerivationDescription = f"{SIMULATED} film, no patient"
    dataset.ImageComments = f"{SIMULATED} film, no patient, seed {seed}. {comment}".strip()[:10240]
    dataset.BodyPartExamined = "SPINE"
    dataset.AnatomicRegionSequence = Sequence([_code("421060004", "SCT", "Vertebral column")])
    dataset.ImageLaterality = "U"
    dataset.ViewPosition = view
    left = codes.SCT.LeftLateral
    right = codes.SCT.RightLateral
    chosen = right if view == "RL" else left
    dataset.ViewCodeSequence = Sequence([_code(chosen.value, chosen.scheme_designator, chosen.meaning)])
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence()
    if facing is not Facing.UNKNOWN:
        dataset.PatientOrientation = ["A" if facing is Facing.RIGHT else "P", "F"]
    else:
        dataset.PatientOrientation = ""
    dataset.AcquisitionContextSequence = Sequence()
    dataset.DetectorType = "DIRECT"
    dataset.DetectorConfiguration = "AREA"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"


def _describe_spacing(dataset: Dataset, spacing: PixelSpacing) -> None:
    pair = (spacing.row_mm, spacing.column_mm)
    if spacing.calibration is Calibration.NONE:
        return
    if spacing.calibration is Calibration.DETECTOR_PLANE:
        dataset.ImagerPixelSpacing = _decimals(*pair)
        return
    dataset.PixelSpacing = _decimals(*pair)
    if spacing.calibration in (Calibration.FIDUCIAL, Calibration.GEOMETRY):
        dataset.PixelSpacingCalibrationType = spacing.calibration.name
        dataset.PixelSpacingCalibrationDescription = "Known from the simulation"
    if spacing.magnification is not None:
        dataset.ImagerPixelSpacing = _decimals(*(value * spacing.magnification for value in pair))
        dataset.EstimatedRadiographicMagnificationFactor = _decimals(spacing.magnification)[0]


def _decimals(*values: float) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _put_pixels(dataset: FileDataset, stored: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> None:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.compress(uid.JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)

"""A lateral film as the rest of the program sees it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Facing

UNKNOWN_PATIENT = "unknown"
"""Patient of films that name none."""


class Calibration(Enum):
    """How far a millimetre may be trusted; best first."""

    FIDUCIAL = "fiducial"
    GEOMETRY = "geometry"
    DETECTOR_PLANE = "detector-plane"
    ASSUMED = "assumed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PixelSpacing:
    """Size of a pixel (mm) at the patient, or at the detector for `Calibration.DETECTOR_PLANE`.

    Attributes:
        row_mm: distance between rows, along y (mm per px), > 0.
        column_mm: distance between columns, along x (mm per px), > 0.
        calibration: where the number comes from; NONE means that only the ratio of the two is known.
        magnification: radiographic magnification already divided out, or None when unknown.
    """

    row_mm: float
    column_mm: float
    calibration: Calibration
    magnification: float | None = None

    def __post_init__(self) -> None:
        for name, size in (("row_mm", self.row_mm), ("column_mm", self.column_mm)):
            if not (np.isfinite(size) and size > 0):
                raise ValueError(f"{name} is {size}; a pixel size must be finite and above 0 mm")

    @classmethod
    def unknown(cls, aspect: float = 1.0) -> PixelSpacing:
        """No scale; ``aspect`` is row_mm / column_mm (1 for square pixels)."""
        return cls(aspect, 1.0, Calibration.NONE)

    @property
    def is_metric(self) -> bool:
        """Whether lengths may be given in millimetres."""
        return self.calibration is not Calibration.NONE


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Where a film comes from; every field may be None when the file does not say.

    Attributes:
        name: short name for people, unique in a run as far as possible (usually the file name).
        path: path as given by the user.
        sha256: hash of the file's bytes, hex.
        patient_id, patient_id_issuer, patient_name, patient_sex: as in the header.
        patient_birth_date: as in the header, YYYYMMDD; a placeholder from before 1901 is None.
        study_uid, series_uid, sop_instance_uid: DICOM UIDs.
        acquired: date and time of the exposure (local time of the device).
        modality, view_position, patient_position, manufacturer: as in the header.
        frame_number: 1-based frame of a multi-frame file, else None.
        simulated: whether the header says that the film is simulated.
        pixels_checksum: of the grey values and their size; films that share it are one exposure, whatever their UIDs.
    """

    name: str
    path: str | None = None
    sha256: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_id_issuer: str | None = None
    patient_sex: str | None = None
    patient_birth_date: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    sop_instance_uid: str | None = None
    acquired: dt.datetime | None = None
    modality: str | None = None
    view_position: str | None = None
    patient_position: str | None = None
    manufacturer: str | None = None
    frame_number: int | None = None
    simulated: bool = False
    pixels_checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One film, rows and columns as stored, never flipped.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright.
        spacing: pixel size.
        facing: side of the image the patient's front is turned to, when the file says so.
        reference: where the film comes from.
        valid_box: (x0, y0, x1, y1) px inside shutters and constant borders.
        notes: what the reader had to do or could not know, one sentence each.
        warnings: what of the file cannot be trusted, one sentence each, without dates or names of the header.
    """

    pixels: NDArray[np.float32]
    spacing: PixelSpacing
    reference: ImageReference
    facing: Facing = Facing.UNKNOWN
    valid_box: tuple[float, float, float, float] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise ValueError(f"pixels are {self.pixels.dtype} {self.pixels.shape}; expected float32 (H, W)")

    @property
    def height(self) -> int:
        """Rows (px)."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns (px)."""
        return int(self.pixels.shape[1])

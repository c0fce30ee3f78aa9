"""Films in and out: DICOM, PNG, JPEG, TIFF -> `Radiograph` and `PatientSeries`; simulated films -> DICOM."""

from kummell_ai.dicom.films import find_films
from kummell_ai.dicom.read import read_radiograph
from kummell_ai.dicom.series import (
    PatientSeries,
    exposure_keys,
    group_by_patient,
    is_other_person,
    order_series,
    split_by_patient,
)
from kummell_ai.dicom.write import write_simulated_dicom

__all__ = [
    "PatientSeries",
    "exposure_keys",
    "find_films",
    "group_by_patient",
    "is_other_person",
    "order_series",
    "read_radiograph",
    "split_by_patient",
    "write_simulated_dicom",
]

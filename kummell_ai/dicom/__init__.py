"""Films in and out: DICOM, PNG, JPEG, TIFF -> `Radiograph`; simulated films -> DICOM."""

from kummell_ai.dicom.films import find_films
from kummell_ai.dicom.read import read_radiograph
from kummell_ai.dicom.series import exposure_keys, is_other_person
from kummell_ai.dicom.write import write_simulated_dicom

__all__ = [
    "exposure_keys",
    "find_films",
    "is_other_person",
    "read_radiograph",
    "write_simulated_dicom",
]

"""Whether a DICOM file holds a radiograph at all, by modality and SOP class, before any pixel is decoded."""

from __future__ import annotations

import re

from pydicom.config import IGNORE
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from kummell_ai.dicom.container import damage_is_input_error, text
from kummell_ai.errors import InputError

DOCUMENTS = frozenset({"SR", "PR", "KO", "DOC"})
"""Modalities of reports, display settings, lists of pictures and documents in a DICOM wrapping."""

NO_PROJECTION = frozenset({"CT", "MR", "PT", "NM", "US", "ECG", "RTPLAN", "RTSTRUCT", "RTDOSE", "SEG", "OPT"})
"""Modalities that are never a radiograph; a CT scout (ImageType LOCALIZER) is one."""

_DOCUMENT_CLASS = re.compile(
    r"Encapsulated|KeyObjectSelection|\w*PresentationState|\w*SRStorage|\w*Report|ProcedureLog"
)
_FOREIGN_CLASS = re.compile(
    r"(LegacyConverted)?(Enhanced)?(MR|CT|PET|US)[A-Z]|Ultrasound|NuclearMedicine|PositronEmission|Photoacoustic"
    r"|\w*Segmentation|ParametricMap|Tractography|Ophthalmic|WideFieldOphthalmic|IntravascularOptical|VL[A-Z]"
    r"|Video|Dermoscopic|ConfocalMicroscopy|Surface|RT(Dose|Structure|Plan|Ion)|\w*Waveform"
)
"""Starts of the keywords of SOP classes (PS3.6) that hold no radiograph."""

_FLOATS = ("FloatPixelData", "DoubleFloatPixelData")


def check_kind(dataset: FileDataset, name: str) -> None:
    """Refuse what is no radiograph, and what has no pixels.

    Raises:
        InputError: it is a document, another kind of picture, without pixels, or of numbers with fractions.
    """
    modality = (text(dataset, "Modality") or "").upper()
    sop_class = _sop_class(dataset)
    with damage_is_input_error(name, "the pixel data"):
        has_pixels = "PixelData" in dataset and bool(dataset.PixelData)
    if modality in ("SR", "PR") or (
        not has_pixels and (modality in DOCUMENTS or _DOCUMENT_CLASS.match(sop_class.keyword))
    ):
        told = f"Modality {modality}" if modality in DOCUMENTS else f"SOP class {sop_class.name}"
        raise InputError(
            f"{name}: {told} is no radiograph but a document, or tells how to show pictures; export the film itself",
            modality,
        )
    is_ct = modality == "CT" or (not modality and "CT" in sop_class.keyword)
    is_scout = is_ct and "LOCALIZER" in (text(dataset, "ImageType") or "")
    if modality in NO_PROJECTION and not is_scout:
        raise InputError(f"{name}: Modality {modality} is no radiograph; give a CR, DX or RF film", modality)
    if not modality and _FOREIGN_CLASS.match(sop_class.keyword) and not is_scout:
        raise InputError(
            f"{name}: SOP class {sop_class.name} is no radiograph, and Modality is absent; give a CR, DX or RF film",
            str(sop_class),
        )
    if not has_pixels:
        raise _no_pixels(dataset, name, modality)


def _sop_class(dataset: FileDataset) -> UID:
    """SOPClassUID; its name and keyword are empty where it is absent or unknown."""
    given = text(dataset, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID") or ""
    return UID(given, validation_mode=IGNORE)


def _no_pixels(dataset: FileDataset, name: str, modality: str) -> InputError:
    if (floats := next((keyword for keyword in _FLOATS if keyword in dataset), None)) is not None:
        return InputError(
            f"{name}: the pixels are numbers with fractions ({floats}), PixelData of whole numbers is expected; export "
            "the film itself, not a picture computed from it",
            floats,
        )
    if modality or "Rows" in dataset or not ("SOPClassUID" in dataset or "DirectoryRecordSequence" in dataset):
        return InputError(f"{name}: the file has no pixel data, it was cut off or stripped; copy or export it again")
    return InputError(f"{name}: the file has no pixel data; export the film itself, not its report or index")

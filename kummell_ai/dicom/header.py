"""What the header says about the film: identity, date, facing, modality."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path

from pydicom.dataset import Dataset

from kummell_ai.anatomy import Facing
from kummell_ai.dicom.container import element_value, text
from kummell_ai.imaging.names import printable
from kummell_ai.imaging.radiograph import ImageReference

SIMULATED = "SIMULATED"

_DATES = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def reference_of(dataset: Dataset, path: Path, data: bytes, frame_number: int | None) -> ImageReference:
    """The film's identity as the header gives it; absent or damaged fields are None."""
    comments = text(dataset, "ImageComments") or ""
    patient_name = text(dataset, "PatientName")
    return ImageReference(
        name=printable(path.name),
        path=printable(str(path)),
        sha256=hashlib.sha256(data).hexdigest(),
        patient_id=text(dataset, "PatientID"),
        patient_name=patient_name,
        patient_sex=text(dataset, "PatientSex"),
        study_uid=text(dataset, "StudyInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        sop_instance_uid=text(dataset, "SOPInstanceUID"),
        acquired=acquired_at(dataset),
        modality=text(dataset, "Modality"),
        view_position=text(dataset, "ViewPosition"),
        patient_position=text(dataset, "PatientPosition"),
        manufacturer=text(dataset, "Manufacturer"),
        frame_number=frame_number,
        simulated=comments.upper().startswith(SIMULATED) or (patient_name or "").upper().startswith(SIMULATED),
    )


def acquired_at(dataset: Dataset) -> dt.datetime | None:
    """Date and time of the exposure: AcquisitionDateTime, or the first of acquisition, content, series, study date."""
    moment = parse_moment(text(dataset, "AcquisitionDateTime") or "")
    if moment is not None:
        return moment
    for date_keyword, time_keyword in _DATES:
        date = re.sub(r"[.\-]", "", text(dataset, date_keyword) or "")
        if not re.fullmatch(r"\d{8}", date):
            continue  # a year alone must not be completed by the digits of the time
        moment = parse_moment(date + re.sub(r"\D", "", (text(dataset, time_keyword) or "").partition(".")[0]))
        moment = moment or parse_moment(date)
        if moment is not None:
            return moment
    return None


def parse_moment(digits: str) -> dt.datetime | None:
    """YYYYMMDD[HH[MM[SS]]] as a datetime, None when it is none; fractions and time zones are left out.

    >>> parse_moment("20240229101500.5+0100")
    datetime.datetime(2024, 2, 29, 10, 15)
    >>> parse_moment("20230229") is None
    True
    """
    match = re.match(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?", digits)
    if match is None:
        return None
    date, hour, minute, second = match.groups()
    try:
        return dt.datetime(
            int(date[:4]), int(date[4:6]), int(date[6:]), int(hour or 0), int(minute or 0), min(int(second or 0), 59)
        )
    except ValueError:
        return None


def facing_of(dataset: Dataset) -> tuple[Facing, tuple[str, ...]]:
    """The side the patient's front is turned to, from PatientOrientation, and a note when the film lies rotated.

    The first value is the direction of the rows: A means that the front is at the right edge of the image.
    """
    value = element_value(dataset, "PatientOrientation")
    parts = [value] if isinstance(value, str) else list(value or ())
    words = [str(part).strip().upper() for part in parts]
    if len(words) != 2:
        return Facing.UNKNOWN, ()
    rows, columns = words
    note: tuple[str, ...] = ()
    if columns[:1] == "H":
        note = ("PatientOrientation says that the head is at the bottom of the image.",)
    elif rows[:1] in ("H", "F"):
        note = ("PatientOrientation says that the film lies rotated by a quarter turn.",)
    facing = {"A": Facing.RIGHT, "P": Facing.LEFT}.get(rows[:1], Facing.UNKNOWN)
    return facing, note

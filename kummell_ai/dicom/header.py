"""What the header says about the film: identity, date, facing, modality."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from kummell_ai.anatomy import Facing
from kummell_ai.dicom.container import element_value, text
from kummell_ai.errors import InputError
from kummell_ai.imaging.names import printable
from kummell_ai.imaging.radiograph import ImageReference

SIMULATED = "SIMULATED"

_DATES = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)
_HEAD_ACROSS = {"H": "at the right", "F": "at the left"}
"""Where the head is, by the direction that the rows point to."""

MAX_DAYS_APART = 2
"""Between the dates of exposure and study; a film after midnight is no contradiction."""

_EARLIEST = dt.date(1901, 1, 1)
"""Dates before it are placeholders; there were hardly any films."""

_MISORDERED = "the order of the films and their phases may be wrong: correct it."


def reference_of(dataset: Dataset, path: Path, data: bytes, frame_number: int | None) -> ImageReference:
    """The film's identity as the header gives it; absent or damaged fields are None."""
    comments = text(dataset, "ImageComments") or ""
    patient_name = text(dataset, "PatientName")
    return ImageReference(
        name=printable(path.name),
        path=printable(str(path)),
        sha256=hashlib.sha256(data).hexdigest(),
        patient_id="\\".join(_patient_ids(dataset)) or None,
        patient_name=patient_name,
        patient_id_issuer=text(dataset, "IssuerOfPatientID"),
        patient_sex=text(dataset, "PatientSex"),
        patient_birth_date=_birth_date(dataset),
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


def _birth_date(dataset: Dataset) -> str | None:
    """Day of birth; None where there is none, or a placeholder."""
    day = text(dataset, "PatientBirthDate") or ""
    return day if re.fullmatch(r"\d{8}", day) and day >= f"{_EARLIEST:%Y%m%d}" else None


def identity_notes(dataset: Dataset) -> tuple[str, ...]:
    """A note where PatientID is no single one; the identifiers themselves stay out, as outputs may hide them."""
    count = len(_patient_ids(dataset))
    if count < 2:
        return ()
    return (f"PatientID has {count} values, 1 is expected; together they count as one identifier.",)


def _patient_ids(dataset: Dataset) -> list[str]:
    """The values of PatientID: DICOM parts them by a backslash, which belongs into no identifier.

    None is left out, as films of two patients whose first values agree would become those of one.
    """
    value = element_value(dataset, "PatientID")
    if not isinstance(value, MultiValue):
        name = text(dataset, "PatientID")
        return [] if name is None else [name]
    parts = [printable(str(part)).strip() for part in value]
    return parts if any(parts) else []


def acquired_at(dataset: Dataset) -> dt.datetime | None:
    """Date and time of the exposure: AcquisitionDateTime, or the first of acquisition, content, series, study date.

    Placeholders from before 1901 are passed over.
    """
    return next((moment for _, moment in _dated(dataset) if moment.date() >= _EARLIEST), None)


def _dated(dataset: Dataset) -> Iterator[tuple[str, dt.datetime]]:
    """The keywords that give a date, and that date, in the order in which they are believed."""
    moment = parse_moment(text(dataset, "AcquisitionDateTime") or "")
    if moment is not None:
        yield "AcquisitionDateTime", moment
    for date_keyword, time_keyword in _DATES:
        date = re.sub(r"[.\-]", "", text(dataset, date_keyword) or "")
        if not re.fullmatch(r"\d{8}", date):
            continue  # a year alone must not be completed by the digits of the time
        moment = parse_moment(date + re.sub(r"\D", "", (text(dataset, time_keyword) or "").partition(".")[0]))
        moment = moment or parse_moment(date)
        if moment is not None:
            yield date_keyword, moment


def date_notes(dataset: Dataset) -> tuple[str, ...]:
    """A note where the date that is believed first is a placeholder and another one takes its place."""
    dated = list(_dated(dataset))
    used = next((keyword for keyword, moment in dated if moment.date() >= _EARLIEST), None)
    if used is None or used == dated[0][0]:
        return ()
    return (f"{dated[0][0]} is a placeholder from before 1901; {used} is used.",)


def date_warnings(dataset: Dataset) -> tuple[str, ...]:
    """Why the date of the exposure may be wrong; the dates themselves stay out, as outputs may hide them."""
    dated = list(_dated(dataset))
    keyword, acquired = next(((k, moment) for k, moment in dated if moment.date() >= _EARLIEST), ("", None))
    if acquired is None:
        told = "is a placeholder from before 1901, and no other date is given; the film has no date: correct it."
        return (f"{dated[0][0]} {told}",) if dated else ()
    warnings = []
    if acquired.date() > dt.date.today() + dt.timedelta(days=1):
        warnings.append(f"{keyword} lies in the future; {_MISORDERED}")
    study = parse_moment(re.sub(r"[.\-]", "", text(dataset, "StudyDate") or ""))
    if study is not None and study.date() >= _EARLIEST:
        apart = (acquired.date() - study.date()).days
        if abs(apart) > MAX_DAYS_APART:
            side = "after" if apart > 0 else "before"
            warnings.append(
                f"{keyword} is {abs(apart)} days {side} StudyDate, at most {MAX_DAYS_APART} are usual; the film is "
                f"ordered by {keyword}: check both dates."
            )
    return tuple(warnings)


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


def facing_of(dataset: Dataset, name: str) -> Facing:
    """The side the patient's front is turned to, from PatientOrientation.

    The first value is the direction of the rows: A means that the front is at the right edge of the image.

    Raises:
        InputError: the head is not at the top.
    """
    value = element_value(dataset, "PatientOrientation")
    parts = [value] if isinstance(value, str) else list(value or ())
    words = [str(part).strip().upper() for part in parts]
    if len(words) != 2:
        return Facing.UNKNOWN
    rows, columns = words
    head = "at the bottom" if columns[:1] == "H" else _HEAD_ACROSS.get(rows[:1])
    if head is not None:
        raise InputError(
            f"{name}: PatientOrientation {printable(rows)}\\{printable(columns)}: the head is {head}, at the top is "
            "expected; turn the film and its header, or correct the header if only that is wrong",
            (rows, columns),
        )
    return {"A": Facing.RIGHT, "P": Facing.LEFT}.get(rows[:1], Facing.UNKNOWN)

"""The films of one patient, ordered by date, with the phase of each."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kummell_ai.anatomy import Phase
from kummell_ai.errors import SeriesError
from kummell_ai.imaging.radiograph import ImageReference, Radiograph

UNKNOWN_PATIENT = "unknown"


@dataclass(frozen=True, slots=True)
class PatientSeries:
    """A patient's films.

    Attributes:
        patient_id: as in the headers; ``unknown`` when they do not say.
        films: (phase, film), by date; the last FOLLOW_UP is the last follow-up.
        notes: what had to be assumed, one sentence each.
    """

    patient_id: str
    films: tuple[tuple[Phase, Radiograph], ...]
    notes: tuple[str, ...] = ()


ExposureKey = tuple[str, str, int | None]


def exposure_keys(reference: ImageReference) -> tuple[ExposureKey, ...]:
    """What two films share when they are one exposure: the bytes, or SOPInstanceUID and pixels if one was saved again.

    >>> exposure_keys(ImageReference("a", sha256="9f", sop_instance_uid="1.2.3", pixels_checksum="7"))
    (('sha256', '9f', None), ('SOPInstanceUID', '1.2.3 7', None))
    """
    uid, checksum = reference.sop_instance_uid, reference.pixels_checksum
    again = None if uid is None or checksum is None else f"{uid} {checksum}"
    named = (("sha256", reference.sha256), ("SOPInstanceUID", again))
    return tuple((kind, value, reference.frame_number) for kind, value in named if value)


def is_other_person(one: ImageReference, other: ImageReference) -> bool:
    """Whether two headers name different people: two sexes, or two names that each have a word the other lacks.

    >>> long, short, sister = (ImageReference("film", patient_name=n) for n in ("Li^Wei=李^伟", "LI WEI", "Li^Na"))
    >>> is_other_person(long, short), is_other_person(short, sister), is_other_person(short, ImageReference("film"))
    (False, True, False)
    """
    if one.patient_sex and other.patient_sex and one.patient_sex.upper() != other.patient_sex.upper():
        return True
    names, its_names = _name_words(one), _name_words(other)
    return not (names <= its_names or its_names <= names)


def _name_words(reference: ImageReference) -> set[str]:
    name = unicodedata.normalize("NFKC", reference.patient_name or "").casefold()
    return set(re.split(r"[\s^,=]+", name)) - {""}


def group_by_patient(
    radiographs: Sequence[Radiograph], *, surgery_date: dt.date | None = None
) -> tuple[PatientSeries, ...]:
    """One series a patient, sorted by patient id; `split_by_patient`, then `order_series` on each.

    Raises:
        SeriesError: films of a patient cannot be ordered (same or missing date).
    """
    groups = split_by_patient(radiographs)
    return tuple(order_series(patient, films, surgery_date=surgery_date) for patient, films in groups.items())


def split_by_patient(radiographs: Sequence[Radiograph]) -> dict[str, tuple[Radiograph, ...]]:
    """Films by patient id, sorted by it."""
    groups: dict[str, list[Radiograph]] = {}
    for film in radiographs:
        groups.setdefault(film.reference.patient_id or UNKNOWN_PATIENT, []).append(film)
    return {patient: tuple(groups[patient]) for patient in sorted(groups)}


def order_series(patient_id: str, films: Sequence[Radiograph], *, surgery_date: dt.date | None = None) -> PatientSeries:
    """Order one patient's films by date and name their phases.

    With ``surgery_date``: films before it are pre-op, the first after it post-op, further ones follow-up; on the day
    itself a film is pre-op when no earlier film exists. Without it: first pre-op, second post-op, further follow-up;
    a single film has phase unknown.

    Raises:
        SeriesError: several films and one has no date, or two share date and time.
    """
    unique, notes = _without_copies(films)
    ordered = _by_date(patient_id, unique, notes)
    if patient_id == UNKNOWN_PATIENT and len(ordered) > 1:
        notes.append("The films name no patient; they are taken to be of one patient.")
    phases = _phases(ordered, surgery_date, notes)
    return PatientSeries(patient_id, tuple(zip(phases, ordered, strict=True)), tuple(notes))


def _without_copies(films: Sequence[Radiograph]) -> tuple[list[Radiograph], list[str]]:
    kept: list[Radiograph] = []
    seen: dict[ExposureKey, str] = {}
    notes: list[str] = []
    for film in films:
        keys = exposure_keys(film.reference)
        known = next((seen[key] for key in keys if key in seen), None)
        if known is not None:
            notes.append(f"{film.reference.name} is a copy of {known} and is left out.")
        else:
            kept.append(film)
            seen |= dict.fromkeys(keys, film.reference.name)
    return kept, notes


def _by_date(patient_id: str, films: list[Radiograph], notes: list[str]) -> list[Radiograph]:
    if len(films) < 2:
        return films
    undated = [film.reference.name for film in films if film.reference.acquired is None]
    if undated:
        raise SeriesError(
            f"patient {patient_id}: no date in {', '.join(undated)}, so the films cannot be ordered; "
            "give DICOM files with AcquisitionDate (pictures hold no date)",
            undated,
        )
    ordered = sorted(films, key=_moment)
    for earlier, later in pairwise(ordered):
        names = f"{earlier.reference.name} and {later.reference.name}"
        if _moment(earlier) == _moment(later):
            raise SeriesError(
                f"patient {patient_id}: {names} have the same date {_moment(later):%Y-%m-%d}; leave one out, or "
                "correct its AcquisitionDate or AcquisitionTime",
                names,
            )
        if _moment(earlier).date() == _moment(later).date():
            notes.append(f"{names} are of the same day and are ordered by their time.")
    return ordered


def _moment(film: Radiograph) -> dt.datetime:
    return film.reference.acquired or dt.datetime.min


def _phases(films: list[Radiograph], surgery_date: dt.date | None, notes: list[str]) -> list[Phase]:
    if surgery_date is not None:
        return _phases_by_surgery(films, surgery_date, notes)
    if len(films) == 1:
        notes.append("One film only: its phase is not known and no correction can be given; pass --surgery-date.")
        return [Phase.UNKNOWN]
    notes.append("Phases follow the order of the dates: first pre-op, second post-op, further follow-up.")
    return [Phase.PRE_OP, Phase.POST_OP, *[Phase.FOLLOW_UP] * (len(films) - 2)]


def _phases_by_surgery(films: list[Radiograph], surgery_date: dt.date, notes: list[str]) -> list[Phase]:
    phases: list[Phase] = []
    for film in films:
        if film.reference.acquired is None:
            notes.append(f"{film.reference.name} has no date; its phase is not known.")
            phases.append(Phase.UNKNOWN)
            continue
        day = film.reference.acquired.date()
        on_the_day_first = day == surgery_date and not phases
        if on_the_day_first:
            notes.append(f"{film.reference.name} is of the day of surgery and is taken to be before it.")
        if day < surgery_date or on_the_day_first:
            phases.append(Phase.PRE_OP)
        else:
            phases.append(Phase.FOLLOW_UP if Phase.POST_OP in phases else Phase.POST_OP)
    return phases

"""Whether two films are one exposure, or of two people."""

from __future__ import annotations

import re
import unicodedata

from kummell_ai.imaging.radiograph import ImageReference

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

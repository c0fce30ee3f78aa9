"""Whether two films are one exposure, or of two people."""

from __future__ import annotations

import re
import unicodedata

from kummell_ai.imaging.radiograph import ImageReference

ExposureKey = tuple[str, str, int | None]


def exposure_keys(reference: ImageReference) -> tuple[ExposureKey, ...]:
    """What two films share when they are one exposure: the bytes, or the pixels if one was saved again.

    Identifiers do not tell: who takes names out, or takes films in again, gives new ones, and some give all the same.

    >>> exposure_keys(ImageReference("a", sha256="9f", pixels_checksum="7"))
    (('sha256', '9f', None), ('pixels', '7', None))
    """
    named = (("sha256", reference.sha256), ("pixels", reference.pixels_checksum))
    return tuple((kind, value, reference.frame_number) for kind, value in named if value)


def is_other_person(one: ImageReference, other: ImageReference) -> bool:
    """Whether two headers name different people.

    That is two sexes, days of birth or issuers of the identifier, or two names that each have a word the other lacks.

    >>> long, short, sister = (ImageReference("film", patient_name=n) for n in ("Li^Wei=李^伟", "LI WEI", "Li^Na"))
    >>> is_other_person(long, short), is_other_person(short, sister), is_other_person(short, ImageReference("film"))
    (False, True, False)
    """
    for key in ("patient_sex", "patient_birth_date", "patient_id_issuer"):
        own, its = getattr(one, key), getattr(other, key)
        if own and its and own.casefold() != its.casefold():
            return True
    names, its_names = _name_words(one), _name_words(other)
    return not (names <= its_names or its_names <= names)


def _name_words(reference: ImageReference) -> set[str]:
    name = unicodedata.normalize("NFKC", reference.patient_name or "").casefold()
    return set(re.split(r"[\s^,=]+", name)) - {""}

"""Films of one patient whose headers name different people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from kummell_ai.dicom import is_other_person
from kummell_ai.imaging.radiograph import ImageReference


def first_of_two_people(films: Sequence[ImageReference]) -> tuple[int, int] | None:
    """Places of the first two films whose headers name different people; None where all may be of one.

    Of many films few differ in what names a person, and only the first of each kind is compared.
    """
    kinds: dict[tuple[str | None, ...], int] = {}
    for place, film in enumerate(films):
        person = (film.patient_name, film.patient_sex, film.patient_birth_date, film.patient_id_issuer)
        kinds.setdefault(person, place)
    pairs = combinations(kinds.values(), 2)
    return next(((one, other) for one, other in pairs if is_other_person(films[one], films[other])), None)

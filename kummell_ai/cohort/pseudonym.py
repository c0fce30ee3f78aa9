"""Keyed pseudonyms and shifted dates: the same key gives the same names again, without it nothing leads back."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from dataclasses import dataclass

from kummell_ai.imaging.radiograph import ImageReference

VIEWS = frozenset(("AP", "PA", "LL", "RL", "LLO", "RLO", "RAO", "LAO", "RPO", "LPO", "LAT", "LATERAL", "OBL"))
"""Codes of ViewPosition that may stay; anything else could be a person's words."""

_TURNS = ("S", "P", "DR", "DL", "A")
POSITIONS = frozenset(
    (
        *(f"{end}{turn}" for end in ("HF", "FF") for turn in _TURNS),
        *("SUPINE", "PRONE", "DECUBITUS", "RECUMBENT", "LYING", "ERECT", "SITTING", "STANDING", "UPRIGHT"),
    )
)
"""Codes and words of PatientPosition that may stay."""


_PSEUDONYM = re.compile(r"P-[0-9A-F]{10}")


def is_pseudonym(name: str) -> bool:
    """Whether ``name`` looks as `Pseudonyms.patient` makes them.

    >>> is_pseudonym("P-3DFD0EBA51"), is_pseudonym("P-7")
    (True, False)
    """
    return _PSEUDONYM.fullmatch(name) is not None


def is_film_of(name: str, patient: str) -> bool:
    """Whether ``name`` is that of a film as `Pseudonyms.reference` makes it, of this ``patient``.

    >>> is_film_of("P-3DFD0EBA51-film-2", "P-3DFD0EBA51"), is_film_of("Li_2.dcm", "P-3DFD0EBA51")
    (True, False)
    """
    return re.fullmatch(rf"{re.escape(patient)}-film-\d+", name) is not None


def _known(text: str | None, allowed: frozenset[str]) -> str | None:
    return text if text is not None and text.strip().upper() in allowed else None


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names and dates made from a secret key; each patient's dates move together, so that intervals stay true."""

    key: str

    def patient(self, patient_id: str) -> str:
        """Pseudonym of a patient.

        >>> Pseudonyms("secret").patient("KUM-001")
        'P-3DFD0EBA51'
        """
        return f"P-{self._digest('patient', patient_id).hex()[:10].upper()}"

    def day(self, patient_id: str, day: dt.date) -> dt.date:
        """The day moved back by 1 to 3,650 days, the same for all days of a patient."""
        days = 1 + int.from_bytes(self._digest("days", patient_id)[:4], "big") % 3650
        return dt.date.fromordinal(max(day.toordinal() - days, 1))

    def reference(self, reference: ImageReference, patient_id: str, number: int, rank: int) -> ImageReference:
        """A reference that holds nothing of the header or of the file's name.

        Args:
            reference: of the film.
            patient_id: its patient.
            number: counts the patient's films.
            rank: of its moment among the patient's; it takes the place of the time of day.
        """
        name, acquired = self.patient(patient_id), None
        if reference.acquired is not None:
            day = self.day(patient_id, reference.acquired.date())
            acquired = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=rank)
        return ImageReference(
            name=f"{name}-film-{number}",
            patient_id=name,
            acquired=acquired,
            view_position=_known(reference.view_position, VIEWS),
            patient_position=_known(reference.patient_position, POSITIONS),
            frame_number=reference.frame_number,
            simulated=reference.simulated,
        )

    def _digest(self, purpose: str, text: str) -> bytes:
        # bytes that are not UTF-8, of a folder's name or typed, reach Python as lone surrogates
        key, message = (part.encode("utf-8", "surrogatepass") for part in (self.key, f"{purpose}:{text}"))
        return hmac.new(key, message, hashlib.sha256).digest()

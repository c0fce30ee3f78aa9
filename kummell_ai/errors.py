"""The errors a user can meet: each says value, expectation, remedy in one line."""

from __future__ import annotations


class KummellError(Exception):
    """Base of all errors raised on purpose; its text is one line for the user.

    Attributes:
        value: the offending value, as far as it is known.
    """

    def __init__(self, message: str, value: object = None) -> None:
        super().__init__(" ".join(message.split()))
        self.value = value


class UsageError(KummellError):
    """An option or argument is wrong."""


class InputError(KummellError):
    """A film cannot be read: not DICOM, truncated, no pixels, colour, hostile."""


class FilmRefusedError(KummellError):
    """A film was read but cannot be measured: frontal view, no vertebra found."""


class SeriesError(KummellError):
    """Films do not form a patient's series: two patients, one film, one date."""


class ConfigError(KummellError):
    """A configuration file has an unknown key or an impossible value."""


class CheckpointError(KummellError):
    """A model folder is missing, damaged, or was made for another landmark order."""

"""The words about a vertebra that the program knows, and those of an annotation held against them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kummell_ai.imaging.annotation import BY_HAND, NO_CONTRAST

FLAGS = ("fractured", "instrumented", "cemented", "cropped", NO_CONTRAST, BY_HAND)
"""What a person or the program says of a vertebra; the first three are states that are learnt and evaluated."""

_SEPARATOR = re.compile(r"[\s,;]+")


def parse_flags(words: Iterable[object], of: str) -> frozenset[str]:
    """The flags among `FLAGS` that ``words`` name (case does not matter).

    Args:
        words: a list of them, not a text.
        of: what they are about, for the message.

    Raises:
        ValueError: they are no list, or one is unknown.

    >>> sorted(parse_flags(["Fractured", "cemented"], "L1"))
    ['cemented', 'fractured']
    """
    if not isinstance(words, list | tuple | set | frozenset):
        raise ValueError(f"flags of {of} are {words!r:.40}; expected a list, as ['fractured', 'cemented']")
    flags = {str(word).strip().lower(): word for word in words}
    unknown = sorted(flags.keys() - set(FLAGS))
    if unknown:
        raise ValueError(f"flag {flags[unknown[0]]!r:.40} of {of} is not one of {', '.join(FLAGS)}")
    return frozenset(flags)


def split_flags(text: str) -> set[str]:
    """The words of a text, with blanks or commas between them.

    >>> sorted(split_flags("fractured, cemented"))
    ['cemented', 'fractured']
    """
    return set(_SEPARATOR.split(text)) - {""}

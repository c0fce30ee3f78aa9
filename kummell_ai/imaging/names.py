"""File names as text that can be printed and stored."""

from __future__ import annotations

_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""Code points that Python puts in place of bytes that are not UTF-8."""


def printable(name: str) -> str:
    r"""``name`` without line breaks and control characters; bytes that are no text are spelled out.

    >>> printable("two\nlines.dcm"), printable("caf\udce9.dcm")
    ('two lines.dcm', 'caf\\xe9.dcm')
    """
    return "".join(map(_shown, name))


def _shown(character: str) -> str:
    if ord(character) in _ESCAPED_BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else " "

"""The mark by which a page or picture is known to be this program's own, so that it may be replaced by a later run.

A page has it in its generator, as the templates say; the first bytes of each file are enough to find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

SVG_MARK = 'data-generator="kummell_ai"'
"""Attribute of the root of an SVG."""

HEAD_BYTES = 600
"""Within which the mark stands."""

_PNG_KEY, _PNG_TEXT = "Software", "kummell_ai"
_MARKS = (
    b'<meta name="generator" content="kummell_ai',
    SVG_MARK.encode(),
    f"{_PNG_KEY}\0{_PNG_TEXT}".encode(),
)


def png_mark() -> PngInfo:
    """The mark for ``pnginfo`` of Pillow."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(_PNG_KEY, _PNG_TEXT)
    return info


def is_marked(head: bytes) -> bool:
    """Whether a page or picture that begins with ``head`` carries the mark.

    >>> is_marked(b'<svg data-generator="kummell_ai">'), is_marked(b"<svg>")
    (True, False)
    """
    return any(mark in head for mark in _MARKS)

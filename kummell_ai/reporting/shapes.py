"""The few shapes an overlay is made of, so that SVG and PNG show the same drawing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Point = tuple[float, float]
"""(x, y) in scene pixels, y down."""

SUPERIOR = "#5cc8f2"
INFERIOR = "#f7c65b"
OUTLINE = "#f3f6f8"
INDEX = "#ff7d66"
COBB = "#7fe3b2"
FLAG = "#d9b8ff"
MUTED = "#aeb8c2"
INK = "#0b0e12"

PLATE_OPACITY = 0.78
"""Opacity of the dark plate behind a label."""

PLATE_HALF = 0.68
"""Half the height of a plate, in font sizes of its label."""

NOTE_MARK = " · "
"""Between a label and its note."""

NOTE_SIZE = 0.78
"""Font size of a note, in font sizes of its label."""

CASING_OPACITY = 0.5
"""Opacity of lines in INK, which lie under a coloured line and set it off from bright bone."""


_EM = dict.fromkeys(" .,:;|()il·’'\u202f", 0.3) | dict.fromkeys("°ft", 0.4) | dict.fromkeys("mwMW", 0.86)
"""Widths of characters that are no usual letter or digit, for a font size of 1."""

_FIRST_FULL_WIDTH = "\u2e80"
"""From this character on they are Chinese signs and their like, as wide as high."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of ``width`` scene px."""

    start: Point
    end: Point
    colour: str
    width: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline, with an optional faint fill; one in INK is the half-transparent casing of another."""

    points: tuple[Point, ...]
    colour: str
    width: float
    fill_opacity: float = 0.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle with a dark ring, for a corner."""

    centre: Point
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text on a dark plate.

    Attributes:
        at: middle of the text's height at its ``anchor``.
        size: font size (scene px).
        anchor: ``start``, ``middle`` or ``end``.
        note: smaller words in the same line, on the side away from the anchor.
    """

    at: Point
    text: str
    size: float
    colour: str
    anchor: str = "start"
    bold: bool = False
    note: str = ""

    @property
    def width(self) -> float:
        """Estimated width of the text and its note (scene px), a little generous."""
        note = text_width(NOTE_MARK + self.note, NOTE_SIZE * self.size) if self.note else 0.0
        return text_width(self.text, self.size) * (1.08 if self.bold else 1.0) + note

    @property
    def runs(self) -> tuple[tuple[str, bool], ...]:
        """The text and its note as they are read, each with whether it is the note."""
        if not self.note:
            return ((self.text, False),)
        if self.anchor == "end":
            return ((self.note + NOTE_MARK, True), (self.text, False))
        return ((self.text, False), (NOTE_MARK + self.note, True))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) of the plate (scene px)."""
        pad, half = 0.3 * self.size, PLATE_HALF * self.size
        left = self.at[0] - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return (left - pad, self.at[1] - half, left + self.width + pad, self.at[1] + half)


Shape = Line | Polygon | Dot | Label


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawing over a film.

    Attributes:
        width, height: size (scene px).
        shapes: in painting order.
        title: one line that describes the picture to someone who cannot see it.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str


@lru_cache(maxsize=1024)
def text_width(text: str, size: float) -> float:
    """Estimated width of ``text`` in a sans-serif font of ``size`` px."""
    return size * sum(_em(character) for character in text)


def _em(character: str) -> float:
    """Width of a character for a font size of 1."""
    if character >= _FIRST_FULL_WIDTH:
        return 1.0
    return _EM.get(character, 0.69 if character.isupper() else 0.57)

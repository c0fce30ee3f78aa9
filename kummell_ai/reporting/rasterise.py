"""The cohort's figures as PNG: the few shapes that `cohort_figures` writes, painted by Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from xml.etree import ElementTree

from PIL import Image, ImageDraw, ImageFont

from kummell_ai.reporting.mark import png_mark

SCALE = 3
"""Pixels of the PNG per unit of the SVG: 1080 px wide, 9 cm at 300 dpi."""
_SMOOTH = 2
"""The painting is this much larger and then reduced, so that lines are smooth."""

_CHINESE_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "msyh.ttc", "PingFang.ttc")


def to_png(svg: str) -> bytes | None:
    """PNG bytes on white; None where the text has characters that no font at hand can draw.

    Args:
        svg: with a ``viewBox`` from (0, 0), and ``polyline``, ``rect``, ``circle`` and ``text`` alone; a text with a
            ``transform`` is turned to be read from below and ends at its place.

    Raises:
        ValueError: another element.
    """
    root = ElementTree.fromstring(svg)
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    if not _is_plain("".join(root.itertext()).translate(_PLAIN)) and _chinese_font(12) is None:
        return None
    size = (round(width * SCALE), round(height * SCALE))
    picture = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), "white")
    brush = ImageDraw.Draw(picture)
    for element in root:
        _paint(brush, element.tag.rpartition("}")[2], element.attrib, element.text or "")
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "PNG", dpi=(300, 300), pnginfo=png_mark())
    return buffer.getvalue()


def _paint(brush: ImageDraw.ImageDraw, tag: str, attributes: Mapping[str, str], text: str) -> None:
    k = SCALE * _SMOOTH
    at = {name: float(value) * k for name, value in attributes.items() if name in _NUMBERS}
    if tag == "polyline":
        points = [tuple(float(v) * k for v in pair.split(",")) for pair in attributes["points"].split()]
        if len(points) > 1:
            brush.line(points, fill=attributes["stroke"], width=max(1, round(at["stroke-width"])), joint="curve")
    elif tag == "rect":
        corners = (at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
        brush.rectangle(corners, fill=attributes["fill"], outline=attributes.get("stroke"), width=k)
    elif tag == "circle":
        x, y, r = at["cx"], at["cy"], at["r"]
        brush.ellipse((x - r, y - r, x + r, y + r), fill=attributes["fill"])
    elif tag == "text":
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[attributes["text-anchor"]]
        text = text.translate(_PLAIN)
        font, place = _font(text, at["font-size"]), (at["x"], at["y"])
        if "transform" in attributes:
            _paint_upward(brush, place, text, font, attributes["fill"])
        else:
            brush.text(place, text, fill=attributes["fill"], font=font, anchor=anchor)
    else:
        raise ValueError(f"element {tag} cannot be painted; use polyline, rect, circle or text")


def _paint_upward(
    brush: ImageDraw.ImageDraw,
    end: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    fill: str,
) -> None:
    """Text that is read from below and ends at ``end`` on its baseline."""
    length, size = round(brush.textlength(text, font=font)), round(font.size if hasattr(font, "size") else 11)
    mask = Image.new("L", (length, 2 * size))
    ImageDraw.Draw(mask).text((length, size), text, fill=255, font=font, anchor="rs")
    brush.bitmap((round(end[0]) - size, round(end[1])), mask.transpose(Image.Transpose.ROTATE_90), fill=fill)


_NUMBERS = frozenset(("x", "y", "width", "height", "cx", "cy", "r", "stroke-width", "font-size"))


_PLAIN = str.maketrans({"−": "-", "–": "-", "’": "'", "…": "..."})


def _is_plain(text: str) -> bool:
    """Whether Pillow's own font has every character."""
    return all(ord(character) < 256 for character in text)


def _font(text: str, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    chinese = None if _is_plain(text) else _chinese_font(size)
    return chinese or ImageFont.load_default(size)


@cache
def _chinese_font(size: float) -> ImageFont.FreeTypeFont | None:
    for name in _CHINESE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None

"""The film with what was found on it, as SVG text and as a PNG picture of the same drawing."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from html import escape

from PIL import Image, ImageDraw, ImageFont

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.results import RadiographMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.film import film_picture, jpeg_data_uri
from kummell_ai.reporting.mark import SVG_MARK, png_mark
from kummell_ai.reporting.scene import build_scene
from kummell_ai.reporting.shapes import Scene
from kummell_ai.reporting.view import View, whole_view

FONT = "'Inter','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
SUPERSAMPLE = 2
"""The PNG is drawn this much larger and reduced, which smooths its lines."""


def draw_overlay(
    radiograph: Radiograph,
    measurement: RadiographMeasurement,
    *,
    index_level: VertebralLevel | None = None,
    view: View | None = None,
    language: str = "en",
) -> str:
    """SVG text of the film with its drawing; the film is embedded, nothing is loaded from outside.

    Args:
        radiograph: the film, as stored.
        measurement: what was measured on it.
        index_level: the injured vertebra, highlighted and given its angles.
        view: the part to show, with ellipses about the corners of ``index_level``; the whole film, 1200 px long, when
            not given.
        language: of the labels, ``en`` or ``zh``.
    """
    return _svg(*_drawing(radiograph, measurement, index_level, view, language))


def draw_overlays(
    radiograph: Radiograph,
    measurement: RadiographMeasurement,
    kinds: Collection[str] = ("svg", "png"),
    *,
    index_level: VertebralLevel | None = None,
) -> dict[str, str | bytes]:
    """The whole film with its drawing, made once, by kind: SVG text as by `draw_overlay`, and PNG bytes.

    Args:
        radiograph: the film, as stored.
        measurement: what was measured on it.
        kinds: which of ``svg`` and ``png``.
        index_level: the injured vertebra, highlighted and given its angles.

    Labels are English: Pillow's own font, which paints the PNG, has no Chinese.
    """
    if not kinds:
        return {}
    scene, film = _drawing(radiograph, measurement, index_level)
    makers: dict[str, Callable[[Scene, Image.Image], str | bytes]] = {"svg": _svg, "png": _png}
    return {kind: make(scene, film) for kind, make in makers.items() if kind in kinds}


def _drawing(
    radiograph: Radiograph,
    measurement: RadiographMeasurement,
    index_level: VertebralLevel | None,
    view: View | None = None,
    language: str = "en",
) -> tuple[Scene, Image.Image]:
    """The shapes, and the grey picture beneath them."""
    is_part = view is not None
    view = view or whole_view(measurement.size_px, measurement.spacing)
    scene = build_scene(measurement, view, index_level, language, with_ellipses=is_part)
    return scene, film_picture(radiograph, view)


def _svg(scene: Scene, film: Image.Image) -> str:
    width, height = f"{scene.width:.1f}", f"{scene.height:.1f}"
    body = "\n".join(_svg_shape(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {SVG_MARK} viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="{escape(FONT)}">\n'
        f"<title>{escape(scene.title)}</title>\n"
        f'<rect width="{width}" height="{height}" fill="#000"/>\n'
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="{jpeg_data_uri(film)}"/>\n{body}\n</svg>\n'
    )


def _png(scene: Scene, film: Image.Image) -> bytes:
    large = film.resize((film.width * SUPERSAMPLE, film.height * SUPERSAMPLE), Image.Resampling.BILINEAR).convert("RGB")
    brush = ImageDraw.Draw(large, "RGBA")
    for shape in scene.shapes:
        _paint(brush, shape)
    buffer = io.BytesIO()
    large.reduce(SUPERSAMPLE).save(buffer, format="PNG", compress_level=3, pnginfo=png_mark())
    return buffer.getvalue()


def _svg_shape(shape: s.Shape) -> str:
    """One SVG element (or two, for a label on its plate)."""
    match shape:
        case s.Line():
            dash = f' stroke-dasharray="{4 * shape.width:.1f} {3 * shape.width:.1f}"' if shape.dashed else ""
            (x1, y1), (x2, y2) = shape.start, shape.end
            return (
                f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="{shape.colour}" '
                f'stroke-width="{shape.width:.2f}" stroke-linecap="round"{dash}{_casing(shape.colour)}/>'
            )
        case s.Polygon():
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            return (
                f'<polygon points="{points}" fill="{shape.colour}" fill-opacity="{shape.fill_opacity:.2f}" '
                f'stroke="{shape.colour}" stroke-width="{shape.width:.2f}" stroke-linejoin="round"'
                f"{_casing(shape.colour)}/>"
            )
        case s.Dot():
            return (
                f'<circle cx="{shape.centre[0]:.2f}" cy="{shape.centre[1]:.2f}" r="{shape.radius:.2f}" '
                f'fill="{shape.colour}" stroke="{s.INK}" stroke-width="{0.35 * shape.radius:.2f}"/>'
            )
        case s.Label():
            return _svg_label(shape)


def _casing(colour: str) -> str:
    """Opacity of a line that only sets off another one."""
    return f' stroke-opacity="{s.CASING_OPACITY}"' if colour == s.INK else ""


def _stroke(colour: str) -> tuple[int, int, int, int]:
    """Colour and opacity of a line in the PNG."""
    return (*_rgb(colour), round(255 * s.CASING_OPACITY) if colour == s.INK else 255)


def _svg_label(label: s.Label) -> str:
    """A plate and, in its middle, the text with its note."""
    x0, y0, x1, y1 = label.box
    middle = 0.5 * (x0 + x1)
    weight = ' font-weight="700"' if label.bold else ""
    note = f'font-size="{s.NOTE_SIZE * label.size:.2f}" font-weight="400" fill="{s.FLAG}"'
    runs = "".join(f"<tspan {note}>{escape(t)}</tspan>" if is_note else escape(t) for t, is_note in label.runs)
    return (
        f'<rect x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}" rx="{0.25 * label.size:.2f}" '
        f'fill="{s.INK}" fill-opacity="{s.PLATE_OPACITY}"/>'
        f'<text x="{middle:.2f}" y="{label.at[1] + 0.35 * label.size:.2f}" font-size="{label.size:.2f}" '
        f'fill="{label.colour}" text-anchor="middle"{weight}>{runs}</text>'
    )


def _paint(brush: ImageDraw.ImageDraw, shape: s.Shape) -> None:
    """One shape on the enlarged picture."""
    k = SUPERSAMPLE
    match shape:
        case s.Line():
            _paint_line(brush, shape)
        case s.Polygon():
            points = [(x * k, y * k) for x, y in shape.points]
            if shape.fill_opacity:
                brush.polygon(points, fill=(*_rgb(shape.colour), round(255 * shape.fill_opacity)))
            brush.line(
                [*points, points[0]], fill=_stroke(shape.colour), width=max(1, round(shape.width * k)), joint="curve"
            )
        case s.Dot():
            (x, y), r, ring = shape.centre, shape.radius, 0.18 * shape.radius
            for radius, colour in ((r + ring, s.INK), (r - ring, shape.colour)):
                brush.ellipse([(x - radius) * k, (y - radius) * k, (x + radius) * k, (y + radius) * k], fill=colour)
        case s.Label():
            _paint_label(brush, shape)


def _paint_label(brush: ImageDraw.ImageDraw, label: s.Label) -> None:
    """A plate and, in its middle, the text with its note."""
    k = SUPERSAMPLE
    x0, y0, x1, y1 = (k * side for side in label.box)
    brush.rounded_rectangle([x0, y0, x1, y1], 0.25 * label.size * k, fill=(*_rgb(s.INK), round(255 * s.PLATE_OPACITY)))
    runs = []
    for text, is_note in label.runs:
        plain = text if _drawable(text) else text.translate(_PLAIN)
        runs.append((plain, ImageFont.load_default(label.size * k * (s.NOTE_SIZE if is_note else 1.0)), is_note))
    x = (x0 + x1 - sum(font.getlength(text) for text, font, _ in runs)) / 2
    for text, font, is_note in runs:
        brush.text(
            (x, (y0 + y1) / 2),
            text,
            fill=s.FLAG if is_note else label.colour,
            font=font,
            anchor="lm",
            stroke_width=0.02 * label.size * k if label.bold and not is_note else 0,
        )
        x += font.getlength(text)


def _paint_line(brush: ImageDraw.ImageDraw, line: s.Line) -> None:
    """A line, cut into dashes where it is dashed."""
    k = SUPERSAMPLE
    (x1, y1), (x2, y2) = ((x * k, y * k) for x, y in (line.start, line.end))
    width = max(1, round(line.width * k))
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
    period, dash = (7.0 * line.width * k, 4.0 * line.width * k) if line.dashed else (length + 1, length)
    for i in range(int(length / period) + 1):
        a, b = i * period / length, min((i * period + dash) / length, 1.0)
        brush.line([(x1 + (x2 - x1) * t, y1 + (y2 - y1) * t) for t in (a, b)], fill=_stroke(line.colour), width=width)


_PLAIN = str.maketrans({"◂": "<", "▸": ">", "\u202f": " ", "−": "-", "–": "-"})


def _drawable(text: str) -> bool:
    """Whether Pillow's own font has every character."""
    return all(ord(character) < 256 for character in text)


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))

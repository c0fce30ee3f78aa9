"""A film twice, side by side: with its true outlines, and with what was found; one SVG that loads nothing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from html import escape

import numpy as np

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.evaluation.worst import WorstFilm
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.reporting.film import film_picture, jpeg_data_uri
from kummell_ai.reporting.view import View, whole_view

TRUE, FOUND = "#5fd3ff", "#ffb347"
LONG_SIDE = 520.0
"""Longer side of one picture (px)."""

GAP = 6.0

_OUTLINE = (
    VertebralLandmark.SUPERIOR_ANTERIOR,
    VertebralLandmark.SUPERIOR_POSTERIOR,
    VertebralLandmark.INFERIOR_POSTERIOR,
    VertebralLandmark.INFERIOR_ANTERIOR,
)


def draw_worst(film: WorstFilm, radiograph: Radiograph) -> str:
    """SVG text: the truth on the left; on the right what was found, over the truth in thin lines."""
    size_px = (radiograph.width, radiograph.height)
    view = whole_view(size_px, radiograph.spacing, LONG_SIDE)
    width, height = view.size
    picture = escape(jpeg_data_uri(film_picture(radiograph, view), quality=72))
    true, found = film.film.landmarks.vertebrae, film.predicted.vertebrae
    name = f"film-{zlib.crc32(film.film.file_name.encode('utf-8', 'surrogatepass')):08x}"
    left = "".join(_body(v, view, TRUE, 1.6, named=True) for v in true)
    right = "".join(_body(v, view, TRUE, 0.7, named=False) for v in true)
    right += "".join(_body(v, view, FOUND, 1.6, named=True) for v in found)
    image = (
        f'<image id="{name}" width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" href="{picture}"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width + GAP:.1f} {height:.1f}" role="img" '
        f'aria-label="{escape(film.result.name)}: true and found" font-family="Inter, Helvetica, Arial, sans-serif">'
        f'<defs>{image}</defs><use href="#{name}"/>{left}{_word("true", TRUE)}'
        f'<g transform="translate({width + GAP:.1f} 0)"><use href="#{name}"/>{right}{_word("found", FOUND)}</g></svg>'
    )


def caption(film: WorstFilm) -> str:
    """What went wrong, in words.

    The corner error is that of the found vertebrae, in % of depth.
    """
    result = film.result
    if result.refused is not None:
        return f"refused: {result.refused}"
    errors = _errors([v.corners.percent for v in result.vertebrae if v.corners is not None])
    missed = sum(not v.found for v in result.vertebrae)
    misnamed = sum(v.is_named_right is False for v in result.vertebrae)
    parts = [f"{missed} missed"] if missed else []
    parts += [f"{result.false} false"] if result.false else []
    parts += [f"{misnamed} wrong names"] if misnamed else []
    if len(errors):
        parts.append(f"corners {errors.mean():.1f} % of depth, worst {errors.max():.1f} %")
    return ", ".join(parts)


def _errors(values: Sequence[np.ndarray]) -> np.ndarray:
    joined = np.concatenate(values) if values else np.empty(0)
    return np.asarray(joined[np.isfinite(joined)])


def _body(body: VertebraLandmarks, view: View, colour: str, width: float, *, named: bool) -> str:
    """Outline through the corners that are seen, and the name in the middle."""
    points = view.to_scene.apply(body.corners_px)
    seen = [points[corner] for corner in _OUTLINE if np.isfinite(points[corner]).all()]
    if not seen:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in seen)
    shape = f'<polygon points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'
    if not named:
        return shape
    x, y = np.mean(seen, axis=0)
    text = "?" if body.level is None else str(body.level)
    return (
        f'{shape}<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="11" font-weight="600" '
        f'fill="{colour}" stroke="#000" stroke-width="2" paint-order="stroke">{escape(text)}</text>'
    )


def _word(text: str, colour: str) -> str:
    return (
        f'<text x="8" y="18" font-size="14" font-weight="600" fill="{colour}" stroke="#000" stroke-width="3" '
        f'paint-order="stroke">{text}</text>'
    )

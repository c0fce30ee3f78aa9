"""Which part of a film a drawing shows, and the map from film px to scene px."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.results import RadiographMeasurement

FOCUS_MM = (150.0, 205.0)
"""Width and height (mm) of the part shown side by side: about two vertebrae above and below."""

USUAL_DEPTH_MM = 34.0
"""Depth taken for a vertebra when a film has no scale; it sizes the picture only, never a number."""


@dataclass(frozen=True, slots=True)
class View:
    """A window onto a film.

    Attributes:
        box_px: (x0, y0, x1, y1) film px; may reach beyond the film.
        to_scene: film px to scene px, with the pixel aspect applied so that angles look true.
        size: (width, height) of the scene (px).
        px_per_mm: scene px per mm, or None without a scale.
    """

    box_px: tuple[float, float, float, float]
    to_scene: ScaleShift
    size: tuple[float, float]
    px_per_mm: float | None


def _view(box_px: tuple[float, float, float, float], spacing: PixelSpacing, scale: float) -> View:
    """A view of ``box_px`` with ``scale`` scene px per film column."""
    x0, y0, x1, y1 = box_px
    scale_y = scale * spacing.row_mm / spacing.column_mm
    to_scene = ScaleShift(scale, scale_y, -x0 * scale, -y0 * scale_y)
    size = ((x1 - x0) * scale, (y1 - y0) * scale_y)
    return View(box_px, to_scene, size, scale / spacing.column_mm if spacing.is_metric else None)


def whole_view(size_px: tuple[int, int], spacing: PixelSpacing, long_side: float = 1200.0) -> View:
    """The whole film, ``long_side`` scene px long; a small one is enlarged, so that its labels are small beside it."""
    width, height = size_px[0] * spacing.column_mm, size_px[1] * spacing.row_mm
    scale = long_side * spacing.column_mm / max(width, height)
    return _view((0.0, 0.0, float(size_px[0]), float(size_px[1])), spacing, scale)


def focus_view(measurement: RadiographMeasurement, level: VertebralLevel, height: float = 1000.0) -> View:
    """The field about ``level``, the same size in mm on every film of a patient, moved onto the film at its border.

    Without a scale the depth of the vertebrae is the ruler; without the level the middle of the spine is shown.
    """
    vertebra = measurement.at(level)
    seen = [vertebra] if vertebra is not None else list(measurement.vertebrae)
    if not seen:
        return whole_view(measurement.size_px, measurement.spacing, height)
    centre = np.mean([v.landmarks.centre_px for v in seen], axis=0)
    column_mm = _column_mm(measurement)
    row_mm = column_mm * measurement.spacing.row_mm / measurement.spacing.column_mm
    wide, high = FOCUS_MM[0] / column_mm, FOCUS_MM[1] / row_mm
    _, top, _, bottom = measurement.exposed_px or (0.0, 0.0, 0.0, float(measurement.size_px[1]))
    x0 = _start(float(centre[0]), wide, 0.0, float(measurement.size_px[0]))
    y0 = _start(float(centre[1]), high, top, bottom)
    return _view((x0, y0, x0 + wide, y0 + high), measurement.spacing, height / FOCUS_MM[1] * column_mm)


def _start(centre: float, length: float, low: float, high: float) -> float:
    """Start of a stretch about ``centre``, moved into [low, high] or, where it is longer, until it holds all of it."""
    latest = high - length
    return min(max(centre - length / 2, min(low, latest)), max(low, latest))


def _column_mm(measurement: RadiographMeasurement) -> float:
    """Size of a column (mm), guessed from the depth of the bodies where the film has no scale."""
    if measurement.spacing.is_metric:
        return measurement.spacing.column_mm
    depths = np.array([v.landmarks.depth_px for v in measurement.vertebrae])
    depths = depths[np.isfinite(depths)]
    return USUAL_DEPTH_MM / float(np.median(depths)) if len(depths) else 1.0

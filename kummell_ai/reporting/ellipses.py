"""How sure the corners are that the angles of the injured level hang on: thin 95 % ellipses."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import CORNERS, Endplate, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.pen import Pen, to_point

RADIUS = float(np.sqrt(-2.0 * np.log(0.05)))
"""Of the ellipse that holds 95 % of a normal distribution in the plane, in standard deviations."""

_TURN = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)


def corner_ellipses(pen: Pen, level: VertebralLevel) -> list[s.Shape]:
    """Those of the four corners of ``level`` and of the two endplates of its segmental Cobb angle."""
    corners = [(level, row) for row in range(len(CORNERS))]
    segment = pen.measurement.segment("segmental_cobb", level)
    if segment is not None:
        for name, endplate in ((segment.upper, segment.upper_endplate), (segment.lower, segment.lower_endplate)):
            first = 0 if endplate == Endplate.SUPERIOR.value else 2
            corners += [(name, first), (name, first + 1)]
    shapes: list[s.Shape] = []
    for name, row in dict.fromkeys(corners):
        vertebra = pen.measurement.at(name)
        if vertebra is None or vertebra.landmarks.covariance_px is None:
            continue
        outline = ellipse(vertebra.landmarks.corners_px[row], vertebra.landmarks.covariance_px[row])
        if np.isfinite(outline).all() and np.isfinite(pen.points(vertebra)[row]).all():
            points = tuple(to_point(point) for point in pen.view.to_scene.apply(outline))
            shapes.append(s.Polygon(points, s.SUPERIOR if row < 2 else s.INFERIOR, pen.line * 0.5))
    return shapes


def ellipse(centre: FloatArray, covariance: FloatArray) -> FloatArray:
    """(32, 2) points of the 95 % ellipse about ``centre`` (2,), px; NaN where either is not known."""
    if not (np.isfinite(centre).all() and np.isfinite(covariance).all()):
        return np.full((len(_TURN), 2), np.nan)
    variances, axes = np.linalg.eigh(covariance)
    radii = RADIUS * np.sqrt(np.maximum(variances, 0.0))
    outline: FloatArray = centre + np.column_stack([np.cos(_TURN), np.sin(_TURN)]) * radii @ axes.T
    return outline

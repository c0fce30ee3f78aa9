"""Where metal and cement lie on a film, and which points they cover."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]

NOTHING, METAL, CEMENT = 0, 1, 2
"""Values of a mask; where both lie in the beam it says metal."""

METALS = ("titanium", "cobalt_chrome", "steel", "tantalum")
CEMENTS = ("cement", "cement_zirconia")
SHOWS_MM = 0.3
"""Thickness of metal or cement from which a pixel counts as covered by it."""

HIDES_MM = {**dict.fromkeys((*METALS, "lead"), 0.3), **dict.fromkeys(CEMENTS, 8.0)}
"""Thickness (mm) behind which an edge of bone is no longer seen; thinner cement lets it shine through."""

WINDOW_PX, EVEN_GREY = 4, 2.0 / 255.0
"""Half the width of the window about a point, and the range of grey in it below which nothing is seen there."""


def material_mask(lengths_mm: Mapping[str, Map], shape: tuple[int, int]) -> Mask:
    """Mask (rows, columns) of `NOTHING`, `METAL` and `CEMENT` from path lengths (mm) by material."""
    mask = np.full(shape, NOTHING, dtype=np.uint8)
    for value, names in ((CEMENT, CEMENTS), (METAL, METALS)):
        for name in names:
            if name in lengths_mm:
                mask[lengths_mm[name] >= SHOWS_MM] = value
    return mask


def hidden_points(points_px: FloatArray, lengths_mm: Mapping[str, Map], film: Map) -> NDArray[np.bool_]:
    """Which of the points (P, 2) px cannot be seen where they lie (P,); NaN points are off the film and not hidden.

    A point is hidden behind something dense, or where the film shows one even grey: black or white beyond its range.

    Args:
        points_px: in the frame of ``film``.
        lengths_mm: path length by material, (rows, columns) each.
        film: (rows, columns) in [0, 1].
    """
    hidden = np.zeros(len(points_px), dtype=np.bool_)
    seen = np.flatnonzero(np.isfinite(points_px).all(axis=1))
    cells = np.minimum(np.floor(points_px[seen]).astype(int), [film.shape[1] - 1, film.shape[0] - 1])
    for k, (column, row) in zip(seen, cells, strict=True):
        around = film[
            max(row - WINDOW_PX, 0) : row + WINDOW_PX + 1, max(column - WINDOW_PX, 0) : column + WINDOW_PX + 1
        ]
        dense = any(lengths_mm[name][row, column] >= limit for name, limit in HIDES_MM.items() if name in lengths_mm)
        hidden[k] = dense or bool(np.ptp(around) < EVEN_GREY)
    return hidden

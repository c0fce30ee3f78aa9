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


def material_mask(lengths_mm: Mapping[str, Map], shape: tuple[int, int]) -> Mask:
    """Mask (rows, columns) of `NOTHING`, `METAL` and `CEMENT` from path lengths (mm) by material."""
    mask = np.full(shape, NOTHING, dtype=np.uint8)
    for value, names in ((CEMENT, CEMENTS), (METAL, METALS)):
        for name in names:
            if name in lengths_mm:
                mask[lengths_mm[name] >= SHOWS_MM] = value
    return mask


def hidden_points(points_px: FloatArray, lengths_mm: Mapping[str, Map]) -> NDArray[np.bool_]:
    """Which of the points (P, 2) px on the film lie behind something dense (P,); NaN points do not."""
    hidden = np.zeros(len(points_px), dtype=np.bool_)
    seen = np.isfinite(points_px).all(axis=1)
    for name, limit in HIDES_MM.items():
        if name in lengths_mm and seen.any():
            length = lengths_mm[name]
            column, row = np.floor(points_px[seen]).astype(int).T
            row, column = np.minimum(row, length.shape[0] - 1), np.minimum(column, length.shape[1] - 1)
            hidden[seen] |= length[row, column] >= limit
    return hidden

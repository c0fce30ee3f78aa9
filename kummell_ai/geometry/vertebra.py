"""The parts of a vertebral body: its points, endplates, and the side its front is turned to.

Points are arrays (..., 4, 2) or (..., 6, 2) in `VertebralLandmark` order, isotropic (mm, or px with the pixel
aspect applied), y down; NaN = not seen. The leading axes run over films and vertebrae.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.anatomy import Endplate, VertebralLandmark
from kummell_ai.geometry.lines import FloatArray, cross

_OUTLINE = [
    VertebralLandmark.SUPERIOR_POSTERIOR,
    VertebralLandmark.SUPERIOR_ANTERIOR,
    VertebralLandmark.INFERIOR_ANTERIOR,
    VertebralLandmark.INFERIOR_POSTERIOR,
]
_CORNERS_OF = {
    Endplate.SUPERIOR: (VertebralLandmark.SUPERIOR_POSTERIOR, VertebralLandmark.SUPERIOR_ANTERIOR),
    Endplate.INFERIOR: (VertebralLandmark.INFERIOR_POSTERIOR, VertebralLandmark.INFERIOR_ANTERIOR),
}


def as_points(points: ArrayLike) -> FloatArray:
    """``points`` as float64.

    Raises:
        ValueError: the last two axes are not (4, 2) or (6, 2).
    """
    p = np.asarray(points, dtype=np.float64)
    if p.shape[-2:] not in ((4, 2), (6, 2)):
        raise ValueError(f"points have shape {p.shape}; expected (..., 4, 2) or (..., 6, 2)")
    return p


def point(points: ArrayLike, landmark: VertebralLandmark) -> FloatArray:
    """One landmark (..., 2); NaN when the set holds corners only."""
    p = as_points(points)
    if landmark >= p.shape[-2]:
        return np.full((*p.shape[:-2], 2), np.nan)
    return p[..., landmark, :]


def endplate(points: ArrayLike, which: Endplate) -> FloatArray:
    """Chord of an endplate, (..., 2), from its posterior to its anterior corner."""
    posterior, anterior = _CORNERS_OF[which]
    return point(points, anterior) - point(points, posterior)


def signed_area(points: ArrayLike) -> FloatArray:
    """Area of the body (...), squared units, + when its front is turned to the right of the film.

    One corner that is not seen is left out of the outline; with fewer than three corners the area is 0.
    """
    outline = as_points(points)[..., _OUTLINE, :]
    seen = np.isfinite(outline).all(axis=-1, keepdims=True)
    anchor = np.where(seen, outline, -np.inf).max(axis=-2, keepdims=True)
    local = outline - np.where(np.isfinite(anchor), anchor, 0.0)
    for _ in range(len(_OUTLINE) - 1):
        local = np.where(seen, local, np.roll(local, 1, axis=-2))
        seen = seen | np.roll(seen, 1, axis=-2)
    area = 0.5 * cross(local, np.roll(local, -1, axis=-2)).sum(axis=-1)
    return np.where(np.isfinite(area), area, 0.0)


def handedness(*bodies: ArrayLike) -> FloatArray:
    """The side the front is turned to: +1 right, -1 left, NaN when the points do not tell.

    Several bodies (each (..., 4|6, 2)) vote with their areas. The value depends on the points alone, so a mirrored
    film turns it round and every angle that is multiplied by it keeps its sign.

    >>> left_facing = [[0, 0], [30, 0], [0, 25], [30, 25]]
    >>> float(handedness(left_facing))
    -1.0
    """
    sign = np.sign(np.sum([signed_area(body) for body in bodies], axis=0))
    return np.where(sign == 0, np.nan, sign)

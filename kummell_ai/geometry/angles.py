"""Angles between endplates (degrees), kyphosis +, lordosis -. Definitions: docs/definitions.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry.lines import FloatArray, signed_angle
from kummell_ai.geometry.vertebra import endplate, handedness


@dataclass(frozen=True, slots=True)
class NormalAngle:
    """A normal angle of a level: mean and standard deviation (degrees, kyphosis +) of ``n`` people."""

    mean_deg: float
    sd_deg: float
    n: int


NORMAL_SEGMENTAL: dict[VertebralLevel, NormalAngle] = {
    VertebralLevel.T12: NormalAngle(5.2, 3.3, 150),
    VertebralLevel.L1: NormalAngle(-2.3, 3.3, 150),
    VertebralLevel.L2: NormalAngle(-7.2, 2.8, 150),
    VertebralLevel.L3: NormalAngle(-12.4, 12.0, 150),
}
"""Normal segmental angle from V-1 to V+1 about level V.

Source: J Orthop Surg Res 2020, s13018-020-02115-5; that paper counts kyphosis negative, the signs are turned here.
"""


def endplate_angle(
    upper: ArrayLike,
    upper_endplate: Endplate,
    lower: ArrayLike,
    lower_endplate: Endplate,
    facing_sign: ArrayLike | None = None,
) -> FloatArray:
    """Angle between two endplates of any two vertebrae (degrees, ...), + when they open backwards (kyphosis).

    Args:
        upper: points of the cranial vertebra (..., 4|6, 2).
        upper_endplate: which of its endplates.
        lower: points of the caudal vertebra (..., 4|6, 2).
        lower_endplate: which of its endplates.
        facing_sign: +1 front to the right, -1 to the left (...); told by the points of the two when absent.
    """
    sign = handedness(upper, lower) if facing_sign is None else np.asarray(facing_sign, dtype=np.float64)
    return sign * signed_angle(endplate(lower, lower_endplate), endplate(upper, upper_endplate))


def wedge_angle(body: ArrayLike, facing_sign: ArrayLike | None = None) -> FloatArray:
    """Angle between the superior and inferior endplate (degrees, ...), + when the body is lower in front.

    The endplates are the chords from posterior to anterior corner; a mid-endplate depression is not seen.
    """
    return endplate_angle(body, Endplate.SUPERIOR, body, Endplate.INFERIOR, facing_sign)


def segmental_cobb(above: ArrayLike, below: ArrayLike, facing_sign: ArrayLike | None = None) -> FloatArray:
    """Segmental kyphotic Cobb angle (degrees, ...): superior endplate of V-1 to inferior endplate of V+1.

    For the surgical segments give the upper and the lower instrumented vertebra.
    """
    return endplate_angle(above, Endplate.SUPERIOR, below, Endplate.INFERIOR, facing_sign)


def local_kyphosis(above: ArrayLike, index: ArrayLike, facing_sign: ArrayLike | None = None) -> FloatArray:
    """Local kyphosis, Gardner's form (degrees, ...): superior endplate of V-1 to inferior endplate of V."""
    return endplate_angle(above, Endplate.SUPERIOR, index, Endplate.INFERIOR, facing_sign)


def sagittal_index(segmental_deg: ArrayLike, level: VertebralLevel) -> FloatArray:
    """Farcy's sagittal index (degrees, ...): segmental kyphosis minus the normal of the level.

    Raises:
        ValueError: no normal value is known for ``level``.

    >>> float(sagittal_index(20.0, VertebralLevel.L1))
    22.3
    """
    if level not in NORMAL_SEGMENTAL:
        known = ", ".join(str(known) for known in NORMAL_SEGMENTAL)
        raise ValueError(f"{level} has no normal segmental angle; it is known for {known}")
    return np.asarray(segmental_deg, dtype=np.float64) - NORMAL_SEGMENTAL[level].mean_deg

"""Heights, depths and their ratios. Definitions: docs/definitions.md.

Points are (..., 4|6, 2), isotropic; lengths come out in the unit of the points, ratios in percent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.anatomy import Endplate, VertebralLandmark
from kummell_ai.geometry.lines import FloatArray, length, ratio
from kummell_ai.geometry.vertebra import endplate, point

GRADE_THRESHOLDS: tuple[float, float, float] = (20.0, 25.0, 40.0)
"""Height loss (%) from which a vertebra counts as grade 1 and 2, and above which as grade 3."""


def anterior_height(points: ArrayLike) -> FloatArray:
    """Ha, from the superior to the inferior anterior corner (...)."""
    return length(
        point(points, VertebralLandmark.SUPERIOR_ANTERIOR) - point(points, VertebralLandmark.INFERIOR_ANTERIOR)
    )


def posterior_height(points: ArrayLike) -> FloatArray:
    """Hp, from the superior to the inferior posterior corner (...)."""
    return length(
        point(points, VertebralLandmark.SUPERIOR_POSTERIOR) - point(points, VertebralLandmark.INFERIOR_POSTERIOR)
    )


def middle_height(points: ArrayLike) -> FloatArray:
    """Hm, between the middles of the endplates (...); NaN for four corners, which cannot tell it."""
    return length(point(points, VertebralLandmark.SUPERIOR_MIDDLE) - point(points, VertebralLandmark.INFERIOR_MIDDLE))


def endplate_depth(points: ArrayLike, which: Endplate) -> FloatArray:
    """Length of an endplate's chord (...)."""
    return length(endplate(points, which))


def wedge_ratio(points: ArrayLike) -> FloatArray:
    """100 Ha / Hp (%, ...); NaN when the posterior wall has no height."""
    return 100.0 * ratio(anterior_height(points), posterior_height(points))


def compression(points: ArrayLike) -> FloatArray:
    """100 (1 - min(Ha, Hm) / Hp) (%, ...), the form used on CT; Ha alone where Hm is not seen."""
    front = anterior_height(points)
    lowest = np.where(np.isfinite(front), np.fmin(front, middle_height(points)), np.nan)
    return 100.0 * (1.0 - ratio(lowest, posterior_height(points)))


def reference_height(*references: ArrayLike) -> FloatArray:
    """Mean anterior height of the reference vertebrae, each (..., 4|6, 2) -> (...).

    Raises:
        ValueError: no reference is given.
    """
    if not references:
        raise ValueError("0 reference vertebrae given; the reference height needs at least one")
    return np.asarray(np.mean([anterior_height(body) for body in references], axis=0))


def height_loss(height: ArrayLike, reference: ArrayLike) -> FloatArray:
    """100 (1 - height / reference) (%, ...); with reference = (A1 + A2) / 2 it is 100 (A1 + A2 - 2 A0) / (A1 + A2).

    >>> float(height_loss(15.0, 25.0))
    40.0
    """
    return 100.0 * (1.0 - ratio(height, reference))


def height_derived_grade(loss_percent: ArrayLike) -> FloatArray:
    """Grade 0 to 3 by Genant's limits on the height loss (%): 0 < 20 <= 1 < 25 <= 2 <= 40 < 3; NaN stays NaN.

    >>> height_derived_grade([19.9, 20.0, 25.0, 40.0, 40.1]).tolist()
    [0.0, 1.0, 2.0, 2.0, 3.0]
    """
    loss = np.asarray(loss_percent, dtype=np.float64)
    mild, moderate, severe = GRADE_THRESHOLDS
    grade = (loss >= mild).astype(np.float64) + (loss >= moderate) + (loss > severe)
    return np.where(np.isfinite(loss), grade, np.nan)

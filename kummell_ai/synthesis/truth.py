"""True measurements of a simulated spine, from its three-dimensional rim points (mm and degrees)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from kummell_ai.anatomy import USUAL_LEVELS, VertebralLevel
from kummell_ai.geometry.angles import local_kyphosis, segmental_cobb, wedge_angle
from kummell_ai.geometry.heights import anterior_height, height_loss, posterior_height, reference_height
from kummell_ai.imaging.frames import FloatArray


def sagittal(corners_mm: FloatArray) -> FloatArray:
    """Corners (4, 3) in the patient frame -> (4, 2) in the sagittal plane as a left-facing film shows it, y down."""
    return np.stack([-corners_mm[:, 0], -corners_mm[:, 2]], axis=-1)


def true_measurements(corners_mm: Mapping[VertebralLevel, FloatArray], index: VertebralLevel) -> dict[str, float]:
    """Truth of the injured level: heights (mm), angles (deg), height loss (%), ids with their unit in the name."""
    k = USUAL_LEVELS.index(index)
    above, body, below = (sagittal(corners_mm[USUAL_LEVELS[i]]) for i in (k - 1, k, k + 1))
    reference = float(reference_height(above, below))
    values: dict[str, FloatArray | float] = {
        "anterior_height_mm": anterior_height(body),
        "posterior_height_mm": posterior_height(body),
        "reference_height_mm": reference,
        "height_loss_percent": height_loss(anterior_height(body), reference),
        "wedge_angle_deg": wedge_angle(body),
        "segmental_cobb_deg": segmental_cobb(above, below),
        "local_kyphosis_deg": local_kyphosis(above, body),
    }
    return {name: round(float(value), 4) for name, value in values.items() if math.isfinite(float(value))}

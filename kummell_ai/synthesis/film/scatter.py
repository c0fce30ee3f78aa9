"""Scattered radiation, made from what the tissue lets through."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
SCATTER_STEP = 8  # scatter is smooth: it is made on a grid this much coarser
AIR_CAP = 3.0  # open air scatters nothing: no cell of the primary counts for more than this many times tissue


def tissue_level(primary: Map) -> float:
    """Exposure behind tissue, which the automatic exposure control holds: a low quantile of what is no open air."""
    sample = primary[::4, ::4]
    behind = sample[sample < 0.25]
    return max(float(np.quantile(behind if behind.size > 16 else sample, 0.4)), 1e-7)


def scatter_map(primary: Map, water_mm: Map, ratio: float, spread_mm: float, pixel_mm: float) -> Map:
    """Scattered exposure, in the unit of ``primary`` (tissue about 1); grows as thickness to the power 1.4.

    Each cell sends out its own tissue-capped primary times the ratio of its thickness, smeared by a narrow and a wide
    Gaussian: air sends out nothing, and a thick pelvis is filled in from its thinner surroundings, as on real films.

    Args:
        primary: primary exposure, in units of that of tissue, (rows, columns).
        water_mm: thickness (mm) of the water that scatters as much.
        ratio: scatter-to-primary ratio behind 200 mm of water.
        spread_mm: width (standard deviation) of the scatter of a pencil beam at the patient (mm).
        pixel_mm: pixel size at the patient (mm).
    """
    rows, cols = primary.shape
    size = (max(cols // SCATTER_STEP, 2), max(rows // SCATTER_STEP, 2))
    small = cv2.resize(np.minimum(primary, np.float32(AIR_CAP)), size, interpolation=cv2.INTER_AREA)
    thick = cv2.resize(water_mm, size, interpolation=cv2.INTER_AREA)
    sent = small * np.float32(ratio) * (np.maximum(thick, 0.0) / np.float32(200.0)) ** np.float32(1.4)
    sigma = spread_mm / (pixel_mm * rows / size[1])
    near = cv2.GaussianBlur(sent, (0, 0), max(0.5 * sigma, 0.3), borderType=cv2.BORDER_REFLECT)
    far = cv2.GaussianBlur(sent, (0, 0), max(1.5 * sigma, 0.3), borderType=cv2.BORDER_REFLECT)
    glow = np.float32(0.5) * (near + far)
    return np.asarray(cv2.resize(glow, (cols, rows), interpolation=cv2.INTER_LINEAR), dtype=np.float32)

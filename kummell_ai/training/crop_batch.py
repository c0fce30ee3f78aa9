"""A batch of crops with their targets."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_ROWS
from kummell_ai.landmarks.refiner import REFINER_STRIDE

MAP_SHAPE = (CROP_ROWS // REFINER_STRIDE, CROP_COLUMNS // REFINER_STRIDE)


class CropBatch(NamedTuple):
    """B crops: (B, 1, H, W) standardised, points (B, 6, 2) crop px, visible (B, 6), states (B, 3), mm a crop px (B,).

    ``points`` are known on the film only, ``maps`` wherever the crop shows them, also beyond the edge of the film.
    ``annotated`` (B, 6) is 1 where a point is known, on the film or off it; elsewhere ``visible`` says nothing.
    """

    crops: Tensor
    maps: Tensor
    points: Tensor
    visible: Tensor
    states: Tensor
    spacing_mm: Tensor
    annotated: Tensor

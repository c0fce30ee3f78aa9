"""From a film to the network's frame and back: crop, resize, turn to the left, standardise, pad.

The film itself is never flipped: the turn lives in the `ScaleShift` that comes with the fitted array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.intensity import Box, box_slices, rescale, robust_limits, standardise
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.channels import SIZE_MULTIPLE

MIN_SIDE = 64
"""Smallest side of a fitted film (px); smaller ones are padded."""


@dataclass(frozen=True, slots=True)
class FittedFilm:
    """A film in network frame.

    Attributes:
        pixels: (rows, columns) float32 standardised, both multiples of 32, padded right and below with 0.
        to_network: image px -> network px; a mirror when the film was turned.
        content: rows and columns that show the film; the rest is padding.
    """

    pixels: NDArray[np.float32]
    to_network: ScaleShift
    content: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How a film is brought into network frame.

    Attributes:
        scale: network px per image row.
        stretch: further scale across, for a film whose own aspect is not known and looks wrong.
        mirror: whether the film is turned from right to left.
        box: (x0, y0, x1, y1) image px that are shown, or None for the valid box.
    """

    scale: float
    mirror: bool = False
    box: Box | None = None
    stretch: float = 1.0


def plan_rows(radiograph: Radiograph, rows: int, mirror: bool = False) -> FitPlan:
    """The plan that shows the valid part of ``radiograph`` at ``rows`` network rows."""
    vertical, _ = box_slices(radiograph.pixels.shape, radiograph.valid_box)
    return FitPlan(rows / (vertical.stop - vertical.start), mirror)


def fit(radiograph: Radiograph, plan: FitPlan) -> FittedFilm:
    """Bring a film into network frame; unequal pixel sides are made equal."""
    import cv2

    box = plan.box if plan.box is not None else radiograph.valid_box
    vertical, across = box_slices(radiograph.pixels.shape, box)
    part = radiograph.pixels[vertical, across]
    scale_x = plan.scale * plan.stretch * radiograph.spacing.column_mm / radiograph.spacing.row_mm
    rows = max(8, round(part.shape[0] * plan.scale))
    columns = max(8, round(part.shape[1] * scale_x))
    shrinks = rows <= part.shape[0] and columns <= part.shape[1]
    resized = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    resized = normalise(resized)
    frame = ScaleShift.resize(columns / part.shape[1], rows / part.shape[0]).compose(
        ScaleShift.translate(-float(across.start), -float(vertical.start))
    )
    if plan.mirror:
        resized = resized[:, ::-1]
        frame = ScaleShift.mirror(float(columns)).compose(frame)
    padded = np.zeros((_padded(rows), _padded(columns)), dtype=np.float32)
    padded[:rows, :columns] = resized
    return FittedFilm(padded, frame, (rows, columns))


def normalise(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """Grey values as the network expects them, in training and afterwards: outliers clipped, mean 0, deviation 1."""
    return standardise(rescale(pixels, *robust_limits(pixels)))


def _padded(side: int) -> int:
    return max(MIN_SIDE, -(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE)

"""Where a film shows something: display shutters, padding and constant borders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from kummell_ai.dicom.container import number, numbers, text
from kummell_ai.imaging.intensity import Box, GreyArray

Mask = NDArray[np.bool_]

BORDER_SPREAD = 0.02
"""A border row or column whose 2nd and 98th percentiles differ by less shows nothing."""

MIN_SHARE = 0.1
"""A shutter that leaves less than this share of the rows or columns is a wrong header, not a shutter."""


def shutter_mask(dataset: Dataset, shape: tuple[int, int]) -> Mask | None:
    """(H, W) True where the rectangular, circular and polygonal shutters let the film be seen; None without shutters.

    DICOM counts rows and columns from 1; an edge itself belongs to the open part.
    """
    shapes = (text(dataset, "ShutterShape") or "").upper()
    masks = [
        mask
        for word, build in (("RECTANGULAR", _rectangle), ("CIRCULAR", _circle), ("POLYGONAL", _polygon))
        if word in shapes and (mask := build(dataset, shape)) is not None
    ]
    if not masks:
        return None
    mask = np.logical_and.reduce(masks)
    open_enough = mask.any(axis=1).mean() >= MIN_SHARE and mask.any(axis=0).mean() >= MIN_SHARE
    return mask if open_enough else None


def _rectangle(dataset: Dataset, shape: tuple[int, int]) -> Mask | None:
    keywords = ("LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge", "LowerHorizontalEdge")
    edges = [number(dataset, f"Shutter{keyword}") for keyword in keywords]
    if any(edge is None for edge in edges):
        return None
    left, right, upper, lower = (int(np.clip(edge or 0, -1e6, 1e6)) for edge in edges)
    mask = np.zeros(shape, bool)
    mask[max(0, upper - 1) : max(0, lower), max(0, left - 1) : max(0, right)] = True
    return mask


def _circle(dataset: Dataset, shape: tuple[int, int]) -> Mask | None:
    centre, radius = numbers(dataset, "CenterOfCircularShutter"), number(dataset, "RadiusOfCircularShutter")
    if len(centre) != 2 or radius is None or radius <= 0:
        return None
    rows = np.arange(1, shape[0] + 1, dtype=np.float64)[:, None] - centre[0]
    columns = np.arange(1, shape[1] + 1, dtype=np.float64)[None, :] - centre[1]
    return np.asarray(rows**2 + columns**2 <= radius**2)


def _polygon(dataset: Dataset, shape: tuple[int, int]) -> Mask | None:
    vertices = numbers(dataset, "VerticesOfThePolygonalShutter")
    if len(vertices) < 6 or len(vertices) % 2:
        return None
    pairs = np.clip(np.asarray(vertices).reshape(-1, 2), -1e6, 1e6) - 1.0
    canvas = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).polygon([(float(column), float(row)) for row, column in pairs], fill=1, outline=1)
    return np.asarray(canvas, dtype=bool)


def padding_mask(stored: NDArray[Any], dataset: Dataset) -> Mask | None:
    """(H, W) True where the stored value is pixel padding; None when the header names no padding value.

    Padding surrounds a picture: what has its value without a way to the border, such as metal that saturates the
    detector, is part of the picture.
    """
    value, limit = number(dataset, "PixelPaddingValue"), number(dataset, "PixelPaddingRangeLimit")
    if value is None:
        return None
    if int(dataset.get("PixelRepresentation") or 0) == 1:  # some files write it unsigned beside signed pixels
        bits = int(dataset.BitsAllocated)
        value, limit = _signed(value, bits), None if limit is None else _signed(limit, bits)
    low, high = sorted((value, value if limit is None else limit))
    mask: Mask = np.asarray((stored >= low) & (stored <= high))
    mask = _from_border(mask)
    return mask if mask.any() and not mask.all() else None


def _from_border(mask: Mask) -> Mask:
    """The True pixels that are connected to the border over their sides."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    at_border = np.zeros(count + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        at_border[edge] = True
    at_border[0] = False
    return np.asarray(at_border[labels])


def _signed(value: float, bits: int) -> float:
    """A value of ``bits`` bits whose highest one is a sign."""
    return value - 2.0**bits if value >= 2.0 ** (bits - 1) else value


def mask_box(mask: Mask) -> Box:
    """The smallest box (px) that holds every True pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def content_box(pixels: GreyArray, box: Box | None) -> Box:
    """``box`` (or the whole film) without the constant rows and columns at its edges.

    Two rounds, because a side border hides the top border's constancy and the reverse. A film that is constant
    everywhere keeps its box.
    """
    height, width = pixels.shape
    x0, y0, x1, y1 = (int(v) for v in (box or (0, 0, width, height)))
    for _ in range(2):
        rows = _edges(_spread(pixels[y0:y1, x0:x1], axis=1))
        y0, y1 = y0 + rows[0], y0 + rows[1]
        columns = _edges(_spread(pixels[y0:y1, x0:x1], axis=0))
        x0, x1 = x0 + columns[0], x0 + columns[1]
    return float(x0), float(y0), float(x1), float(y1)


def _spread(pixels: GreyArray, axis: int) -> NDArray[np.float32]:
    step = max(1, pixels.shape[axis] // 256)
    sampled = pixels[:, ::step] if axis == 1 else pixels[::step]
    low, high = np.percentile(sampled, (2.0, 98.0), axis=axis)
    return np.asarray(high - low, dtype=np.float32)


def _edges(spread: NDArray[np.float32]) -> tuple[int, int]:
    shown = np.flatnonzero(spread >= BORDER_SPREAD)
    return (int(shown[0]), int(shown[-1]) + 1) if shown.size else (0, len(spread))

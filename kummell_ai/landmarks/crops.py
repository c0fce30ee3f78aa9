"""A crop about one vertebra: level with its endplates, front to the left, of one size whatever the film's scale.

Crop px (x, y): `CROP_COLUMNS` x `CROP_ROWS`, the body's centre in the middle, its endplates along x, the mean depth of
its endplates `CROP_DEPTH` px, so that 35 mm of bone are seen at about 0.36 mm a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray, index_matrix
from kummell_ai.imaging.intensity import standardise

CROP_ROWS, CROP_COLUMNS = 144, 160
CROP_DEPTH = 96.0
"""Endplate depth in a crop (px)."""


@dataclass(frozen=True, slots=True)
class CropFrame:
    """Affine map between image px and crop px.

    Attributes:
        matrix: (2, 3) image (x, y) px -> crop (x, y) px.
    """

    matrix: FloatArray

    def apply(self, points_px: FloatArray) -> FloatArray:
        """Image px (..., 2) -> crop px; NaN stays NaN."""
        mapped: FloatArray = np.asarray(points_px, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return mapped

    def back(self, points: FloatArray) -> FloatArray:
        """Crop px (..., 2) -> image px; the inverse of `apply`."""
        inverse = np.linalg.inv(self.matrix[:, :2])
        mapped: FloatArray = (np.asarray(points, dtype=np.float64) - self.matrix[:, 2]) @ inverse.T
        return mapped

    def back_covariance(self, covariance: FloatArray) -> FloatArray:
        """Covariances (..., 2, 2) crop px² -> image px²."""
        inverse = np.linalg.inv(self.matrix[:, :2])
        mapped: FloatArray = inverse @ np.asarray(covariance, dtype=np.float64) @ inverse.T
        return mapped


def crop_frame(corners_px: FloatArray, aspect: float = 1.0, mirror: bool = False) -> CropFrame:
    """The frame about four corners (4, 2) image px.

    Args:
        corners_px: `VertebralLandmark` order, all finite.
        aspect: width of a pixel over its height, so that the crop is not stretched.
        mirror: whether the film's front is to the right.

    Raises:
        ValueError: a corner is not finite, or the body has no depth.
    """
    upright = np.diag([-aspect if mirror else aspect, 1.0])
    corners = np.asarray(corners_px, dtype=np.float64) @ upright.T
    endplates = corners[[1, 3]] - corners[[0, 2]]  # front to back, which is left to right
    depth = float(np.linalg.norm(endplates, axis=1).mean())
    along = endplates.sum(axis=0)
    length = float(np.linalg.norm(along))
    if not (np.isfinite(corners).all() and depth > 0.0 and length > 0.0):
        raise ValueError(f"corners {np.round(corners_px, 1).tolist()} span no body; expected four finite corners")
    cosine, sine = along / length
    linear = CROP_DEPTH / depth * np.array([[cosine, sine], [-sine, cosine]]) @ upright
    middle = np.array([CROP_COLUMNS, CROP_ROWS]) / 2.0
    shift = middle - linear @ np.asarray(corners_px, dtype=np.float64).mean(axis=0)
    return CropFrame(np.concatenate([linear, shift[:, None]], axis=1))


def cut(
    pixels: NDArray[np.float32], frame: CropFrame, size: tuple[int, int] = (CROP_ROWS, CROP_COLUMNS)
) -> NDArray[np.float32]:
    """The crop of ``size`` (rows, columns) float32 of a film (H, W); outside the film its edge is repeated.

    A film finer than the crop is averaged first, so that no grain is folded into it.
    """
    import cv2

    cv2.setNumThreads(0)
    matrix, image = frame.matrix, pixels
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.75:
        matrix, image = _averaged(pixels, matrix, shrink, size)
    out = cv2.warpAffine(
        image, index_matrix(matrix), size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, dtype=np.float32)


def _averaged(
    pixels: NDArray[np.float32], matrix: FloatArray, shrink: float, size: tuple[int, int]
) -> tuple[FloatArray, NDArray[np.float32]]:
    """The part of the film under the crop, shrunk by area to the crop's scale, and the matrix from there."""
    import cv2

    corners = np.array([[0, 0], [size[1], 0], [0, size[0]], [size[1], size[0]]], dtype=np.float64)
    under = CropFrame(matrix).back(corners)
    height, width = pixels.shape
    low = np.clip(np.floor(under.min(axis=0)) - 2.0, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(under.max(axis=0)) + 2.0, low + 1, [width, height]).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    shrunk = np.maximum(np.round(np.array(part.shape[::-1]) * shrink), 1.0)
    small = cv2.resize(part, (int(shrunk[0]), int(shrunk[1])), interpolation=cv2.INTER_AREA)
    scale = shrunk / np.array(part.shape[::-1])
    linear = matrix[:, :2] / scale
    shift = matrix[:, 2] + matrix[:, :2] @ low
    return np.concatenate([linear, shift[:, None]], axis=1), np.asarray(small, dtype=np.float32)


def standard(crop: NDArray[np.generic]) -> NDArray[np.float32]:
    """Grey values as the refiner expects them, in training and afterwards: mean 0, deviation 1."""
    return standardise(crop)

"""The one pixel convention, and the shift-and-scale maps between image frames.

Image coordinates are (x, y) = (column, row), continuous, in pixels, with the origin at the top-left corner of the
top-left pixel, so that the centre of pixel i lies at i + 0.5. This is DICOM's SCOORD frame. A resize is exactly
x * s and a mirror is width - x. The half pixel appears in named functions only: `cell_to_coordinate` /
`coordinate_to_cell` (array index <-> coordinate) and `index_matrix` (for libraries that put pixel i at i).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScaleShift:
    """y = scale * x + shift per axis, between two image frames (pixels); a mirror is a negative scale.

    Attributes:
        scale_x, scale_y: target pixels per source pixel, not 0.
        shift_x, shift_y: target coordinate of the source origin (px).

    >>> f = ScaleShift.mirror(100.0).compose(ScaleShift.resize(2.0, 2.0))
    >>> f.apply(np.array([[10.0, 5.0]])).tolist()   # resize first, then mirror about width 100
    [[80.0, 10.0]]
    """

    scale_x: float
    scale_y: float
    shift_x: float = 0.0
    shift_y: float = 0.0

    def __post_init__(self) -> None:
        if self.scale_x == 0.0 or self.scale_y == 0.0:
            raise ValueError(f"scale ({self.scale_x}, {self.scale_y}) must not be 0")

    @classmethod
    def identity(cls) -> ScaleShift:
        """The map that changes nothing."""
        return cls(1.0, 1.0)

    @classmethod
    def resize(cls, scale_x: float, scale_y: float) -> ScaleShift:
        """A resize by ``scale_x``, ``scale_y`` (target px per source px)."""
        return cls(scale_x, scale_y)

    @classmethod
    def mirror(cls, width: float) -> ScaleShift:
        """Mirror left and right in an image ``width`` px wide."""
        return cls(-1.0, 1.0, width, 0.0)

    @classmethod
    def translate(cls, x: float, y: float) -> ScaleShift:
        """Move by (x, y) px."""
        return cls(1.0, 1.0, x, y)

    @property
    def is_mirror(self) -> bool:
        """Whether the map turns the image's handedness."""
        return self.scale_x * self.scale_y < 0

    def apply(self, points: FloatArray) -> FloatArray:
        """Map points (..., 2); NaN stays NaN."""
        p = np.asarray(points, dtype=np.float64)
        mapped: FloatArray = p * np.array([self.scale_x, self.scale_y]) + np.array([self.shift_x, self.shift_y])
        return mapped

    def apply_covariance(self, covariance: FloatArray) -> FloatArray:
        """Map covariances (..., 2, 2), px² to px² of the target frame."""
        s = np.array([self.scale_x, self.scale_y])
        mapped: FloatArray = np.asarray(covariance, dtype=np.float64) * s[:, None] * s[None, :]
        return mapped

    def inverse(self) -> ScaleShift:
        """The map back."""
        return ScaleShift(
            1.0 / self.scale_x, 1.0 / self.scale_y, -self.shift_x / self.scale_x, -self.shift_y / self.scale_y
        )

    def compose(self, first: ScaleShift) -> ScaleShift:
        """The map that applies ``first``, then self."""
        return ScaleShift(
            self.scale_x * first.scale_x,
            self.scale_y * first.scale_y,
            self.scale_x * first.shift_x + self.shift_x,
            self.scale_y * first.shift_y + self.shift_y,
        )


def cell_to_coordinate(index: FloatArray, stride: float = 1.0) -> FloatArray:
    """Image coordinate (px) of the centre of array cell ``index`` when a cell is ``stride`` px wide."""
    return (np.asarray(index, dtype=np.float64) + 0.5) * stride


def coordinate_to_cell(coordinate: FloatArray, stride: float = 1.0) -> FloatArray:
    """Continuous array index of an image coordinate (px); the inverse of `cell_to_coordinate`."""
    return np.asarray(coordinate, dtype=np.float64) / stride - 0.5


def index_matrix(matrix: FloatArray) -> FloatArray:
    """The affine map (..., 2, 3) between pixel indices that does what ``matrix`` does between image coordinates.

    OpenCV's warps put the centre of pixel i at i.

    >>> index_matrix(np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).tolist()
    [[2.0, 0.0, 0.5], [0.0, 1.0, 0.0]]
    """
    shifted = np.array(matrix, dtype=np.float64)
    shifted[..., 2] = coordinate_to_cell(shifted[..., :2] @ cell_to_coordinate(np.zeros(2)) + shifted[..., 2])
    return shifted

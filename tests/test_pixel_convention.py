"""A blob and its point go through every coordinate step together and must arrive together.

Each case changes pixels by the array operation and the point by the frame map. The blob's centroid is measured with
the one convention: the centre of pixel i is i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kummell_ai.imaging.frames import ScaleShift, cell_to_coordinate, coordinate_to_cell

Image = NDArray[np.float64]
HEIGHT, WIDTH = 96, 128
POINT = np.array([50.3, 40.8])
TOLERANCE = 0.02
"""px of the target; a blob of 5 px sd cut at the image border leaves 1e-3, area resampling 1e-2."""


def blob(point: NDArray[np.float64], height: int = HEIGHT, width: int = WIDTH, sigma: float = 5.0) -> Image:
    x = cell_to_coordinate(np.arange(width)) - point[0]
    y = cell_to_coordinate(np.arange(height)) - point[1]
    return np.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / (2 * sigma**2))


def centroid(image: Image) -> NDArray[np.float64]:
    x, y = cell_to_coordinate(np.arange(image.shape[1])), cell_to_coordinate(np.arange(image.shape[0]))
    return np.array([(image.sum(axis=0) * x).sum(), (image.sum(axis=1) * y).sum()]) / image.sum()


def resize(width: int, height: int, how: int) -> Callable[[Image], Image]:
    return lambda image: np.asarray(cv2.resize(image, (width, height), interpolation=how))


STEPS: dict[str, tuple[Callable[[Image], Image], ScaleShift]] = {
    "identity": (lambda image: image, ScaleShift.identity()),
    "mirror": (lambda image: image[:, ::-1], ScaleShift.mirror(WIDTH)),
    "crop": (lambda image: image[10:90, 20:120], ScaleShift.translate(-20, -10)),
    "pad": (lambda image: np.pad(image, ((3, 0), (7, 0))), ScaleShift.translate(7, 3)),
    "half": (resize(WIDTH // 2, HEIGHT // 2, cv2.INTER_AREA), ScaleShift.resize(0.5, 0.5)),
    "double": (resize(2 * WIDTH, 2 * HEIGHT, cv2.INTER_LINEAR), ScaleShift.resize(2, 2)),
    "uneven": (resize(200, 72, cv2.INTER_LINEAR), ScaleShift.resize(200 / WIDTH, 72 / HEIGHT)),
    "block mean": (
        lambda image: image.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean(axis=(1, 3)),
        ScaleShift.resize(0.25, 0.25),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_blob_and_point_arrive_together(name: str) -> None:
    change, frame = STEPS[name]
    np.testing.assert_allclose(centroid(change(blob(POINT))), frame.apply(POINT), atol=TOLERANCE)


@pytest.mark.parametrize("name", STEPS)
def test_the_way_back_finds_the_point(name: str) -> None:
    change, frame = STEPS[name]
    found = frame.inverse().apply(centroid(change(blob(POINT))))
    np.testing.assert_allclose(found, POINT, atol=4 * TOLERANCE)


def test_a_chain_of_steps_is_the_composed_map() -> None:
    image, frame = blob(POINT), ScaleShift.identity()
    for name in ("crop", "identity"):
        change, step = STEPS[name]
        image, frame = change(image), step.compose(frame)
    image, frame = image[:, ::-1], ScaleShift.mirror(image.shape[1]).compose(frame)
    image = np.asarray(cv2.resize(image, (50, 40), interpolation=cv2.INTER_AREA))
    frame = ScaleShift.resize(0.5, 0.5).compose(frame)
    assert frame.is_mirror
    np.testing.assert_allclose(centroid(image), frame.apply(POINT), atol=TOLERANCE)


@pytest.mark.parametrize("stride", [1.0, 2.0, 4.0])
def test_the_peak_cell_of_a_heatmap_is_the_point(stride: float) -> None:
    point = cell_to_coordinate(np.array([12.0, 7.0]), stride)
    heatmap = blob(point / stride, height=20, width=30, sigma=2.0)
    row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    np.testing.assert_allclose(cell_to_coordinate(np.array([column, row], float), stride), point)
    np.testing.assert_allclose(coordinate_to_cell(point, stride), [column, row])

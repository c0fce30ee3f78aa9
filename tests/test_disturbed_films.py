"""The disturbances of scripts/evaluate_disturbed.py move a film and its truth alike, and keep its millimetres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, cell_to_coordinate
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from scripts import evaluate_disturbed as script

WIDTH, HEIGHT = 240, 400
POINTS = np.array([[80.0, 180.0], [140.0, 174.0], [86.0, 220.0], [146.0, 214.0]])
PLACED = [d for d in script.DISTURBANCES if d.place is not None]


def film() -> AnnotatedFilm:
    body = VertebraLandmarks(POINTS.copy(), VertebralLevel.L1)
    landmarks = SpineLandmarks((body,), ImageReference("made-up"), Facing.LEFT)
    spacing = PixelSpacing(0.4, 0.4, Calibration.GEOMETRY, 1.0)
    return AnnotatedFilm("made-up.png", (WIDTH, HEIGHT), landmarks, spacing)


def blob(point: FloatArray) -> script.Picture:
    """A picture of a spot of 5 px about a point."""
    x, y = (cell_to_coordinate(np.arange(n, dtype=np.float64)) for n in (WIDTH, HEIGHT))
    spot = np.exp(-0.5 * (((x - point[0]) / 5) ** 2 + ((y[:, None] - point[1]) / 5) ** 2))
    return np.asarray(spot, dtype=np.float32)


def centre(pixels: script.Picture) -> FloatArray:
    x, y = (cell_to_coordinate(np.arange(n, dtype=np.float64)) for n in pixels.shape[::-1])
    return np.array([(pixels.sum(axis=0) * x).sum(), (pixels.sum(axis=1) * y).sum()]) / pixels.sum()


@pytest.mark.parametrize("how", PLACED, ids=lambda d: d.name)
def test_a_spot_goes_where_its_corner_goes(how: script.Disturbance) -> None:
    for k in range(4):
        moved, pixels = script.disturbed(film(), blob(POINTS[k]), how)
        assert pixels.shape == moved.size_px[::-1]
        np.testing.assert_allclose(centre(pixels), moved.landmarks.vertebrae[0].corners_px[k], atol=0.05)


@pytest.mark.parametrize("how", script.DISTURBANCES, ids=lambda d: d.name)
def test_millimetres_stay(how: script.Disturbance) -> None:
    moved, pixels = script.disturbed(film(), blob(POINTS[0]), how)
    assert moved.spacing is not None
    assert pixels.dtype == np.float32
    assert np.clip(pixels, 0.0, 1.0).tolist() == pixels.tolist()
    mm = moved.landmarks.vertebrae[0].corners_px * [moved.spacing.column_mm, moved.spacing.row_mm]
    for (a, b), (c, d) in zip(pairwise(mm), pairwise(0.4 * POINTS), strict=True):
        assert np.linalg.norm(a - b) == pytest.approx(np.linalg.norm(c - d), rel=1e-9)


def test_a_mirrored_film_faces_the_other_way() -> None:
    how = next(d for d in script.DISTURBANCES if d.name == "mirrored")
    moved, _ = script.disturbed(film(), blob(POINTS[0]), how)
    assert moved.landmarks.facing is Facing.RIGHT


def test_corners_that_leave_the_film_are_not_asked_for() -> None:
    how = script.Disturbance("edge", place=lambda w, h: (np.array([[1.0, 0.0, -100.0], [0.0, 1.0, 0.0]]), (w, h)))
    moved, _ = script.disturbed(film(), blob(POINTS[1]), how)
    assert np.isnan(moved.landmarks.vertebrae[0].corners_px).any(axis=1).tolist() == [True, False, True, False]

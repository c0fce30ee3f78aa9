"""scripts/evaluate_stretched.py widens a film and its truth alike, and takes distances back to millimetres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from scripts import evaluate_stretched as script
from tests.measurement.spines import MM, SPACING, spine


@pytest.mark.parametrize("factor", [0.7, 1.0, 2.0])
def test_truth_that_is_found_is_no_error_and_a_shift_is_in_mm(factor: float) -> None:
    truth = script.across(spine(), factor)
    read = script.judge(truth, truth, factor, SPACING)
    assert (read.found, read.false, read.named) == (5, 0, 5)
    np.testing.assert_allclose(read.distances_mm, 0.0)
    assert read.told == (factor != 1.0)
    shift = np.array([2.0 * factor, 0.0])
    moved = replace(truth, vertebrae=tuple(replace(v, points_px=v.points_px + shift) for v in truth.vertebrae))
    np.testing.assert_allclose(script.judge(truth, moved, factor, SPACING).distances_mm, 2.0 * MM)


@pytest.mark.parametrize("factor", [0.75, 1.0, 1.5])
def test_a_film_is_as_wide_as_its_truth(factor: float) -> None:
    radiograph = Radiograph(np.zeros((60, 40), np.float32), SPACING, spine().reference)
    film = AnnotatedFilm("made-up.png", (40, 60), spine(), SPACING)
    truth, picture = script.stretched(film, radiograph, factor)
    assert picture.pixels.shape == (60, round(40 * factor))
    assert picture.spacing == PixelSpacing.unknown()
    np.testing.assert_allclose(truth.vertebrae[0].points_px, spine().vertebrae[0].points_px * [factor, 1.0])


def test_a_line_counts_what_was_read() -> None:
    truth = spine()
    read = script.judge(truth, truth, 1.0, SPACING)
    missed = replace(read, found=4, named=3)
    assert script.line(1.0, [read, missed]).split(" | ")[:4] == ["1", "90.0", "0", "88.9"]

"""How scripts/evaluate_edges.py counts corners beyond the edge of the film."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import evaluate_edges

NAN = [np.nan, np.nan]
ABOVE = np.array([[100.0, 50.0], [160.0, 50.0], [100.0, 90.0], [160.0, 90.0]])
CUT = np.array([[100.0, 170.0], [160.0, 170.0], NAN, NAN])


def film(found: list[np.ndarray]) -> LocatedFilm:
    """A film of 200 px whose second body reaches beyond its lower edge."""
    reference, spacing = ImageReference("film.png"), PixelSpacing(0.5, 0.5, Calibration.GEOMETRY)
    true, seen = (
        SpineLandmarks(tuple(map(VertebraLandmarks, bodies)), reference, facing=Facing.LEFT)
        for bodies in ([ABOVE, CUT], found)
    )
    return LocatedFilm(AnnotatedFilm("film.png", (300, 200), true, spacing), spacing, seen)


@pytest.mark.parametrize(
    ("below", "given", "inside_mm"),
    [
        ([NAN, NAN], 0, []),
        ([[100.0, 192.0], [160.0, 199.0]], 2, [4.0, 0.5]),  # taken for whole: 8 and 1 px of 0.5 mm within the edge
        ([[100.0, 192.0], NAN], 1, [4.0]),
    ],
)
def test_corners_beyond_the_edge_that_are_given_are_counted(below, given, inside_mm):
    whole, cut = evaluate_edges.corners_of(film([ABOVE + 1.0, np.array([*CUT[:2] - 2.0, *below])]))
    assert whole.on_film.all()
    assert whole.given.all()
    assert cut.on_film.tolist() == [True, True, False, False]
    assert cut.given[:2].all()
    assert cut.given[2:].sum() == given
    np.testing.assert_allclose(cut.inside_mm[2:][cut.given[2:]], inside_mm)


def test_a_body_that_was_not_found_or_lies_too_far_counts_for_nothing():
    (only,) = evaluate_edges.corners_of(film([ABOVE, CUT - np.array([0.0, 30.0])]))  # half a depth off
    np.testing.assert_array_equal(only.given, [True] * 4)
    assert list(evaluate_edges.corners_of(film([]))) == []

"""How scripts/evaluate_magnification.py reads a height that did not change, on films magnified unlike."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import Verdict
from tests.measurement.spines import SIZE, L, spine

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import evaluate_magnification as made
from evaluate_shapes import Patient


def film(phase: str, magnified: float) -> LocatedFilm:
    """A film of one detector (0.25 mm a pixel) that shows L1 20 mm high in front."""
    found = spine({L.L1: 20.0}, px_per_mm=4.0 * magnified, sigma_px=1.0, name=phase)
    extra = {"phase": phase, "geometry": {"magnification": magnified}, "truth": {"anterior_height_mm": 20.0}}
    spacing = PixelSpacing(0.25 / magnified, 0.25 / magnified, Calibration.GEOMETRY, magnified)
    return LocatedFilm(AnnotatedFilm("film.png", SIZE, found, spacing, extra), spacing, found)


def test_a_height_that_did_not_change() -> None:
    films = (film("pre-op", 1.1), film("post-op", 1.25))
    ((true, plain, shared),) = made.changes(Patient(tuple(f.found for f in films), films, frozenset({L.L1})))
    assert true == 0.0
    assert plain.change.value == pytest.approx(20.0 * 0.15)
    assert plain.verdict is Verdict.IMPROVED
    assert shared.change.value == pytest.approx(0.0, abs=1e-9)
    assert shared.verdict is Verdict.NOT_DISTINGUISHABLE
    assert "mean error 3.00 mm, 0.0 % in their interval" in made.told(np.zeros(1), [plain])
    worse = replace(shared, verdict=Verdict.WORSE)
    assert "1 called improved or worse against the truth" in made.told(np.ones(1), [worse])

"""The least scale of ellipses in closed form; ranks and factors are in test_calibration.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.evaluation.conformal import conformal_factor, conformal_rank, covered, fitting_scale
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.quantities import Z95

unhurried = settings(deadline=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 120), st.integers(0, 999), st.floats(0.3, 3.0))
def test_the_scale_is_that_of_the_error_with_the_promised_rank(count: int, seed: int, sigma: float) -> None:
    """Without a floor the ellipses grow with the scale alone: the error of that rank lies on the edge of its own."""
    rng = np.random.default_rng(seed)
    error = rng.normal(0.0, 2.0, (count, 2))
    covariance, floor = np.tile(sigma**2 * np.eye(2), (count, 1, 1)), np.zeros((count, 2, 2))
    ranked = np.sort((error**2).sum(axis=1)) / sigma**2
    rank = min(conformal_rank(count), count)
    scale = fitting_scale(error, covariance, floor)
    assert scale == pytest.approx(ranked[rank - 1] / ELLIPSE_95, rel=1e-6)
    assert covered(error, covariance, floor, scale) == pytest.approx(rank / count)


@unhurried
@given(st.integers(0, 999), st.floats(0.5, 5.0))
def test_a_floor_that_holds_the_errors_leaves_the_least_scale(seed: int, width: float) -> None:
    error = np.random.default_rng(seed).uniform(-width, width, (30, 2))
    floor = np.tile(width**2 * np.eye(2), (30, 1, 1))
    assert fitting_scale(error, np.tile(np.eye(2), (30, 1, 1)), floor) == pytest.approx(0.01)


@unhurried
@given(st.permutations(list(range(1, 41))))
def test_the_factor_is_the_score_of_the_promised_rank(scores: list[int]) -> None:
    assert conformal_factor(np.array(scores, float)) == pytest.approx(conformal_rank(40) / Z95)

"""At what scale a film is looked at again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import LEVELS
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.landmarks.fitting import FitPlan
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.passes import BEST_SIZE, SCALE_STEP, Pass, better_plans

USUAL_DEPTH = 50.0


def look(side: float, scale: float = 0.4) -> Pass:
    """A look that shows three square bodies with sides of ``side`` network px."""
    box = side * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    bodies = tuple(
        Candidate(
            box + np.array([0.0, 1.5 * k * side]),
            np.tile(np.eye(2), (4, 1, 1)),
            0.9,
            np.ones(4, dtype=bool),
            np.full(len(LEVELS), -3.0),
            np.zeros(3),
        )
        for k in range(3)
    )
    return Pass(FitPlan(scale), ScaleShift.identity(), bodies, np.array([1.0, 0.0, 0.0]))


@given(st.floats(20.0, 105.0))
def test_bodies_come_within_half_a_step_of_the_best_size(side: float) -> None:
    plans = better_plans(look(side), USUAL_DEPTH, aspect_known=True)
    factor = plans[0].scale / 0.4 if plans else 1.0
    off = side * factor / (BEST_SIZE * USUAL_DEPTH)
    assert SCALE_STEP**-0.501 <= off <= SCALE_STEP**0.501
    assert bool(plans) == (abs(np.log(BEST_SIZE * USUAL_DEPTH / side)) > np.log(SCALE_STEP) / 2)


@given(st.integers(-3, 4), st.floats(-0.49, 0.49), st.floats(-0.49, 0.49))
def test_scales_do_not_follow_what_rounding_does_to_a_size(step: int, one: float, other: float) -> None:
    """Two looks that differ by less than a step choose the very same scale, unless a border lies between them."""
    best = BEST_SIZE * USUAL_DEPTH
    sides = [best * SCALE_STEP ** -(step + off) for off in (one, other)]
    assert better_plans(look(sides[0]), USUAL_DEPTH, True) == better_plans(look(sides[1]), USUAL_DEPTH, True)

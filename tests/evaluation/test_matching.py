"""Laws of matching: no direction of the film counts for more, and the line of the last two bodies leads on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.evaluation import match_vertebrae
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from tests.evaluation.test_evaluation import body, moved, spine

DEPTH = 80.0
"""Of the bodies of `spine` (px)."""
unhurried = settings(deadline=None)


@unhurried
@given(st.floats(0.0, 2.0 * np.pi), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_border_of_matching_is_half_a_depth_in_any_direction(angle: float, aspect: float) -> None:
    """Also on pixels that are not square, where the same bones stand on other columns."""

    def on_film(landmarks: SpineLandmarks) -> SpineLandmarks:
        bodies = (replace(v, points_px=v.points_px * [aspect, 1.0]) for v in landmarks.vertebrae)
        return replace(landmarks, vertebrae=tuple(bodies))

    spacing = PixelSpacing(0.5, 0.5 / aspect, Calibration.GEOMETRY)
    for reach, found in ((0.499, 5), (0.501, 0)):
        x, y = reach * DEPTH * np.cos(angle), reach * DEPTH * np.sin(angle)
        matching = match_vertebrae(on_film(moved(spine(), x, y)), on_film(spine()), spacing)
        own = [pair for pair in matching.pairs if pair[0] == pair[1]]
        assert len(own) == found


@pytest.mark.parametrize("end", ["head", "foot"])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_spine_is_prolonged_along_its_last_two_bodies(end: str, side: float) -> None:
    """The upper or the lower end leans by 45 degrees; what follows lies on that line and not on that of the others."""
    leaning, beside = (0, 1) if end == "head" else (4, 3)
    step = np.array([side * 64.0, -64.0 if end == "head" else 64.0])
    truth = spine()
    bodies = list(truth.vertebrae)
    offset = bodies[beside].centre_px + step - bodies[leaning].centre_px
    bodies[leaning] = replace(bodies[leaning], points_px=bodies[leaning].points_px + offset)
    truth = replace(truth, vertebrae=tuple(bodies))
    on_line = bodies[leaning].centre_px + 3.75 * step
    straight_on = bodies[leaning].centre_px + np.array([0.0, 3.75 * step[1]])
    for place, is_beyond in ((on_line, True), (straight_on, False)):
        matching = match_vertebrae(replace(truth, vertebrae=(*bodies, body(None, *place))), truth)
        assert (matching.beyond, matching.false) == (((5,), ()) if is_beyond else ((), (5,)))


@unhurried
@given(st.floats(0.3, 4.0), st.floats(-2.5, 2.5))
def test_a_body_counts_as_beyond_within_a_depth_and_a_half_beside_the_line(along: float, beside: float) -> None:
    """The spine is upright: outward of its top by more than a quarter of a depth, and near the line."""
    truth = spine()
    top = truth.vertebrae[0].centre_px
    extra = body(None, top[0] + beside * DEPTH, top[1] - along * DEPTH)
    matching = match_vertebrae(replace(truth, vertebrae=(*truth.vertebrae, extra)), truth)
    assert matching.pairs == tuple((i, i) for i in range(5))
    assert (matching.beyond == (5,)) is (abs(beside) < 1.5)
    assert (matching.false == (5,)) is (abs(beside) >= 1.5)

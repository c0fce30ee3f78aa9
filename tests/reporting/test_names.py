"""Every name stands beside its own body, in the order of the bodies, however crowded they are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.measurement.results import RadiographMeasurement, VertebraMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.bodies import complete
from kummell_ai.reporting.scene import build_scene
from kummell_ai.reporting.view import whole_view
from tests import made_up

LEVELS = [VertebralLevel[f"T{i}"] for i in range(1, 13)] + [VertebralLevel[f"L{i}"] for i in range(1, 6)]
FLAGS = ("fractured", "instrumented", "cemented")


@st.composite
def spines(draw: st.DrawFn) -> RadiographMeasurement:
    """Up to 17 bodies on one film, from well apart to so close that their names have no room beneath each other."""
    count = draw(st.integers(3, len(LEVELS)))
    pitch = draw(st.floats(14.0, 46.0))
    depth = draw(st.floats(30.0, 50.0))
    front = draw(st.sampled_from([-1.0, 1.0]))
    lean = draw(st.floats(-0.4, 0.4))
    most = min(0.2, 0.25 * pitch / depth)  # the middle lines of neighbours do not cross where their names may stand
    tilts = np.array(draw(st.lists(st.floats(-most, most), min_size=count, max_size=count)))
    shares = draw(st.lists(st.floats(0.35, 0.85), min_size=count, max_size=count))
    bodies = []
    for i in range(count):
        centre = np.array([250.0 + lean * pitch * (i - 0.5 * count), 40.0 + pitch * i])
        back = 0.5 * depth * np.array([-front * np.cos(tilts[i]), np.sin(tilts[i])])
        down = 0.5 * pitch * shares[i] * np.array([0.0, 1.0])
        points = centre + np.array([-back - down, back - down, -back + down, back + down])
        flags = draw(st.frozensets(st.sampled_from(FLAGS))) if draw(st.booleans()) else frozenset()
        bodies.append(VertebraLandmarks(points, LEVELS[i], 0.9, flags=flags))
    usual = made_up.measurement()
    return replace(
        usual,
        size_px=(500, 900),
        landmarks=SpineLandmarks(tuple(bodies), usual.reference),
        vertebrae=tuple(VertebraMeasurement(body, {}) for body in bodies),
        segments=(),
    )


@settings(max_examples=60, deadline=None)
@given(spines())
def test_a_name_stays_beside_its_own_body_and_names_keep_their_order(measurement: RadiographMeasurement) -> None:
    view = whole_view(measurement.size_px, measurement.spacing)
    scene = build_scene(measurement, view, LEVELS[1])
    names = {str(level) for level in LEVELS}
    shown = [shape for shape in scene.shapes if isinstance(shape, s.Label) and shape.text in names]
    assert [name.text for name in shown] == [str(v.level) for v in measurement.vertebrae]
    assert all(above.at[1] < below.at[1] for above, below in pairwise(shown))
    for name, vertebra in zip(shown, measurement.vertebrae, strict=True):
        sa, sp, ia, ip = view.to_scene.apply(vertebra.landmarks.corners_px)
        x = name.box[0] if name.anchor == "start" else name.box[2]
        (ax, ay), (px, py) = (sa + ia) / 2, (sp + ip) / 2
        middle = ay + (x - ax) * (py - ay) / (px - ax)
        tall = ((ia - sa)[1] + (ip - sp)[1]) / 2
        assert abs(name.at[1] - middle) <= 0.5 * tall + 1e-6
        assert not min(sa[0], sp[0]) < x < max(sa[0], sp[0]), "the name begins over its own body"


def test_names_without_room_beneath_each_other_move_away_from_the_spine_with_lines() -> None:
    usual = made_up.measurement()
    squeezed = tuple(
        replace(v, landmarks=replace(v.landmarks, points_px=v.landmarks.points_px * [0.6, 0.12] + [0.0, 40.0]))
        for v in usual.vertebrae
    )
    measurement = replace(usual, vertebrae=squeezed, segments=())
    scene = build_scene(measurement, whole_view((900, 1000), usual.spacing))
    names = [shape for shape in scene.shapes if isinstance(shape, s.Label) and shape.text in {"T11", "T12", "L1", "L2"}]
    boxes = [name.box for name in names]
    assert all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 1e-6 for a, b in pairwise(boxes))
    assert len({round(name.at[0]) for name in names}) > 1
    starts = {line.start for line in scene.shapes if isinstance(line, s.Line) and line.colour == s.OUTLINE}
    far = max(names, key=lambda name: name.at[0])
    assert (far.box[0], far.at[1]) in starts


@pytest.mark.parametrize("front", [-1.0, 1.0])
@pytest.mark.parametrize("unseen", [(0, 1), (2, 3), (0, 2), (1, 3), (0,), (3,), (0, 1, 2)])
def test_unseen_corners_are_completed_to_a_usual_body(front: float, unseen: tuple[int, ...]) -> None:
    body = np.array([[front * 50.0, 0.0], [front * -50.0, 0.0], [front * 50.0, 80.0], [front * -50.0, 80.0]])
    points = body.copy()
    points[list(unseen)] = np.nan
    assert np.allclose(complete(points, 100.0, front), body)

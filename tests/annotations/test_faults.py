"""When annotated vertebrae cannot be a spine."""

from __future__ import annotations

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations import why_not_a_spine
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference

L = VertebralLevel
BODY = np.array([[-17.0, -13.0], [17.0, -13.0], [-17.0, 13.0], [17.0, 13.0]])


def spine(levels: list[L | None], turn_deg: float = 0.0, bend_deg: float = 0.0) -> SpineLandmarks:
    """Bodies 36 px apart, the first step downwards but for ``turn_deg``, each further one ``bend_deg`` on."""
    centre, bodies = np.array([200.0, 300.0]), []
    for k, level in enumerate(levels):
        bodies.append(VertebraLandmarks(BODY + centre, level))
        angle = np.radians(turn_deg + k * bend_deg)
        centre = centre + 36.0 * np.array([np.sin(angle), np.cos(angle)])
    return SpineLandmarks(tuple(bodies), ImageReference("film"), Facing.LEFT)


NAMES: list[L | None] = [L.T11, L.T12, L.L1, L.L2, L.L3]


@pytest.mark.parametrize(("turn", "bend"), [(0.0, 0.0), (-60.0, 20.0), (95.0, 0.0), (80.0, 15.0), (0.0, 40.0)])
def test_a_bent_spine_is_one(turn: float, bend: float) -> None:
    assert why_not_a_spine(spine(NAMES, turn, bend)) is None


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ([L.T12, L.T11, L.L1, L.L2, L.L3], "T12 does not lie between T11 and L1"),
        ([L.T11, L.L1, L.T12, L.L2, L.L3], "T12 does not lie between T11 and L1"),
        ([L.T11, L.T12, L.L1, L.L3, L.L2], "L2 does not lie between L1 and L3"),
        (NAMES[::-1], "L3 lies above T11"),
        ([L.T11, L.T12, L.L1, L.L1, L.L3], "L1 is annotated 2 times"),
        ([], "no vertebra is annotated"),
    ],
)
def test_names_that_cannot_be(names: list[L | None], fault: str) -> None:
    assert str(why_not_a_spine(spine(names))).startswith(fault)


def test_more_bodies_than_a_spine_has() -> None:
    assert why_not_a_spine(spine([None] * 20)) is None
    assert str(why_not_a_spine(spine([None] * 21))).startswith("21 vertebrae are annotated; a spine shows at most 20")


@pytest.mark.parametrize("corners", [np.zeros((4, 2)), BODY[[0, 0, 2, 2]], BODY[[0, 1, 3, 2]]])
@pytest.mark.parametrize("level", [L.L1, None])
def test_a_body_without_depth(corners: np.ndarray, level: L | None) -> None:
    landmarks = spine([L.T11, L.T12, level, L.L2, L.L3])
    landmarks.vertebrae[2].points_px[:] = corners + landmarks.vertebrae[2].centre_px
    name = level or "vertebra 3"
    assert str(why_not_a_spine(landmarks)).startswith(f"front and back of {name} lie on one spot")


def test_bodies_without_a_name_or_a_corner_do_not_count() -> None:
    landmarks = spine([L.T11, None, L.T12, L.L2, L.L1])
    landmarks.vertebrae[3].points_px[0] = np.nan
    assert why_not_a_spine(landmarks) is None

"""A made-up spine, and the tiny films beside which the annotation files of the tests lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing

SIZE = (200, 400)
LEVELS = tuple(VertebralLevel[name] for name in ("L1", "L2", "L3", "L4", "L5", "S1"))
BODY = np.array([[-20.0, -12], [20, -15], [-20, 12], [20, 15]])
"""Corners about the centre of a wedged body that faces left."""

LORDOSIS_DEG = (-20.0, -10.0, 0.0, 12.0, 27.0, 48.0)
"""Tilt of each body, front down; the sacrum so steep that its upper posterior corner is its highest point by far."""


def corners(i: int) -> FloatArray:
    """Corners (4, 2) px of body ``i`` in `VertebralLandmark` order, of a film that faces left."""
    angle = np.radians(-LORDOSIS_DEG[i])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    curve = (10.0, 3.0, 0.0, 0.0, 6.0, 20.0)
    moved: FloatArray = BODY @ turn.T + [90.0 + curve[i], 60.0 + 52.0 * i]
    return moved


def bodies(facing: Facing = Facing.LEFT) -> tuple[VertebraLandmarks, ...]:
    flip = ScaleShift.mirror(SIZE[0]) if facing is Facing.RIGHT else ScaleShift.identity()
    return tuple(VertebraLandmarks(flip.apply(corners(i)), level) for i, level in enumerate(LEVELS))


def write_film(path: Path, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(30, 220, size[0] * size[1]).reshape(size[1], size[0])
    Image.fromarray(ramp.astype(np.uint8)).save(path)


def film(name: str = "films/a.png", facing: Facing = Facing.LEFT) -> AnnotatedFilm:
    """A film with six points on L2, a corner out of the field on S1, flags and facts."""
    first, second, *rest, last = bodies(facing)
    six = np.concatenate([second.points_px, second.points_px[:2].mean(0)[None], second.points_px[2:].mean(0)[None]])
    cut = last.points_px.copy()
    cut[3] = np.nan
    vertebrae = (
        VertebraLandmarks(first.points_px, first.level, flags=frozenset({"fractured", "cemented"})),
        VertebraLandmarks(six, second.level),
        *rest[:-1],
        VertebraLandmarks(rest[-1].points_px, None),
        VertebraLandmarks(cut, last.level),
    )
    return AnnotatedFilm(
        name,
        SIZE,
        SpineLandmarks(vertebrae, ImageReference(Path(name).name, patient_id="0001"), facing),
        PixelSpacing(0.2, 0.3, Calibration.DETECTOR_PLANE),
        {"phase": "pre-op", "truth": {"wedge_angle_deg": 7.5}},
    )


def assert_same_points(vertebrae: tuple[VertebraLandmarks, ...], expected: tuple[VertebraLandmarks, ...]) -> None:
    assert [v.level for v in vertebrae] == [v.level for v in expected]
    for one, other in zip(vertebrae, expected, strict=True):
        np.testing.assert_allclose(one.points_px, other.points_px, atol=1e-9, err_msg=str(other.level))

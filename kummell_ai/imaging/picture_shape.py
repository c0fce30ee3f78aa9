"""Whether a picture was stretched: the shape that vertebral bodies have on a film tells its pixel aspect.

A body is somewhat deeper than high, and its walls stand on its endplates at right angles. A picture that was stretched
across changes the first where the spine is upright and the second where it leans, so that both together tell by how
much, whatever the posture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.frames import FloatArray

USUAL_SHAPE = 1.33
"""Endplate depth over the higher wall of a body; 1.24 (T4) to 1.41 (L4) are the medians of simulated ones."""

_SPREAD_SHAPE = 0.09
"""Of its logarithm; 0.07 among simulated bodies that are not fractured, 0.1 among fractured ones."""

_SPREAD_RIGHT = np.radians(5.0)
"""Of the angle between endplates and walls about 90° (rad), with the error of located corners; 1° for true ones."""

_FAR = 0.7
"""Spreads beyond which a deviation counts as its size and not its square, so that a crushed body does not decide."""

_TINY = 1e-9
_SA, _SP = VertebralLandmark.SUPERIOR_ANTERIOR, VertebralLandmark.SUPERIOR_POSTERIOR
_IA, _IP = VertebralLandmark.INFERIOR_ANTERIOR, VertebralLandmark.INFERIOR_POSTERIOR
_STRETCHES: FloatArray = np.exp(np.linspace(np.log(1.0 / 3.0), np.log(3.0), 441))


def needed_stretch(points: ArrayLike) -> float:
    """The factor across that gives vertebral bodies their usual shape; 1 where fewer than two are seen whole.

    Of 1/3 to 3 the one that is most likely, each body's shape and right angle taken for independent.

    Args:
        points: (V, 4, 2) or (V, 6, 2) px of the bodies of a film; NaN = not seen.

    Raises:
        ValueError: points of another shape.
    """
    p = np.asarray(points, dtype=np.float64)
    if p.ndim != 3 or p.shape[-2] not in (4, 6) or p.shape[-1] != 2:
        raise ValueError(f"points have shape {p.shape}; expected (V, 4, 2) or (V, 6, 2)")
    whole = p[np.isfinite(p[:, :4]).all(axis=(1, 2)), :4]
    if len(whole) < 2:
        return 1.0
    stretched = whole[None] * np.stack([_STRETCHES, np.ones_like(_STRETCHES)], axis=1)[:, None, None, :]
    cost = _deviation(_shape(stretched) / _SPREAD_SHAPE) + _deviation(_angle(stretched) / _SPREAD_RIGHT)
    return float(_STRETCHES[cost.sum(axis=-1).argmin()])


def _shape(points: FloatArray) -> FloatArray:
    """Logarithm of depth over the higher wall, over the usual one; (...)."""
    depth = np.mean([np.linalg.norm(plate, axis=-1) for plate in _endplates(points)], axis=0)
    height = np.max([np.linalg.norm(wall, axis=-1) for wall in _walls(points)], axis=0)
    shape: FloatArray = np.log(np.maximum(depth, _TINY) / np.maximum(height, _TINY) / USUAL_SHAPE)
    return shape


def _angle(points: FloatArray) -> FloatArray:
    """By how much the mean wall stands askew on the mean endplate, rad; (...)."""
    across, down = np.sum(_endplates(points), axis=0), np.sum(_walls(points), axis=0)
    lengths = np.linalg.norm(across, axis=-1) * np.linalg.norm(down, axis=-1)
    angle: FloatArray = np.arcsin(np.clip((across * down).sum(axis=-1) / np.maximum(lengths, _TINY), -1.0, 1.0))
    return angle


def _endplates(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    return _between(points, _SA, _SP), _between(points, _IA, _IP)


def _walls(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    return _between(points, _SA, _IA), _between(points, _SP, _IP)


def _between(points: FloatArray, start: VertebralLandmark, end: VertebralLandmark) -> FloatArray:
    difference: FloatArray = points[..., end, :] - points[..., start, :]
    return difference


def _deviation(z: FloatArray) -> FloatArray:
    """Huber's cost of a deviation in spreads."""
    size = np.abs(z)
    return np.where(size < _FAR, 0.5 * z * z, _FAR * (size - 0.5 * _FAR))

"""What the axes of a set of vertebra meshes point to: given in letters, or found from the bones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bone_names import level_index
from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray, signed_volume

Mesh = tuple[FloatArray, FaceArray]

_DIRECTIONS = {"R": (1, -1), "L": (1, 1), "A": (0, 1), "P": (0, -1), "S": (2, 1), "I": (2, -1)}


def named_axes(axes: str) -> FloatArray:
    """Matrix (3, 3) from the file's axes to anterior, left, superior.

    Raises:
        ConfigError: the letters name no right-handed frame.
    """
    turn = np.zeros((3, 3))
    for column, letter in enumerate(axes.upper()[:3]):
        if letter in _DIRECTIONS:
            row, sign = _DIRECTIONS[letter]
            turn[row, column] = sign
    if len(axes) != 3 or not np.isclose(np.linalg.det(turn), 1.0):
        raise ConfigError(
            f"axes {axes!r} name no right-handed frame; expected three letters such as ALS or RAS: "
            "write what x, y and z point to",
            axes,
        )
    return turn


def find_axes(vertebrae: Mapping[str, Mesh]) -> FloatArray:
    """The same matrix from the bones: cranial by the levels' order, left-right by symmetry, the body in front."""
    names = sorted(vertebrae, key=level_index)
    centres = np.stack([centroid(vertebrae[name]) for name in names])
    up = np.array([0.0, 0.0, 1.0])
    if len(names) > 1:
        climb = centres[0] - centres[-1]
        axis = int(np.argmax(np.abs(climb)))
        up = np.eye(3)[axis] * np.sign(climb[axis])
    others = [axis for axis in range(3) if up[axis] == 0.0]
    lopsided = [sum(_asymmetry(vertebrae[name][0], axis) for name in names) for axis in others]
    front = others[int(np.argmax(lopsided))]
    middles = np.stack([vertebrae[n][0].min(axis=0) + vertebrae[n][0].max(axis=0) for n in names]) / 2.0
    forward = np.eye(3)[front] * np.sign((centres - middles)[:, front].sum())
    return np.stack([forward, np.cross(up, forward), up])


def centroid(mesh: Mesh) -> FloatArray:
    """Centre of mass (3,) of the solid."""
    a, b, c = (mesh[0][mesh[1][:, i]] for i in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    centre: FloatArray = (volumes[:, None] * (a + b + c)).sum(axis=0) / (4.0 * signed_volume(*mesh))
    return centre


def _asymmetry(vertices_mm: FloatArray, axis: int) -> float:
    """Mean distance (mm) from the bone to its mirror image along ``axis``."""
    points = vertices_mm[:: max(1, len(vertices_mm) // 1500)]
    mirrored = points.copy()
    mirrored[:, axis] = points[:, axis].min() + points[:, axis].max() - points[:, axis]
    return float(cKDTree(points).query(mirrored)[0].mean())

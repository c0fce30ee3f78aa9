"""Bring a vertebra's mesh into the canonical bone frame and find its endplate rims from its shape.

The mesh comes with x roughly anterior, y left, z cranial. The mid-sagittal plane is the plane of mirror symmetry; the
pitch follows from the corners of the mid-sagittal outline of the body. A rim point is the outline's farthest point in
the direction half-way between endplate and wall, which is the middle of a rounded corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray
from kummell_ai.synthesis.anatomy.sections import outline_points, section_loops

ANTERIOR_OFFSET = 0.08
"""Distance of the left and right anterior rim points from the mid-line, as a share of the body's width: the front is
convex, and a lateral ray touches it near the mid-line (15 % would lie 1 mm behind the silhouette)."""

POSTERIOR_OFFSETS = (0.30, 0.27, 0.24, 0.21, 0.18, 0.15, 0.12, 0.09)
"""Distances tried for the posterolateral rim points; the outermost one that is clear of the pedicle is taken."""

PEDICLE_STEP = 3.5
"""A section reaching further behind the mid-line corners than this (mm) cuts a pedicle."""

SACRUM_PITCH_DEG = 38.0
"""Slope of the sacral endplate assumed at the start of the search."""

SACRUM_HEIGHTS = (0.88, 0.76)
"""Anterior and posterior height of S1 as shares of its endplate's depth: the sacrum shows no lower endplate."""

SACRUM_WIDTH = 1.45
"""Width of the sacral endplate as a share of its depth."""

_LOW_DEPTH, _HIGH_DEPTH, _LOW_WIDTH, _HIGH_WIDTH = 10.0, 50.0, 14.0, 75.0
_LOW_HEIGHT, _HIGH_HEIGHT, _WORST_SKEW = 4.0, 45.0, 8.0


@dataclass(frozen=True, slots=True)
class PlacedBone:
    """A vertebra in the canonical frame.

    Attributes:
        vertices_mm: (N, 3) in the canonical frame.
        rims_mm: (2, 2, 3, 3) as in `BoneTemplate`.
        rotation: (3, 3); canonical = rotation @ (given - origin).
        origin_mm: (3,) body centre in the given frame.
    """

    vertices_mm: FloatArray
    rims_mm: FloatArray
    rotation: FloatArray
    origin_mm: FloatArray


def place_vertebra(name: str, vertices_mm: FloatArray, faces: FaceArray, *, find_midline: bool = True) -> PlacedBone:
    """Canonical frame and rims of a vertebra (or whole sacrum) given with x anterior, y left, z cranial.

    With ``find_midline`` the mid-sagittal plane is sought by symmetry; without, it is y = 0, and a sacrum stands with
    its endplate level.

    Raises:
        ConfigError: no plausible vertebral body is found.
    """
    sacrum = name == "S1"
    rotation, origin = _symmetry_frame(vertices_mm) if find_midline else (np.eye(3), np.zeros(3))
    if sacrum and find_midline:
        rotation = _pitch(np.radians(SACRUM_PITCH_DEG)) @ rotation
    try:
        for _ in range(6):
            placed = (vertices_mm - origin) @ rotation.T
            corners = _middle_corners(placed, faces, sacrum)
            turn = _pitch(_endplate_pitch(corners, sacrum))
            origin = origin + corners.reshape(-1, 3).mean(axis=0) @ rotation
            rotation = turn @ rotation
        placed = (vertices_mm - origin) @ rotation.T
        rims = _all_rims(placed, faces, sacrum)
    except (ValueError, IndexError) as error:
        raise ConfigError(
            f"no vertebral body was found in the mesh of {name} ({error}); expected a whole vertebra: "
            "check the file's axes and unit",
            name,
        ) from error
    centre = 0.5 * (rims[:, :, 0] + rims[:, :, 2]).mean(axis=(0, 1))
    _check_plausible(name, rims)
    return PlacedBone(placed - centre, rims - centre, rotation, origin + centre @ rotation)


def _pitch(angle: float) -> FloatArray:
    """Rotation about y that turns the direction (cos, 0, -sin) of a downward slope ``angle`` (rad) onto x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


def _symmetry_frame(vertices_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotation and origin that put the mirror plane at y = 0, by matching the bone with its mirror image."""
    points = vertices_mm[:: max(1, len(vertices_mm) // 2500)]
    tree = cKDTree(vertices_mm)
    origin, normal = points.mean(axis=0), np.array([0.0, 1.0, 0.0])
    for _ in range(25):
        mirrored = points - 2.0 * ((points - origin) @ normal)[:, None] * normal
        distance, match = tree.query(mirrored)
        close = distance <= np.quantile(distance, 0.8)
        # The mirror plane bisects each pair of a point and the partner of its mirror image.
        partner = vertices_mm[match[close]]
        middle, apart = 0.5 * (points[close] + partner), points[close] - partner
        origin = middle.mean(axis=0)
        spread = middle - origin
        _, vectors = np.linalg.eigh(spread.T @ spread - 0.25 * apart.T @ apart)
        best = vectors[:, np.argmax(np.abs(vectors.T @ normal))]
        normal = best * np.sign(best @ normal)
    x_axis = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    x_axis /= np.linalg.norm(x_axis)
    return np.stack([x_axis, normal, np.cross(x_axis, normal)]), origin


def _body_outline(vertices_mm: FloatArray, faces: FaceArray, y_mm: float) -> FloatArray:
    """Points (P, 3) on the outline of the body in the sagittal plane at ``y_mm``: the most anterior large outline."""
    loops = section_loops(vertices_mm, faces, 1, y_mm)
    if not loops:
        raise ValueError("the mid-sagittal plane misses the bone")
    extent = [np.ptp(loop.reshape(-1, 3), axis=0) for loop in loops]
    size = np.array([e[0] * e[2] for e in extent])
    front = [loop[..., 0].max() if s > 0.25 * size.max() else -np.inf for loop, s in zip(loops, size, strict=True)]
    return outline_points(loops[int(np.argmax(front))])


def _corner(points: FloatArray, forward: float, upward: float) -> FloatArray:
    """The point (3,) farthest along (forward, upward) in the sagittal plane."""
    best: FloatArray = points[np.argmax(forward * points[:, 0] + upward * points[:, 2])]
    return best


def _outline_corners(points: FloatArray, sacrum_lower: FloatArray | None = None) -> FloatArray:
    """Corners (2 endplates, 2 [anterior, posterior], 3) of a body outline; the lower ones of S1 are given."""
    if sacrum_lower is not None:
        points = points[points[:, 2] > points[:, 2].max() - 15.0]
    superior = np.stack([_corner(points, 1.0, 1.0), _corner(points, -1.0, 1.0)])
    if sacrum_lower is not None:
        aside = np.array([0.0, points[:, 1].mean() - sacrum_lower[:, 1].mean(), 0.0])
        return np.stack([superior, sacrum_lower + aside])
    return np.stack([superior, np.stack([_corner(points, 1.0, -1.0), _corner(points, -1.0, -1.0)])])


def _sacrum_lower(points: FloatArray, superior: FloatArray) -> FloatArray:
    """Stand-ins (2, 3) for the lower corners of S1: on the two walls at the usual heights below the endplate."""
    depth = np.linalg.norm(superior[0] - superior[1])
    found = []
    for side, share, corner in ((1.0, SACRUM_HEIGHTS[0], superior[0]), (-1.0, SACRUM_HEIGHTS[1], superior[1])):
        level = corner[2] - share * depth
        near = points[np.abs(points[:, 2] - level) < 0.5]
        if len(near) == 0:
            raise ValueError("the sacrum ends below S1")
        middle = near[:, 0].mean()
        found.append(near[np.argmax(side * (near[:, 0] - middle))])
    return np.stack(found)


def _middle_corners(vertices_mm: FloatArray, faces: FaceArray, sacrum: bool) -> FloatArray:
    points = _body_outline(vertices_mm, faces, 0.0)
    if not sacrum:
        return _outline_corners(points)
    superior = _outline_corners(points, np.zeros((2, 3)))[0]
    return np.stack([superior, _sacrum_lower(points, superior)])


def _endplate_pitch(corners: FloatArray, sacrum: bool) -> float:
    """Downward slope (rad) of the mean of the two endplates, or of the sacral one."""
    along = corners[:, 0] - corners[:, 1]
    slope = np.arctan2(-along[:, 2], along[:, 0])
    return float(slope[0] if sacrum else slope.mean())


def _body_width(vertices_mm: FloatArray, faces: FaceArray, corners: FloatArray, sacrum: bool) -> float:
    """Width (mm) of the body near the lower endplate, which is clear of pedicles, in front of its middle."""
    if sacrum:  # the alae hide the width of the body
        return SACRUM_WIDTH * float(np.linalg.norm(corners[0, 0] - corners[0, 1]))
    plate = corners[1]
    level = plate[:, 2].mean() + 3.0
    loops = section_loops(vertices_mm, faces, 2, float(level))
    if not loops:
        raise ValueError("the body has no cross-section")
    around = [loop for loop in loops if loop[..., 0].max() > plate[:, 0].mean() > loop[..., 0].min()]
    points = outline_points(max(around, key=lambda loop: float(np.ptp(loop[..., 1]))))
    x = points[:, 0]
    middle = points[(x > plate[:, 0].mean() - 3.0) & (x < plate[0, 0])]
    return float(np.ptp(middle[:, 1]))


def _all_rims(vertices_mm: FloatArray, faces: FaceArray, sacrum: bool) -> FloatArray:
    """Rims (2, 2, 3, 3) in the frame of the given vertices."""
    middle = _middle_corners(vertices_mm, faces, sacrum)
    width = _body_width(vertices_mm, faces, middle, sacrum)
    rims = np.empty((2, 2, 3, 3))
    rims[:, :, 1] = middle
    lower = middle[1] if sacrum else None
    for slot, side in ((0, 1.0), (2, -1.0)):
        anterior = _outline_corners(_body_outline(vertices_mm, faces, side * ANTERIOR_OFFSET * width), lower)
        rims[:, 0, slot] = anterior[:, 0]
    rims[:, 1, [0, 2]] = _posterolateral(vertices_mm, faces, middle, width, lower)
    return rims


def _posterolateral(
    vertices_mm: FloatArray, faces: FaceArray, middle: FloatArray, width: float, sacrum_lower: FloatArray | None
) -> FloatArray:
    """Posterior rim points (2 endplates, 2 [left, right], 3), as far apart as the pedicles leave both clear."""
    limit = middle[:, 1, 0].min() - PEDICLE_STEP
    for share in POSTERIOR_OFFSETS:
        sides = [_body_outline(vertices_mm, faces, side * share * width) for side in (1.0, -1.0)]
        if sacrum_lower is not None:
            sides = [points[points[:, 2] > points[:, 2].max() - 15.0] for points in sides]
        if min(points[:, 0].min() for points in sides) > limit:
            return np.stack([_outline_corners(points, sacrum_lower)[:, 1] for points in sides], axis=1)
    raise ValueError("the posterior wall is hidden by the pedicles")


def _check_plausible(name: str, rims: FloatArray) -> None:
    """Raise ConfigError when the rims are not those of a vertebral body."""
    corners = 0.5 * (rims[:, :, 0] + rims[:, :, 2])
    depth = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
    height = corners[0, :, 2] - corners[1, :, 2]
    skew = np.abs(rims[:, :, 0] - rims[:, :, 2])[..., [0, 2]].max()
    faults = (
        (bool((depth < _LOW_DEPTH).any() or (depth > _HIGH_DEPTH).any()), f"endplate depths {depth.round(1)} mm"),
        (bool((height < _LOW_HEIGHT).any() or (height > _HIGH_HEIGHT).any()), f"wall heights {height.round(1)} mm"),
        (bool(skew > _WORST_SKEW), f"left and right rims {skew:.1f} mm apart"),
    )
    for wrong, what in faults:
        if wrong:
            raise ConfigError(
                f"the mesh of {name} gives {what}; expected a vertebral body: check unit, axes and level, "
                "or leave the file out",
                name,
            )

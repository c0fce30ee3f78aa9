"""Template bones: closed surfaces in a canonical frame, with the endplate rims that the truth rides on.

Canonical bone frame (mm): x anterior, y to the patient's left, z cranial; origin at the centre of the vertebral body;
x axis along the mean direction of the two endplates in the mid-sagittal plane (for S1: along its superior endplate).
A bone that is no vertebra lies in the frame of its `anchor` vertebra: the pelvis in that of S1, rib 5 in that of T5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kummell_ai.errors import ConfigError

FloatArray = NDArray[np.float64]
FaceArray = NDArray[np.int32]

SUPERIOR, INFERIOR = 0, 1
ANTERIOR, POSTERIOR = 0, 1
LEFT, MIDDLE, RIGHT = 0, 1, 2

RIM_SHAPE = (2, 2, 3, 3)

FRONT_INTACT = 0.75
"""Lowest anterior over posterior height of a body that counts as intact."""

HEIGHT_INTACT = 0.55
"""Lowest mean height over depth of a body that counts as intact; whole ones have 0.65 to 0.9."""


def no_rims() -> FloatArray:
    """Rims (2, 2, 3, 3) of a bone without endplates: all NaN."""
    return np.full(RIM_SHAPE, np.nan)


@dataclass(frozen=True, slots=True)
class BoneTemplate:
    """One bone as a closed, outward-wound surface in the canonical frame (mm).

    Rims are the points of the endplate rim that a lateral projection shows as the corners. The left and right points
    form the two contours of a double contour (anterior: about 8 % of the body's width beside the mid-line;
    posterior: the posterolateral rim, since the posterior wall is concave); a corner is their middle.

    Attributes:
        name: vertebral level ("L1", "S1" for the whole sacrum) or bone ("pelvis", "rib_left_5").
        vertices_mm: surface points (N, 3).
        faces: vertex indices (M, 3), counter-clockwise seen from outside; possibly several closed shells.
        rims_mm: (2 endplates [superior, inferior], 2 [anterior, posterior], 3 [left, middle, right], 3 xyz); NaN for a
            bone without endplates.
        source: "procedural", or the file the bone was read from.
        anchor: name of the vertebra in whose canonical frame the bone lies; the bone's own name for a vertebra.
        has_rims: whether the bone is a vertebra with all rim points known.
        fractured: whether the body itself has collapsed, told from its rims: no bone to build a healthy level from.
    """

    name: str
    vertices_mm: FloatArray
    faces: FaceArray
    rims_mm: FloatArray = field(default_factory=no_rims)
    source: str = "procedural"
    anchor: str = ""
    has_rims: bool = field(init=False, default=False)
    fractured: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices_mm", np.ascontiguousarray(self.vertices_mm, dtype=np.float64))
        object.__setattr__(self, "faces", np.ascontiguousarray(self.faces, dtype=np.int32))
        object.__setattr__(self, "rims_mm", np.ascontiguousarray(self.rims_mm, dtype=np.float64))
        if self.rims_mm.shape != RIM_SHAPE:
            raise ValueError(f"rims_mm of {self.name} has shape {self.rims_mm.shape}, expected {RIM_SHAPE}")
        if not self.anchor:
            object.__setattr__(self, "anchor", self.name)
        object.__setattr__(self, "has_rims", bool(np.isfinite(self.rims_mm).all()))
        object.__setattr__(self, "fractured", self.name != "S1" and _collapsed(self.corners_mm))

    @property
    def corners_mm(self) -> FloatArray:
        """Mean of the left and right rim points, (2 endplates, 2 [anterior, posterior], 3 xyz); NaN without rims."""
        return 0.5 * (self.rims_mm[:, :, LEFT] + self.rims_mm[:, :, RIGHT])

    @property
    def body_frame_mm(self) -> FloatArray:
        """Place of the body (6,): x of back and front; z of superior and inferior endplate, behind and before."""
        rims = self.rims_mm.mean(axis=2)
        return np.array(
            [rims[:, POSTERIOR, 0].mean(), rims[:, ANTERIOR, 0].mean(), *rims[:, [POSTERIOR, ANTERIOR], 2].ravel()]
        )


def _collapsed(corners_mm: FloatArray) -> bool:
    """Whether the front is below `FRONT_INTACT` of the back, or the whole body flat; False without corners."""
    front, back = np.linalg.norm(corners_mm[SUPERIOR] - corners_mm[INFERIOR], axis=-1)
    depth = np.linalg.norm(corners_mm[:, ANTERIOR] - corners_mm[:, POSTERIOR], axis=-1).mean()
    return bool(front < FRONT_INTACT * back or 0.5 * (front + back) < HEIGHT_INTACT * depth)


def is_closed(faces: FaceArray) -> bool:
    """Whether every edge is walked equally often in both directions: no leak, consistent winding.

    >>> is_closed(np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], dtype=np.int32))
    True
    >>> is_closed(np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3]], dtype=np.int32))
    False
    """
    if len(faces) == 0:
        return False
    f = faces.astype(np.int64)
    start = f.ravel()
    end = f[:, [1, 2, 0]].ravel()
    top = int(f.max()) + 1
    there, back = np.sort(start * top + end), np.sort(end * top + start)
    return bool(np.array_equal(there, back))


def signed_volume(vertices_mm: FloatArray, faces: FaceArray) -> float:
    """Volume enclosed (mm³), positive when the normals point outward: sum of a · (b × c) / 6 over triangles."""
    a, b, c = (vertices_mm[faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def merge_vertices(vertices_mm: FloatArray, faces: FaceArray, *, digits: int = 6) -> tuple[FloatArray, FaceArray]:
    """Weld vertices equal to ``digits`` decimals, drop triangles that collapse and vertices unused."""
    _, first, group = np.unique(np.round(vertices_mm, digits), axis=0, return_index=True, return_inverse=True)
    welded = group.reshape(-1)[faces]
    a, b, c = welded.T
    welded = welded[(a != b) & (b != c) & (c != a)]
    used, compact = np.unique(welded, return_inverse=True)
    return vertices_mm[first[used]], compact.reshape(-1, 3).astype(np.int32)


def check_surface(name: str, vertices_mm: FloatArray, faces: FaceArray) -> None:
    """Raise when a surface cannot be projected as a solid.

    Raises:
        ConfigError: the surface leaks, is wound inconsistently, or inside out.
    """
    if not is_closed(faces):
        raise ConfigError(
            f"the mesh of {name} leaks or is wound inconsistently; expected a closed surface: "
            "repair it (weld vertices, fill holes) or leave the file out",
            name,
        )
    volume = signed_volume(vertices_mm, faces)
    if not volume > 0.0:
        raise ConfigError(
            f"the mesh of {name} encloses {volume:.3g} mm3; expected a positive volume: flip its triangles", name
        )

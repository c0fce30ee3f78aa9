"""New bones between those of two individuals: one template warped toward the shape of another of its level.

Homologous landmarks are found on both bones by the same rules; a thin-plate warp (biharmonic in space: kernel r, plus
an affine part) carries the first bone's landmarks onto points between the two. The surface keeps its triangles, so it
stays closed and wound outward, and the rims ride along.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from scipy.spatial.distance import cdist

from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, POSTERIOR, SUPERIOR, BoneTemplate, FloatArray

SHARES = (1.0 / 3.0, 2.0 / 3.0)
"""How far a bone may go toward the other; few, so that a run warps each pair once."""

MOST_KEPT = 1500
"""Warped bones kept in memory, about 0.1 MB each."""

_SMOOTHING_MM = 1.0
"""Landmarks may be missed by about this much: single misplaced ones must not fold the surface."""

_Key = tuple[int, int, float]
_kept: OrderedDict[_Key, tuple[BoneTemplate, BoneTemplate, BoneTemplate]] = OrderedDict()


def blend(base: BoneTemplate, other: BoneTemplate, share: float) -> BoneTemplate:
    """``base`` warped by ``share`` of the way toward the shape of ``other``, at the size of ``base``.

    The sacrum and bones without rims come back as they are: their landmarks do not reach around them. Results are kept
    for the same two objects and share.
    """
    if share <= 0.0 or not (base.has_rims and other.has_rims) or "S1" in (base.name, other.name):
        return base
    key = (id(base), id(other), share)
    if key not in _kept:
        # the sources are kept too: an id stands for one object only while that object lives
        _kept[key] = (base, other, _warped(base, other, share))
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return _kept[key][2]


def landmarks(bone: BoneTemplate) -> FloatArray:
    """Homologous points (27, 3) of a vertebra in its canonical frame (mm).

    Rims 12, endplate centres 2, waist in front and to both sides 3, pedicles 2, tips of transverse processes 2,
    superior and inferior facets 4, tip and lower edge of the spinous process 2.
    """
    v, corners = bone.vertices_mm, bone.corners_mm
    middle_x = float(corners[..., 0].mean())
    back_x = float(corners[:, POSTERIOR, 0].mean())
    half_depth = float(corners[:, ANTERIOR, 0].mean()) - middle_x
    behind = v[v[:, 0] < back_x - 2.0]
    points = [*bone.rims_mm.reshape(-1, 3)]
    core = v[(np.abs(v[:, 0] - middle_x) < 0.3 * half_depth) & (np.abs(v[:, 1]) < 5.0)]
    for side, plate in ((1.0, SUPERIOR), (-1.0, INFERIOR)):
        near = core[side * core[:, 2] > 0.0]
        height = near[:, 2].mean() if len(near) else corners[plate, :, 2].mean()
        points.append(np.array([middle_x, 0.0, height]))
    waist = v[(np.abs(v[:, 2]) < 4.0) & (v[:, 0] > middle_x - 0.3 * half_depth)]
    front = waist[np.abs(waist[:, 1]) < 6.0]
    points.append(np.array([front[:, 0].max(), 0.0, 0.0]))
    points += [np.array([middle_x, reach(waist[:, 1]), 0.0]) for reach in (np.max, np.min)]
    neck = v[(v[:, 0] < back_x - 1.0) & (v[:, 0] > back_x - 7.0)]
    points += [neck[side * neck[:, 1] > 3.0].mean(axis=0) for side in (1.0, -1.0)]
    points += [behind[np.argmax(side * behind[:, 1])] for side in (1.0, -1.0)]
    for side in (1.0, -1.0):
        half = behind[(side * behind[:, 1] > 4.0) & (np.abs(behind[:, 1]) < 1.3 * half_depth)]
        points += [half[np.argmax(half[:, 2])], half[np.argmin(half[:, 2])]]
    spine = behind[np.abs(behind[:, 1]) < 8.0]
    points += [spine[np.argmin(spine[:, 0])], spine[np.argmin(spine[:, 2] + 0.1 * np.abs(spine[:, 1]))]]
    return np.stack(points)


def _warped(base: BoneTemplate, other: BoneTemplate, share: float) -> BoneTemplate:
    try:
        start, goal = landmarks(base), landmarks(other)
    except (ValueError, IndexError):  # a bone without arch or processes has no such landmarks
        return base
    goal = goal * (_depth(base) / _depth(other))
    ends = start + share * (goal - start)
    count = len(base.vertices_mm)
    moved = thin_plate(start, ends, np.concatenate([base.vertices_mm, base.rims_mm.reshape(-1, 3)]))
    rims = moved[count:].reshape(base.rims_mm.shape)
    centre = 0.5 * (rims[:, :, 0] + rims[:, :, 2]).mean(axis=(0, 1))
    source = f"{base.source} toward {other.source}"
    return BoneTemplate(base.name, moved[:count] - centre, base.faces, rims - centre, source)


def _depth(bone: BoneTemplate) -> float:
    return float(np.linalg.norm(bone.corners_mm[:, ANTERIOR] - bone.corners_mm[:, POSTERIOR], axis=-1).mean())


def thin_plate(start: FloatArray, ends: FloatArray, points: FloatArray) -> FloatArray:
    """Points (N, 3) carried by the smoothing thin-plate warp in space that takes ``start`` (K, 3) near ``ends``.

    u(p) = A p + sum_k w_k |p - s_k|, with the bending energy weighed against the misfit at the landmarks; an affine map
    of the landmarks is reproduced exactly. Source: Wahba, Spline Models for Observational Data, 1990.
    """
    count = len(start)
    # the kernel of the biharmonic spline in space is -r; its diagonal takes the smoothing
    kernel = _SMOOTHING_MM * np.eye(count) - cdist(start, start)
    plane = np.column_stack([np.ones(count), start])
    system = np.block([[kernel, plane], [plane.T, np.zeros((4, 4))]])
    weights = np.linalg.solve(system, np.concatenate([ends, np.zeros((4, 3))]))
    warped: FloatArray = -cdist(points, start) @ weights[:count] + weights[count] + points @ weights[count + 1 :]
    return warped

"""The middle of each endplate of a template, found on its surface once, to ride on every deformation of the bone."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FaceArray, FloatArray
from kummell_ai.synthesis.compiled import compiled

REACH_MM = 9.0
"""An endplate's middle lies within this distance of the chord between its corners; else the chord's middle is taken."""

_KEPT = 512
_known: OrderedDict[int, tuple[FloatArray, FloatArray]] = OrderedDict()


def endplate_middles(template: BoneTemplate) -> FloatArray:
    """Middles (2 [superior, inferior], 3) of a vertebra's endplates in its canonical frame (mm).

    Each is where a line along z, half-way between the endplate's corners, meets the surface: the bottom of a concave
    endplate, which a lateral film shows as its deepest contour. The sacrum has no lower endplate: NaN.
    """
    key = id(template.vertices_mm)
    known = _known.get(key)
    if known is None or known[0] is not template.vertices_mm:  # an id may be used again by another array
        known = template.vertices_mm, _find(template)
        _known[key] = known
        if len(_known) > _KEPT:
            _known.popitem(last=False)
    return known[1]


def _find(template: BoneTemplate) -> FloatArray:
    chords = template.corners_mm.mean(axis=1)
    middles: FloatArray = chords.copy()
    for k, (x, y, z) in enumerate(chords):
        heights = _heights(template.vertices_mm, template.faces, x, y)
        if len(heights) and abs(nearest := heights[np.argmin(np.abs(heights - z))] - z) <= REACH_MM:
            middles[k, 2] = z + nearest
    if template.name == "S1":
        middles[1] = np.nan
    return middles


@compiled()
def _heights(vertices: FloatArray, faces: FaceArray, x: float, y: float) -> FloatArray:  # pragma: no cover - compiled
    """Heights z at which the vertical line through (x, y) meets the triangles."""
    found = []
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay = vertices[i, 0] - x, vertices[i, 1] - y
        bx, by = vertices[j, 0] - x, vertices[j, 1] - y
        cx, cy = vertices[k, 0] - x, vertices[k, 1] - y
        a, b, c = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
        area = a + b + c
        if area != 0.0 and a * area >= 0.0 and b * area >= 0.0 and c * area >= 0.0:
            found.append((a * vertices[i, 2] + b * vertices[j, 2] + c * vertices[k, 2]) / area)
    return np.array(found)

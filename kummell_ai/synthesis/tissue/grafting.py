"""A donor's soft tissue on a film, continued by procedural tissue where the film reaches beyond the CT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.tissue.ct_background import Graft, graft
from kummell_ai.synthesis.tissue.ct_volume import Donor
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise
from kummell_ai.synthesis.tissue.scene import COARSE, Scene
from kummell_ai.synthesis.tissue.trunk import Body

Rows = NDArray[np.intp]
Continue = Callable[[Body, float | None], Map]
"""Procedural water (mm) of a body whose lungs end behind at a height (mm), or at any height."""


def grafted(
    scene: Scene, beam: ConeBeam, donor: Donor, how: Graft, body: Body, procedural: Continue, rng: np.random.Generator
) -> Map:
    """Water (mm) of the donor, (rows, columns); ``procedural`` is asked only if rows are beyond the CT."""
    water, weight = graft(scene, beam, donor, how)
    mottle = fractal_noise(scene.shape, 5.0 / scene.pixel_mm, 2, rng)
    mottle *= np.minimum(water * np.float32(0.01), 1.0)
    mottle *= np.float32(rng.uniform(0.0, 1.5))
    water += mottle
    known = np.flatnonzero(weight[:, 0] > 0.3)
    if float(weight.min()) == 1.0 or len(known) == 0:
        return water if len(known) else procedural(body, None)
    foot_z = None if donor.lung_foot is None else how.top_z - donor.lung_foot * how.scale[0]
    own = procedural(_like_donor(scene, water, known, body), foot_z)
    own *= _levelling(scene, water, own, known)
    return water * weight + own * (1.0 - weight)


def _like_donor(scene: Scene, water: Map, known: Rows, body: Body) -> Body:
    """``body`` with the donor's outline at the seams: the nearest known row tells how much deeper it is."""
    rows = (np.arange(len(body.back)) + 0.5) * (scene.shape[0] / len(body.back))
    ahead, inside = scene.ahead[known], water[known] > 12.0
    behind = np.where(inside, -ahead, -np.inf).max(axis=1)
    before = np.where(inside, ahead, -np.inf).max(axis=1)
    factors = []
    for reach, limit, own in ((behind, -ahead[:, -1], body.back), (before, ahead[:, 0], body.front)):
        drawn = np.interp(known, rows, own)
        cut_off = reach > limit - 2.0 * COARSE * scene.pixel_mm
        factor = np.clip(reach / drawn, np.where(cut_off, 1.0, 0.4), 2.0)
        factors.append(np.interp(rows, known, factor).astype(np.float32))
    return replace(body, back=body.back * factors[0], front=body.front * factors[1])


def _levelling(scene: Scene, water: Map, own: Map, known: Rows) -> Map:
    """Factor (rows, 1) that gives the procedural trunk the donor's thickness near the spine at the seams."""
    near = np.abs(scene.ahead) < 40.0
    count = np.maximum(near.sum(axis=1), 1)
    ours, theirs = ((m * near).sum(axis=1) / count for m in (own, water))
    ratio = np.clip(theirs / np.maximum(ours, 1.0), 0.5, 2.0)[known]
    edge = max(1, round(15.0 / scene.pixel_mm))
    smooth = np.convolve(np.pad(ratio, edge, mode="edge"), np.ones(2 * edge + 1) / (2 * edge + 1), mode="valid")
    return np.interp(np.arange(len(own)), known, smooth)[:, None].astype(np.float32)

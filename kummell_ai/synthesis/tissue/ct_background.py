"""Soft tissue of a film from the CT of another patient, bent so that the donor's spine follows the new one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.tissue.ct_volume import Donor
from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene

SEAM_MM = 50.0
HALF = 2
"""Slabs are read on a grid this many times coarser than the film: a CT holds nothing finer."""


@dataclass(frozen=True, slots=True)
class Graft:
    """How a donor is laid under a film.

    Attributes:
        top_z: patient z of the donor's first row (mm).
        scale: (along the spine, across it) of the new patient over the donor.
        mirrored: whether left and right are swapped.
        gains: (SLABS,) factor on the water of each slab.
        lung, gas: factors on what lung and bowel gas take away; 0 leaves them out.
    """

    top_z: float
    scale: tuple[float, float]
    mirrored: bool
    gains: Map
    lung: float
    gas: float


def draw_graft(scene: Scene, donor: Donor, lungs: bool, gas: bool, rng: np.random.Generator) -> Graft:
    """Draw how the donor is laid: its lungs end at T12 to L1, or else its lower end lies at the sacrum.

    CTs are taken in inspiration and films in expiration, when the same lung takes less from the water in its place.
    """
    along, across = float(np.exp(rng.normal(0.0, 0.07))), float(np.exp(rng.normal(0.0, 0.1)))
    length = len(donor.line) * donor.cell_mm[0] * along
    anchor = scene.level_z("T12", 105.0) + rng.normal(-8.0, 14.0)
    end = scene.level_z("S1", -95.0) - 110.0 + rng.normal(0.0, 15.0) + length
    top = end if donor.lung_foot is None else anchor + donor.lung_foot * along
    gains = np.exp(rng.normal(0.0, 0.06, len(donor.slab_y)) + rng.normal(0.0, 0.12)).astype(np.float32)
    strength = rng.uniform(0.55, 0.95), rng.uniform(0.4, 1.3)
    return Graft(float(top), (along, across), bool(rng.random() < 0.5), gains, strength[0] * lungs, strength[1] * gas)


def graft(scene: Scene, beam: ConeBeam, donor: Donor, how: Graft) -> tuple[Map, Map]:
    """Water (mm) of the donor on the film, and how much the film shall take from it: (rows, columns), (rows, 1).

    The cone beam is taken slab by slab: a slab a distance y nearer to the source is seen larger about the source's
    foot by D / (D - y).
    """
    view = scene.coarse(HALF)
    maps = donor.tissue - np.float32(how.lung) * donor.lung - np.float32(how.gas) * donor.gas
    distance = float(beam.source_mm[1])
    side = -1.0 if how.mirrored else 1.0
    out = np.zeros(view.shape, np.float32)
    along, across = donor.cell_mm[0] * how.scale[0], donor.cell_mm[1] * how.scale[1]
    for gain, y, plane in zip(how.gains, donor.slab_y, maps, strict=True):
        shrink = (distance - side * y * how.scale[1]) / distance
        z = beam.source_mm[2] + (view.z - beam.source_mm[2]) * shrink
        rows = ((how.top_z - z) / along - 0.5).astype(np.float32)
        line = np.interp(rows, np.arange(len(donor.line)), donor.line) / donor.cell_mm[1]
        # x of the slab's own plane, from the new spine's line there
        own = np.interp(-z, -view.z, view.line)
        foot = (own - beam.source_mm[0] * (1.0 - shrink)) / across + line
        columns = foot.astype(np.float32)[:, None] - (view.x * np.float32(shrink / across))[None, :]
        lines = np.repeat(rows[:, None], columns.shape[1], axis=1)
        seen = cv2.remap(plane, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        out += np.float32(gain * how.scale[1]) * seen
    depth = (how.top_z - scene.z) / how.scale[0]
    room = np.minimum(depth, len(donor.line) * donor.cell_mm[0] - depth) - np.float32(8.0)
    weight = np.clip(room / np.float32(SEAM_MM), 0.0, 1.0)[:, None].astype(np.float32)
    return scene.enlarge(out), weight * weight * (3.0 - 2.0 * weight)

"""Every bone of a posed patient as a closed surface with its cortex: what the beam meets.

The cortex lies between the surface and a copy of it moved inward along the normals by a thickness per vertex. Endplates
that are fractured or border a worn disc may be sclerotic: their cortex is thicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy_model import Individual
from kummell_ai.synthesis.course import State
from kummell_ai.synthesis.posture import PosedVertebra, ride
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.surfaces import vertex_normals


class BoneShell(NamedTuple):
    """One bone in the patient frame.

    Attributes:
        vertices_mm: (N, 3).
        faces: (M, 3), wound outward.
        cortex_mm: thickness of the cortex at each vertex, (N, 1) mm.
    """

    vertices_mm: FloatArray
    faces: NDArray[np.int32]
    cortex_mm: FloatArray


def _cortex_mm(vertebra: PosedVertebra, endplate_mm: float, walls: float, arch: float) -> FloatArray:
    """Thickness of the cortex at each vertex (N, 1) mm: endplates whole, walls thinner, arch and processes thicker."""
    template = vertebra.plan.template
    upright = np.abs(vertex_normals(template.vertices_mm, template.faces)[:, 2])
    behind = template.vertices_mm[:, 0] < template.corners_mm[:, 1, 0].min() - 2.0
    share = np.where(behind, arch, walls + (1.0 - walls) * upright**2)
    thickness: FloatArray = endplate_mm * share[:, None]
    return thickness


def bone_shells(
    individual: Individual,
    posed: Mapping[VertebralLevel, PosedVertebra],
    state: State,
    recipe: Recipe,
    rng: np.random.Generator,
) -> list[BoneShell]:
    """Vertebrae, then the bones that ride on them.

    Args:
        individual: the patient.
        posed: the spine by level.
        state: of the patient on this film.
        recipe: its ``disease.sclerosis`` says how many fractured or worn endplates are dense.
        rng: for the thickness of walls and arch.
    """
    walls, arch, thickness = rng.uniform(0.35, 0.9), rng.uniform(1.0, 2.4), individual.cortex_mm
    shells = [BoneShell(v.vertices_mm, v.faces, _cortex_mm(v, thickness, walls, arch)) for v in posed.values()]
    for bone in individual.others:
        vertices = ride(bone, posed[VertebralLevel(bone.anchor)])
        shells.append(BoneShell(vertices, bone.faces, np.full((len(vertices), 1), thickness * rng.uniform(0.8, 1.6))))
    return shells

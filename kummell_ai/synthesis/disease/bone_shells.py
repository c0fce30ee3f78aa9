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
from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.anatomy.bones import INFERIOR, SUPERIOR, BoneTemplate
from kummell_ai.synthesis.anatomy.surfaces import vertex_normals
from kummell_ai.synthesis.disease.course import State
from kummell_ai.synthesis.disease.osteophytes import worn_discs
from kummell_ai.synthesis.disease.posture import PosedVertebra, ride
from kummell_ai.synthesis.recipe import Recipe


class BoneShell(NamedTuple):
    """One bone in the patient frame.

    Attributes:
        vertices_mm: (N, 3).
        faces: (M, 3), wound outward.
        cortex_mm: thickness of the cortex at each vertex, (N, 1) mm.
        spongy: density of the bone inside, with regard to that of a vertebral body.
    """

    vertices_mm: FloatArray
    faces: NDArray[np.int32]
    cortex_mm: FloatArray
    spongy: float = 1.0


SACRUM_SPONGY = 0.45
"""The wings, most of what a lateral ray meets in the sacrum, hold fatty marrow and few trabeculae."""


def _cortex_mm(vertebra: PosedVertebra, endplate_mm: float, walls: float, arch: float) -> FloatArray:
    """Thickness of the cortex at each vertex (N, 1) mm: endplates whole, walls thinner, arch and processes thicker."""
    template = vertebra.plan.template
    upright = np.abs(vertex_normals(template.vertices_mm, template.faces)[:, 2])
    behind = template.vertices_mm[:, 0] < template.corners_mm[:, 1, 0].min() - 2.0
    share = np.where(behind, arch, walls + (1.0 - walls) * upright**2)
    thickness: FloatArray = endplate_mm * share[:, None]
    return thickness


def sclerotic_endplates(individual: Individual, state: State, share: float) -> dict[tuple[VertebralLevel, int], float]:
    """Thickening (mm) of dense endplates by (level, 0 superior or 1 inferior), the same on every film of a patient.

    Args:
        individual: the patient.
        state: says which bodies are fractured.
        share: of fractured or worn endplates that are dense (``disease.sclerosis``).
    """
    worn = worn_discs(individual)
    out = {}
    above = None
    for plan in individual.vertebrae:
        draws = np.random.default_rng([individual.seed, 45, plan.level.index]).random((2, 2))
        collapse = state.fractures.get(plan.level)
        broken = collapse is not None and collapse.kind is not None
        for endplate, disc_at in ((SUPERIOR, above), (INFERIOR, plan.level)):
            if (broken or disc_at in worn) and draws[endplate, 0] < share:
                out[plan.level, endplate] = float(0.3 + 1.2 * draws[endplate, 1] ** 2)
        above = plan.level
    return out


def _dense_mm(vertebra: PosedVertebra, endplate: int, thickness_mm: float) -> FloatArray:
    """Added thickness (N, 1) mm: full on the endplate, none 4 mm away from it and on the arch."""
    template = vertebra.plan.template
    (front, back), points = template.corners_mm[endplate], template.vertices_mm
    along = np.clip((points[:, 0] - back[0]) / (front[0] - back[0]), -0.1, 1.1)
    away = np.abs(points[:, 2] - back[2] - along * (front[2] - back[2]))
    near = np.clip(1.5 - away / 2.7, 0.0, 1.0) * (points[:, 0] > back[0] - 1.0)
    dense: FloatArray = thickness_mm * near[:, None]
    return dense


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
    shells = {v.level: BoneShell(v.vertices_mm, v.faces, _cortex_mm(v, thickness, walls, arch)) for v in posed.values()}
    for (level, endplate), dense in sclerotic_endplates(individual, state, recipe.disease.sclerosis).items():
        cortex = shells[level].cortex_mm + _dense_mm(posed[level], endplate, dense)
        shells[level] = shells[level]._replace(cortex_mm=cortex)
    sacrum = shells.get(VertebralLevel.S1)
    if sacrum is not None:
        shells[VertebralLevel.S1] = sacrum._replace(spongy=SACRUM_SPONGY)
    riding = []
    for bone in individual.others:
        vertices = ride(bone, posed[VertebralLevel(bone.anchor)])
        riding.append(BoneShell(vertices, bone.faces, thickness * rng.uniform(0.8, 1.6) * _relative_cortex(bone)))
    return [*shells.values(), *riding]


def _relative_cortex(bone: BoneTemplate) -> FloatArray:
    """Thickness of the cortex (N, 1) with regard to that of large bones.

    A rib's is thin, and thinnest at its front end, where cartilage goes on from it.
    """
    points = bone.vertices_mm
    if not bone.name.lower().startswith("rib"):
        return np.ones((len(points), 1))
    away = np.linalg.norm(points, axis=1, keepdims=True)
    relative: FloatArray = np.interp(away / away.max(), [0.4, 0.85, 1.0], [0.75, 0.5, 0.15])
    return relative

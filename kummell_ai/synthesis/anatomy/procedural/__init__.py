"""Bones modelled from numbers, so that the simulator works without meshes from anybody.

Each bone is a signed distance field: parts with the proportions of real bones, blended into one closed surface.
"""

from __future__ import annotations

from functools import cache

from numpy.random import Generator

from kummell_ai.synthesis.anatomy.bones import BoneTemplate
from kummell_ai.synthesis.anatomy.procedural.levels import PROCEDURAL_LEVELS
from kummell_ai.synthesis.anatomy.procedural.pelvis import build_pelvis
from kummell_ai.synthesis.anatomy.procedural.ribs import build_ribs
from kummell_ai.synthesis.anatomy.procedural.sacrum import build_sacrum
from kummell_ai.synthesis.anatomy.procedural.variation import Individual, draw_individual, vary
from kummell_ai.synthesis.anatomy.procedural.vertebra import build_vertebra, typical_shape


def procedural_templates(rng: Generator | None = None) -> dict[str, BoneTemplate]:
    """Vertebrae T1 to L6, sacrum ("S1"), pelvis, femora and ribs of one individual, by bone name.

    Without ``rng`` the typical individual, built once; with it, one drawn from the spread of adults (about three
    seconds). The arrays of the typical individual are shared: copy before changing them.
    """
    return dict(_typical()) if rng is None else _build(draw_individual(rng))


@cache
def _typical() -> dict[str, BoneTemplate]:
    return _build(Individual())


def _build(person: Individual) -> dict[str, BoneTemplate]:
    vertebrae = {level.value: build_vertebra(vary(typical_shape(level), person)) for level in PROCEDURAL_LEVELS}
    return vertebrae | {"S1": build_sacrum(person)} | build_pelvis(person) | build_ribs(person)

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, sample_individual
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.disease.bone_shells import BoneShell, bone_shells, sclerotic_endplates
from kummell_ai.synthesis.disease.course import State, pose
from kummell_ai.synthesis.disease.fracture import Collapse, FractureType
from kummell_ai.synthesis.recipe import DiseaseRecipe, Recipe

L1 = VertebralLevel.L1
STATE = State(Phase.PRE_OP, L1, {L1: Collapse(0.4, kind=FractureType.WEDGE)}, {})


def even_discs() -> Individual:
    individual = sample_individual(2, (procedural_templates(),))
    return replace(individual, vertebrae=tuple(replace(p, disc_mm=8.0) for p in individual.vertebrae))


def shells(share: float) -> list[BoneShell]:
    individual = even_discs()
    posed = {v.level: v for v in pose(individual, STATE, np.random.default_rng(0))}
    recipe = Recipe(disease=DiseaseRecipe(sclerosis=share))
    return bone_shells(individual, posed, STATE, recipe, np.random.default_rng(1))


def test_only_fractured_endplates_are_dense_when_no_disc_is_worn() -> None:
    individual = even_discs()
    plain, dense = shells(0.0), shells(1.0)
    thicker = [np.abs(a.cortex_mm - b.cortex_mm).max() for a, b in zip(plain, dense, strict=True)]
    at = [p.level for p in individual.vertebrae].index(L1)
    assert thicker[at] >= 0.3
    assert max(thicker[:at] + thicker[at + 1 :]) == 0.0
    body = individual.vertebrae[at].template.vertices_mm
    far = np.abs(body[:, 2]) < 4.0
    np.testing.assert_array_equal(plain[at].cortex_mm[far], dense[at].cortex_mm[far])


def test_worn_discs_make_both_their_endplates_dense_the_same_on_every_film() -> None:
    individual = even_discs()
    plans = [replace(p, disc_mm=2.5) if p.level is VertebralLevel.L3 else p for p in individual.vertebrae]
    worn = replace(individual, vertebrae=tuple(plans))
    healthy = State(Phase.UNKNOWN, None, {}, {})
    found = sclerotic_endplates(worn, healthy, 1.0)
    assert set(found) == {(VertebralLevel.L3, 1), (VertebralLevel.L4, 0)}
    assert found == sclerotic_endplates(worn, replace(healthy, phase=Phase.FOLLOW_UP), 1.0)
    assert sclerotic_endplates(worn, healthy, 0.0) == {}


def test_each_bone_has_a_thickness_for_every_vertex() -> None:
    for shell in shells(0.5):
        assert shell.cortex_mm.shape == (len(shell.vertices_mm), 1)
        assert (shell.cortex_mm > 0.0).all()


def test_the_sacrum_alone_holds_less_bone_inside() -> None:
    individual = even_discs()
    found = shells(0.0)
    at = [p.level for p in individual.vertebrae].index(VertebralLevel.S1)
    assert found[at].spongy < 1.0
    assert {shell.spongy for shell in found[:at] + found[at + 1 :]} == {1.0}


def test_the_cortex_of_a_rib_thins_out_towards_its_front_end() -> None:
    individual = even_discs()
    riding = shells(0.0)[len(individual.vertebrae) :]
    ribs = [(b, s) for b, s in zip(individual.others, riding, strict=True) if b.name.startswith("rib")]
    assert ribs
    for bone, shell in ribs:
        away = np.linalg.norm(bone.vertices_mm, axis=1)
        assert shell.cortex_mm[away.argmax()] < 0.3 * shell.cortex_mm[away.argmin()]

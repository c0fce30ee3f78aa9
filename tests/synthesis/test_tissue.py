"""Soft tissue: closed forms of its shapes, and that every ingredient is there in its share and nowhere else."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.synthesis.anatomy.anatomy_model import sample_individual
from kummell_ai.synthesis.case import banks_of
from kummell_ai.synthesis.disease.posture import stack_spine
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.recipe import DiseaseRecipe, Recipe, TissueRecipe
from kummell_ai.synthesis.tissue import Map, Scene, soft_tissue
from kummell_ai.synthesis.tissue.aorta import calcified_aorta
from kummell_ai.synthesis.tissue.bowel import Loop, gas
from kummell_ai.synthesis.tissue.lungs import draw_domes
from kummell_ai.synthesis.tissue.shapes import add_chains, deepen_capsules
from kummell_ai.synthesis.tissue.trunk import Body, draw_body

NOTHING = TissueRecipe(ct=0.0, lungs=0.0, gas=0.0, breast=0.0, arms=0.0, folds=0.0)
LEVELS = {"T4": 290.0, "T9": 165.0, "T11": 120.0, "T12": 95.0, "L1": 65.0, "L3": 0.0, "L4": -35.0, "L5": -70.0}


def straight_scene(rows: int = 320, cols: int = 240, pixel_mm: float = 1.0, top_z: float = 160.0) -> Scene:
    x = 120.0 - (np.arange(cols, dtype=np.float32) + 0.5) * pixel_mm
    z = top_z - (np.arange(rows, dtype=np.float32) + 0.5) * pixel_mm
    return Scene(x, z.astype(np.float32), np.zeros(rows, np.float32), pixel_mm, LEVELS)


@pytest.fixture(scope="module")
def patient() -> tuple[Any, Any]:
    individual = sample_individual(3, banks_of(Recipe(), 3))
    return individual, stack_spine(individual, {}, {}, 0.0)


def film(
    patient: tuple[Any, Any], tissue: TissueRecipe, aorta: float = 0.0, seed: int = 5, **more: Any
) -> dict[str, Map]:
    beam = ConeBeam(np.array([0.0, 1200.0, 80.0]), (140.0, 290.0), 1.5, (256, 176))
    setting: Any = SimpleNamespace(beam=beam, turn=np.eye(3), frontal=more.pop("frontal", False))
    recipe = Recipe(tissue=tissue, disease=DiseaseRecipe(aorta=aorta), **more)
    return soft_tissue(*patient, setting, recipe, np.random.default_rng(seed))


def test_a_round_rod_has_the_chord_of_a_cylinder() -> None:
    out = np.zeros((40, 60), np.float32)
    deepen_capsules(out, np.array([[-50.0, 20.0, 120.0, 20.0, 10.0, 10.0, 0.7]]))
    distance = np.arange(40) + 0.5 - 20.0
    chord = 0.7 * 2.0 * np.sqrt(np.clip(100.0 - distance**2, 0.0, None))
    np.testing.assert_allclose(out[:, 30], chord, atol=1e-4)


def test_where_rods_join_the_deepest_counts() -> None:
    rod, other = [-50.0, 20.0, 30.0, 20.0, 10.0, 10.0, 1.0], [30.0, 20.0, 120.0, 20.0, 10.0, 10.0, 1.0]
    through, joined = np.zeros((2, 40, 60), np.float32)
    deepen_capsules(through, np.array([[-50.0, 20.0, 120.0, 20.0, 10.0, 10.0, 1.0]]))
    deepen_capsules(joined, np.array([rod, other]))
    np.testing.assert_allclose(joined, through, atol=1e-4)


def test_beads_of_a_chain_join_and_chains_add_up() -> None:
    ball = [20.0, 20.0, 8.0, 8.0, 1.0, 0.0, 16.0]
    flat = np.zeros((40, 40), np.float32)
    joined, added = np.zeros_like(flat), np.zeros_like(flat)
    add_chains(joined, np.array([ball, ball]), np.array([0, 2]), np.array([40.0]), flat)
    add_chains(added, np.array([ball, ball]), np.array([0, 1, 2]), np.array([40.0, 40.0]), flat)
    row, col = np.mgrid[0:40, 0:40] + 0.5
    sphere = 2.0 * np.sqrt(np.clip(64.0 - (row - 20.0) ** 2 - (col - 20.0) ** 2, 0.0, None))
    np.testing.assert_allclose(joined, sphere, atol=1e-4)
    np.testing.assert_allclose(added, 2.0 * sphere, atol=1e-4)


def test_there_is_no_gas_below_a_fluid_level() -> None:
    scene = straight_scene()
    bead = np.array([[60.0, 20.0, 25.0, 20.0, 0.0, 40.0]])
    erect = gas(scene, [Loop(bead, 25.0)], np.random.default_rng(1))
    lying = gas(scene, [Loop(bead, -np.inf)], np.random.default_rng(1))
    above = scene.z > 25.5
    np.testing.assert_array_equal(erect[above], lying[above])
    assert erect[above].max() > 20.0
    assert erect[scene.z < 24.5].max() == 0.0
    assert lying[scene.z < 24.5].max() > 20.0


@given(st.floats(-100.0, 110.0), st.floats(-150.0, 150.0))
def test_a_point_lands_on_the_pixel_that_knows_its_distance(ahead: float, z: float) -> None:
    scene = straight_scene()
    column, row = scene.pixel(np.array([ahead]), np.array([z]))[0]
    assert abs(scene.ahead[int(row), min(int(column), 239)] - ahead) <= 0.501
    assert abs(scene.z[int(row)] - z) <= 0.501


def test_the_trunk_is_as_wide_as_told_and_ends_at_the_skin() -> None:
    rows = np.ones(3, np.float32)
    body = Body(80.0 * rows, 120.0 * rows, 150.0 * rows, np.full((3, 3), 20.0, np.float32), (2.0, 2.0))
    ahead = np.tile(np.array([-81.0, -80.0, 20.0, 70.0, 120.0, 121.0], np.float32), (3, 1))
    widths = body.half_widths(ahead)
    ellipse = 150.0 * np.sqrt(1.0 - 0.5**2)
    np.testing.assert_allclose(widths[1], [0.0, 0.0, 150.0, ellipse, 0.0, 0.0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(body.half_widths(ahead, 10.0)[1, 2], 140.0, rtol=1e-3)


@given(st.integers(0, 2**32))
def test_a_dome_crosses_the_spine_where_told_and_falls_to_both_sides(seed: int) -> None:
    view = straight_scene()
    body = draw_body(view.coarse(), (150.0, 85.0, 130.0), np.random.default_rng(seed))
    for dome in draw_domes(view, np.random.default_rng(seed)):
        ahead = np.array([[-60.0, -30.0, 0.0, dome.apex, dome.apex + 30.0]], np.float32)
        behind, *_, spine, apex, before = dome.height(ahead, body.back[:1, None], body.front[:1, None])[0]
        assert abs(spine - dome.at_spine_z) < 1e-3
        assert behind < spine < apex
        assert before <= apex


def test_the_aorta_is_calcified_in_front_of_the_spine_above_its_fork() -> None:
    scene = straight_scene()
    for seed in range(6):
        bone = calcified_aorta(scene, np.random.default_rng(seed))
        assert bone.min() >= 0.0
        rows, cols = np.nonzero(bone > 0.05)
        assert scene.x[cols].min() > 5.0
        assert scene.z[rows].min() > LEVELS["L4"] - 30.0


def test_with_every_key_at_zero_only_the_trunk_is_left(patient: tuple[Any, Any]) -> None:
    for seed in range(4):
        layers = film(patient, NOTHING, seed=seed)
        assert layers["bone"].max() == 0.0
        assert layers["water"].dtype == np.float32
        assert layers["water"].min() >= 0.0
        assert 150.0 < layers["water"].max() < 700.0


@pytest.mark.parametrize("name", ["lungs", "gas", "breast", "arms", "folds"])
def test_an_ingredient_is_there_at_one_and_changes_nothing_else(patient: tuple[Any, Any], name: str) -> None:
    signs = {"lungs": -1.0, "breast": 1.0, "arms": 1.0}
    changed = 0
    for seed in range(6):
        without = film(patient, NOTHING, seed=seed)["water"]
        given_ = film(patient, dataclasses.replace(NOTHING, **{name: 1.0}), seed=seed)["water"]
        change = given_ - without
        changed += bool(np.abs(change).max() > 0.5)
        if name in signs:
            assert (signs[name] * change).min() > -1e-3
        if name == "lungs":
            assert np.abs(change[-40:]).max() == 0.0  # the pelvis holds no lung
    assert changed >= 4


def test_what_was_drawn_for_one_ingredient_does_not_depend_on_another(patient: tuple[Any, Any]) -> None:
    alone = film(patient, dataclasses.replace(NOTHING, arms=1.0))["water"] - film(patient, NOTHING)["water"]
    lungs = dataclasses.replace(NOTHING, lungs=1.0)
    beside = film(patient, dataclasses.replace(lungs, arms=1.0))["water"] - film(patient, lungs)["water"]
    np.testing.assert_allclose(alone, beside, atol=1e-2)  # float32 sums of some hundred millimetres


def test_calcified_vessels_are_bone(patient: tuple[Any, Any]) -> None:
    assert max(film(patient, NOTHING, aorta=1.0, seed=s)["bone"].max() for s in range(3)) > 0.2


def test_the_same_seed_gives_the_same_bytes(patient: tuple[Any, Any]) -> None:
    everything = TissueRecipe(ct=0.0, lungs=1.0, gas=1.0, breast=1.0, arms=1.0, folds=1.0)
    first, again = (film(patient, everything, aorta=1.0) for _ in range(2))
    assert all(first[k].tobytes() == again[k].tobytes() for k in first)
    assert first["water"].tobytes() != film(patient, everything, aorta=1.0, seed=6)["water"].tobytes()


def test_a_frontal_film_holds_soft_tissue_too(patient: tuple[Any, Any]) -> None:
    layers = film(patient, TissueRecipe(ct=0.0), frontal=True)
    assert layers["water"].max() > 100.0
    assert layers["bone"].max() == 0.0

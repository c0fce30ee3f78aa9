"""All soft tissue of one film."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.disease.posture import PosedVertebra
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.tissue.aorta import calcified_aorta
from kummell_ai.synthesis.tissue.bowel import draw_loops, faeces, gas
from kummell_ai.synthesis.tissue.ct_background import draw_graft
from kummell_ai.synthesis.tissue.ct_volume import Donor, find_scans, load_donor
from kummell_ai.synthesis.tissue.flesh import flesh, organs
from kummell_ai.synthesis.tissue.folds import folds
from kummell_ai.synthesis.tissue.frontal import frontal_water
from kummell_ai.synthesis.tissue.grafting import grafted
from kummell_ai.synthesis.tissue.limbs import arms, breast
from kummell_ai.synthesis.tissue.lungs import draw_domes, lungs
from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.planes import make_planes
from kummell_ai.synthesis.tissue.scene import Scene, make_scene
from kummell_ai.synthesis.tissue.trunk import Body, draw_body

if TYPE_CHECKING:
    from kummell_ai.synthesis.exposure import Setting

INGREDIENTS = ("ct", "lungs", "gas", "breast", "arms", "folds", "aorta")


def soft_tissue(
    individual: Individual,
    spine: Sequence[PosedVertebra],
    setting: Setting,
    recipe: Recipe,
    rng: np.random.Generator,
) -> dict[str, Map]:
    """Thickness (mm) of ``water`` and ``bone`` (calcified vessels, arms, metal of clothes) at every pixel of a film.

    Every ingredient has random numbers of its own, so that leaving one out changes nothing else.

    Raises:
        ConfigError: a CT of ``recipe.backgrounds`` cannot be used.
    """
    streams = [np.random.default_rng(seed) for seed in rng.integers(2**63, size=len(INGREDIENTS) + 2)]
    *own, base, presence = streams
    coins = presence.random(len(INGREDIENTS))
    shares = {**{n: getattr(recipe.tissue, n) for n in INGREDIENTS[:-1]}, "aorta": recipe.disease.aorta}
    has = {name: bool(coin < shares[name]) for name, coin in zip(INGREDIENTS, coins, strict=True)}
    draw = dict(zip(INGREDIENTS, own, strict=True))
    centres = np.array([v.rims_mm.reshape(-1, 3).mean(axis=0) for v in spine]) @ setting.turn.T
    scene = make_scene(setting.beam, centres, tuple(v.level.value for v in spine))
    if setting.frontal:
        water = frontal_water(scene, individual.tube[0], has["lungs"], has["gas"], base)
        return {"water": water, "bone": np.zeros_like(water)}
    donor = _donor(recipe, draw["ct"]) if has["ct"] and recipe.backgrounds else None
    return _lateral(scene, setting.beam, individual.tube, donor, has, draw, base)


def _donor(recipe: Recipe, rng: np.random.Generator) -> Donor:
    scans = find_scans(recipe.backgrounds)
    return load_donor(*scans[int(rng.integers(len(scans)))])


def _lateral(
    scene: Scene,
    beam: ConeBeam,
    tube_mm: tuple[float, float, float],
    donor: Donor | None,
    has: dict[str, bool],
    draw: dict[str, np.random.Generator],
    base: np.random.Generator,
) -> dict[str, Map]:
    coarse = scene.coarse()
    body = draw_body(coarse, tube_mm, base)
    procedural = partial(_procedural, scene, coarse, has, draw, base)
    if donor is None:
        water = procedural(body, None)
    else:
        how = draw_graft(scene, donor, has["lungs"], has["gas"], draw["ct"])
        water = grafted(scene, beam, donor, how, body, procedural, draw["ct"])
    dense = np.zeros(scene.shape, np.float32)
    if has["breast"]:
        water += breast(scene, coarse, body, draw["breast"])
    if has["arms"]:
        _add((water, dense), arms(scene, draw["arms"]))
    if has["folds"]:
        _add((water, dense), folds(scene, coarse, body, draw["folds"]))
    if has["aorta"]:
        dense += calcified_aorta(scene, draw["aorta"])
    return {"water": np.maximum(water, 0.0, out=water), "bone": dense}


def _procedural(
    scene: Scene,
    coarse: Scene,
    has: dict[str, bool],
    draw: dict[str, np.random.Generator],
    base: np.random.Generator,
    body: Body,
    lungs_end_z: float | None,
) -> Map:
    domes = draw_domes(scene, base, lungs_end_z)
    dome_z = max(dome.at_spine_z for dome in domes)
    erect = bool(base.random() < 0.5)
    planes = make_planes(scene, coarse, body)
    water = flesh(scene, coarse, body, planes, base)
    water += scene.enlarge(organs(coarse, body, dome_z, base))
    if has["lungs"]:
        taken = lungs(scene, coarse, body, planes, domes, draw["lungs"])
        water[: len(taken)] -= taken
    if has["gas"]:
        water -= gas(scene, draw_loops(coarse, body, dome_z, erect, draw["gas"]), draw["gas"])
        water += faeces(scene, coarse, body, draw["gas"])
    return np.maximum(water, 0.0, out=water)


def _add(layers: tuple[Map, Map], more: tuple[Map, Map]) -> None:
    for layer, extra in zip(layers, more, strict=True):
        layer += extra

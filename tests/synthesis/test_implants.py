from collections.abc import Iterator
from dataclasses import fields, replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import sample_individual
from kummell_ai.synthesis.anatomy.bones import is_closed, signed_volume
from kummell_ai.synthesis.case import banks_of
from kummell_ai.synthesis.disease.course import pose, sample_course
from kummell_ai.synthesis.disease.posture import PosedVertebra, rotation_matrix, stack_spine
from kummell_ai.synthesis.film.attenuation import transmission
from kummell_ai.synthesis.operation import cages, cement
from kummell_ai.synthesis.operation.construct import construct
from kummell_ai.synthesis.operation.hardware import Mesh, box, cylinder, hollow, joined, prism, sphere, tube
from kummell_ai.synthesis.operation.implants import SIDES, Implants, _cage, cleft, implant_lengths, implants
from kummell_ai.synthesis.operation.operation import CAGE_KINDS, LEAK_KINDS, Operation, sample_operation
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.recipe import OperationRecipe, Recipe

L1 = VertebralLevel.L1
NOTHING = OperationRecipe(**dict.fromkeys((f.name for f in fields(OperationRecipe)), 0.0))
EVERYTHING = OperationRecipe(
    long=1.0, index_screws=1.0, fenestrated=1.0, cross_links=1.0, leaks=1.0, voids=1.0, loosening=1.0,
    vertebroplasty=0.0, cages=0.0, unilateral=0.0,
)  # fmt: skip


@lru_cache(maxsize=1)
def spine() -> tuple[PosedVertebra, ...]:
    return stack_spine(sample_individual(3, banks_of(Recipe(), 3)), {}, {}, 0.0)


def posed() -> dict[VertebralLevel, PosedVertebra]:
    return {v.level: v for v in spine()}


def operation(seed: int, recipe: OperationRecipe = EVERYTHING) -> Operation:
    levels = tuple(v.level for v in spine()[:-1])
    return sample_operation(L1, levels, recipe, np.random.default_rng(seed))


def meshes(made: Implants) -> Iterator[Mesh]:
    for parts in (*made.solids.values(), made.cavities, made.halos, made.rims):
        yield from parts


@pytest.mark.parametrize(
    ("mesh", "expected", "within"),
    [
        (box((0, 0, 0), (2, 3, 4)), 24.0, 1e-12),
        (cylinder(4.0, -10.0, 20.0, 64), np.pi * 16.0 * 30.0, 2e-3),  # a 64-gon lacks 0.16 %
        (prism([(0, 0), (1, 0), (0, 1)], (0.0, 3.0), (1.0, 0.0)), 0.5, 1e-12),
        (tube(np.linspace([0, 0, 0], [30.0, 5.0, 3.0], 5), 2.0, 64), np.pi * 4.0 * np.sqrt(934.0), 2e-3),
        (sphere(4), 4.0 / 3.0 * np.pi, 3e-3),
        (hollow(sphere(4)), -4.0 / 3.0 * np.pi, 3e-3),
    ],
    ids=["box", "cylinder", "pyramid", "tube", "sphere", "hole"],
)
def test_volume_of_a_solid_is_the_closed_form(mesh: Mesh, expected: float, within: float) -> None:
    assert is_closed(mesh[1])
    assert signed_volume(*mesh) == pytest.approx(expected, rel=within)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
@example(398859)
def test_everything_put_in_is_closed_and_encloses_something(seed: int) -> None:
    done = operation(seed)
    made = implants(posed(), done, Phase.FOLLOW_UP)
    assert bool(made.cavities) == done.void == (L1 in done.cemented)  # now and then L1 is held by screws alone
    assert made.halos
    for mesh in meshes(made):
        assert is_closed(mesh[1])
        assert np.isfinite(mesh[0]).all()
    for parts in filter(None, (*made.solids.values(), made.cavities, made.halos, made.rims)):
        assert signed_volume(*joined(parts)) > 0.0


@pytest.mark.parametrize("make", [cages.interbody, cages.mesh_tube, cages.expandable])
@pytest.mark.parametrize("seed", range(3))
def test_cages_are_closed_and_fill_the_height(make: object, seed: int) -> None:
    parts = joined([m for v in make(24.0, np.random.default_rng(seed)).values() for m in v])  # type: ignore[operator]
    assert is_closed(parts[1])
    assert signed_volume(*parts) > 0.0
    assert float(np.ptp(parts[0][:, 2])) == pytest.approx(24.0, abs=7.3)  # teeth stand out of the end plates


@pytest.mark.parametrize("kind", CAGE_KINDS)
def test_a_cage_is_as_large_at_follow_up_as_it_was_put_in(kind: str) -> None:
    recipe = Recipe(operation=replace(NOTHING, cages=1.0))
    seen = 0
    for seed in range(30):
        individual = sample_individual(seed, banks_of(Recipe(), seed))
        _, after, last = sample_course(individual, recipe)
        assert after.operation is not None
        if after.operation.cage != kind:
            continue
        seen += 1
        sizes = []
        for state in (after, last):
            spine = pose(individual, state, np.random.default_rng([seed, len(sizes)]))
            parts = [m for v in _cage({v.level: v for v in spine}, after.operation).values() for m in v]
            points = joined(parts)[0]
            sizes.append(np.linalg.norm(points - points.mean(axis=0), axis=1))
        assert np.allclose(*sizes, atol=1e-6)
    assert seen


@pytest.mark.parametrize("seed", range(12))
def test_rods_run_through_the_heads_and_screws_keep_their_length(seed: int) -> None:
    done = operation(seed)
    assert done.style is not None
    bodies = {level: cement.measure_body(posed()[level].plan.template) for level in done.screws}
    for side in SIDES:
        screws, rod = construct(posed(), bodies, done, done.style, side, set())
        assert rod is not None
        for screw, seat in zip(screws, rod.seats, strict=True):
            a, b = rod.path[:-1], rod.path[1:]
            share = np.clip(((seat - a) * (b - a)).sum(axis=1) / ((b - a) ** 2).sum(axis=1), 0.0, 1.0)
            # chords of a gentle bend between points 5 mm apart
            assert np.linalg.norm(a + share[:, None] * (b - a) - seat, axis=1).min() < 0.1
            assert np.linalg.norm(screw.foot - seat) == pytest.approx(0.5 * done.style.head_height)
            length = float(np.linalg.norm(screw.foot - screw.tip))
            assert length == pytest.approx(screw.length)
            assert length % 5.0 == pytest.approx(0.0, abs=1e-6) or length % 5.0 == pytest.approx(5.0, abs=1e-6)
            assert 30.0 <= length <= 75.0


@pytest.mark.parametrize("seed", range(12))
def test_screws_pass_through_the_pedicles(seed: int) -> None:
    done = operation(seed)
    assert done.style is not None
    bodies = {level: cement.measure_body(posed()[level].plan.template) for level in done.screws}
    for side in SIDES:
        for screw in construct(posed(), bodies, done, done.style, side, set())[0]:
            body, bone = bodies[screw.level], posed()[screw.level]
            pedicle = bone.place(np.array([body.back - 4.0, side * body.pedicle[0], body.pedicle[1]]))
            along = (screw.tip - screw.foot) / np.linalg.norm(screw.tip - screw.foot)
            offset = (pedicle - screw.foot) - along * ((pedicle - screw.foot) @ along)
            assert np.linalg.norm(offset) < 5.0  # half the height of a pedicle


def test_left_and_right_hardware_do_not_coincide() -> None:
    apart = []
    for seed in range(20):
        done = operation(seed)
        assert done.style is not None
        bodies = {level: cement.measure_body(posed()[level].plan.template) for level in done.screws}
        left, right = (construct(posed(), bodies, done, done.style, side, set())[0] for side in SIDES)
        apart += [float(np.linalg.norm((a.tip - b.tip)[[0, 2]])) for a in left for b in right if a.level is b.level]
    assert np.median(apart) > 1.0
    assert min(apart) > 0.0


def test_hardware_rides_with_the_bones() -> None:
    turn, shift = rotation_matrix(25.0, 8.0, -6.0), np.array([3.0, -5.0, 40.0])
    moved = {
        v.level: replace(
            v,
            rotation=turn @ v.rotation,
            translation=turn @ v.translation + shift,
            vertices_mm=v.vertices_mm @ turn.T + shift,
            rims_mm=v.rims_mm @ turn.T + shift,
        )
        for v in spine()
    }
    for seed in range(4):
        done = operation(seed)
        here, there = (implants(where, done, Phase.POST_OP) for where in (posed(), moved))
        for a, b in zip(meshes(here), meshes(there), strict=True):
            # a round part may be turned about its own axis; its volume and middle are not
            np.testing.assert_allclose(b[0].mean(axis=0), turn @ a[0].mean(axis=0) + shift, atol=1e-6)
            assert signed_volume(*a) == pytest.approx(signed_volume(*b), rel=1e-4)


def test_every_film_shows_the_same_and_only_follow_up_shows_halos() -> None:
    done = operation(1)
    after, later = (implants(posed(), done, phase) for phase in (Phase.POST_OP, Phase.FOLLOW_UP))
    assert after.halos == ()
    assert len(later.halos) == len(done.loose) > 0
    for name in ("cement", "cement_zirconia"):
        assert len(after.solids.get(name, ())) == len(later.solids.get(name, ()))
    assert implants(posed(), done, Phase.PRE_OP) == Implants()
    assert implants(posed(), None, Phase.UNKNOWN) == Implants()


def test_an_operation_without_ingredients_leaves_screws_and_rods_alone() -> None:
    made = implants(posed(), replace(operation(2, NOTHING), cemented=()), Phase.FOLLOW_UP)
    assert made.cavities == made.halos == ()
    assert not {"cement", "cement_zirconia", "peek", "tantalum"} & set(made.solids)


def test_cement_keeps_its_shape_when_the_body_sinks() -> None:
    done = operation(3, NOTHING)
    bone = posed()[L1]
    sunk = replace(bone, collapses=(*bone.collapses, replace(bone.collapses[0], anterior=0.3, posterior=0.1)))
    done = replace(done, bed=replace(bone.collapses[0], anterior=0.1))
    before = implants(
        {**posed(), L1: replace(bone, collapses=(bone.plan.collapse, done.bed))}, done, Phase.POST_OP
    ).solids[done.cement][0]
    after = implants({**posed(), L1: sunk}, done, Phase.FOLLOW_UP).solids[done.cement][0]
    np.testing.assert_allclose(after[0] - after[0].mean(axis=0), before[0] - before[0].mean(axis=0), atol=1e-9)
    assert np.linalg.norm(after[0].mean(axis=0) - before[0].mean(axis=0)) > 0.3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_clouds_stay_inside_the_body_and_leaks_leave_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = cement.measure_body(posed()[L1].plan.template)
    parts, _ = cement.filling(body, 1.5, rng)
    points, _ = joined(parts)
    np.testing.assert_allclose(body.keep_inside(points), points, atol=1e-6)
    assert points[:, 0].min() >= body.back
    assert points[:, 0].max() <= body.front
    for kind in LEAK_KINDS:
        outside, faces = joined(cement.leak(body, kind, rng))
        assert is_closed(faces)
        assert np.abs(body.keep_inside(outside) - outside).max() > 0.3


def test_lengths_by_material_need_no_film_to_be_hit() -> None:
    made = implants(posed(), operation(4), Phase.FOLLOW_UP)
    centre = posed()[L1].rims_mm.reshape(-1, 3).mean(axis=0)
    source = np.array([centre[0], 1200.0, centre[2]])
    film = ConeBeam(source, (centre[0] + 60.0, centre[2] + 100.0), 1.0, (200, 120))
    on_film = implant_lengths(made, np.eye(3), film)
    lengths = on_film.by_material
    assert on_film.lost is not None
    assert on_film.dense is not None
    assert on_film.lost.max() > 1.0
    assert on_film.dense.max() > 1.0
    assert lengths["titanium"].max() > 5.0
    assert all(length.shape == (200, 120) and length.min() >= 0.0 for length in lengths.values())
    assert float(transmission(lengths, 75.0).min()) < 0.1
    away = ConeBeam(source, (centre[0] + 60.0, centre[2] + 2000.0), 1.0, (200, 120))
    assert implant_lengths(made, np.eye(3), away).by_material == {}


def test_a_cavity_thins_the_cement() -> None:
    made = implants(posed(), operation(5), Phase.POST_OP)
    centre = posed()[L1].rims_mm.reshape(-1, 3).mean(axis=0)
    film = ConeBeam(np.array([centre[0], 1200.0, centre[2]]), (centre[0] + 60.0, centre[2] + 60.0), 0.6, (200, 200))
    name = next(n for n in made.solids if n.startswith("cement"))
    whole = implant_lengths(replace(made, cavities=()), np.eye(3), film).by_material[name]
    assert float((whole - implant_lengths(made, np.eye(3), film).by_material[name]).max()) > 1.0


def test_a_cleft_gapes_with_its_opening() -> None:
    shut, wide = (cleft(posed()[L1], 1, opening) for opening in (0.1, 1.0))
    assert is_closed(wide[1])
    assert 0.0 < signed_volume(*shut) < signed_volume(*wide)


def test_long_tabs_are_there_in_theatre_alone() -> None:
    done = operation(6)
    assert done.style is not None
    done = replace(done, style=replace(done.style, tabs=80.0))
    shown = [
        joined(implants(posed(), done, phase, in_theatre=in_theatre).solids["titanium"])[0]
        for phase, in_theatre in ((Phase.POST_OP, True), (Phase.POST_OP, False), (Phase.FOLLOW_UP, True))
    ]
    reach = [-points[:, 0].min() for points in shown]
    assert reach[0] > reach[1] + 60.0
    assert reach[2] == pytest.approx(reach[1], abs=3.0)  # a loose screw has moved a little

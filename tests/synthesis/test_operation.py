from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.synthesis.operation.operation import CAGE_KINDS, LEAK_KINDS, Operation, sample_operation
from kummell_ai.synthesis.recipe import OperationRecipe

T13_SPINE = LEVELS[3:19]
NOTHING = OperationRecipe(**dict.fromkeys((f.name for f in fields(OperationRecipe)), 0.0))
USUAL = OperationRecipe()
L1 = VertebralLevel.L1


def draw(seed: int, recipe: OperationRecipe = USUAL, index: VertebralLevel = L1) -> Operation:
    return sample_operation(index, T13_SPINE, recipe, np.random.default_rng(seed))


@given(st.integers(0, 10**6), st.sampled_from(T13_SPINE))
def test_an_operation_reaches_only_the_patients_own_neighbours(seed: int, index: VertebralLevel) -> None:
    operation = draw(seed, index=index)
    at = T13_SPINE.index(index)
    reach = {T13_SPINE[k] for k in range(max(at - 2, 0), min(at + 3, len(T13_SPINE)))}
    assert set(operation.screws) <= reach
    assert list(operation.screws) == sorted(operation.screws)
    assert set(operation.cemented) <= {index, *operation.screws}
    assert all(level in operation.cemented and kind in LEAK_KINDS for level, kind in operation.leaks)
    assert all(side in operation.sides(level) for level, side in operation.loose)
    assert all(operation.sides(level) for level in operation.screws)
    assert (operation.style is None) == (not operation.screws)


def test_neighbours_are_positions_in_the_patients_own_list() -> None:
    assert draw(0, NOTHING).screws == (VertebralLevel.T13, VertebralLevel.L2)


@pytest.mark.parametrize("seed", range(20))
def test_a_share_of_zero_leaves_the_ingredient_out(seed: int) -> None:
    operation = draw(seed, NOTHING)
    assert len(operation.screws) == 2
    assert operation.left_only == operation.right_only == operation.leaks == operation.loose == ()
    assert not any((operation.fenestrated, operation.cross_link, operation.void, operation.cage))
    assert set(operation.cemented) <= {L1}


def test_a_share_of_one_puts_the_ingredient_in() -> None:
    assert draw(0, replace(NOTHING, vertebroplasty=1.0)).screws == ()
    assert draw(0, replace(NOTHING, vertebroplasty=1.0)).cemented == (L1,)
    assert len(draw(0, replace(NOTHING, long=1.0)).screws) in (2, 4)
    assert L1 in draw(0, replace(NOTHING, index_screws=1.0)).screws
    assert draw(0, replace(NOTHING, cages=1.0)).cage in CAGE_KINDS
    assert draw(0, replace(NOTHING, cages=1.0)).cemented == ()
    assert draw(0, replace(NOTHING, cross_links=1.0)).cross_link
    assert draw(0, replace(NOTHING, loosening=1.0)).loose
    assert draw(0, replace(NOTHING, vertebroplasty=1.0, voids=1.0)).void
    assert draw(0, replace(NOTHING, vertebroplasty=1.0, leaks=1.0)).leaks
    single = draw(0, replace(NOTHING, unilateral=1.0))
    assert {len(single.sides(level)) for level in single.screws} == {1}


def test_half_of_the_screws_at_the_injured_level_are_on_one_side() -> None:
    recipe = replace(NOTHING, index_screws=1.0)
    single = [len(draw(seed, recipe).sides(L1)) == 1 for seed in range(400)]
    assert np.mean(single) == pytest.approx(0.5, abs=0.1)  # four standard errors


def test_a_level_that_the_patient_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="S1 is none of the patient's"):
        draw(0, index=VertebralLevel.S1)


@pytest.mark.parametrize("seed", range(20))
def test_no_screw_stands_in_the_way_of_a_cage_within_the_body(seed: int) -> None:
    operation = draw(seed, replace(NOTHING, index_screws=1.0, cages=1.0))
    assert (L1 in operation.screws) == (operation.cage == "interbody")
    assert {*operation.left_only, *operation.right_only} <= set(operation.screws)

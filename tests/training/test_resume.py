"""A run that is killed at any moment and started again ends with the weights of one that was left in peace."""

from __future__ import annotations

import random
import signal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.training.crop_samples import write_crops
from kummell_ai.training.order import EpochSampler, Place, share_of, steps_of
from tests.training.fakes import fake_shards
from tests.training.killed import run_apart
from tests.training.test_refine import crops_of

STEPS = 8
"""Of a whole run: two epochs of three steps, and two steps of a third."""

FIRST = ["rows=64", "columns=64", "films_per_epoch=7", "validation_films=1",
         "network={deepest: 32, context: 16, decoder: 16, level: 16}"]  # fmt: skip
SECOND = ["crops_per_epoch=7", "validation_limit=2", "sizes={half: 16, quarter: 16, eighth: 16, sixteenth: 16}"]
COMMON = ["batch_size=2", "threads=1", "precision=32-true", f"max_steps={STEPS}", "warmup_steps=2", "seed=5",
          "max_minutes=null", "pictures_every=0"]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """By stage: overrides of a run, and what a run left in peace ends with."""
    folder = tmp_path_factory.mktemp("resume")
    fake_shards(folder / "films", 5, (64, 64))
    (folder / "crops").mkdir()
    write_crops(folder / "crops" / "crops_00000.npz", [crop for seed in (0, 1) for crop in crops_of(seed)])
    films, crops = folder / "films", folder / "crops"
    given = {
        False: [*COMMON, *FIRST, f"shards={films}", f"validation_shards={films}", f"out={folder / 'model'}"],
        True: [*COMMON, *SECOND, f"crops={crops}", f"validation_crops={crops}", f"out={folder / 'model'}"],
    }
    ends = {}
    for second, overrides in given.items():
        runs = folder / f"peace-{second}"
        assert run_apart(second, [*overrides, f"runs={runs}", "workers=0"]) == 0
        ends[second] = state_of(runs)
    return given, ends


def state_of(runs):
    """Weights, averaged weights and the optimiser's moments at the end of a run."""
    checkpoint = torch.load(runs / "checkpoints" / "last.ckpt", weights_only=False)
    assert checkpoint["global_step"] == STEPS
    moments = checkpoint["optimizer_states"][0]["state"]
    return checkpoint["state_dict"] | {f"{i} {name}": v for i, part in moments.items() for name, v in part.items()}


@pytest.mark.parametrize(
    ("second", "kill", "minutes", "workers"),
    [
        (False, "step", 1000, 1),
        (True, "step", 1000, 0),
        (False, "step", 0, 0),
        (True, "step", 0, 1),
        (False, "write", 0, 0),
    ],
    ids=[
        "network, within an epoch",
        "refiner, within an epoch",
        "network, beyond a checkpoint within an epoch",
        "refiner, beyond a checkpoint within an epoch",
        "network, while a checkpoint is written",
    ],
)
def test_a_killed_run_ends_like_one_left_in_peace(undisturbed, tmp_path, second, kill, minutes, workers):
    given, ends = undisturbed
    same = [*given[second], f"runs={tmp_path}", f"checkpoint_minutes={minutes}", f"workers={workers}"]
    after = random.Random(f"{second} {kill} {minutes}").choice([1, 2, 4, 5, 7])  # steps that end no epoch
    assert run_apart(second, same, kill, after) == -signal.SIGKILL
    assert run_apart(second, same) == 0
    end = state_of(tmp_path)
    assert end.keys() == ends[second].keys()
    for name, value in ends[second].items():  # one processor, one thread, one order of sums: equal to the last bit
        assert torch.equal(end[name], value), name


@pytest.mark.parametrize("second", [False, True], ids=["network", "refiner"])
def test_a_killed_run_with_batches_made_on_the_device_ends_like_one_left_in_peace(undisturbed, tmp_path, second):
    same = [*undisturbed[0][second], "batches=device", "workers=0"]
    assert run_apart(second, [*same, f"runs={tmp_path / 'peace'}"]) == 0
    killed = [*same, f"runs={tmp_path / 'killed'}", "checkpoint_minutes=0"]
    assert run_apart(second, killed, "step", 4) == -signal.SIGKILL
    assert run_apart(second, killed) == 0
    peace, end = state_of(tmp_path / "peace"), state_of(tmp_path / "killed")
    assert end.keys() == peace.keys()
    for name, value in peace.items():
        assert torch.equal(end[name], value), name
    other = undisturbed[1][second]
    assert not all(torch.equal(other[name], value) for name, value in peace.items()), "draws of its own"


places = st.tuples(st.integers(1, 20), st.integers(1, 60), st.integers(1, 7), st.integers(1, 3), st.integers(0, 5))


@given(places, st.data())
def test_what_is_left_of_an_epoch_is_its_end(numbers, data):
    items, count, batch, world, epoch = numbers
    count = max(count, world)
    steps = steps_of(count, batch, world)
    step = data.draw(st.integers(0, steps - 1))
    rank = data.draw(st.integers(0, world - 1))
    whole = list(EpochSampler(items, count, batch, 3, Place(epoch, 0, steps, 0, rank, world)))
    left = EpochSampler(items, count, batch, 3, Place(epoch, step, steps, 0, rank, world))
    assert list(left) == whole[step * batch :]
    assert len(left) == len(list(left))
    assert len(EpochSampler(items, count, batch, 3, Place(epoch, step, steps, step, rank, world))) == (
        len(whole) if step else len(left)
    )


@given(places)
def test_an_epoch_draws_every_item_before_any_twice_and_the_processes_share_it(numbers):
    items, count, batch, world, epoch = numbers
    count = max(count, world)
    steps = steps_of(count, batch, world)
    shares = [list(EpochSampler(items, count, batch, 3, Place(epoch, 0, steps, 0, r, world))) for r in range(world)]
    assert {len(share) for share in shares} == {count // world}
    alone = list(EpochSampler(items, count, batch, 3, Place(epoch)))
    assert sorted(x for share in shares for x in share) == sorted(alone[: count // world * world])
    numbers_drawn = [n for n, _ in alone]
    assert len(set(numbers_drawn[:items])) == min(items, count)
    assert len({seed for _, seed in alone}) == count


@given(st.lists(st.integers(), min_size=1), st.integers(1, 5))
def test_processes_get_as_many_items_and_lose_none(items, world):
    shares = [share_of(items, rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert {x for share in shares for x in share} == set(items)

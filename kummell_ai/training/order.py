"""Which films or crops come when: a matter of seed, epoch and place in it alone, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

import lightning
import numpy as np
from torch.utils.data import Sampler

T = TypeVar("T")

SEED_STRIDE = 100_003
"""Epochs of runs with neighbouring seeds draw from generators that are not the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands when the batches of an epoch are asked for.

    It follows from the steps taken, which every checkpoint holds, and not from Lightning's count of epochs, which goes
    on by one when a run is resumed.

    Attributes:
        epoch: from 0.
        step: steps of the epoch that are done already.
        steps: of an epoch.
        counted: of the steps done, those that Lightning counts by itself when it goes on within an epoch.
        rank, world: number of this process, and how many there are.
    """

    epoch: int = 0
    step: int = 0
    steps: int = 1
    counted: int = 0
    rank: int = 0
    world: int = 1

    @classmethod
    def of(cls, trainer: lightning.Trainer | None, count: int, batch_size: int) -> Place:
        """The place of ``trainer`` in a run of ``count`` items an epoch, all processes together."""
        rank, world = process_of(trainer)
        steps = steps_of(count, batch_size, world)
        if trainer is None:
            return cls(steps=steps)
        epoch, step = divmod(trainer.global_step, steps)
        loop = trainer.fit_loop
        counted = loop.epoch_loop.batch_progress.current.completed if loop.restarting else 0
        return cls(epoch, step, steps, counted if counted == step else 0, rank, world)


def process_of(trainer: lightning.Trainer | None) -> tuple[int, int]:
    """Number of this process, and how many there are."""
    return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


def steps_of(count: int, batch_size: int, world: int) -> int:
    """Steps of an epoch; what does not fill a batch is left out, but there is one at least."""
    return max(1, count // world // batch_size)


class EpochSampler(Sampler[tuple[int, int]]):
    """(number, seed) of what is left of one epoch for one process: every item once before any twice.

    Args:
        items: how many there are to draw from.
        count: how many are drawn an epoch, by all processes.
        batch_size: of one process.
        seed: of the run.
        place: of the run.
    """

    def __init__(self, items: int, count: int, batch_size: int, seed: int, place: Place) -> None:
        self.items, self.count, self.batch_size, self.seed, self.place = items, count, batch_size, seed, place

    def __len__(self) -> int:
        """What is left of the epoch; all of it where Lightning itself counts what is done."""
        return self._share if self.place.counted else self._share - self._done

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng(self.seed * SEED_STRIDE + self.place.epoch)
        order = np.concatenate([rng.permutation(self.items) for _ in range(-(-self.count // self.items))])
        drawn = [(int(number), int(rng.integers(0, 2**62))) for number in order[: self.count]]
        yield from drawn[self.place.rank :: self.place.world][self._done : self._share]

    @property
    def _share(self) -> int:
        return self.count // self.place.world

    @property
    def _done(self) -> int:
        return self.place.step * self.batch_size


def share_of(items: Sequence[T], rank: int, world: int) -> list[T]:
    """Every ``world``-th item from ``rank`` on; items come again from the first so that all processes have as many.

    >>> [share_of([1, 2, 3, 4, 5], rank, 2) for rank in (0, 1)]
    [[1, 3, 5], [2, 4, 1]]
    """
    total = -(-len(items) // world) * world
    return list(islice(cycle(items), total))[rank::world]

"""Pictures that stay in the device's memory, and the order in which a data loader asks for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from kummell_ai.errors import InputError
from kummell_ai.training.on_device.pixels import sent

Places = Sequence[tuple[int, int]]
"""(number, seed) pairs: which look comes, and what it is varied by."""

GROWTH = 1.3


class PictureStore:
    """Pictures (N, H, W) uint8 on ``device``, of one size; more may come."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._held = torch.empty(0, 0, 0, dtype=torch.uint8, device=device)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def extend(self, pictures: NDArray[np.uint8]) -> None:
        """Add pictures (n, H, W).

        Raises:
            InputError: they have another size than those before.
        """
        if self._count and pictures.shape[1:] != tuple(self._held.shape[1:]):
            sizes = [" x ".join(str(n) for n in shape[1:]) for shape in (pictures.shape, self._held.shape)]
            raise InputError(
                f"a shard has pictures of {sizes[0]} px, others of {sizes[1]}; use batches=workers", sizes[0]
            )
        whole = self._count + len(pictures)
        if whole > len(self._held):
            held = torch.empty(int(GROWTH * whole), *pictures.shape[1:], dtype=torch.uint8, device=self.device)
            if self._count:
                held[: self._count] = self._held[: self._count]
            self._held = held
        self._held[self._count : whole] = torch.from_numpy(np.ascontiguousarray(pictures)).to(self.device)
        self._count = whole

    def take(self, numbers: NDArray[np.integer]) -> Tensor:
        """Pictures (B, H, W) of these numbers."""
        return self._held[sent(numbers, self.device, np.int64)]


class _Numbers(Dataset[tuple[int, int]]):
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: tuple[int, int]) -> tuple[int, int]:
        return item


def loader_of_places(
    count: int, batch_size: int, sampler: Sampler[tuple[int, int]], drop_last: bool
) -> DataLoader[tuple[int, int]]:
    """Batches of places among ``count`` stored looks; nothing is read or varied here."""
    return DataLoader(_Numbers(count), batch_size=batch_size, sampler=sampler, collate_fn=list, drop_last=drop_last)


def numbers_and_rng(places: Places) -> tuple[NDArray[np.int64], np.random.Generator]:
    """Numbers (B,) of a batch's looks, and the generator that all its draws come from."""
    numbers, seeds = zip(*places, strict=True)
    return np.array(numbers, dtype=np.int64), np.random.default_rng(seeds)

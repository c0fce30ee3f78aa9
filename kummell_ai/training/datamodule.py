"""From shards to batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from kummell_ai.errors import InputError
from kummell_ai.landmarks.channels import STRIDE
from kummell_ai.landmarks.fitting import normalise
from kummell_ai.landmarks.heatmaps import empty_targets, encode_heatmaps
from kummell_ai.training.augmentation import apply_augmentation, draw_augmentation, plain_augmentation
from kummell_ai.training.batch import Batch, Sample, collate
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.on_device.films import FilmBatches
from kummell_ai.training.on_device.store import Places, loader_of_places
from kummell_ai.training.order import EpochSampler, Place, process_of, share_of
from kummell_ai.training.samples import ShardReader
from kummell_ai.training.sharded import ShardedData
from kummell_ai.training.shards import Shards
from kummell_ai.workers import outlive_signal


class FilmDataset(Dataset[Sample]):
    """Crops of the films of a shard folder; ``item`` is (film number, seed), seed -1 = plain crop."""

    def __init__(self, reader: ShardReader, config: TrainConfig) -> None:
        self.reader = reader
        self.config = config

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, item: tuple[int, int]) -> Sample:
        number, seed = item
        film = self.reader[number]
        size = (self.config.rows, self.config.columns)
        if seed < 0:
            draw = plain_augmentation(film, size)
        else:
            rng = np.random.default_rng(seed)
            draw = draw_augmentation(film, size, rng, self.config.augmentation, self.config.grey_changes)
        image, points = apply_augmentation(film, draw, size)
        shape = (size[0] // STRIDE, size[1] // STRIDE)
        is_left = draw.view == "left"
        targets = encode_heatmaps(points, shape, STRIDE, film.open_ends) if is_left else empty_targets(shape)
        if draw.view == "right":
            targets.weights[:] = 0.0
        elif draw.view == "frontal":
            targets.weights[1:] = 0.0
        return Sample(normalise(image), targets, film.level, film.states, draw.view, points, film.open_ends)


class FilmDataModule(ShardedData):
    """Training and validation films; looks for new training shards at the start of every epoch."""

    TRAINED, SIMULATED = "shards", "{:,} simulated films"

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        self.config = config
        self._train: ShardReader | None = None
        self._validation: ShardReader | None = None
        self._batches: FilmBatches | None = None

    def setup(self, stage: str | None = None) -> None:
        """Read the shards.

        Raises:
            InputError: a folder holds no shards.
        """
        self._train = self._train or _reader(self.config.shards, None)
        self._validation = self._validation or _reader(self.config.validation_shards, self.config.validation_films)

    def readers(self) -> dict[str, Shards]:
        """What reads the folders, by key of the configuration."""
        assert self._train is not None
        assert self._validation is not None
        return {"shards": self._train, "validation_shards": self._validation}

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of what is left of an epoch."""
        assert self._train is not None
        self._train.rescan()
        count, size = self.config.films_per_epoch, self.config.batch_size
        place = Place.of(self.trainer, count, size)
        sampler = EpochSampler(len(self._train), count, size, self.config.seed, place)
        drop_last = len(sampler) >= size
        if self.config.batches == "device":
            return loader_of_places(len(self._train), size, sampler, drop_last)
        return self._loader(self._train, sampler, drop_last)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Plain crops of the held-out films."""
        assert self._validation is not None
        items = share_of([(i, -1) for i in range(len(self._validation))], *process_of(self.trainer))
        return self._loader(self._validation, items, drop_last=False)

    def transfer_batch_to_device(self, batch: Batch | Places, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch, or make it there."""
        if isinstance(batch, Batch):
            return batch.to(device)
        assert self._train is not None
        if self._batches is None:
            self._batches = FilmBatches(self._train, self.config, device)
        return self._batches(batch)

    def _loader(self, reader: ShardReader, sampler: Any, drop_last: bool) -> DataLoader[Sample]:
        workers = self.config.workers
        return DataLoader(
            FilmDataset(reader, self.config),
            batch_size=self.config.batch_size,
            sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            drop_last=drop_last,
            prefetch_factor=4 if workers else None,
            worker_init_fn=outlive_signal,
        )


def _reader(folder: str, limit: int | None) -> ShardReader:
    reader = ShardReader(Path(folder), limit)
    if len(reader) == 0:
        raise InputError(f"{folder} holds no shard_*.npz; make them with scripts/make_training_films.py", folder)
    return reader

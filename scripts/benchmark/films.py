"""The films all designs get: lateral ones, with the same augmentation, in the same order for one seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kummell_ai.errors import InputError
from kummell_ai.landmarks.fitting import normalise
from kummell_ai.training.augmentation import AugmentationSettings, apply_augmentation, draw_augmentation
from kummell_ai.training.samples import ShardReader, TrainingFilm
from scripts.benchmark.design import Crop

AUGMENTATION = AugmentationSettings(wrong_way_share=0.0)
"""That of this program's own training, except that no film is shown the wrong way round: only ours has a view head."""


def lateral_films(folder: Path, limit: int | None = None) -> list[TrainingFilm]:
    """The first ``limit`` lateral films of a folder of shards."""
    reader = ShardReader(folder)
    films = [film for film in (reader[i] for i in range(len(reader))) if film.view != "frontal"]
    if not films:
        raise InputError(f"{folder} holds no lateral film in shard_*.npz; see scripts/make_training_films.py", folder)
    return films[:limit]


class CropStream:
    """Crops without end; step ``n`` gives the same ones however often a run was stopped before it."""

    def __init__(self, films: list[TrainingFilm], size: tuple[int, int], batch_size: int, seed: int) -> None:
        self.films, self.size, self.batch_size, self.seed = films, size, batch_size, seed

    def __getitem__(self, step: int) -> list[Crop]:
        return [self._crop(step * self.batch_size + i) for i in range(self.batch_size)]

    def _crop(self, number: int) -> Crop:
        epoch, place = divmod(number, len(self.films))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.films))
        film = self.films[int(order[place])]
        draw = draw_augmentation(film, self.size, np.random.default_rng([self.seed, number, 1]), AUGMENTATION)
        image, points = apply_augmentation(film, draw, self.size)
        return Crop(normalise(image), points, film.level, film.states)

"""Batches of the first stage, made on the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.channels import STRIDE
from kummell_ai.training.batch import Batch
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.on_device.draws import draw_looks, draw_photometrics
from kummell_ai.training.on_device.pixels import normalised, sent, vary, warp, with_strips
from kummell_ai.training.on_device.store import PictureStore, Places, numbers_and_rng
from kummell_ai.training.on_device.targets import film_targets
from kummell_ai.training.samples import MAX_VERTEBRAE, ShardReader

TRUTH = ("points", "levels", "flags", "view", "open_ends")
"""What shards hold beside the pixels and is needed here."""


class FilmBatches:
    """Makes the batches of a `KeypointModule` from the films of ``reader``, whose pixels it keeps on ``device``."""

    def __init__(self, reader: ShardReader, config: TrainConfig, device: torch.device) -> None:
        self.reader, self.config = reader, config
        self.store = PictureStore(device)
        self._shards = 0
        self._points: FloatArray = np.empty((0, MAX_VERTEBRAE, 4, 2))
        self._levels: NDArray[np.int64] = np.empty((0, MAX_VERTEBRAE), np.int64)
        self._states: NDArray[np.bool_] = np.empty((0, MAX_VERTEBRAE, 3), np.bool_)
        self._views: NDArray[np.int64] = np.empty(0, np.int64)
        self._open_ends: NDArray[np.bool_] = np.empty((0, 2), np.bool_)

    def _refresh(self) -> None:
        """Take in the shards that the reader has read since the last call.

        Raises:
            InputError: films of several sizes.
        """
        new = self.reader.shards[self._shards :]
        for shard in new:
            self.store.extend(shard["images"])
        if new:
            points, levels, flags, view, ends = (np.concatenate([shard[key] for shard in new]) for key in TRUTH)
            self._points = np.concatenate([self._points, points])
            self._levels = np.concatenate([self._levels, levels])
            self._states = np.concatenate([self._states, flags])
            self._views = np.concatenate([self._views, view])
            self._open_ends = np.concatenate([self._open_ends, ends])
        self._shards += len(new)

    def __call__(self, places: Places) -> Batch:
        """The batch of these places."""
        self._refresh()
        numbers, rng = numbers_and_rng(places)
        size, device = (self.config.rows, self.config.columns), self.store.device
        images, on_film = self.store.take(numbers), self._points[numbers].astype(np.float64)
        film = (images.shape[1], images.shape[2])
        looks = draw_looks(on_film, self._views[numbers], film, size, rng, self.config.augmentation)
        changes = draw_photometrics(rng, len(numbers), size, self.config.grey_changes)
        pixels = vary(warp(images, looks.matrix, size, looks.border), changes)
        shape = (size[0] // STRIDE, size[1] // STRIDE)
        targets = film_targets(looks.points_px, looks.view, shape, STRIDE, device, self._open_ends[numbers])
        which = numbers[targets.film], targets.vertebra
        return Batch(
            film=normalised(with_strips(pixels, looks.strip))[:, None],
            maps=targets.maps,
            weights=targets.weights,
            cells=sent(targets.cells, device, np.int64),
            offsets=sent(targets.offsets_px, device),
            levels=sent(self._levels[which], device, np.int64),
            states=sent(self._states[which], device),
            views=sent(looks.view, device, np.int64),
            truth=(),
        )

"""Batches of the second stage, made on the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_ROWS
from kummell_ai.training.crop_batch import MAP_SHAPE, CropBatch
from kummell_ai.training.crop_samples import CropReader, VertebraCrop
from kummell_ai.training.on_device.draws import draw_frames, draw_photometrics, mapped
from kummell_ai.training.on_device.pixels import sent, standardised, vary, warp
from kummell_ai.training.on_device.store import PictureStore, Places, numbers_and_rng
from kummell_ai.training.on_device.targets import crop_targets
from kummell_ai.training.refine_config import RefineConfig

SIZE = (CROP_ROWS, CROP_COLUMNS)
CHUNK = 2048
"""Crops put together before they are sent."""


class CropBatches:
    """Makes the batches of a `RefineModule` from the crops of ``reader``, whose pixels it keeps on ``device``."""

    def __init__(self, reader: CropReader, config: RefineConfig, device: torch.device) -> None:
        self.reader, self.config = reader, config
        self.store = PictureStore(device)
        self._points: FloatArray = np.empty((0, 6, 2))
        self._visible: NDArray[np.bool_] = np.empty((0, 6), np.bool_)
        self._states: NDArray[np.bool_] = np.empty((0, 3), np.bool_)
        self._spacing_mm: FloatArray = np.empty(0)

    def _refresh(self) -> None:
        """Take in the crops that the reader has read since the last call."""
        new = [self.reader[i] for i in range(len(self.store), len(self.reader))]
        for first in range(0, len(new), CHUNK):
            self.store.extend(np.stack([crop.image for crop in new[first : first + CHUNK]]))
        if new:
            self._remember(new)

    def _remember(self, new: list[VertebraCrop]) -> None:
        self._points = np.concatenate([self._points, [crop.points for crop in new]])
        self._visible = np.concatenate([self._visible, [crop.visible for crop in new]])
        self._states = np.concatenate([self._states, [crop.states for crop in new]])
        self._spacing_mm = np.concatenate([self._spacing_mm, [crop.spacing_mm for crop in new]])

    def __call__(self, places: Places) -> CropBatch:
        """The batch of these places."""
        self._refresh()
        numbers, rng = numbers_and_rng(places)
        device, stored = self.store.device, self._points[numbers]
        matrix, scale = draw_frames(stored, self._visible[numbers], rng, self.config.jitter)
        looks = warp(self.store.take(numbers), matrix, SIZE, np.full(len(numbers), -1))
        looks = vary(looks, draw_photometrics(rng, len(numbers), SIZE, self.config.grey_changes)).round()
        visible = self._visible[numbers]
        annotated: NDArray[np.bool_] = np.all(np.isfinite(stored), axis=2)
        points = mapped(matrix, stored)
        known = np.where(visible[..., None], points, np.nan)
        return CropBatch(
            crops=standardised(looks)[:, None],
            maps=crop_targets(points, MAP_SHAPE, device),
            points=sent(known, device),
            visible=sent(visible, device),
            states=sent(self._states[numbers], device),
            spacing_mm=sent(self._spacing_mm[numbers] / scale, device),
            annotated=sent(annotated, device),
        )

"""The Lightning module of the first stage: network, loss and validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.engine import to_maps
from kummell_ai.landmarks.grouping import Candidate, decode
from kummell_ai.landmarks.network import KeypointNetwork
from kummell_ai.training.averaged import AveragedModule
from kummell_ai.training.batch import Batch
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.losses import total_loss
from kummell_ai.training.metrics import FilmAgreement, agreement, summary

LOST_PERCENT = 50.0
"""What a missed or a false vertebra counts in the badness of a film, in % of depth."""


class KeypointModule(AveragedModule):
    """Trains a `KeypointNetwork`."""

    network: KeypointNetwork
    averaged: KeypointNetwork

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(KeypointNetwork(config.network), config)
        self.config = config
        self._films: list[FilmAgreement] = []
        self._views: list[bool] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        output = self.trained(batch.film.contiguous(memory_format=torch.channels_last))
        loss, parts = total_loss(output, batch, self.config.loss)
        named = {f"train/{name}": part.detach() for name, part in parts.items()}
        self.log_dict(named, batch_size=len(batch.film))
        self.log("train/loss", loss.detach(), batch_size=len(batch.film), prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode with the averaged weights and hold the result against the truth."""
        output = self.averaged(batch.film.contiguous(memory_format=torch.channels_last))
        loss, _ = total_loss(output, batch, self.config.loss)
        self.log("val/loss", loss, batch_size=len(batch.film), sync_dist=True)
        size = (batch.film.shape[2], batch.film.shape[3])
        for i, (maps, (points, levels, open_ends)) in enumerate(zip(to_maps(output), batch.truth, strict=True)):
            bodies = decode(maps)
            self._films.append(agreement(bodies, points, levels, size, open_ends))
            self._views.append(int(maps.view.argmax()) == int(batch.views[i]))
            self._show(batch.film[i, 0], points, bodies)

    def _show(self, film: Tensor, points: FloatArray, bodies: Sequence[Candidate]) -> None:
        """Offer the last film for the gallery."""
        last = self._films[-1]
        badness = badness_percent(last)
        seen = np.stack([body.points_px for body in bodies]) if bodies else np.empty((0, 2))
        text = f"{badness:.1f} %, {last.found} of {last.truth}, {last.false} false"
        self.worst.offer(badness, film.float().cpu().numpy(), points, seen, text)

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch."""
        self.validation = summary(self._films)
        self.validation["view_right_share"] = sum(self._views) / max(len(self._views), 1)
        self.log_dict({f"val/{name}": value for name, value in self.validation.items()}, sync_dist=True)
        self._films, self._views = [], []


def badness_percent(film: FilmAgreement) -> float:
    """Corner error (% of depth), mean over the vertebrae; a missed or a false one counts `LOST_PERCENT`."""
    lost = film.truth - film.found + film.false
    corners = 100.0 * float(np.mean(film.error_share)) * film.found if film.found else 0.0
    return (LOST_PERCENT * lost + corners) / max(film.truth, 1)

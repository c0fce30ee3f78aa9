"""The Lightning module: network, its averaged copy, loss and validation."""

from __future__ import annotations

import copy
from typing import Any, cast

import lightning
import torch
from torch import Tensor

from kummell_ai.landmarks.engine import to_maps
from kummell_ai.landmarks.grouping import decode
from kummell_ai.landmarks.network import KeypointNetwork
from kummell_ai.training.batch import Batch
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.losses import total_loss
from kummell_ai.training.metrics import FilmAgreement, agreement, summary
from kummell_ai.training.trainer import make_optimiser, move_average


class KeypointModule(lightning.LightningModule):
    """Trains a `KeypointNetwork`; ``averaged`` is what is validated and shipped."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.network = KeypointNetwork(config.network).to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.register_buffer("averaged_steps", torch.zeros((), dtype=torch.long))
        self.validation: dict[str, float] = {}
        self._films: list[FilmAgreement] = []
        self._views: list[bool] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        output = self.network(batch.film.contiguous(memory_format=torch.channels_last))
        loss, parts = total_loss(output, batch, self.config.loss)
        named = {f"train/{name}": part.detach() for name, part in parts.items()}
        self.log_dict(named, batch_size=len(batch.film))
        self.log("train/loss", loss.detach(), batch_size=len(batch.film), prog_bar=True)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the averaged weights towards the trained ones."""
        step = int(cast(Tensor, self.averaged_steps).add_(1))
        move_average(self.averaged, self.network, step, self.config.ema_decay)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode with the averaged weights and hold the result against the truth."""
        self.averaged.eval()
        output = self.averaged(batch.film.contiguous(memory_format=torch.channels_last))
        loss, _ = total_loss(output, batch, self.config.loss)
        self.log("val/loss", loss, batch_size=len(batch.film), sync_dist=True)
        size = (batch.film.shape[2], batch.film.shape[3])
        for maps, (points, levels), view in zip(to_maps(output), batch.truth, batch.views.tolist(), strict=True):
            self._films.append(agreement(decode(maps), points, levels, size))
            self._views.append(int(maps.view.argmax()) == view)

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch."""
        self.validation = summary(self._films)
        self.validation["view_right_share"] = sum(self._views) / max(len(self._views), 1)
        self.log_dict({f"val/{name}": value for name, value in self.validation.items()}, sync_dist=True)
        self._films, self._views = [], []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and norms are not decayed."""
        return make_optimiser(self.network, self.config)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the last figures."""
        checkpoint["validation"] = self.validation

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the last figures."""
        self.validation = dict(checkpoint.get("validation", {}))

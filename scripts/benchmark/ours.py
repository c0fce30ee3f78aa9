"""This program's own first stage: centres, corners and offsets shared by all levels, names along the spine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from kummell_ai.landmarks.channels import STRIDE
from kummell_ai.landmarks.engine import to_maps
from kummell_ai.landmarks.grouping import decode
from kummell_ai.landmarks.heatmaps import encode_heatmaps
from kummell_ai.landmarks.levels import weigh_names
from kummell_ai.landmarks.network import KeypointNetwork
from kummell_ai.training.averaged import make_optimiser
from kummell_ai.training.batch import Sample, collate
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.losses import total_loss
from scripts.benchmark.design import Body, Crop, Design


class Ours(Design):
    """`KeypointNetwork` with the sizes, the loss and the decoder that the program uses, one look a film."""

    title: ClassVar[str] = "ours, first stage"
    rate_source: ClassVar[str] = "AdamW 1e-3, `configs/train.yaml`"

    def build(self) -> nn.Module:
        return KeypointNetwork().to(memory_format=torch.channels_last)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return make_optimiser(network, TrainConfig())

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        batch = collate([_sample(crop) for crop in crops]).to(self.device)
        with self.in_bfloat16():
            output = network(batch.film.contiguous(memory_format=torch.channels_last))
        return total_loss(output, batch, TrainConfig().loss)[0]

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode(), self.in_bfloat16():
            output = network(film.contiguous(memory_format=torch.channels_last))
        bodies = decode(to_maps(output)[0], STRIDE)
        if not bodies:
            return []
        evidence = weigh_names(
            np.array([b.centre_px for b in bodies]),
            np.array([b.depth_px for b in bodies]),
            np.array([b.level_log_probability for b in bodies]),
        )
        names = evidence.chosen.levels if evidence else (None,) * len(bodies)
        return [Body(b.points_px, name, b.confidence) for b, name in zip(bodies, names, strict=True)]


def _sample(crop: Crop) -> Sample:
    height, width = crop.image.shape
    targets = encode_heatmaps(crop.points_px, (height // STRIDE, width // STRIDE), STRIDE)
    return Sample(crop.image, targets, crop.levels, crop.states, "left", crop.points_px)

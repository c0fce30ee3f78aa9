"""A plain U-Net of segmentation-models-pytorch, one heatmap a corner of a level.

It reads the film at half the resolution, as the spatial configuration net does: 68 maps at full resolution are too dear
for a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from scripts.benchmark import level_maps
from scripts.benchmark.design import Body, Crop, Design, send

STRIDE = 2

EMPHASIS = 9.0
"""Further weight of cells in a Gaussian against the many empty ones, as in this program's own loss."""


START_LOGIT = -6.5
"""Bias of the maps at the start: about the share of their cells that lie in a Gaussian."""


class PlainUNet(Design):
    """ResNet-18 U-Net; cross-entropy against the Gaussians."""

    title: ClassVar[str] = "U-Net, a channel a level"
    package: ClassVar[str | None] = "segmentation_models_pytorch"
    batch_size: ClassVar[int] = 4
    rate_source: ClassVar[str] = "Adam 2e-4, the package's example `binary_segmentation_intro`"

    def build(self) -> nn.Module:
        import segmentation_models_pytorch as smp

        network = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=level_maps.MAPS)
        nn.init.constant_(network.segmentation_head[0].bias, START_LOGIT)
        return network.to(memory_format=torch.channels_last)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=2e-4)

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        target = send(level_maps.encode(crops, STRIDE), self.device)
        with self.in_bfloat16():
            logits = network(_halved(self.films(crops)))
        raw = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
        corners = max(1, sum(int(crop.seen.sum()) for crop in crops))
        return (raw * (1.0 + EMPHASIS * target)).sum() / (corners * (level_maps.SIGMA_PX / STRIDE) ** 2)

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode(), self.in_bfloat16():
            logits = network(_halved(film))
        return level_maps.decode(logits[0].float().sigmoid().contiguous().cpu().numpy(), STRIDE)


def _halved(films: Tensor) -> Tensor:
    return functional.avg_pool2d(films, STRIDE).contiguous(memory_format=torch.channels_last)

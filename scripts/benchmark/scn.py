"""The spatial configuration net of landmarker, one heatmap a corner of a level.

Payer et al. 2019, doi:10.1016/j.media.2019.03.007: a net that sees appearance, times a net that sees where the other
landmarks are. At full resolution its 128 channels are too dear for a processor; as in the paper, whose films have 256
rows, it reads the film at half the resolution.
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


class SpatialConfiguration(Design):
    """`landmarker.models.SpatialConfigurationNet` with its own sizes; squared error against the Gaussians."""

    title: ClassVar[str] = "spatial configuration net"
    package: ClassVar[str | None] = "landmarker"
    batch_size: ClassVar[int] = 4
    rate_source: ClassVar[str] = "Adam 1e-4, the package's example `pipeline_scn_isbi2015`"

    def build(self) -> nn.Module:
        from landmarker.models.spatial_configuration_net import SpatialConfigurationNet

        return SpatialConfigurationNet(out_channels=level_maps.MAPS)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=1e-4)

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        target = send(level_maps.encode(crops, STRIDE), self.device)
        with self.in_bfloat16():
            maps = network(functional.avg_pool2d(self.films(crops), STRIDE))
        corners = max(1, sum(int(crop.seen.sum()) for crop in crops))
        return (maps.float() - target).square().sum() / corners

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode(), self.in_bfloat16():
            maps = network(functional.avg_pool2d(film, STRIDE))
        return level_maps.decode(maps[0].float().contiguous().cpu().numpy(), STRIDE)

"""The vertebra-focused design: centres, and from each centre the offsets to its corners.

Written after Yi et al. 2020, doi:10.1109/ISBI45749.2020.9098675. Theirs finds the 17 vertebrae of frontal films and
names them by counting; here a centre has a channel a level, so that part of the spine can be named too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kummell_ai.imaging.frames import cell_to_coordinate, coordinate_to_cell
from kummell_ai.landmarks.grouping import endplate_depth
from scripts.benchmark.design import (
    LEAST_CONFIDENCE,
    MAX_BODIES,
    NAMED,
    Body,
    Crop,
    Design,
    best_bodies,
    class_of,
    send,
)
from scripts.benchmark.level_maps import draw_gaussian

STRIDE = 4

SIGMA_SHARE = 0.12
"""Standard deviation of a centre's Gaussian over the body's depth; about a third of CornerNet's radius."""


class CentreNetwork(nn.Module):
    """ResNet-34, a decoder to stride 4, and three heads: centres (B, 17), their remainders (B, 2), corners (B, 8)."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet34

        encoder = resnet34(weights=None)
        encoder.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.stem = nn.Sequential(encoder.conv1, encoder.bn1, encoder.relu, encoder.maxpool)
        self.stages = nn.ModuleList([encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4])
        self.joins = nn.ModuleList([_Join(512, 256), _Join(256, 128), _Join(128, 64)])
        self.centres = _head(len(NAMED), 3, 1)
        self.remainders = _head(2, 3, 1)
        self.corners = _head(8, 7, 7)
        nn.init.constant_(self.centres[-1].bias, -2.19)

    def forward(self, film: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = [self.stem(film)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        x = features[-1]
        for join, skip in zip(self.joins, features[-2:0:-1], strict=True):
            x = join(x, skip)
        return self.centres(x), self.remainders(x), self.corners(x)


class _Join(nn.Module):
    """Deeper features, enlarged and narrowed, joined with those of the encoder."""

    def __init__(self, deep: int, width: int) -> None:
        super().__init__()
        self.narrow, self.join = _conv(deep, width, 3), _conv(2 * width, width, 1)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        enlarged = functional.interpolate(deep, size=skip.shape[2:], mode="bilinear", align_corners=False)
        joined: Tensor = self.join(torch.cat([self.narrow(enlarged), skip], dim=1))
        return joined


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _head(outputs: int, first: int, second: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(64, 256, first, padding=first // 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, outputs, second, padding=second // 2),
    )


class VertebraFocused(Design):
    """Focal loss on the centres, L1 on remainders and corners, all with weight 1."""

    title: ClassVar[str] = "vertebra-focused, own short implementation"
    batch_size: ClassVar[int] = 4
    rate_source: ClassVar[str] = "Adam 1.25e-4, the authors' code"

    def build(self) -> nn.Module:
        return CentreNetwork().to(memory_format=torch.channels_last)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=1.25e-4)

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        maps, places, remainders, corners = (send(part, self.device) for part in encode(crops))
        with self.in_bfloat16():
            output = network(self.films(crops).contiguous(memory_format=torch.channels_last))
        centres, at_remainders, at_corners = (part.float() for part in output)
        loss = focal_loss(centres, maps)
        if len(places):
            b, y, x = places.T
            loss = loss + functional.l1_loss(at_remainders[b, :, y, x], remainders)
            loss = loss + functional.l1_loss(at_corners[b, :, y, x], corners)
        return loss

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode(), self.in_bfloat16():
            output = network(film.contiguous(memory_format=torch.channels_last))
        centres, remainders, corners = (part.float().cpu() for part in output)
        return decode(centres.sigmoid(), remainders, corners)


def encode(crops: Sequence[Crop]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Maps (B, 17, h, w), and for each body its place (K, 3) as (film, y, x), remainder (K, 2) and corners (K, 8).

    A body counts when all its corners are known and its centre is on the crop; remainders and corners are in cells.
    """
    height, width = (side // STRIDE for side in crops[0].image.shape)
    maps = np.zeros((len(crops), len(NAMED), height, width), dtype=np.float32)
    places, remainders, offsets = [], [], []
    for b, crop in enumerate(crops):
        for points, level in zip(coordinate_to_cell(crop.points_px, STRIDE), crop.levels, strict=True):
            number, centre = class_of(level), points.mean(axis=0)
            if number is None or not np.isfinite(centre).all():
                continue
            x, y = np.rint(centre).astype(np.int64)
            if 0 <= x < width and 0 <= y < height:
                draw_gaussian(maps[b, number], np.array([x, y], dtype=np.float64), SIGMA_SHARE * endplate_depth(points))
                places.append((b, y, x))
                remainders.append(centre - (x, y))
                offsets.append((points - centre).reshape(-1))
    return (
        torch.from_numpy(maps),
        torch.tensor(places, dtype=torch.long).reshape(-1, 3),
        torch.tensor(np.array(remainders).reshape(-1, 2), dtype=torch.float32),
        torch.tensor(np.array(offsets).reshape(-1, 8), dtype=torch.float32),
    )


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Penalty-reduced focal loss of CornerNet, per centre."""
    p = torch.sigmoid(logits)
    at_centre = (target == 1.0).float()
    hit = at_centre * functional.logsigmoid(logits) * (1.0 - p) ** 2
    miss = (1.0 - at_centre) * (1.0 - target) ** 4 * functional.logsigmoid(-logits) * p**2
    return -(hit + miss).sum() / at_centre.sum().clamp(min=1.0)


def decode(centres: Tensor, remainders: Tensor, corners: Tensor) -> list[Body]:
    """Bodies of one film from probabilities (1, 17, h, w), remainders (1, 2, h, w) and corners (1, 8, h, w)."""
    peaks = centres * (functional.max_pool2d(centres, 3, 1, 1) == centres)
    scores, flat = peaks.flatten().topk(min(MAX_BODIES, peaks.numel()))
    height, width = centres.shape[2:]
    bodies = []
    for score, place in zip(scores.tolist(), flat.tolist(), strict=True):
        if score < LEAST_CONFIDENCE:
            break
        number, y, x = place // (height * width), place // width % height, place % width
        centre = np.array([x, y]) + remainders[0, :, y, x].numpy()
        cells = centre + corners[0, :, y, x].numpy().reshape(4, 2)
        bodies.append(Body(cell_to_coordinate(cells.astype(np.float64), STRIDE), NAMED[number], score))
    return best_bodies(bodies)

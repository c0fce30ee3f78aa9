"""The keypoint network: a ResNet-18 encoder, a light decoder to stride 4, and heads shared by all levels.

It reads films whose front is turned to the left. Every map has one cell per 4 x 4 px of the input.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kummell_ai.anatomy import CORNERS, LEVELS
from kummell_ai.landmarks.channels import STATES, VIEWS
from kummell_ai.landmarks.residual import residual_stage, start_rectified


class NetworkOutput(NamedTuple):
    """Raw outputs (logits, except the offsets) for a batch of B films; h = H / 4, w = W / 4.

    Attributes:
        centre: (B, 1, h, w) logit of a vertebral centre.
        corners: (B, 4, h, w) logit of a corner, `VertebralLandmark` order.
        offsets: (B, 8, h, w) corner minus cell centre, (x, y) pairs, in units of `OFFSET_UNIT_PX`.
        levels: (B, 20, h, w) logits over `LEVELS`, meant to be read at centres.
        states: (B, 3, h, w) logits over `STATES`, meant to be read at centres.
        view: (B, 3) logits over `VIEWS`.
    """

    centre: Tensor
    corners: Tensor
    offsets: Tensor
    levels: Tensor
    states: Tensor
    view: Tensor


@dataclass(frozen=True)
class NetworkSizes:
    """Widths of the network (channels).

    Attributes:
        deepest: of the last encoder stage (512 in a plain ResNet-18).
        context: of the context path that sees the whole film.
        decoder: of the decoder and the corner heads.
        level: of the head that names levels.
    """

    deepest: int = 384
    context: int = 160
    decoder: int = 80
    level: int = 96

    def as_dict(self) -> dict[str, int]:
        """For model.json."""
        return asdict(self)


class KeypointNetwork(nn.Module):
    """Input (B, 1, H, W) standardised film, H and W multiples of 32; output `NetworkOutput`."""

    def __init__(self, sizes: NetworkSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes if sizes is not None else NetworkSizes()
        s = self.sizes
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        shallow = [residual_stage(64, 64, 1), residual_stage(64, 128), residual_stage(128, 256)]
        self.stages = nn.ModuleList([*shallow, residual_stage(256, s.deepest)])
        for stage in shallow:
            start_rectified(stage)
        self.context = _Context(s.deepest, s.context)
        self.from_context = nn.Conv2d(s.context, s.decoder, 1)
        self.laterals = nn.ModuleList(nn.Conv2d(c, s.decoder, 1) for c in (256, 128, 64))
        self.merges = nn.ModuleList(_conv(s.decoder, s.decoder) for _ in range(3))
        self.points = nn.Sequential(_conv(s.decoder, s.decoder), nn.Conv2d(s.decoder, 1 + len(CORNERS) * 3, 1))
        self.naming = nn.Sequential(
            _conv(s.decoder + s.context, s.level), nn.Conv2d(s.level, len(LEVELS) + len(STATES), 1)
        )
        self.view = nn.Linear(2 * s.deepest, len(VIEWS))
        _start_rare(self.points[1], 1 + len(CORNERS))

    def forward(self, film: Tensor) -> NetworkOutput:
        """Run the network on (B, 1, H, W)."""
        features = [self.stem(film)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        deepest = features[-1]
        context = self.context(deepest)
        x = self.from_context(context)
        at_stride_8 = x
        for k, (lateral, merge) in enumerate(zip(self.laterals, self.merges, strict=True)):
            skip = lateral(features[3 - k])
            x = merge(_enlarge(x, skip) + skip)
            at_stride_8 = x if k == 1 else at_stride_8
        points = self.points(x)
        naming = self.naming(torch.cat([at_stride_8, _enlarge(context, at_stride_8)], dim=1))
        naming = _enlarge(naming, points)
        view = self.view(torch.cat([deepest.mean((2, 3)), deepest.amax((2, 3))], dim=1))
        corners = 1 + len(CORNERS)
        return NetworkOutput(
            points[:, :1], points[:, 1:corners], points[:, corners:], naming[:, : len(LEVELS)],
            naming[:, len(LEVELS) :], view,
        )  # fmt: skip


class _Context(nn.Module):
    """Deepest features -> features that see the whole film: dilated convolutions and the film's mean.

    A level name needs counting from the sacrum or the ribs, which lie several vertebrae away.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.reduce = _conv(inputs, width, kernel=1)
        self.widen = nn.ModuleList(_conv(width, width, dilation=d) for d in (1, 2, 4))
        self.whole = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        for block in self.widen:
            x = x + block(x)
        return cast(Tensor, x + self.whole(x.mean((2, 3), keepdim=True)))


def _conv(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def _start_rare(head: nn.Module, channels: int) -> None:
    """Start heatmaps at probability 0.02, so that the many empty cells do not swamp the first steps."""
    bias = cast(nn.Conv2d, head).bias
    if bias is not None:
        nn.init.zeros_(bias)
        nn.init.constant_(bias[:channels], -3.9)

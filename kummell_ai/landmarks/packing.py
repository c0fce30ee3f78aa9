"""Convolutions as the processor likes them: weights packed once, the sum and the rectifier after them in the same step.

The operators are those that torch's own compiler uses on processors (oneDNN). They are no public interface, so a trial
decides whether they are there and right; where they are not, networks run as they are, only slower.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kummell_ai.landmarks.residual import ResidualBlock


class PackedConvolution(nn.Module):
    """A convolution with packed weights; ``rectify`` adds a ReLU after it and after what is added to it."""

    def __init__(self, convolution: nn.Conv2d, *, rectify: bool = False) -> None:
        super().__init__()
        c = convolution
        place = (list(cast("tuple[int, ...]", c.padding)), list(c.stride), list(c.dilation), c.groups)
        self.place = place
        self.rectify = rectify
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(c.weight.detach(), *place, None)
        self.bias = None if c.bias is None else c.bias.detach()

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """(B, C, H, W), channels last -> the same with other channels; ``added`` has the shape of the result."""
        run: Any = torch.ops.mkldnn._convolution_pointwise
        if added is None:
            what = "relu" if self.rectify else "none"
            return cast(Tensor, run(x, self.weight, self.bias, *self.place, what, [], ""))
        after = "relu" if self.rectify else None
        return cast(Tensor, run.binary(x, added, self.weight, self.bias, *self.place, "add", 1.0, after, [], None))


class PackedBlock(nn.Module):
    """A `ResidualBlock` without batch norms, packed."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.first = PackedConvolution(block.conv1, rectify=True)
        self.second = PackedConvolution(block.conv2, rectify=True)
        self.shortcut = nn.Identity() if block.downsample is None else packed(block.downsample)

    def forward(self, x: Tensor) -> Tensor:
        """As the block's."""
        return cast(Tensor, self.second(self.first(x), self.shortcut(x)))


def packed(part: nn.Module) -> nn.Module:
    """``part``, whose batch norms are folded, with all its convolutions packed; its own modules are used up."""
    if isinstance(part, ResidualBlock):
        return PackedBlock(part)
    if isinstance(part, nn.Conv2d):
        return PackedConvolution(part)
    if isinstance(part, nn.Sequential):
        steps: list[nn.Module] = []
        for step in part:
            last = steps[-1] if steps else None
            if isinstance(step, nn.ReLU) and isinstance(last, PackedConvolution):
                last.rectify = True
            elif not isinstance(step, nn.Identity):
                steps.append(packed(step))
        return nn.Sequential(*steps)
    for name, child in part.named_children():
        setattr(part, name, packed(child))
    return part


@lru_cache(maxsize=1)
def can_pack() -> bool:
    """Whether this torch packs convolutions of bfloat16 on this processor and runs them rightly, by trial."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain = nn.Conv2d(16, 16, 3, padding=1).to(torch.bfloat16).to(memory_format=torch.channels_last)
        x, added = torch.randn(2, 1, 16, 8, 8).to(torch.bfloat16).unbind()
    try:
        with torch.inference_mode():
            ours = PackedConvolution(plain, rectify=True)(x.to(memory_format=torch.channels_last), added)
            return torch.allclose(ours, functional.relu(plain(x) + added), rtol=0.05, atol=0.05)
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return False

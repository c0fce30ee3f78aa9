"""A trained network made ready to run: fewer steps and no conversions on the way, the same results."""

from __future__ import annotations

import copy
import re
from itertools import pairwise
from typing import TypeVar, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from kummell_ai.errors import UsageError
from kummell_ai.landmarks.packing import can_pack, packed
from kummell_ai.landmarks.residual import ResidualBlock

Network = TypeVar("Network", bound=nn.Module)


def for_inference(network: Network, device: torch.device, *, bf16: bool, one_size: bool = False) -> Network:
    """A copy of ``network`` in evaluation mode, its batch norms folded into the convolutions before them.

    In float32 the outputs are those of ``network`` but for rounding. With ``bf16`` the folded weights are kept in
    bfloat16, so that they are not converted at every call as under autocast.

    Args:
        network: trained, left as it is.
        device: where the copy lies.
        bf16: whether weights and features are bfloat16.
        one_size: whether inputs differ in their number only. The convolutions are then packed (`landmarks.packing`) for
            a processor's bfloat16 units, where a new size would cost more than packing saves.
    """
    ready = copy.deepcopy(network).eval()
    for part in list(ready.modules()):
        if isinstance(part, ResidualBlock):
            part.conv1, part.bn1 = _folded(part.conv1, part.bn1)
            part.conv2, part.bn2 = _folded(part.conv2, part.bn2)
        elif isinstance(part, nn.Sequential):
            for k, (one, two) in enumerate(pairwise(list(part))):
                if isinstance(one, nn.Conv2d) and isinstance(two, nn.BatchNorm2d):
                    part[k], part[k + 1] = _folded(one, two)
    ready.requires_grad_(False)
    dtype = torch.bfloat16 if bf16 else torch.float32
    ready = ready.to(device, dtype).to(memory_format=torch.channels_last)
    return cast(Network, packed(ready)) if one_size and bf16 and device.type == "cpu" and can_pack() else ready


def dtype_of(network: nn.Module) -> torch.dtype:
    """What ``network`` computes in: the type of its weights, float32 when it has none."""
    first = next(network.parameters(), None)
    return torch.float32 if first is None else first.dtype


def usable_device(name: str) -> torch.device:
    """The device called ``name``, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        UsageError: there is no such device, or torch does not reach it.
    """
    remedy = "give cpu, or cuda where torch sees a GPU"
    if not re.fullmatch(r"cpu|(cuda|mps|xpu)(:\d+)?", name):
        raise UsageError(f"device {name!r} is not known; {remedy}", name)
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = re.split(r"[.\n]\s", str(error).strip(), maxsplit=1)[0].rstrip(".")
        raise UsageError(f"device {name!r} cannot be used ({reason:.120}); {remedy}", name) from None
    return device


def supports_bf16(device: torch.device) -> bool:
    """Whether ``device`` computes in bfloat16 without emulation."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _folded(convolution: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    if not isinstance(norm, nn.BatchNorm2d):
        return convolution, norm
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()

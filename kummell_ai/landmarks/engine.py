"""Runs the network on one film in network frame and gives plain arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kummell_ai.landmarks.channels import OFFSET_UNIT_PX
from kummell_ai.landmarks.grouping import FilmMaps
from kummell_ai.landmarks.network import NetworkOutput


def to_maps(output: NetworkOutput) -> list[FilmMaps]:
    """One `FilmMaps` a film of the batch, as float32 arrays."""
    parts = (
        output.centre[:, 0].float().sigmoid(),
        output.corners.float().sigmoid(),
        output.offsets.float() * OFFSET_UNIT_PX,
        output.levels.float().log_softmax(1),
        output.states.float().sigmoid(),
        output.view.float().softmax(1),
    )
    arrays = [_array(part) for part in parts]
    return [FilmMaps(*(a[i] for a in arrays)) for i in range(len(arrays[0]))]


@torch.inference_mode()
def run_network(network: nn.Module, films: Tensor, *, bf16: bool) -> list[FilmMaps]:
    """Maps of a batch (B, 1, H, W) of standardised films."""
    films = films.contiguous(memory_format=torch.channels_last)
    with torch.autocast(films.device.type, torch.bfloat16, enabled=bf16):
        output = network(films)
    return to_maps(output)


def supports_bf16(device: torch.device) -> bool:
    """Whether ``device`` computes in bfloat16 without emulation."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _array(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return tensor.detach().contiguous().cpu().numpy()

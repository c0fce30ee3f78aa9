"""Runs the network on one film in network frame and gives plain arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kummell_ai.landmarks.channels import OFFSET_UNIT_PX
from kummell_ai.landmarks.grouping import FilmMaps
from kummell_ai.landmarks.inference import dtype_of
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
def run_network(network: nn.Module, films: Tensor) -> list[FilmMaps]:
    """Maps of a batch (B, 1, H, W) of standardised films, from a network of `landmarks.inference.for_inference`."""
    return to_maps(network(films.to(dtype_of(network), memory_format=torch.channels_last)))


def _array(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return tensor.detach().contiguous().cpu().numpy()

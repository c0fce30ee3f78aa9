"""A wider second stage that does what a narrower one does, as a start for training (Net2Net; Chen et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes
from kummell_ai.landmarks.residual import start_rectified

FACTS = "facts.weight"
"""Reads the deepest channels' means, then their maxima."""


def no_narrower(sizes: RefinerSizes, than: RefinerSizes) -> bool:
    """Whether ``sizes`` has at least as many channels everywhere."""
    wide, narrow = sizes.as_dict(), than.as_dict()
    return all(wide[name] >= count for name, count in narrow.items())


@torch.no_grad()
def widened(source: RefinerNetwork, sizes: RefinerSizes) -> RefinerNetwork:
    """A network of ``sizes`` that says of every crop what ``source`` says of it.

    The channels of ``source`` come first and hear nothing of the new ones, which start from random weights and hear
    all: what they find is used as soon as training has given it weights.

    Raises:
        ValueError: ``sizes`` is narrower somewhere.
    """
    if not no_narrower(sizes, source.sizes):
        raise ValueError(f"{sizes} is narrower than {source.sizes}")
    network = RefinerNetwork(sizes)
    start_rectified(network)
    state = network.state_dict()
    for name, old in source.state_dict().items():
        new = state[name]
        if name == FACTS:
            for mine, theirs in zip(new.chunk(2, dim=1), old.chunk(2, dim=1), strict=True):
                _put(mine, theirs)
        else:
            _put(new, old)
    return network


def _put(new: Tensor, old: Tensor) -> None:
    """Write ``old`` into the first channels of ``new``, and nothing of the new inputs into the old outputs."""
    if old.ndim < 2:
        new[tuple(slice(n) for n in old.shape)] = old
        return
    outputs, inputs = old.shape[:2]
    new[:outputs, :inputs] = old
    new[:outputs, inputs:] = 0.0

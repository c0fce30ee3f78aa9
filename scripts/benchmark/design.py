"""What a design has to offer, and what all of them share."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.grouping import is_plausible, shared_area

NAMED: tuple[VertebralLevel, ...] = LEVELS[LEVELS.index(VertebralLevel.T4) :]
"""Levels that designs with a class or a channel a level know; the films show no others."""

LEAST_CONFIDENCE = 0.02
"""Bodies below this are not even offered to the choice of a threshold."""

MAX_BODIES = 60
"""Bodies that may be offered for one film; it shows far fewer."""

MAX_OVERLAP = 0.4
"""Share of the smaller body that two bodies of one film may have in common, as in this program's own decoder."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What a design is trained on: one augmented film whose front is turned to the left.

    Attributes:
        image: (H, W) float32 standardised.
        points_px: (V, 4, 2) crop (x, y) px; NaN = not on the film; points beside the crop are kept.
        levels: (V,) index in `LEVELS`; -1 = not known.
        states: (V, 3) bool in the order of `landmarks.channels.STATES`.
    """

    image: NDArray[np.float32]
    points_px: FloatArray
    levels: NDArray[np.int8]
    states: NDArray[np.bool_]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(V, 4) whether a corner is on the crop."""
        height, width = self.image.shape
        inside = (self.points_px > 0) & (self.points_px < np.array([width, height]))
        return np.asarray(inside.all(axis=2), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Body:
    """A vertebra as a design finds it.

    Attributes:
        points_px: (4, 2) corners, network (x, y) px.
        level: its name, or None.
        confidence: [0, 1]; a threshold on it is chosen on the validation films.
    """

    points_px: FloatArray
    level: VertebralLevel | None
    confidence: float


class Design(ABC):
    """One design: network, optimiser, loss and decoder.

    Attributes:
        device: where it computes; networks and films are put there.
        title: for the table.
        package: what must be installed for it, or None.
        batch_size: films a step.
        rate_source: where its optimiser and learning rate are taken from.
    """

    title: ClassVar[str]
    package: ClassVar[str | None] = None
    batch_size: ClassVar[int] = 8
    rate_source: ClassVar[str]

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    @abstractmethod
    def build(self) -> nn.Module:
        """The network with random weights."""

    @abstractmethod
    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """The optimiser at its peak learning rate."""

    @abstractmethod
    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        """The loss of one batch."""

    @abstractmethod
    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        """Bodies of one film (1, 1, H, W) that lie above `LEAST_CONFIDENCE`.

        The film is on the design's device, ``network`` in evaluation mode.
        """

    @property
    def is_installed(self) -> bool:
        """Whether its package is there."""
        return self.package is None or importlib.util.find_spec(self.package) is not None

    def films(self, crops: Sequence[Crop]) -> Tensor:
        """(B, 1, H, W) on the device."""
        return send(torch.from_numpy(np.stack([crop.image for crop in crops])[:, None]), self.device)

    def in_bfloat16(self) -> torch.autocast:
        """What computes in bfloat16 where that is safe, on the device."""
        return torch.autocast(self.device.type, torch.bfloat16)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` on ``device``; a GPU need not have ended what it does before."""
    if tensor.device.type == device.type or not tensor.numel():
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def best_bodies(bodies: Sequence[Body]) -> list[Body]:
    """Plausible quadrilaterals, most confident first, of which no two share more than `MAX_OVERLAP`."""
    kept: list[Body] = []
    offered = [b for b in bodies if b.confidence >= LEAST_CONFIDENCE and is_plausible(b.points_px)]
    for body in sorted(offered, key=lambda b: -b.confidence)[:MAX_BODIES]:
        if all(shared_area(body.points_px, k.points_px) <= MAX_OVERLAP for k in kept):
            kept.append(body)
    return kept


def class_of(level: int) -> int | None:
    """Number in `NAMED` of an index in `LEVELS`, or None."""
    number = int(level) - NAMED[0].index
    return number if number >= 0 else None


def box_of(points_px: FloatArray) -> FloatArray:
    """(x0, y0, x1, y1) about points (n, 2)."""
    box: FloatArray = np.concatenate([points_px.min(axis=0), points_px.max(axis=0)])
    return box

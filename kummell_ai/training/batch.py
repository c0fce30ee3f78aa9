"""One crop with its targets, and a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.channels import STATES, VIEWS
from kummell_ai.landmarks.heatmaps import HeatmapTargets, OpenEnds


@dataclass(frozen=True, slots=True)
class Sample:
    """One crop with its targets.

    Attributes:
        film: (H, W) standardised.
        targets: heatmaps and offsets.
        levels: (V,) index in `LEVELS`, -1 = not known.
        states: (V, 3) bool, in the order of `STATES`.
        view: one of `VIEWS`.
        points_px: (V, 4, 2) crop px, NaN = not seen.
        open_ends: whether the truth may end before the spine does, cranially and caudally.
    """

    film: NDArray[np.float32]
    targets: HeatmapTargets
    levels: NDArray[np.int8]
    states: NDArray[np.bool_]
    view: str
    points_px: FloatArray
    open_ends: OpenEnds = (False, False)


@dataclass(frozen=True, slots=True)
class Batch:
    """B training crops with their targets; maps have h x w cells.

    Attributes:
        film: (B, 1, H, W) standardised.
        maps: (B, 5, h, w) in [0, 1]: centre, corners.
        weights: (B, 5, h, w): 0 = not known.
        cells: (K,) flat cell number b * h * w + y * w + x, near centres.
        offsets: (K, 8) px; NaN = not seen.
        levels: (K,) index in `LEVELS`; -1 = not known.
        states: (K, 3) 0 or 1.
        views: (B,) index in `VIEWS`.
        truth: the points (V, 4, 2) crop px, level indices (V,) and open ends of each film.
    """

    film: Tensor
    maps: Tensor
    weights: Tensor
    cells: Tensor
    offsets: Tensor
    levels: Tensor
    states: Tensor
    views: Tensor
    truth: tuple[tuple[FloatArray, NDArray[np.int8], OpenEnds], ...]

    def to(self, device: torch.device) -> Batch:
        """The batch on ``device``."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "truth"}
        return replace(self, **{name: value.to(device) for name, value in tensors.items()})


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples of one size -> a batch."""
    targets = [s.targets for s in samples]
    area = targets[0].maps[0].size
    cells = [t.cells + i * area for i, t in enumerate(targets)]
    levels = [s.levels[s.targets.vertebra] for s in samples]
    states = [s.states[s.targets.vertebra] for s in samples]
    return Batch(
        film=torch.from_numpy(np.stack([s.film for s in samples])[:, None]),
        maps=torch.from_numpy(np.stack([t.maps for t in targets])),
        weights=torch.from_numpy(np.stack([t.weights for t in targets])),
        cells=torch.from_numpy(np.concatenate(cells)),
        offsets=torch.from_numpy(np.concatenate([t.offsets_px for t in targets])),
        levels=torch.from_numpy(np.concatenate(levels).astype(np.int64)),
        states=torch.from_numpy(np.concatenate(states).astype(np.float32).reshape(-1, len(STATES))),
        views=torch.tensor([VIEWS.index(s.view) for s in samples]),
        truth=tuple((s.points_px, s.levels, s.open_ends) for s in samples),
    )

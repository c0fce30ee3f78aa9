"""The loss, part by part."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from kummell_ai.landmarks.channels import OFFSET_UNIT_PX
from kummell_ai.landmarks.network import NetworkOutput
from kummell_ai.training.batch import Batch
from kummell_ai.training.config import LossWeights

LABEL_SMOOTHING = 0.02
CORNER_EMPHASIS = 9.0
VIEW_WEIGHTS = (1.0, 3.0, 2.0)
"""Weights of the views in the loss: films shown facing right, and frontal ones, are few."""


def total_loss(output: NetworkOutput, batch: Batch, weights: LossWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum and its parts (before weighting)."""
    vertebrae = max(1.0, batch.cells.numel() / 9.0)
    parts = {
        "centre": centre_loss(output.centre[:, 0].float(), batch.maps[:, 0], batch.weights[:, 0], vertebrae),
        "corners": corner_loss(output.corners.float(), batch.maps[:, 1:], batch.weights[:, 1:], 4.0 * vertebrae),
        "offsets": offset_loss(_at_cells(output.offsets, batch.cells), batch.offsets),
        "levels": level_loss(_at_cells(output.levels, batch.cells), batch.levels),
        "states": state_loss(_at_cells(output.states, batch.cells), batch.states),
        "view": view_loss(output.view.float(), batch.views),
    }
    total = sum((getattr(weights, name) * part for name, part in parts.items()), torch.zeros(()))
    return cast(Tensor, total), parts


def centre_loss(logits: Tensor, target: Tensor, weights: Tensor, count: float) -> Tensor:
    """Penalty-reduced focal loss (CornerNet) over (B, h, w), per vertebra."""
    p = torch.sigmoid(logits)
    at_centre = (target > 0.999).float()
    hit = at_centre * functional.logsigmoid(logits) * (1.0 - p) ** 2
    miss = (1.0 - at_centre) * (1.0 - target) ** 4 * functional.logsigmoid(-logits) * p**2
    return -((hit + miss) * weights).sum() / count


def corner_loss(logits: Tensor, target: Tensor, weights: Tensor, count: float) -> Tensor:
    """Cross-entropy (nats) against the Gaussians over (B, 4, h, w), per corner, less the entropy of the target.

    Its minimum is the expected Gaussian, so a doubtful corner gives a wide blob: that width is the uncertainty.
    Cells in a Gaussian weigh more than the many empty ones.
    """
    raw = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    least = -(torch.xlogy(target, target) + torch.xlogy(1.0 - target, 1.0 - target))
    emphasis = weights * (1.0 + CORNER_EMPHASIS * target)
    return ((raw - least) * emphasis).sum() / count


def offset_loss(predicted: Tensor, offsets_px: Tensor) -> Tensor:
    """Smooth L1 over the offsets (K, 8) that are seen."""
    seen = torch.isfinite(offsets_px)
    target = torch.where(seen, offsets_px / OFFSET_UNIT_PX, predicted.detach())
    total = functional.smooth_l1_loss(predicted, target, beta=0.1, reduction="sum")
    return total / seen.sum().clamp(min=1)


def level_loss(logits: Tensor, levels: Tensor) -> Tensor:
    """Cross-entropy (K, 20) over the vertebrae whose level is known."""
    known = (levels >= 0).sum().clamp(min=1)
    total = functional.cross_entropy(logits, levels, label_smoothing=LABEL_SMOOTHING, ignore_index=-1, reduction="sum")
    return total / known


def state_loss(logits: Tensor, states: Tensor) -> Tensor:
    """Binary cross-entropy (K, 3)."""
    if len(logits) == 0:
        return logits.sum() * 0.0
    return functional.binary_cross_entropy_with_logits(logits, states)


def view_loss(logits: Tensor, views: Tensor) -> Tensor:
    """Weighted cross-entropy (B, 3)."""
    return functional.cross_entropy(logits, views, weight=logits.new_tensor(VIEW_WEIGHTS))


def _at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Values (K, C) of maps (B, C, h, w) at flat cell numbers."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])[cells].float()

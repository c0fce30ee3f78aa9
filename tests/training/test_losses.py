import numpy as np
import pytest
import torch
from torch.nn import functional

from kummell_ai.landmarks.channels import OFFSET_UNIT_PX
from kummell_ai.landmarks.heatmaps import encode_heatmaps
from kummell_ai.landmarks.network import NetworkOutput
from kummell_ai.training.batch import Sample, collate
from kummell_ai.training.config import LossWeights
from kummell_ai.training.losses import (
    LABEL_SMOOTHING,
    centre_loss,
    corner_loss,
    level_loss,
    offset_loss,
    total_loss,
)
from tests.landmarks.fake_network import spine_points

POINTS = spine_points(np.array([[60.0, 50.0], [62.0, 100.0]]), (22.0, 15.0))


def batch(view="left", points=POINTS):
    targets = encode_heatmaps(points, (40, 32))
    if view == "right":
        targets.weights[:] = 0.0
    levels = np.arange(13, 13 + len(points), dtype=np.int8)
    sample = Sample(np.zeros((160, 128), np.float32), targets, levels, np.zeros((len(points), 3), bool), view, points)
    return collate([sample])


def perfect(b):
    """The output with the least loss."""
    maps = b.maps.clamp(1e-6, 1 - 1e-6).logit()
    maps[:, 0] = torch.where(b.maps[:, 0] > 0.999, 12.0, -12.0)
    flat = torch.zeros(8, 40 * 32)
    flat[:, b.cells] = b.offsets.T / OFFSET_UNIT_PX
    levels = torch.zeros(20, 40 * 32)
    levels[b.levels, b.cells] = 9.0
    view = torch.tensor([[9.0, 0.0, 0.0]])
    return NetworkOutput(
        maps[:, :1],
        maps[:, 1:],
        flat.reshape(1, 8, 40, 32),
        levels.reshape(1, 20, 40, 32),
        torch.full((1, 3, 40, 32), -9.0),
        view,
    )


def test_the_truth_has_almost_no_loss():
    b = batch()
    _, parts = total_loss(perfect(b), b, LossWeights())
    # label smoothing of 0.02 leaves some 0.2 nats
    assert {name: float(part) < (0.3 if name == "levels" else 1e-2) for name, part in parts.items()} == dict.fromkeys(
        parts, True
    )


def test_a_film_shown_the_wrong_way_trains_the_view_only():
    b = batch("right", POINTS[:0])
    output = NetworkOutput(*(torch.randn_like(o).requires_grad_() for o in perfect(batch())))
    total_loss(output, b, LossWeights())[0].backward()
    assert output.view.grad.abs().sum() > 0
    for name in ("centre", "corners", "offsets", "levels", "states"):
        grad = getattr(output, name).grad
        assert grad is None or grad.abs().sum() == 0, name


@pytest.mark.parametrize("loss", [centre_loss, corner_loss])
def test_cells_that_are_not_known_do_not_count(loss):
    b = batch()
    target = b.maps[:, 0] if loss is centre_loss else b.maps[:, 1:]
    assert float(loss(torch.randn_like(target), target, torch.zeros_like(target), 1.0)) == 0.0


def test_a_corner_one_cell_off_costs_more_than_one_in_place():
    b = batch()
    target = b.maps[:, 1:]
    logits = target.clamp(1e-6, 1 - 1e-6).logit()
    ones = torch.ones_like(target)
    assert corner_loss(logits, target, ones, 8.0) < 1e-3 < corner_loss(logits.roll(1, 3), target, ones, 8.0)


def test_what_is_not_known_is_left_out_of_the_means():
    generator = torch.Generator().manual_seed(1)
    logits, levels = torch.randn(30, 20, generator=generator), torch.randint(-1, 20, (30,), generator=generator)
    known = levels >= 0
    plain = functional.cross_entropy(logits[known], levels[known], label_smoothing=LABEL_SMOOTHING)
    assert float(level_loss(logits, levels)) == pytest.approx(float(plain), rel=1e-5)
    assert float(level_loss(logits, torch.full((30,), -1))) == 0.0
    predicted, offsets = torch.randn(30, 8, generator=generator), 30.0 * torch.randn(30, 8, generator=generator)
    offsets[torch.rand(30, 8, generator=generator) < 0.3] = torch.nan
    seen = torch.isfinite(offsets)
    plain = functional.smooth_l1_loss(predicted[seen], offsets[seen] / OFFSET_UNIT_PX, beta=0.1)
    predicted.requires_grad_()
    loss = offset_loss(predicted, offsets)
    assert float(loss.detach()) == pytest.approx(float(plain), rel=1e-5)
    loss.backward()
    assert bool((predicted.grad[~seen] == 0.0).all())
    assert bool(torch.isfinite(predicted.grad).all())
    assert float(offset_loss(predicted[:0].detach(), offsets[:0])) == 0.0

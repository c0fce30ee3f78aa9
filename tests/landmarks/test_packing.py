"""Packed convolutions against torch's own; on processors without the operators the trial says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from kummell_ai.landmarks import packing
from kummell_ai.landmarks.inference import for_inference
from kummell_ai.landmarks.packing import PackedConvolution, can_pack, packed
from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes
from kummell_ai.landmarks.residual import ResidualBlock

needs_packing = pytest.mark.skipif(not can_pack(), reason="this processor or torch packs no bfloat16 convolutions")
CPU = torch.device("cpu")


def tensor(*shape: int) -> torch.Tensor:
    made = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))
    return made.to(torch.bfloat16).to(memory_format=torch.channels_last)


def close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(ours.float(), expected.float(), rtol=0.02, atol=0.02)


@needs_packing
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (1, 2, 0), (5, 2, 2)])
@pytest.mark.parametrize("rectify", [False, True])
def test_a_packed_convolution_is_the_convolution(kernel: int, stride: int, padding: int, rectify: bool) -> None:
    torch.manual_seed(1)
    plain = nn.Conv2d(16, 24, kernel, stride, padding).to(torch.bfloat16)
    with torch.inference_mode():
        ours = PackedConvolution(plain, rectify=rectify)
        for rows in (8, 12):
            x = tensor(2, 16, rows, 10)
            expected = plain(x)
            close(ours(x), expected.relu() if rectify else expected)
            added = tensor(*expected.shape)
            total = expected + added
            close(ours(x, added), functional.relu(total) if rectify else total)


@needs_packing
@pytest.mark.parametrize(("outputs", "stride"), [(16, 1), (32, 2)])
def test_a_packed_block_is_the_block(outputs: int, stride: int) -> None:
    torch.manual_seed(2)
    block = ResidualBlock(16, outputs, stride).eval()
    exact = for_inference(block, CPU, bf16=True)
    with torch.inference_mode():
        close(packed(for_inference(block, CPU, bf16=True))(tensor(2, 16, 8, 8)), exact(tensor(2, 16, 8, 8)))


@needs_packing
def test_a_sequence_loses_its_rectifiers_and_identities() -> None:
    steps = nn.Sequential(nn.Conv2d(16, 16, 3), nn.Identity(), nn.ReLU(), nn.MaxPool2d(2)).to(torch.bfloat16)
    kinds = [type(step) for step in packed(steps)]
    assert kinds == [PackedConvolution, nn.MaxPool2d]


def test_where_packing_fails_networks_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(packing.PackedConvolution, "__init__", broken)
    assert not can_pack.__wrapped__()
    monkeypatch.setattr("kummell_ai.landmarks.inference.can_pack", can_pack.__wrapped__)
    ready = for_inference(RefinerNetwork(RefinerSizes(16, 16, 24, 32)), CPU, bf16=True, one_size=True)
    assert not any(isinstance(part, PackedConvolution) for part in ready.modules())


def test_the_trial_leaves_the_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    can_pack.__wrapped__()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_packing_that_errs_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackedConvolution, "forward", lambda self, x, added=None: x)
    assert not can_pack.__wrapped__()

"""Networks made ready to run against themselves as they were trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kummell_ai.landmarks.inference import dtype_of, for_inference
from kummell_ai.landmarks.network import KeypointNetwork, NetworkSizes
from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes

CPU = torch.device("cpu")


def trained(kind: str) -> nn.Module:
    """A small network whose batch norms differ from the identity as after training."""
    torch.manual_seed(3)
    network: nn.Module = (
        KeypointNetwork(NetworkSizes(64, 32, 32, 32))
        if kind == "first"
        else RefinerNetwork(RefinerSizes(16, 16, 24, 32))
    )
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0.0, 0.2)
            nn.init.normal_(part.running_mean, 0.0, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
    return network.eval()


def films(kind: str) -> torch.Tensor:
    shape = (2, 1, 128, 64) if kind == "first" else (3, 1, 144, 160)
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ["first", "second"])
def test_a_folded_network_says_the_same(kind: str) -> None:
    network, x = trained(kind), films(kind)
    ready = for_inference(network, CPU, bf16=False)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in ready.modules())
    with torch.inference_mode():
        for ours, before in zip(ready(x), network(x), strict=True):
            torch.testing.assert_close(ours, before, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize(("kind", "one_size"), [("first", False), ("second", False), ("second", True)])
def test_in_bfloat16_it_is_no_further_from_float32_than_autocast_is(kind: str, one_size: bool) -> None:
    network, x = trained(kind), films(kind)
    ready = for_inference(network, CPU, bf16=True, one_size=one_size)
    assert dtype_of(ready) is torch.bfloat16
    with torch.inference_mode():
        exact = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            cast = network(x)
        short = ready(x.to(torch.bfloat16))
    for ours, peer, before in zip(short, cast, exact, strict=True):
        assert ours.dtype is torch.bfloat16
        ours_off, peer_off = ((a.float() - before).square().mean().sqrt() for a in (ours, peer))
        assert float(ours_off) < 1.5 * float(peer_off)


def test_the_network_that_is_given_stays_as_it_is() -> None:
    network = trained("second").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for_inference(network, CPU, bf16=True)
    assert network.training
    assert all(p.requires_grad and p.dtype is torch.float32 for p in network.parameters())
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_a_network_without_weights_computes_in_float32() -> None:
    assert dtype_of(nn.Identity()) is torch.float32

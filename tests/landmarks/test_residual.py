"""The residual stages against their peer in torchvision."""

from __future__ import annotations

import subprocess
import sys

import torch
from torchvision.models.resnet import resnet18

from kummell_ai.landmarks.network import KeypointNetwork
from kummell_ai.landmarks.residual import residual_stage


def test_stages_are_those_of_torchvision() -> None:
    peer = resnet18(weights=None).eval()
    x = torch.randn(1, 64, 16, 8, generator=torch.Generator().manual_seed(1))
    for widths, theirs in (((64, 64, 1), peer.layer1), ((64, 128, 2), peer.layer2), ((128, 256, 2), peer.layer3)):
        ours = residual_stage(*widths).eval()
        ours.load_state_dict(theirs.state_dict())
        with torch.no_grad():
            x, expected = ours(x), theirs(x)
        torch.testing.assert_close(x, expected)


def test_the_shallow_stages_start_as_in_torchvision() -> None:
    torch.manual_seed(0)
    ours, theirs = KeypointNetwork().stages[1][0].conv2.weight, resnet18(weights=None).layer2[0].conv2.weight
    assert abs(float((ours.std() / theirs.std()).detach()) - 1) < 0.02


def test_the_predictor_starts_without_torchvision() -> None:
    code = "import sys, kummell_ai.landmarks.predictor; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

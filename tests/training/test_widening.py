"""A widened second stage: the law that it says the same, and that what is new can be learnt."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes
from kummell_ai.training.widening import no_narrower, widened

NARROW = RefinerSizes(16, 18, 20, 22)


def trained_a_little(seed):
    """A network whose batch statistics are not those it was born with."""
    torch.manual_seed(seed)
    network = RefinerNetwork(NARROW)
    network.train()
    with torch.no_grad():
        network(2.0 + torch.randn(4, 1, 48, 64))
    return network.eval()


@settings(deadline=None, max_examples=25)
@given(st.tuples(*[st.integers(0, 9)] * 4), st.integers(0, 99))
def test_a_wider_network_says_the_same(more, seed):
    narrow = trained_a_little(seed)
    sizes = RefinerSizes(*(count + extra for count, extra in zip(NARROW.as_dict().values(), more, strict=True)))
    wide = widened(narrow, sizes).eval()
    assert wide.sizes == sizes
    crops = torch.randn(2, 1, 48, 64)
    with torch.no_grad():
        for mine, theirs in zip(wide(crops), narrow(crops), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-4)


def test_what_is_new_learns():
    wide = widened(trained_a_little(0), RefinerSizes(24, 24, 24, 24)).train()
    output = wide(torch.randn(4, 1, 48, 64))
    sum(part.square().sum() for part in output).backward()
    assert wide.points.weight.grad[:, 16:].abs().max() > 0  # the head hears the new channels of the last block
    assert wide.facts.weight.grad[:, 22:24].abs().max() > 0
    for name, parameter in wide.named_parameters():
        assert parameter.grad is not None, name


def test_nothing_is_made_narrower():
    assert no_narrower(NARROW, NARROW)
    assert not no_narrower(RefinerSizes(99, 99, 16, 99), NARROW)
    with pytest.raises(ValueError, match="is narrower than"):
        widened(RefinerNetwork(NARROW), RefinerSizes(99, 99, 16, 99))

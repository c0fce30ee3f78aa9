"""Lack of memory is one kind of error, whoever tells of it."""

from __future__ import annotations

import pytest
import torch

from kummell_ai.workers import memory_errors


def test_torch_tells_of_it_in_words_that_are_known() -> None:
    with pytest.raises(MemoryError, match="allocate"), memory_errors():
        torch.empty(1 << 60, dtype=torch.uint8)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="no such thing"), memory_errors():
        raise RuntimeError("no such thing")

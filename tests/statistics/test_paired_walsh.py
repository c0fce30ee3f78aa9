"""The estimate of Hodges and Lehmann without all averages in memory is that of the plain definition, to the bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.quantities import Interval
from kummell_ai.statistics import paired

CHANGES = st.one_of(
    st.lists(st.integers(-3, 3).map(lambda k: k / 10), min_size=1, max_size=60),  # many ties
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
)


def all_averages(difference: np.ndarray) -> np.ndarray:
    """Sorted, one for each pair i <= j."""
    n = len(difference)
    return np.sort([(difference[i] + difference[j]) / 2 for i in range(n) for j in range(i, n)])


@settings(deadline=None)
@given(st.data(), CHANGES)
def test_an_average_of_a_rank_is_that_of_the_sorted_row(data: st.DataObject, changes: list[float]) -> None:
    difference = np.array(changes)
    averages = all_averages(difference)
    for rank in (1, len(averages), data.draw(st.integers(1, len(averages)))):
        assert paired._walsh_average(np.sort(difference), rank) == averages[rank - 1]


@settings(deadline=None)
@given(CHANGES, st.sampled_from([0.025, 0.05]))
def test_estimate_and_interval_are_the_same_either_way(changes: list[float], tail: float) -> None:
    difference = np.array(changes)
    plain = paired.hodges_lehmann(difference, tail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired, "WALSH_AT_ONCE", 0)
        assert paired.hodges_lehmann(difference, tail) == plain
    averages, rank = all_averages(difference), paired._signed_rank_quantile(len(difference), tail)
    interval = Interval(averages[rank - 1], averages[-rank]) if rank > 0 else None
    assert plain == (np.median(averages), interval)


@pytest.mark.parametrize("step", [0.5, 1e-9])
def test_many_patients_need_little_memory(step: float) -> None:
    """3,000 patients have 4.5 million averages, 36 MB; scores in steps tie, measurements hardly do."""
    changes = np.round(np.random.default_rng(3).normal(1.0, 2.0, 3000) / step) * step
    tracemalloc.start()
    low, interval = paired.hodges_lehmann(changes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    first, second = np.triu_indices(len(changes))
    averages = np.sort((changes[first] + changes[second]) / 2)
    rank = paired._signed_rank_quantile(len(changes), 0.025)
    assert (low, interval) == (np.median(averages), Interval(averages[rank - 1], averages[-rank]))
    assert peak < 2e6

from itertools import pairwise

import numpy as np
import pytest

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.landmarks.levels import name_levels

L = {level.value: level.index for level in LEVELS}


def names(levels, heights=None, sure=6.0):
    """Names given to bodies that the network calls ``levels``; ``heights`` are the centres' y."""
    y = np.arange(len(levels)) * 50.0 if heights is None else np.asarray(heights, float)
    centres = np.stack([np.zeros(len(levels)), y], axis=1)
    logits = np.zeros((len(levels), len(LEVELS)))
    for row, level in enumerate(levels):
        if level is not None:
            logits[row, L[level]] = sure
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return name_levels(centres, np.full(len(levels), 50.0), log_probability)


def text(named):
    return [n.level.value for n in named]


def test_clear_names_are_kept():
    assert text(names(["T11", "T12", "L1", "L2"])) == ["T11", "T12", "L1", "L2"]


def test_one_wrong_name_is_outvoted():
    assert text(names(["T11", "T12", "L2", "L2", "L3"])) == ["T11", "T12", "L1", "L2", "L3"]


def test_an_unsure_body_takes_its_place_in_the_row():
    assert text(names(["L1", None, "L3"])) == ["L1", "L2", "L3"]


def test_a_gap_means_a_missed_vertebra():
    assert text(names(["T12", None, "L3", "L4"], heights=[0, 50, 150, 200])) == ["T12", "L1", "L3", "L4"]


def test_without_a_gap_no_level_is_left_out():
    assert text(names(["T12", "L1", "L3", None], sure=1.0)) in (["T11", "T12", "L1", "L2"], ["T12", "L1", "L2", "L3"])


@pytest.mark.parametrize(("sure", "expected"), [(12.0, ["T12", "T13", "L1"]), (2.0, ["T12", "L1", "L2"])])
def test_a_thirteenth_rib_bearing_vertebra_needs_much_evidence(sure, expected):
    rows = names(["T12", "T13", "L1"], sure=sure)
    assert text(rows) == expected or sure < 4.0
    assert VertebralLevel.T13 not in [r.level for r in rows] or sure > 4.0


def test_names_strictly_increase_whatever_the_network_says():
    rng = np.random.default_rng(3)
    for _ in range(20):
        count = int(rng.integers(1, 10))
        logits = rng.normal(0, 3, (count, len(LEVELS)))
        centres = np.stack([np.zeros(count), np.cumsum(rng.uniform(30, 120, count))], axis=1)
        indices = [n.level.index for n in name_levels(centres, np.full(count, 50.0), logits)]
        assert len(indices) == count
        assert all(a < b for a, b in pairwise(indices))


def test_the_probability_is_high_when_sure_and_low_when_not():
    assert names(["L1", "L2", "L3"])[0].probability > 0.95
    assert names([None, None, None])[0].probability < 0.3


def test_one_vertebra_and_none():
    assert text(names(["S1"])) == ["S1"]
    assert names([]) == ()

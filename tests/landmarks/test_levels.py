"""Names along one spine: clear cases by hand, then laws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import LEVELS, USUAL_LEVELS, VertebralLevel
from kummell_ai.errors import ConfigError
from kummell_ai.imaging.level_evidence import LevelEvidence, NameRow
from kummell_ai.landmarks.levels import (
    ANATOMIES,
    BOTH_COST,
    DOUBT,
    VARIANT_COST,
    are_alike,
    name_rows,
    pin_level,
    row_shift,
    scored_rows,
    variant_cost,
    weigh_names,
)

L = {level.value: level.index for level in LEVELS}
USUAL = [level.value for level in USUAL_LEVELS]


def log_probabilities(levels: Sequence[str | None], sure: float = 6.0) -> np.ndarray:
    logits = np.zeros((len(levels), len(LEVELS)))
    for row, level in enumerate(levels):
        if level is not None:
            logits[row, L[level]] = sure
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def weigh(
    levels: Sequence[str | None], heights: Sequence[float] | None = None, sure: float = 6.0
) -> LevelEvidence | None:
    """Evidence of bodies that the network calls ``levels``; ``heights`` are the centres' y."""
    y = np.arange(len(levels)) * 50.0 if heights is None else np.asarray(heights, float)
    centres = np.stack([np.zeros(len(levels)), y], axis=1)
    return weigh_names(centres, np.full(len(levels), 50.0), log_probabilities(levels, sure))


def names(*args: object, **kwargs: object) -> list[str]:
    evidence = weigh(*args, **kwargs)  # type: ignore[arg-type]
    return [] if evidence is None else text(evidence.chosen)


def text(row: NameRow) -> list[str]:
    return [level.value for level in row.levels]


def test_clear_names_are_kept() -> None:
    assert names(["T11", "T12", "L1", "L2"]) == ["T11", "T12", "L1", "L2"]


def test_one_wrong_name_is_outvoted() -> None:
    assert names(["T11", "T12", "L2", "L2", "L3"]) == ["T11", "T12", "L1", "L2", "L3"]


def test_an_unsure_body_takes_its_place_in_the_row() -> None:
    assert names(["L1", None, "L3"]) == ["L1", "L2", "L3"]


def test_a_gap_means_a_missed_vertebra() -> None:
    assert names(["T12", None, "L3", "L4"], heights=[0, 50, 150, 200]) == ["T12", "L1", "L3", "L4"]


def test_without_a_gap_no_level_is_left_out() -> None:
    assert names(["T12", "L1", "L3", None], sure=1.0) in (["T11", "T12", "L1", "L2"], ["T12", "L1", "L2", "L3"])


@pytest.mark.parametrize(
    ("variant", "usual"), [(("T12", "T13", "L1"), ("T12", "L1", "L2")), (("L5", "L6", "S1"), ("L4", "L5", "S1"))]
)
@pytest.mark.parametrize("gain", [VARIANT_COST - 0.1, VARIANT_COST + 0.1])
def test_a_variant_is_named_when_it_gains_more_than_it_costs(
    variant: tuple[str, ...], usual: tuple[str, ...], gain: float
) -> None:
    local = np.full((3, len(LEVELS)), -50.0)
    moved = [row for row in range(3) if usual[row] != variant[row]]
    for row in range(3):
        local[row, L[usual[row]]] = -gain * np.sqrt(3) / len(moved)  # the evidence of three bodies counts as root 3
        local[row, L[variant[row]]] = 0.0
    found = weigh_names(np.stack([np.zeros(3), np.arange(3) * 50.0], axis=1), np.full(3, 50.0), local)
    assert found is not None
    assert text(found.chosen) == list(variant if gain > VARIANT_COST else usual)


@pytest.mark.parametrize("sure", [1.0, 3.0, 6.0])
def test_without_evidence_for_it_no_variant_is_named(sure: float) -> None:
    assert names(["T10", "T11", "T12", None, "L2", "L3", "L4", "L5", "S1"], sure=sure) == USUAL[9:]


def test_a_field_that_ends_above_or_below_makes_no_difference() -> None:
    whole = ["T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"]
    for start in range(len(whole)):
        for stop in range(start + 1, len(whole) + 1):
            assert names(whole[start:stop]) == whole[start:stop]


@given(st.integers(0, 12), st.integers(2, 6), st.sampled_from([-1, 1]), st.floats(1.0, 8.0))
def test_evidence_shifted_by_one_shifts_the_names_by_one(first: int, count: int, shift: int, sure: float) -> None:
    if first + shift < 0 or first + count + shift > len(USUAL):
        return
    row, moved = USUAL[first : first + count], USUAL[first + shift : first + shift + count]
    before, after = weigh(row, sure=sure), weigh(moved, sure=sure)
    assert before is not None
    assert after is not None
    assert text(before.chosen) == row
    assert text(after.chosen) == moved
    assert row_shift(before.chosen.levels, after.chosen.levels) == shift


@given(st.integers(0, 10), st.integers(5, 8), st.integers(1, 3))
def test_a_missed_vertebra_with_a_double_gap_keeps_the_names_below(first: int, count: int, gone: int) -> None:
    row = USUAL[first : first + count]
    heights = [50.0 * i for i in range(len(row)) if i != gone]
    left = [v for i, v in enumerate(row) if i != gone]
    # the bodies below the gap say nothing themselves: their names are counted across it
    seen = [v if i < gone else None for i, v in enumerate(left)]
    assert names(seen, heights=heights) == left


@given(st.integers(1, 10), st.integers(0, 2**32 - 1))
def test_names_strictly_increase_whatever_the_network_says(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, len(LEVELS)))
    centres = np.stack([np.zeros(count), np.cumsum(rng.uniform(30, 120, count))], axis=1)
    evidence = weigh_names(centres, np.full(count, 50.0), logits)
    assert evidence is not None
    for row in evidence.rows:
        assert len(row.levels) == count
        assert all(a < b for a, b in pairwise(row.levels))
    probabilities = [row.probability for row in evidence.rows]
    assert probabilities[1:] == sorted(probabilities[1:], reverse=True)
    assert sum(probabilities) == pytest.approx(1.0 - DOUBT)


@given(st.integers(0, 2**32 - 1))
def test_the_chosen_row_is_the_best_of_all_rows(seed: int) -> None:
    """Three bodies: every row that increases, scored by the formula, against the dynamic programme."""
    rng = np.random.default_rng(seed)
    local, missed = rng.normal(0, 3, (3, len(LEVELS))), np.array([0.0, 1.0])
    for variants in ANATOMIES:
        order = [level.index for level in LEVELS if level in USUAL_LEVELS or level in variants]
        best = max(
            local[0, order[a]] + local[1, order[b]] + local[2, order[c]] - 6.0 * (abs(b - a - 1) + abs(c - b - 2))
            for a in range(len(order))
            for b in range(a + 1, len(order))
            for c in range(b + 1, len(order))
        )
        rows = scored_rows(local, missed, variants)
        assert max(row.score for row in rows) == pytest.approx(best / np.sqrt(3))


def test_two_rows_share_the_probability_by_their_evidence() -> None:
    """Four bodies that are one of two rows, 1 nat a body apart: a gap of 4 / sqrt(4) = 2 nats."""
    local = np.full((4, len(LEVELS)), -60.0)
    for row in range(4):
        local[row, L[USUAL[row + 10]]], local[row, L[USUAL[row + 11]]] = -1.0, 0.0
    centres = np.stack([np.zeros(4), np.arange(4) * 50.0], axis=1)
    found = weigh_names(centres, np.full(4, 50.0), local)
    assert found is not None
    assert found.runner_up is not None
    assert row_shift(found.chosen.levels, found.runner_up.levels) == -1
    assert found.chosen.probability == pytest.approx((1 - DOUBT) / (1 + np.exp(-2.0)), abs=2e-3)


def test_rows_that_differ_at_the_end_only_are_one_row() -> None:
    """The first of four bodies may be T8 or, behind a skipped level, T7: the row is not shifted by that."""
    local = np.full((4, len(LEVELS)), -60.0)
    for row in range(4):
        local[row, L[USUAL[row + 7]]] = 0.0
    local[0, L["T7"]] = 6.0
    found = weigh_names(np.stack([np.zeros(4), np.arange(4) * 50.0], axis=1), np.full(4, 50.0), local)
    assert found is not None
    assert text(found.chosen)[1:] == ["T9", "T10", "T11"]
    assert found.chosen.probability == pytest.approx(1.0 - DOUBT)
    assert found.runner_up is None or found.runner_up.probability < 1e-6


def test_a_t13_is_no_t12() -> None:
    """Two rows alike in what the film says, one with a T13: that they share the lumbar names makes them no one row."""
    usual = ["T9", "T10", "T11", "T12", "L1", "L2"]
    with_variant = ["T10", "T11", "T12", "T13", "L1", "L2"]
    local = np.full((6, len(LEVELS)), -60.0)
    for row, (one, other) in enumerate(zip(usual, with_variant, strict=True)):
        local[row, L[other]] = VARIANT_COST * np.sqrt(6) / 4  # in four bodies, which makes up for the prior
        local[row, L[one]] = 0.0
    found = weigh_names(np.stack([np.zeros(6), np.arange(6) * 50.0], axis=1), np.full(6, 50.0), local)
    assert found is not None
    assert {tuple(text(row)) for row in found.rows[:2]} == {tuple(usual), tuple(with_variant)}
    assert 0.3 < found.chosen.probability < 0.6
    assert found.chosen.each[4:] == pytest.approx((1 - DOUBT,) * 2), "both rows end in L1 and L2"
    assert max(found.chosen.each[:4]) < 0.7


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_each_name_has_the_probability_of_all_rows_that_give_it(count: int, seed: int) -> None:
    """Against a sum over all rows before those that are alike were put together."""
    rng = np.random.default_rng(seed)
    local, missed = rng.normal(0, 3, (count, len(LEVELS))), np.zeros(count - 1)
    scores: dict[tuple[VertebralLevel, ...], float] = {}
    for variants in ANATOMIES:
        for row in scored_rows(local, missed, variants):
            scores[row.levels] = max(row.full_score, scores.get(row.levels, -np.inf))
    weights = np.exp(np.array(list(scores.values())))
    weights /= weights.sum()
    chosen = name_rows(local, missed)[0]
    expected = [
        sum(w for levels, w in zip(scores, weights, strict=True) if levels[k] is level)
        for k, level in enumerate(chosen.levels)
    ]
    assert chosen.each == pytest.approx(expected)
    alike = [w for levels, w in zip(scores, weights, strict=True) if are_alike(chosen.levels, levels)]
    assert chosen.probability == pytest.approx(sum(alike))


def test_the_probability_is_high_when_sure_and_low_when_not() -> None:
    sure, unsure = weigh(["L1", "L2", "L3"]), weigh([None, None, None])
    assert sure is not None
    assert unsure is not None
    assert sure.chosen.probability > 0.95
    assert unsure.chosen.probability < 0.3


def test_one_vertebra_and_none_and_too_many() -> None:
    assert names(["S1"]) == ["S1"]
    assert weigh([]) is None
    assert weigh([None] * 21) is None
    assert len(names([None] * 20)) == 20


def test_a_variant_costs_once() -> None:
    assert variant_cost([VertebralLevel.T13, VertebralLevel.L6, VertebralLevel.L5]) == BOTH_COST > 2.0 * VARIANT_COST
    assert variant_cost([VertebralLevel.T13], 4) == 2.0 * VARIANT_COST
    assert variant_cost([VertebralLevel.L5]) == 0.0


@pytest.mark.parametrize("count", [4, 9, 12])
def test_a_variant_costs_the_same_on_long_and_short_films(count: int) -> None:
    """Bodies above L1 that all prefer to be one level higher, by ``gain`` nats a root body together, are one T13."""
    for gain, named in ((VARIANT_COST - 0.1, "T12"), (VARIANT_COST + 0.1, "T13")):
        local = np.full((count, len(LEVELS)), -60.0)
        order = [level for level in LEVELS if level is not VertebralLevel.L6]
        end = order.index(VertebralLevel.L1)
        upper = count // 2
        with_it = order[end - upper : end] + order[end : end + count - upper]
        usual = [level for level in order if level is not VertebralLevel.T13]
        start = usual.index(VertebralLevel.L1)
        without = usual[start - upper : start] + usual[start : start + count - upper]
        for row, (a, b) in enumerate(zip(with_it, without, strict=True)):
            local[row, b.index] = 0.0 if a is b else -gain * np.sqrt(count) / upper
            local[row, a.index] = 0.0
        found = name_rows(local, np.zeros(count - 1))[0].levels
        assert str(found[upper - 1]) == named


class TestPin:
    def test_the_other_names_are_counted_from_it(self) -> None:
        evidence = weigh(["T11", "T12", "L1", "L2"])
        assert evidence is not None
        assert text(pin_level(evidence, 1, VertebralLevel.L1).chosen) == ["T12", "L1", "L2", "L3"]

    def test_a_variant_may_be_pinned(self) -> None:
        evidence = weigh(["T11", "T12", "L1", "L2"])
        assert evidence is not None
        assert text(pin_level(evidence, 2, VertebralLevel.T13).chosen) == ["T11", "T12", "T13", "L1"]

    def test_a_sacrum_stays_where_it_is_when_there_is_an_l6(self) -> None:
        evidence = weigh(["L3", "L4", "L5", "S1"])
        assert evidence is not None
        assert text(pin_level(evidence, 0, VertebralLevel.L4).chosen) == ["L4", "L5", "L6", "S1"]

    def test_it_stays_pinned_when_the_names_are_found_again(self) -> None:
        evidence = weigh(["T11", "T12", "L1", "L2"], sure=12.0)
        assert evidence is not None
        known = pin_level(evidence, 1, VertebralLevel.L1)
        assert name_rows(known.log_probability, known.missed)[0].levels == known.chosen.levels

    def test_no_room(self) -> None:
        evidence = weigh(["T11", "T12", "L1", "L2"])
        assert evidence is not None
        with pytest.raises(ConfigError, match="1 vertebrae above and 2 below cannot be S1"):
            pin_level(evidence, 1, VertebralLevel.S1)


def test_evidence_of_another_number_of_vertebrae_is_refused() -> None:
    row = NameRow((VertebralLevel.L1,), 1.0)
    with pytest.raises(ValueError, match="log_probability and missed have shapes"):
        LevelEvidence(np.zeros((1, 3)), np.zeros(0), (row,))
    with pytest.raises(ValueError, match="rows must be 1 or more of 2 names each"):
        LevelEvidence(np.zeros((2, len(LEVELS))), np.zeros(1), (row,))

"""Names along the spine: the least-cost path through the levels that the network finds likely (docs/levels.md)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import LEVELS, USUAL_LEVELS, VertebralLevel
from kummell_ai.errors import ConfigError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.level_evidence import LevelEvidence, NameRow

VARIANT_COST = 3.0
"""Cost (nats) of a T13 or L6: -log 0.05, as one spine in twenty has the one or the other. Of 1.5 to 6, on 2,160
simulated films of 720 patients (seeds from 46500000 and 76000000), 2 to 3 name the most vertebrae rightly together,
film by film 3 to 5 (scripts/calibrate_names.py --costs).

It is a prior and not evidence, so that it is not divided by the root of the number of vertebrae as that is: divided, it
let 9 of 156 simulated films of usual spines have a T13 (seeds from 74000000, scripts/calibrate_names.py).
"""

BOTH_COST = 12.0
"""Cost (nats) of a T13 and an L6 in one spine, which hardly anybody has and no simulated spine. The network knows each
name by itself: where it is torn between the two counts, each has a share in some names, and the sum of the two costs
(8) let two of those 540 simulated films have both, and so a whole patient. 12, 16 and 20 do alike.
"""

GAP_COST = 6.0
"""Cost (nats) of each level that is left out where no gap shows, or not left out where one does."""

GAP_RATIO = 1.6
"""A distance between neighbours beyond this many usual ones means a missed vertebra."""

DOUBT = 0.03
"""Share of the films whose names are wrong although their evidence is beyond doubt.

Set on 180 simulated films of 60 patients by scripts/calibrate_names.py; a softmax at temperatures other than 1 does no
better beside it.
"""

T13, L6 = VertebralLevel.T13, VertebralLevel.L6
ANATOMIES: tuple[frozenset[VertebralLevel], ...] = (
    frozenset(),
    frozenset({T13}),
    frozenset({L6}),
    frozenset({T13, L6}),
)
"""Which variants a spine may have; the usual one first."""

_RULED_OUT = 1e3
"""Cost (nats) of a name that cannot be, as a known name rules it out."""

_USUAL_RANK = np.cumsum([level in USUAL_LEVELS for level in LEVELS])


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row of names and its score (nats), larger = likelier, the cost of variants not yet taken off."""

    levels: tuple[VertebralLevel, ...]
    score: float

    @property
    def full_score(self) -> float:
        """The score with the cost of the variants that the row names."""
        return self.score - variant_cost(self.levels)


def weigh_names(centres_px: FloatArray, depths_px: FloatArray, log_probability: FloatArray) -> LevelEvidence | None:
    """The names of vertebrae (V, 2), cranial to caudal, and the rows that come next; None when there is no row.

    Args:
        centres_px: (V, 2), in a plane with one scale.
        depths_px: (V,) endplate depths, same unit.
        log_probability: (V, 20) of the network.
    """
    local = np.asarray(log_probability, dtype=np.float64).reshape(-1, len(LEVELS))
    missed = missed_between(centres_px, depths_px)
    rows = doubted(name_rows(local, missed))
    return LevelEvidence(local, missed, rows) if rows else None


def doubted(rows: Sequence[NameRow]) -> tuple[NameRow, ...]:
    """Rows with probabilities that leave `DOUBT` for names that no evidence speaks for.

    >>> [round(row.probability, 2) for row in doubted([NameRow((VertebralLevel.L1,), 1.0)])]
    [0.97]
    """
    left = 1.0 - DOUBT
    return tuple(NameRow(row.levels, left * row.probability, tuple(left * p for p in row.each)) for row in rows)


def pin_level(evidence: LevelEvidence, index: int, level: VertebralLevel) -> LevelEvidence:
    """The evidence when vertebra ``index`` is known to be ``level``; the other names are counted from it.

    Raises:
        ConfigError: the spine has no room for that, as for an S1 with vertebrae below it.
    """
    local, found = evidence.log_probability, evidence.chosen.levels[index]
    rows = {counted_from(evidence.chosen.levels, found, level, variants) for variants in ANATOMIES} - {None}
    scored = [(row, row_score(local, row) - variant_cost(row)) for row in rows if row is not None]
    if not scored:
        room = f"{index} vertebrae above and {len(local) - index - 1} below"
        raise ConfigError(f"a vertebra with {room} cannot be {level}; give it another level, or check the vertebrae")
    out = np.ones(local.shape, dtype=np.bool_)
    for row, _ in scored:
        out[np.arange(len(row)), [v.index for v in row]] = False
    return LevelEvidence(local - _RULED_OUT * out, evidence.missed, with_probabilities(scored))


def counted_from(
    names: Sequence[VertebralLevel],
    found: VertebralLevel,
    given: VertebralLevel,
    variants: Collection[VertebralLevel],
    known_variants: Collection[VertebralLevel] = (),
) -> tuple[VertebralLevel, ...] | None:
    """The row ``names`` when what is called ``found`` is ``given``; None beyond either end of the spine.

    Args:
        names: of a film's vertebrae; ``found`` need not be among them.
        found: the present name of the vertebra that is known.
        given: its right name.
        variants: that the spine has.
        known_variants: that the present names count with, besides those in ``names``.

    >>> row = [VertebralLevel.L5, VertebralLevel.S1]
    >>> [str(v) for v in counted_from(row, VertebralLevel.L5, VertebralLevel.L6, {VertebralLevel.L6})]
    ['L6', 'S1']
    """
    old, new = order_with({*names, found, *known_variants}), order_with(variants)
    if given not in new:
        return None
    places = [old.index(level) - old.index(found) + new.index(given) for level in names]
    return tuple(new[p] for p in places) if all(0 <= p < len(new) for p in places) else None


def order_with(levels: Collection[VertebralLevel]) -> list[VertebralLevel]:
    """The usual levels and those variants that are among ``levels``, cranial to caudal."""
    return [level for level in LEVELS if level in USUAL_LEVELS or level in levels]


def row_score(log_probability: FloatArray, levels: Sequence[VertebralLevel]) -> float:
    """The evidence (nats) for one row of names, without gaps and variants."""
    places = [level.index for level in levels]
    return float(log_probability[np.arange(len(places)), places].sum() / np.sqrt(len(places)))


def name_rows(log_probability: FloatArray, missed: FloatArray) -> tuple[NameRow, ...]:
    """The best row of names and those that name most vertebrae otherwise; most probable first.

    Args:
        log_probability: (V, 20) of the network.
        missed: (V - 1,) vertebrae missed between neighbours.
    """
    scores: dict[tuple[VertebralLevel, ...], float] = {}
    for variants in ANATOMIES:
        for row in scored_rows(log_probability, missed, variants):
            scores[row.levels] = max(row.full_score, scores.get(row.levels, -np.inf))
    return merge_alike(with_probabilities(list(scores.items())))


def with_probabilities(rows: Sequence[tuple[tuple[VertebralLevel, ...], float]]) -> tuple[NameRow, ...]:
    """Rows with their scores (nats) to rows with probabilities, a softmax, most probable first."""
    if not rows:
        return ()
    weights = np.exp(np.array([score for _, score in rows]) - max(score for _, score in rows))
    shares = weights / weights.sum()
    named = [NameRow(levels, float(share)) for (levels, _), share in zip(rows, shares, strict=True)]
    return tuple(sorted(named, key=lambda row: -row.probability))


def merge_alike(rows: Sequence[NameRow]) -> tuple[NameRow, ...]:
    """Rows that give most vertebrae the same names as one, under the names of the first of them; the first stays first.

    So the probability is that of the row as a whole, whatever the vertebra at its end, behind a gap, is called. What a
    single vertebra is called has the probability of all rows that call it so.

    Args:
        rows: with the probabilities of exactly their names, the chosen one first, then by falling probability.
    """
    groups: list[tuple[NameRow, float]] = []
    for row in rows:
        k = next((k for k, (first, _) in enumerate(groups) if are_alike(first.levels, row.levels)), None)
        if k is None:
            groups.append((row, row.probability))
        else:
            groups[k] = (groups[k][0], groups[k][1] + row.probability)
    merged = [NameRow(row.levels, min(share, 1.0), _each(row.levels, rows)) for row, share in groups]
    return (*merged[:1], *sorted(merged[1:], key=lambda row: -row.probability))


def are_alike(first: Sequence[VertebralLevel | None], second: Sequence[VertebralLevel | None]) -> bool:
    """Whether two rows give more than half of the vertebrae the same name; a T13 is no T12.

    >>> are_alike([VertebralLevel.T12, VertebralLevel.L1], [VertebralLevel.T13, VertebralLevel.L1])
    False
    """
    same = sum(a is b for a, b in zip(first, second, strict=True))
    return 2 * same > len(first)


def _each(levels: Sequence[VertebralLevel], rows: Sequence[NameRow]) -> tuple[float, ...]:
    """For each vertebra, the probability of all ``rows`` that give it the name it has in ``levels``."""
    return tuple(
        min(sum(row.probability for row in rows if row.levels[k] is level), 1.0) for k, level in enumerate(levels)
    )


def scored_rows(
    log_probability: FloatArray, missed: FloatArray, variants: Collection[VertebralLevel] = ()
) -> tuple[ScoredRow, ...]:
    """The best row from each name of the first vertebra, in a spine that has these ``variants``.

    Names strictly increase. The vertebrae of one film err together, so that their evidence counts as the root of
    their number.
    """
    count = len(log_probability)
    if count == 0 or count > len(LEVELS):
        return ()
    exists = np.array([level in USUAL_LEVELS or level in variants for level in LEVELS])
    local = np.where(exists, log_probability, -np.inf)
    steps = -GAP_COST * np.abs(_skipped(exists)[None] - missed[:, None, None])
    steps[:, ~_INCREASES] = -np.inf
    scores, paths = _best_paths(local, steps)
    return tuple(
        ScoredRow(tuple(LEVELS[i] for i in path), float(score) / float(np.sqrt(count)))
        for score, path in zip(scores, paths, strict=True)
        if np.isfinite(score)
    )


def variant_cost(levels: Collection[VertebralLevel], films: int = 1) -> float:
    """Cost (nats) of the variants among ``levels``, on the scale of the summed scores of a patient's ``films``.

    The films of a patient err together, so that their evidence counts as the root of their number; the cost, which is
    due once, is that root times higher on the scale of the sum.
    """
    cost = (0.0, VARIANT_COST, BOTH_COST)[len({T13, L6}.intersection(levels))]
    return cost * float(np.sqrt(films))


def row_shift(first: Sequence[VertebralLevel], second: Sequence[VertebralLevel]) -> int:
    """By how many levels the names ``second`` lie below the names ``first`` of the same vertebrae (median).

    >>> row_shift([VertebralLevel.T12, VertebralLevel.L1], [VertebralLevel.L1, VertebralLevel.L2])
    1
    """
    steps = [int(_USUAL_RANK[b.index] - _USUAL_RANK[a.index]) for a, b in zip(first, second, strict=True)]
    return int(np.round(np.median(steps))) if steps else 0


def missed_between(centres_px: FloatArray, depths_px: FloatArray) -> FloatArray:
    """How many vertebrae seem to be missed between neighbours (V - 1,), from their distances.

    >>> y = np.array([0.0, 50.0, 100.0, 200.0])
    >>> missed_between(np.stack([y, y], 1) * [0.0, 1.0], np.full(4, 50.0)).tolist()
    [0.0, 0.0, 1.0]
    """
    gaps: FloatArray = np.linalg.norm(np.diff(centres_px, axis=0), axis=1)
    if len(gaps) == 0:
        return gaps
    depth = 0.5 * (depths_px[1:] + depths_px[:-1])
    usual = np.clip(np.median(gaps / depth), 0.75, 1.3)
    ratio = gaps / (depth * usual)
    missed: FloatArray = np.where(ratio > GAP_RATIO, np.round(ratio - 1.0), 0.0)
    return missed


def _best_paths(local: FloatArray, steps: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Scores (20,) and names (20, V) of the best path from each name of the first vertebra; -inf = there is none."""
    count = len(LEVELS)
    score = np.where(np.eye(count, dtype=np.bool_), local[0], -np.inf)
    back: list[NDArray[np.intp]] = []
    for row, step in zip(local[1:], steps, strict=True):
        total = score[:, :, None] + step
        back.append(total.argmax(axis=1))
        score = total.max(axis=1) + row
    path = [score.argmax(axis=1)]
    for pointers in reversed(back):
        path.append(pointers[np.arange(count), path[-1]])
    return score.max(axis=1), np.stack(path[::-1], axis=1)


def _skipped(exists: NDArray[np.bool_]) -> FloatArray:
    """[a, b]: levels of this spine strictly between level a and level b; meaningless for levels it lacks."""
    rank = np.cumsum(exists).astype(np.float64)
    between: FloatArray = np.maximum(0.0, rank[None, :] - rank[:, None] - 1.0)
    return between


_INCREASES = np.triu(np.ones((len(LEVELS), len(LEVELS)), dtype=bool), 1)

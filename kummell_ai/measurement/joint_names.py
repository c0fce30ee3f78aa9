"""One row of names for each film of a patient, chosen together: the films' evidence and how well they match.

docs/levels.md has the score in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.level_evidence import LevelEvidence, NameRow
from kummell_ai.landmarks.levels import (
    ANATOMIES,
    ScoredRow,
    counted_from,
    doubted,
    merge_alike,
    name_rows,
    order_with,
    row_score,
    row_shift,
    scored_rows,
    variant_cost,
)
from kummell_ai.measurement.body_match import Traits, agreement

OVERRULE = 6.0
"""Evidence (nats) of a film for its own names beyond which other films do not change them: odds of 400 to 1."""

CONFLICT = 3.0
"""Gain (nats) in agreement by shifting one of two films from which on their names are said to contradict each other."""

FURTHEST = 2
"""Levels by which names are moved at most to fit a given level, or tried to be moved to fit another film."""

BEAM = 400
"""Combinations of rows that are followed; for three films that is all there are in practice."""

Names = tuple[VertebralLevel, ...]


@dataclass(frozen=True, slots=True)
class FilmEvidence:
    """What one film brings in.

    Attributes:
        names: its present names, cranial to caudal; they stay when there is no evidence.
        evidence: for the names; None when they were set by hand.
        traits: of its vertebrae.
    """

    names: Names
    evidence: LevelEvidence | None
    traits: Traits

    @property
    def own_names(self) -> Names:
        """The names that the film gives when it is alone."""
        if self.evidence is None:
            return self.names
        return name_rows(self.evidence.log_probability, self.evidence.missed)[0].levels

    def allows(self, names: Names) -> bool:
        """Whether the evidence for other names is not too strong to be overruled."""
        return any(row.levels == names for rows in self.choices() for row in rows)

    def choices(self, overrule: float = OVERRULE) -> list[tuple[ScoredRow, ...]]:
        """The rows of names that other films may choose from, for each of `ANATOMIES`.

        Args:
            overrule: evidence (nats) by which a row may fall short of the best one.
        """
        if self.evidence is None:
            return [(ScoredRow(self.names, 0.0),)] * len(ANATOMIES)
        local, missed = self.evidence.log_probability, self.evidence.missed
        choices = [scored_rows(local, missed, variants) for variants in ANATOMIES]
        best = max(row.full_score for rows in choices for row in rows)
        return [tuple(row for row in rows if row.full_score >= best - overrule) for rows in choices]


def solve(films: Sequence[FilmEvidence]) -> list[tuple[NameRow, ...]]:
    """Rows of names for each film, the jointly best one first, each with its probability given all films.

    The score of a combination of rows is the sum of the films' own scores and of the agreement of every two films,
    the latter times 2 / number of films, as only one pair fewer than there are films is independent. All films have
    the same variants (T13, L6), and those cost once. Where two films are each too sure of other variants to be
    overruled, the evidence of all decides.
    """
    scores = _all_scores(films, OVERRULE) or _all_scores(films, np.inf)
    solution = _marginals(scores)
    return [rows if f.evidence is None else doubted(rows) for f, rows in zip(films, solution, strict=True)]


def _all_scores(films: Sequence[FilmEvidence], overrule: float) -> dict[tuple[Names, ...], float]:
    """The best combinations of rows and their scores (nats), of all anatomies; empty when the films share none."""
    scores: dict[tuple[Names, ...], float] = {}
    for rows in zip(*(film.choices(overrule) for film in films), strict=True):
        for names, score in _follow(films, rows):
            scores[names] = max(score, scores.get(names, -np.inf))
    return scores


def _marginals(scores: Mapping[tuple[Names, ...], float]) -> list[tuple[NameRow, ...]]:
    """From the scores (nats) of combinations of rows to the rows of each film, that of the best combination first.

    The films of a patient err together, so that in probabilities their evidence counts as the root of their number.
    """
    best = max(scores, key=lambda names: scores[names])
    weights = {names: score / float(np.sqrt(len(best))) for names, score in scores.items()}
    total = float(np.logaddexp.reduce(list(weights.values())))
    solution = []
    for k, chosen in enumerate(best):
        shares: dict[Names, float] = {}
        for names, weight in weights.items():
            shares[names[k]] = shares.get(names[k], 0.0) + float(np.exp(weight - total))
        first = NameRow(chosen, shares.pop(chosen))
        others = sorted((NameRow(names, share) for names, share in shares.items()), key=lambda row: -row.probability)
        solution.append(merge_alike([first, *others]))
    return solution


def _follow(
    films: Sequence[FilmEvidence], choices: Sequence[tuple[ScoredRow, ...]]
) -> list[tuple[tuple[Names, ...], float]]:
    """The best combinations of one row of each film's ``choices``, with their scores (nats)."""

    @cache
    def match(i: int, j: int, first: Names, second: Names) -> float:
        return agreement(films[i].traits, films[j].traits, first, second)

    kept: list[tuple[tuple[Names, ...], float]] = [((), 0.0)]
    for k, rows in enumerate(choices):
        grown = []
        for chosen, score in kept:
            for row in rows:
                matches = sum(match(i, k, other, row.levels) for i, other in enumerate(chosen))
                grown.append(((*chosen, row.levels), score + row.score + 2.0 / len(films) * matches))
        kept = sorted(grown, key=lambda g: -g[1])[:BEAM]
    return [(n, score - variant_cost({level for row in n for level in row}, len(films))) for n, score in kept]


def conflicts(films: Sequence[FilmEvidence], names: Sequence[Names]) -> list[tuple[int, int, int]]:
    """(first, second, shift): films whose traits match much better when ``second`` is named ``shift`` levels lower."""
    found = []
    for i, j in combinations(range(len(films)), 2):
        present = agreement(films[i].traits, films[j].traits, names[i], names[j])
        shifted = [(s, counted(names[j], s)) for s in range(-FURTHEST, FURTHEST + 1) if s]
        gains = [
            (agreement(films[i].traits, films[j].traits, names[i], row) - present, -abs(s), s)
            for s, row in shifted
            if row is not None
        ]
        gain, _, shift = max(gains, default=(0.0, 0, 0))
        if gain > CONFLICT:
            found.append((i, j, shift))
    return found


def counted(names: Names, shift: int) -> Names | None:
    """The row ``shift`` levels lower, counted in a spine with the variants that it names; None beyond either end.

    >>> [str(level) for level in counted((VertebralLevel.T12, VertebralLevel.L1), -1)]
    ['T11', 'T12']
    """
    order = order_with(names)
    places = [order.index(level) + shift for level in names]
    return tuple(order[p] for p in places) if all(0 <= p < len(order) for p in places) else None


def looks_injured_as(films: Sequence[FilmEvidence], names: Sequence[Names]) -> dict[VertebralLevel, int]:
    """The levels that look injured, and on how many films."""
    found: dict[VertebralLevel, int] = {}
    for film, row in zip(films, names, strict=True):
        for level, is_injured in zip(row, film.traits.marks[:, 0], strict=True):
            if is_injured:
                found[level] = found.get(level, 0) + 1
    return found


def nearest(levels: dict[VertebralLevel, int], given: VertebralLevel) -> VertebralLevel | None:
    """The level that ``given`` is most likely meant to be: itself, else the nearest, else the one on most films."""
    return min(levels, key=lambda v: (abs(row_shift([v], [given])), v is not given, -levels[v]), default=None)


def count_all_from(
    films: Sequence[FilmEvidence], names: Sequence[Names], found: VertebralLevel, given: VertebralLevel
) -> list[tuple[NameRow, ...]] | None:
    """Rows for each film when the vertebra called ``found`` in ``names`` is known to be ``given``; None without room.

    The other names are counted from it; which variants the spine has is all that is left to the evidence.
    """
    known = {level for row in names for level in row}
    scores: dict[tuple[Names, ...], float] = {}
    for variants in ANATOMIES:
        rows = [counted_from(row, found, given, variants, known) for row in names]
        moved = tuple(row for row in rows if row is not None)
        if len(moved) == len(films):
            evidence = sum(
                row_score(f.evidence.log_probability, r) for f, r in zip(films, moved, strict=True) if f.evidence
            )
            scores[moved] = evidence - variant_cost({level for row in moved for level in row}, len(films))
    return _marginals(scores) if scores else None

"""The films that went worst, kept for their pictures while all others are let go."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.evaluation.results import FilmResult, VertebraResult
from kummell_ai.imaging.annotation import SpineLandmarks

LOST_PERCENT = 50.0
"""What a missed or a false vertebra counts, in % of depth: the distance at which a match ends."""

MISNAMED_PERCENT = 10.0
"""What a wrong name counts, in % of depth."""


@dataclass(frozen=True, slots=True)
class WorstFilm:
    """A film to look at.

    Attributes:
        result: how it went.
        film: file and truth.
        predicted: what was located, also where the film was refused.
        badness: see `badness`.
    """

    result: FilmResult
    film: AnnotatedFilm
    predicted: SpineLandmarks
    badness: float


def badness(result: FilmResult) -> float:
    """How badly a film went: corner error in % of depth, mean over its true vertebrae.

    A missed or a false vertebra counts `LOST_PERCENT`, a wrong name adds `MISNAMED_PERCENT`.
    """
    total = LOST_PERCENT * result.false + sum(_badness_of(v) for v in result.vertebrae)
    return total / max(len(result.vertebrae), 1)


def _badness_of(vertebra: VertebraResult) -> float:
    if vertebra.corners is None:
        return LOST_PERCENT
    seen = vertebra.corners.percent[np.isfinite(vertebra.corners.percent)]
    wrong_name = MISNAMED_PERCENT if vertebra.is_named_right is False else 0.0
    return wrong_name + (float(seen.mean()) if len(seen) else 0.0)


@dataclass(slots=True)
class WorstFilms:
    """Keeps the ``count`` worst of all films that are offered."""

    count: int
    _heap: list[tuple[float, int, WorstFilm]] = field(default_factory=list)
    _offered: int = 0

    def offer(self, result: FilmResult, film: AnnotatedFilm, predicted: SpineLandmarks) -> None:
        """Keep a film if it is among the worst so far; of equals the earlier one stays."""
        self._offered += 1
        worst = WorstFilm(result, film, predicted, badness(result))
        entry = (worst.badness, -self._offered, worst)
        if len(self._heap) < self.count:
            heapq.heappush(self._heap, entry)
        elif self.count:
            heapq.heappushpop(self._heap, entry)

    def sorted(self) -> tuple[WorstFilm, ...]:
        """The kept films, worst first."""
        return tuple(entry[2] for entry in sorted(self._heap, key=lambda entry: (-entry[0], -entry[1])))

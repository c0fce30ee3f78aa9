"""Spines with made-up evidence for their names, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.landmarks.levels import doubted, name_rows

IMPOSSIBLE = -60.0
Row = Sequence[VertebralLevel]


def row_of(text: str) -> tuple[VertebralLevel, ...]:
    """``"T12 L1 L2"`` as levels."""
    return tuple(VertebralLevel.parse(word) for word in text.split())


def evidence_for(rows: Mapping[str, float]) -> LevelEvidence:
    """Evidence whose rows have the scores given (nats), spread over the names that are theirs alone.

    All other rows are impossible, variants even more so.
    """
    named = [row_of(text) for text in rows]
    count = len(named[0])
    local = np.full((count, len(LEVELS)), IMPOSSIBLE)
    local[:, [VertebralLevel.T13.index, VertebralLevel.L6.index]] *= 2.0
    for row, score in zip(named, rows.values(), strict=True):
        own = [i for i in range(count) if sum(other[i] is row[i] for other in named) == 1]
        for i, level in enumerate(row):
            local[i, level.index] = score * np.sqrt(count) / len(own) if i in own else 0.0
    missed = np.zeros(count - 1)
    return LevelEvidence(local, missed, doubted(name_rows(local, missed)))


def with_evidence(landmarks: SpineLandmarks, rows: Mapping[str, float]) -> SpineLandmarks:
    """The spine named by evidence, whatever its bodies were called."""
    evidence = evidence_for(rows)
    vertebrae = tuple(
        replace(body, level=level, level_probability=evidence.chosen.probability)
        for body, level in zip(landmarks.vertebrae, evidence.chosen.levels, strict=True)
    )
    return replace(landmarks, vertebrae=vertebrae, level_evidence=evidence)

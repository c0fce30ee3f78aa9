"""The sentence that says which tests were chosen names the reason that holds."""

from __future__ import annotations

import numpy as np
import pytest

from kummell_ai.cohort.measures import SCORES
from kummell_ai.cohort.study import Line
from kummell_ai.reporting.cohort_page import rule_text
from kummell_ai.reporting.cohort_words import words
from kummell_ai.statistics.cohort import analyse

BEFORE = np.array([7.0, 8.0, 6.5, 9.0, 7.5, 8.2])
AFTER = np.array([2.0, 2.5, 3.1, 3.2, 2.4, 2.2])


@pytest.mark.parametrize(
    ("last", "start"),
    [
        (AFTER, "Differences not normal (Shapiro-Wilk, too few or equal values): Friedman"),
        (AFTER - np.array([0.2, 0.5, 0.1, 0.4, 0.3, 0.6]), "Differences normal (Shapiro-Wilk, smallest P = 0."),
        (AFTER - np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.9]), "Differences not normal (Shapiro-Wilk, P = 2"),
    ],
)
def test_the_reason_of_the_choice(last: np.ndarray, start: str) -> None:
    table = np.column_stack([BEFORE, AFTER, last])
    line = Line(SCORES[0], table, analyse(table, ("pre-op", "post-op", "follow-up")))
    assert rule_text(line, words("en")).startswith(start)

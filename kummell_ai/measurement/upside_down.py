"""Whether a film whose header does not say so has the head at the bottom."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import LEVELS
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.measurement.results import Finding, Severity

LEAST = 4
"""Vertebrae from which on their looks tell."""

STEP = 0.6
"""Levels that each body's own look gains on the next upper one's, in the mean: 0.6 or more on all
but 4 of 2,160 upright simulated films."""

AGAINST = 0.25
"""Log-probability (nats) that the names of a row lose against each body's own, in the mean; bodies that look like
anything lose next to nothing."""


def upside_down_findings(evidence: LevelEvidence | None) -> tuple[Finding, ...]:
    """Whether the bodies, each judged by its own looks, do not run from head to foot down the film.

    On a film that is upside down each still looks like some vertebra, but together they are no row. So it was on 47 of
    60 simulated films that were turned, and on none of 2,160 upright simulated ones; 58 of the 60 are refused now,
    before they come here (`SpineLandmarks.needed_turns`, scripts/evaluate_turned.py).
    """
    if evidence is None or len(evidence.log_probability) < LEAST:
        return ()
    own = evidence.log_probability
    place = np.arange(len(own))
    expected = np.exp(own) @ np.arange(len(LEVELS))
    step = float(np.polyfit(place, expected, 1)[0])
    named = [LEVELS.index(level) for level in evidence.chosen.levels]
    against = float((own.max(axis=1) - own[place, named]).mean())
    if step >= STEP or against <= AGAINST:
        return ()
    looks = ", ".join(str(LEVELS[i]) for i in np.rint(expected).astype(int))
    text = (
        f"from top to bottom the vertebrae by themselves look like {looks}, which is no row from head to foot: the "
        "film may be upside down, or the names wrong: check that the head is at the top"
    )
    return (Finding("upside-down", Severity.WARNING, text),)

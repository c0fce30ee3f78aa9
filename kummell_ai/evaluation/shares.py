"""95 % intervals of a share of which few patients carry the rarer side, where resampled patients say too little.

A bootstrap knows only the failures that were seen: three failing patients, drawn anew, are none in one of twenty
resamples, and never thirty. The interval of Clopper and Pearson knows what could have been missed, but takes
independent trials, which the films of a patient are not. Therefore it gets as many trials as the values are worth:
their number divided by the design effect, by how much the variance grows since values of a patient are alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

FEW_CARRIERS = 20.0
"""Below so many patients that carry the failures, or the successes, the bootstrap's interval is widened.

From here on its worse end holds as often as it should: see tests/evaluation/test_shares.py.
"""

_FAILURES_THAT_TELL = 9.0
"""Carrying patients from which the design effect is taken as the values have it."""


def carriers(counts: FloatArray) -> float:
    """Patients that carry the counted values, by weight: (sum c)² / sum c² of the counts c (P,) of each patient.

    The number of patients with any where all of them have as many; 0 where none has any.

    >>> carriers(np.array([3.0, 3.0, 0.0])), round(carriers(np.array([9.0, 1.0, 1.0])), 2), carriers(np.zeros(4))
    (2.0, 1.46, 0.0)
    """
    squares = float(counts @ counts)
    return float(counts.sum()) ** 2 / squares if squares > 0.0 else 0.0


def rarer_carriers(yes: FloatArray, of: FloatArray) -> float:
    """`carriers` of the ones or of the zeros, whichever are fewer, of ``yes`` ones among ``of`` values a patient."""
    return min(carriers(yes), carriers(of - yes))


def design_effect(yes: FloatArray, of: FloatArray) -> float:
    """Variance of a share against that of independent values, 1 or more.

    As estimated from the patients, sum (y - p m)² / (N p (1 - p)) of y ones among m values of each, where enough of
    them tell. The fewer carry the rarer side, the more of the way it is taken towards the mean number of values a
    patient, which it is when the values of a patient fail together: of no failure nothing else is known.

    Args:
        yes: (P,) ones of each patient.
        of: (P,) values of each patient, at least one in all.

    >>> design_effect(np.zeros(3), np.full(3, 4.0)), design_effect(np.repeat([1.0, 0.0], 30), np.ones(60))
    (4.0, 1.0)
    """
    n, patients = float(of.sum()), int(np.count_nonzero(of))
    share = float(yes.sum()) / n
    spread = n * share * (1.0 - share)
    off = yes - share * of
    estimated = max(float(off @ off) / spread, 1.0) if spread > 0.0 else 1.0
    unknown = max(1.0 - rarer_carriers(yes, of) / _FAILURES_THAT_TELL, 0.0)
    return estimated + unknown * max(n / patients - estimated, 0.0)


def exact_interval(yes: FloatArray, of: FloatArray) -> tuple[float, float]:
    """95 % interval of Clopper and Pearson of a share (0 to 1), on the values divided by their `design_effect`.

    With one value a patient it is theirs; without any failure, or success, theirs of one trial a patient.

    Args:
        yes: (P,) ones of each patient.
        of: (P,) values of each patient, at least one in all.

    >>> [round(end, 4) for end in exact_interval(np.repeat([1.0, 0.0], [299, 1]), np.ones(300))]
    [0.9816, 0.9999]
    """
    effect = design_effect(yes, of)
    ones, zeros = float(yes.sum()) / effect, float((of - yes).sum()) / effect
    low = float(stats.beta.ppf(0.025, ones, zeros + 1.0)) if ones > 0.0 else 0.0
    high = float(stats.beta.ppf(0.975, ones + 1.0, zeros)) if zeros > 0.0 else 1.0
    return low, high

"""Conformal quantiles: the least factors that make ellipses and intervals hold as many errors as promised."""

from __future__ import annotations

import math

import numpy as np

from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.quantities import Z95

LEVEL = 0.95
"""Share of the errors that ellipses and intervals shall hold."""


def fitting_scale(error: FloatArray, covariance: FloatArray, floor: FloatArray) -> float:
    """The least factor in [0.01, 1000] that covers as many errors as `conformal_rank` asks, by halving the interval.

    Args:
        error: (N, 2) px.
        covariance: (N, 2, 2) px².
        floor: (N, 2, 2) px², added to the scaled covariance.
    """
    needed = min(conformal_rank(len(error)), len(error)) / len(error)
    low, high = math.log(0.01), math.log(1000.0)
    for _ in range(40):
        middle = 0.5 * (low + high)
        if covered(error, covariance, floor, math.exp(middle)) < needed - 1e-12:
            low = middle
        else:
            high = middle
    return math.exp(high)


def covered(error: FloatArray, covariance: FloatArray, floor: FloatArray, scale: float) -> float:
    """Share of errors (N, 2) in the 95 % ellipse of ``scale`` * covariance (N, 2, 2) + ``floor`` (N, 2, 2)."""
    total = covariance * scale + floor
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(total), error)
    return float((distance <= ELLIPSE_95).mean())


def conformal_rank(count: int, level: float = LEVEL) -> int:
    """Which of ``count`` scores, from the least on, holds a further one with probability ``level`` or more.

    It is ceil((count + 1) level), beyond ``count`` where there are too few scores to promise that.
    Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World.

    >>> conformal_rank(19), conformal_rank(100), conformal_rank(5)
    (19, 96, 6)
    """
    return math.ceil((count + 1) * level - 1e-9)


def conformal_factor(scores: FloatArray) -> float:
    """Factor on the standard errors from scores |error| / standard error (N,): their conformal quantile over 1.96.

    >>> round(conformal_factor(np.linspace(0.0, 1.96, 1000)), 2)
    0.95
    """
    ranked = np.sort(scores)
    return float(ranked[min(conformal_rank(len(ranked)), len(ranked)) - 1]) / Z95

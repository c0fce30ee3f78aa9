"""An evaluation's results -> everything that is told about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kummell_ai.evaluation.abstention import RiskCoverage, risk_coverage
from kummell_ai.evaluation.bootstrap import Bootstrap
from kummell_ai.evaluation.changes import ChangeError, change_errors
from kummell_ai.evaluation.figures import Figure, all_figures, together_figures
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.evaluation.samples import Samples, collect
from kummell_ai.imaging.frames import FloatArray

RESAMPLES = 1000

MAIN_QUANTITIES = ("segmental_cobb", "wedge_angle", "anterior_height", "height_loss")
"""Quantities that plots and the abstention are about."""


@dataclass(frozen=True, slots=True)
class Study:
    """What is told about a predictor.

    Attributes:
        samples: values as arrays.
        changes: of each patient; between films that were measured together, where they were.
        curves: risk against coverage.
        figures: all of them.
        resamples, seed: of the bootstrap.
    """

    samples: Samples
    changes: tuple[ChangeError, ...]
    curves: tuple[RiskCoverage, ...]
    figures: tuple[Figure, ...]
    resamples: int
    seed: int


def study_of(
    films: Sequence[FilmResult], together: Sequence[FilmResult] = (), *, resamples: int = RESAMPLES, seed: int = 0
) -> Study:
    """Figures with patient-level bootstrap intervals, changes and risk-coverage curves of the results of ``films``.

    Args:
        films: each judged by itself.
        together: the same films, those of a patient measured together; none when that was not done. Where it changed
            nothing, and the results are the very same, there are no figures of it.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    samples = collect(films)
    changes = change_errors(films)
    curves = risk_curves(samples)
    bootstrap = Bootstrap.of(len(samples.patients), resamples, seed)
    figures = all_figures(samples, changes, curves, bootstrap)
    if any(one is not other for one, other in zip(films, together, strict=False)):
        changes = change_errors(together)
        figures += together_figures(collect(together), changes, bootstrap)
    return Study(samples, changes, curves, figures, resamples, seed)


def risk_curves(samples: Samples) -> tuple[RiskCoverage, ...]:
    """Curves of corners by confidence and by ellipse, of names by their probability, of quantities by width."""
    corner, ellipse = (_row_means(samples.corners[part]) for part in ("percent", "ellipse_percent"))
    wrong, patient = 100.0 * (1.0 - samples.named_right), samples.patient
    curves = [
        risk_coverage(samples.confidence, corner, patient, subject="corner error", signal="confidence", unit="%"),
        risk_coverage(-ellipse, corner, patient, subject="corner error", signal="ellipse", unit="%"),
        risk_coverage(samples.level_probability, wrong, patient, subject="wrong name", signal="probability", unit="%"),
    ]
    for name in MAIN_QUANTITIES:
        quantity = samples.quantities.get(name)
        if quantity is not None:
            width = quantity.high - quantity.low
            error = np.abs(quantity.error)
            owner, unit = patient[quantity.vertebra], quantity.unit
            curves.append(risk_coverage(-width, error, owner, subject=name, signal="interval width", unit=unit))
    return tuple(curve for curve in curves if curve is not None)


def _row_means(values: FloatArray) -> FloatArray:
    """Mean (V,) of what is known in each row (V, 4); NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

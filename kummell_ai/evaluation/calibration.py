"""Split-conformal factors that make ellipses and intervals hold 95 % of the truth, by stratum (docs/uncertainty.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import CORNERS
from kummell_ai.errors import InputError
from kummell_ai.evaluation.changes import COMPARISONS, GAINS, change_errors
from kummell_ai.evaluation.conformal import conformal_factor, conformal_rank, fitting_scale
from kummell_ai.evaluation.located import LocatedFilm, judge_films, judge_films_together
from kummell_ai.evaluation.matching import match_vertebrae
from kummell_ai.evaluation.points import ELLIPSE_95, CornerErrors
from kummell_ai.evaluation.results import FilmResult, VertebraResult
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors, calibrated_as, known_as, stratum_of
from kummell_ai.landmarks.assembly import Uncertainty, floor_of
from kummell_ai.measurement.derived import RATES
from kummell_ai.quantities import Z95, Interval

ENOUGH = 60
"""Errors that a stratum needs for a factor of its own; with fewer it takes that of all strata together."""

LEAST = 100
"""Errors that all strata together need."""


SHARED_STRATA = ("cemented", "instrumented", "intact")
"""Strata whose bodies the films of a patient can place together: those that are not fractured."""

OF_CHANGE_FACTORS = (
    *("anterior_height", "middle_height", "posterior_height", "wedge_angle", "wedge_ratio", "height_loss"),
    *("compression", "segmental_cobb", "local_kyphosis"),
)
"""Quantities whose changes have factors of their own; other angles over a segment take that of the Cobb angle.

Then come those of `RATES`, which depend on them: a rate is undefined where the angle before may be 0.
"""

Factors = Mapping[str, Mapping[str, float]]
"""By quantity, then by stratum or, of changes, by comparison."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Factors and how they do on films they were not made from.

    Attributes:
        uncertainty: with the factors of all films.
        held_out: the films judged with interval factors from the other half of the patients; their ellipses are those
            of ``uncertainty``, 20 factors from thousands of corners.
        held_out_together: likewise, those of a patient measured together, with their changes.
    """

    uncertainty: Uncertainty
    held_out: tuple[FilmResult, ...]
    held_out_together: tuple[FilmResult, ...]


def fit_uncertainty(films: Sequence[LocatedFilm]) -> Fit:
    """The factors with which ``films`` are covered.

    First those of the ellipses, on top of them those of the intervals, of each film by itself and of films measured
    together, and on top of the latter those of changes.

    Raises:
        InputError: too few vertebrae were found to say anything.
    """
    scale = fit_scales(films)
    plain = Uncertainty(scale)
    patients = [film.patient for film in films]
    judged = judge_films(films, plain)
    shared = fit_together_scale(judge_films_together(films, plain, judged), judged)
    jointly = judge_films_together(films, Uncertainty(scale, together_scale=shared), judged)
    alone, together = (Halves.of(results, patients) for results in (judged, jointly))
    factors, changes = fit_together(together.all)
    uncertainty = Uncertainty(scale, fit_factors(alone.all), factors, shared, changes)
    held_out = alone.crossed(lambda fitted, other: with_factors(other, fit_factors(fitted)))
    held_out_together = together.crossed(lambda fitted, other: with_factors(other, *fit_together(fitted)))
    return Fit(uncertainty, held_out, held_out_together)


@dataclass(frozen=True, slots=True)
class Halves:
    """Results of two halves of the patients."""

    first: list[FilmResult]
    second: list[FilmResult]

    @classmethod
    def of(cls, films: Sequence[FilmResult], patients: Sequence[str]) -> Halves:
        """Every second patient, in the order of the films, is in the first half."""
        number = {name: i for i, name in enumerate(dict.fromkeys(patients))}
        halves: tuple[list[FilmResult], list[FilmResult]] = ([], [])
        for name, film in zip(patients, films, strict=True):
            halves[number[name] % 2].append(film)
        return cls(*halves)

    @property
    def all(self) -> list[FilmResult]:
        """Both."""
        return self.first + self.second

    def crossed(
        self, judge: Callable[[Sequence[FilmResult], Sequence[FilmResult]], list[FilmResult]]
    ) -> tuple[FilmResult, ...]:
        """Each half as ``judge`` has it by what the other one says."""
        return (*judge(self.second, self.first), *judge(self.first, self.second))


def fit_together_scale(films: Sequence[FilmResult], alone: Sequence[FilmResult]) -> dict[str, float]:
    """Factors on the covariances of points that were placed together, by stratum; 1 where nothing is.

    The films of a patient err alike in part, which the common fit does not know. A stratum with fewer than `ENOUGH`
    such points takes the factor of all of them.

    Args:
        films: measured together.
        alone: the same, each by itself; corners that lie elsewhere there were placed together.
    """
    squared: dict[str, list[float]] = {stratum: [] for stratum in SHARED_STRATA}
    for film, other in zip(films, alone, strict=True):
        for body, own in zip(film.vertebrae, other.vertebrae, strict=True):
            if body.corners is not None and _lies_elsewhere(body.corners, own.corners):
                known = body.corners.mahalanobis2[np.isfinite(body.corners.mahalanobis2)]
                squared[stratum_of(body.predicted_flags)] += known.tolist()
    everything = [distance for own in squared.values() for distance in own]
    scale = dict.fromkeys(STRATA, 1.0)
    for stratum, distances in squared.items():
        chosen = np.sort(np.array(distances if len(distances) >= ENOUGH else everything))
        if len(chosen) >= ENOUGH:
            scale[stratum] = float(chosen[min(conformal_rank(len(chosen)), len(chosen)) - 1]) / ELLIPSE_95
    return scale


def _lies_elsewhere(corners: CornerErrors, before: CornerErrors | None) -> bool:
    return before is not None and not np.array_equal(corners.offset_px, before.offset_px, equal_nan=True)


def fit_together(films: Sequence[FilmResult]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Interval factors, and change factors on top of them, of films that were measured together."""
    factors = fit_factors(films)
    changes = fit_change_factors(with_factors(films, factors))
    return factors, changes | fit_change_factors(with_factors(films, factors, changes), RATES, GAINS)


def fit_change_factors(
    films: Sequence[FilmResult],
    quantities: Sequence[str] = OF_CHANGE_FACTORS,
    comparisons: Sequence[str] = tuple(COMPARISONS),
) -> dict[str, dict[str, float]]:
    """Factors on the root of the summed squares of two standard errors, or on that of a rate.

    By quantity and comparison. A comparison with fewer than `ENOUGH` changes takes the factor of all comparisons; a
    quantity with fewer than `LEAST` changes has none.
    """
    scores: dict[str, dict[str, list[float]]] = {}
    pairs = {name: COMPARISONS[name] for name in comparisons}
    for change in change_errors(films, quantities, pairs, rate_too_wide=math.inf):
        if change.half_width:
            rows = scores.setdefault(change.quantity_id, {name: [] for name in comparisons})
            rows[change.change].append(abs(change.error) * Z95 / change.half_width)
    result = {}
    for quantity, rows in scores.items():
        everything = [score for own in rows.values() for score in own]
        if len(everything) >= LEAST:
            result[quantity] = {
                name: conformal_factor(np.array(own if len(own) >= ENOUGH else everything))
                for name, own in rows.items()
            }
    return result


def with_factors(films: Sequence[FilmResult], factors: Factors, changes: Factors | None = None) -> list[FilmResult]:
    """Results whose intervals were propagated without factors, with the intervals that ``factors`` make of them.

    Args:
        films: the results.
        factors: by quantity and stratum.
        changes: by quantity and comparison, of the changes.
    """
    return [
        replace(film, vertebrae=tuple(_widened(body, factors, changes or {}) for body in film.vertebrae))
        for film in films
    ]


def _widened(body: VertebraResult, factors: Factors, changes: Factors) -> VertebraResult:
    stratum = stratum_of(body.predicted_flags)
    quantities = []
    for q in body.quantities:
        known = known_as(q.quantity_id, factors)
        factor = 1.0 if known is None else factors[known].get(q.stratum or stratum, 1.0)
        if q.interval is not None:
            half = factor * q.interval.half_width
            interval = Interval(q.measured - half, q.measured + half)
            q = replace(q, interval=interval, inside=abs(q.error) <= half)
        quantities.append(q)
    return replace(body, quantities=tuple(quantities), interval_factors=IntervalFactors(stratum, {}, changes))


def fit_scales(films: Sequence[LocatedFilm]) -> dict[str, FloatArray]:
    """Factors (4,) on the covariances of the corners, by stratum.

    Raises:
        InputError: too few vertebrae were found to say anything.
    """
    rows = [row for film in films for row in _corner_errors(film)]
    if len(rows) < LEAST:
        raise InputError(f"{len(rows)} vertebrae are matched; {LEAST} are needed to calibrate: add films", len(rows))
    stratum = np.array([row[0] for row in rows])
    error, covariance, floor = (np.array([row[i] for row in rows]) for i in (1, 2, 3))
    scales = {}
    for name in STRATA:
        own = stratum == name
        chosen = own if own.sum() >= ENOUGH else np.ones(len(own), dtype=np.bool_)
        scales[name] = np.array(
            [fitting_scale(error[chosen, k], covariance[chosen, k], floor[chosen]) for k in range(len(CORNERS))]
        )
    return scales


def _corner_errors(film: LocatedFilm) -> Iterator[tuple[str, FloatArray, FloatArray, FloatArray]]:
    """Stratum, error (4, 2) px, own covariance (4, 2, 2) px² and floor (2, 2) px² of each body that is seen whole."""
    truth = film.truth.landmarks
    for i, j in match_vertebrae(film.found, truth, film.spacing).pairs:
        body = film.found.vertebrae[j]
        error = body.corners_px - truth.vertebrae[i].corners_px
        if body.covariance_px is not None and np.isfinite(error).all():
            covariance = body.covariance_px[: len(CORNERS)]
            yield stratum_of(body.flags), error, covariance, floor_of(body, film.spacing)


def fit_factors(films: Sequence[FilmResult]) -> dict[str, dict[str, float]]:
    """Factors on the standard errors, by quantity and stratum; quantities with fewer than `LEAST` errors have none."""
    scores: dict[str, list[tuple[str, float]]] = {}
    for film in films:
        for body in film.vertebrae:
            for q in body.quantities:
                if q.interval is not None and q.interval.half_width > 0:
                    score = abs(q.error) * Z95 / q.interval.half_width
                    scores.setdefault(calibrated_as(q.quantity_id), []).append(
                        (q.stratum or stratum_of(body.predicted_flags), score)
                    )
    return {name: _factors(rows) for name, rows in scores.items() if len(rows) >= LEAST}


def _factors(rows: Sequence[tuple[str, float]]) -> dict[str, float]:
    everything = np.array([score for _, score in rows])
    result = {}
    for stratum in STRATA:
        own = np.array([score for name, score in rows if name == stratum])
        result[stratum] = conformal_factor(own if len(own) >= ENOUGH else everything)
    return result


def as_info(uncertainty: Uncertainty) -> dict[str, Mapping[str, object]]:
    """For model.json; `Uncertainty.from_info` is the inverse, to four digits."""
    return {
        "covariance_scale": {s: [round(float(f), 4) for f in rows] for s, rows in uncertainty.scale.items()},
        "interval_factors": _rounded(uncertainty.factors),
        "together_factors": _rounded(uncertainty.together),
        "together_scale": {stratum: round(f, 4) for stratum, f in uncertainty.together_scale.items()},
        "change_factors": _rounded(uncertainty.changes),
    }


def _rounded(factors: Factors) -> dict[str, dict[str, float]]:
    return {quantity: {name: round(f, 4) for name, f in rows.items()} for quantity, rows in factors.items()}

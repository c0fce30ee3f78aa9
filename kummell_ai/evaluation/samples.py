"""Results film by film -> arrays, so that a stratum is a mask and not a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import CORNERS, LEVELS, USUAL_LEVELS, Phase, VertebralLevel
from kummell_ai.evaluation.results import FLAGS, FilmResult, VertebraResult
from kummell_ai.imaging.frames import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

STRATA = ("all", "intact", "fractured", "cemented", "instrumented", "injured")
"""``injured`` is the patient's index vertebra; the flags overlap."""

VARIANTS = tuple(level for level in LEVELS if level not in USUAL_LEVELS)
"""Levels that few people have."""

CORNER_PARTS = (
    *("distance_px", "distance_mm", "percent", "normal_mm", "tangential_mm", "normal_percent", "tangential_percent"),
    *("mahalanobis2", "ellipse_percent"),
)
"""Fields of `CornerErrors` with a number a corner."""


_IN_DEGREES = ("wedge_angle", "segmental_cobb", "local_kyphosis", "surgical_segment_cobb")
_IN_PERCENT = ("wedge_ratio", "height_loss", "compression")


def unit_of(quantity_id: str) -> str:
    """``deg``, ``%`` or ``mm``, of a quantity on a film with a scale, with or without ``_3d``.

    >>> unit_of("segmental_cobb"), unit_of("height_loss"), unit_of("anterior_height_3d")
    ('deg', '%', 'mm')
    """
    base = quantity_id.removesuffix("_3d")
    return "deg" if base in _IN_DEGREES else "%" if base in _IN_PERCENT else "mm"


@dataclass(frozen=True, slots=True)
class QuantitySamples:
    """One quantity over all vertebrae whose truth has it; without any value where all of them are withheld.

    Attributes:
        quantity_id: as in docs/definitions.md.
        unit: ``mm``, ``deg`` or ``%``.
        vertebra: (N,) row of `Samples` it belongs to.
        measured, true: (N,) in ``unit``.
        low, high: (N,) ends of the measured 95 % interval; NaN without one.
        abstained: (M,) rows of `Samples` whose truth has the quantity while the prediction gives none.
    """

    quantity_id: str
    unit: str
    vertebra: IntArray
    measured: FloatArray
    true: FloatArray
    low: FloatArray
    high: FloatArray
    abstained: IntArray

    @property
    def error(self) -> FloatArray:
        """Measured minus true, (N,)."""
        return self.measured - self.true

    @property
    def inside(self) -> FloatArray:
        """(N,) 1 where the interval holds the true value, 0 where not, NaN without an interval."""
        within = ((self.low <= self.true) & (self.true <= self.high)).astype(np.float64)
        return np.where(np.isfinite(self.low), within, np.nan)


@dataclass(frozen=True, slots=True)
class Samples:
    """All films F, all true vertebrae V that are asked for.

    Attributes:
        films: (F,) results.
        patients: names of the P patients; a film without one counts as a patient of its own.
        film_patient: (F,) number of the patient.
        film: (V,) row of the film.
        patient: (V,) number of the patient.
        strata: (V,) masks by `STRATA`.
        found: (V,) whether found.
        named_right: (V,) 1 right, 0 wrong, NaN not found or not known.
        joint_right: (V,) the same of the names that a patient's films get together.
        has_landmark: (V,) whether its film shows the sacrum or the last rib.
        patient_has_landmark: (V,) whether any film of its patient does.
        variant: by `VARIANTS`, (V,) whether any film of its patient shows that level.
        corners: (V, 4) by `CORNER_PARTS`; NaN for what was not found or not seen.
        corners_lost: (V,) corners that are on a metric film and were not located.
        confidence, level_probability: (V,), NaN where there is none.
        quantities: by id.
    """

    films: tuple[FilmResult, ...]
    patients: tuple[str, ...]
    film_patient: IntArray
    film: IntArray
    patient: IntArray
    strata: dict[str, BoolArray]
    found: BoolArray
    named_right: FloatArray
    joint_right: FloatArray
    has_landmark: BoolArray
    patient_has_landmark: BoolArray
    variant: dict[VertebralLevel, BoolArray]
    corners: dict[str, FloatArray]
    corners_lost: IntArray
    confidence: FloatArray
    level_probability: FloatArray
    quantities: dict[str, QuantitySamples]

    def film_mask(self, phase: Phase | None) -> BoolArray:
        """(F,) films of a phase; None for all."""
        return np.array([phase is None or film.phase is phase for film in self.films], dtype=bool)

    def mask(self, stratum: str, phase: Phase | None) -> BoolArray:
        """(V,) vertebrae of a stratum on films of a phase."""
        return self.strata[stratum] & self.film_mask(phase)[self.film]


def collect(films: Sequence[FilmResult]) -> Samples:
    """Arrays of the results of ``films``."""
    names = [_patient_of(film, i) for i, film in enumerate(films)]
    patients = tuple(dict.fromkeys(names))
    number = {name: i for i, name in enumerate(patients)}
    film_patient = _integers([number[name] for name in names])
    owner = _integers([i for i, film in enumerate(films) for _ in film.vertebrae])
    bodies = [v for film in films for v in film.vertebrae]
    metric = np.array([films[i].is_metric for i in owner], dtype=bool)
    corners = {part: _corners(bodies, part) for part in CORNER_PARTS}
    located = np.isfinite(corners["distance_px"]).sum(axis=1)
    seen = _integers([v.corners_seen for v in bodies])
    return Samples(
        films=tuple(films),
        patients=patients,
        film_patient=film_patient,
        film=owner,
        patient=film_patient[owner],
        strata={stratum: np.array([_is_in(v, stratum) for v in bodies], dtype=bool) for stratum in STRATA},
        found=np.array([v.found for v in bodies], dtype=bool),
        named_right=_floats([v.is_named_right for v in bodies]),
        joint_right=_floats([v.is_joint_right for v in bodies]),
        has_landmark=np.array([films[i].has_level_landmark for i in owner], dtype=bool),
        patient_has_landmark=np.isin(film_patient[owner], film_patient[[f.has_level_landmark for f in films]]),
        variant={level: _has_level(level, films, film_patient)[owner] for level in VARIANTS},
        corners=corners,
        corners_lost=np.where(metric, np.maximum(seen - located, 0), 0),
        confidence=_floats([v.confidence for v in bodies]),
        level_probability=_floats([v.level_probability for v in bodies]),
        quantities=_quantities(bodies),
    )


def _patient_of(film: FilmResult, number: int) -> str:
    return film.patient if film.patient is not None else f"film {number}: {film.name}"


def _has_level(level: VertebralLevel, films: Sequence[FilmResult], film_patient: IntArray) -> BoolArray:
    """(F,) whether a level is on any film of the patient."""
    shown = np.array([any(v.level is level for v in film.vertebrae) for film in films], dtype=bool)
    return np.isin(film_patient, film_patient[shown])


def _is_in(body: VertebraResult, stratum: str) -> bool:
    return body.is_index if stratum == "injured" else stratum in body.strata


def _corners(bodies: Sequence[VertebraResult], part: str) -> FloatArray:
    nothing = np.full(len(CORNERS), np.nan)
    rows = [nothing if v.corners is None else getattr(v.corners, part) for v in bodies]
    return np.array(rows, dtype=np.float64).reshape(-1, len(CORNERS))


def _quantities(bodies: Sequence[VertebraResult]) -> dict[str, QuantitySamples]:
    entries = [(i, error) for i, v in enumerate(bodies) for error in v.quantities]
    silent = [(i, name) for i, v in enumerate(bodies) for name in v.abstained]
    units = {error.quantity_id: error.unit for _, error in entries}
    units |= {name: unit_of(name) for _, name in silent if name not in units}
    result = {}
    for name, unit in units.items():
        own = [(i, error) for i, error in entries if error.quantity_id == name]
        ends = [error.interval for _, error in own]
        result[name] = QuantitySamples(
            quantity_id=name,
            unit=unit,
            vertebra=_integers([i for i, _ in own]),
            measured=_floats([error.measured for _, error in own]),
            true=_floats([error.true for _, error in own]),
            low=_floats([None if end is None else end.low for end in ends]),
            high=_floats([None if end is None else end.high for end in ends]),
            abstained=_integers([i for i, silent_name in silent if silent_name == name]),
        )
    return result


def _integers(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float | bool | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


__all__ = ["CORNER_PARTS", "FLAGS", "STRATA", "VARIANTS", "QuantitySamples", "Samples", "collect", "unit_of"]

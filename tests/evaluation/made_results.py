"""Results with hand-set numbers, without films."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.evaluation.points import CornerErrors
from kummell_ai.evaluation.results import FilmResult, QuantityError, VertebraResult
from kummell_ai.quantities import Interval

L1 = VertebralLevel.L1


def corners(distance_mm: float, mahalanobis2: float = 1.0) -> CornerErrors:
    """All four corners off by ``distance_mm`` across the endplate, at 2 px a mm and a depth of 40 mm."""
    same = np.full(4, distance_mm)
    return CornerErrors(
        offset_px=np.stack([np.zeros(4), 2.0 * same], axis=-1),
        distance_px=2.0 * same,
        distance_mm=same,
        percent=same / 0.4,
        normal_percent=same / 0.4,
        tangential_percent=0.0 * same,
        normal_mm=same,
        tangential_mm=0.0 * same,
        mahalanobis2=np.full(4, mahalanobis2),
        ellipse_percent=np.full(4, 5.0),
    )


def quantity(measured: float, true: float, half: float | None = None, name: str = "segmental_cobb") -> QuantityError:
    interval = None if half is None else Interval(measured - half, measured + half)
    inside = None if half is None else abs(measured - true) <= half
    return QuantityError(name, "mm" if "height" in name else "deg", measured, true, inside, interval)


def vertebra(
    *quantities: QuantityError,
    level: VertebralLevel = L1,
    named: VertebralLevel | None = None,
    distance_mm: float = 1.0,
    flags: tuple[str, ...] = (),
    is_index: bool = False,
    confidence: float = 0.9,
) -> VertebraResult:
    return VertebraResult(
        level=level,
        flags=frozenset(flags),
        found=True,
        predicted_level=named or level,
        corners=corners(distance_mm),
        quantities=quantities,
        is_index=is_index,
        confidence=confidence,
        level_probability=confidence,
        predicted_flags=frozenset(flags),
    )


def missed(level: VertebralLevel = L1, *, is_index: bool = False) -> VertebraResult:
    return VertebraResult(level, frozenset(), found=False, is_index=is_index)


def film(
    *vertebrae: VertebraResult,
    patient: str | None = "p",
    phase: Phase = Phase.PRE_OP,
    name: str = "film",
    false: int = 0,
    refused: str | None = None,
    landmark: bool = True,
) -> FilmResult:
    return FilmResult(
        name,
        phase,
        vertebrae,
        false=false,
        refused=refused,
        patient=patient,
        index_level=next((v.level for v in vertebrae if v.is_index), None),
        has_level_landmark=landmark,
        seconds=2.0,
        decode_seconds=0.5,
    )

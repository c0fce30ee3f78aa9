"""Schematic spines with known heights and angles, for tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import Facing, Phase, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from kummell_ai.measurement.pipeline import measure_radiograph
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import PhasedMeasurement, RadiographMeasurement

L = VertebralLevel
SIZE = (800, 1600)
MM = 0.25
SPACING = PixelSpacing(MM, MM, Calibration.FIDUCIAL)
PROVENANCE = build_provenance(created=dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
LEVELS = (L.T11, L.T12, L.L1, L.L2, L.L3)


def body_mm(anterior: float, posterior: float = 28.0, depth: float = 34.0) -> np.ndarray:
    """Corners (4, 2) mm of a body with a level inferior endplate, front to the right; wall heights as given."""
    return np.array([[depth, posterior - anterior], [0.0, 0.0], [depth, posterior], [0.0, posterior]])


def spine(
    anterior: dict[VertebralLevel, float] | None = None,
    *,
    levels: tuple[VertebralLevel, ...] = LEVELS,
    flags: dict[VertebralLevel, set[str]] | None = None,
    px_per_mm: float = 1 / MM,
    sigma_px: float | None = 2.0,
    name: str = "film",
    **reference: object,
) -> SpineLandmarks:
    """A stack of bodies 28 mm high behind and 26 mm in front unless ``anterior`` says otherwise, discs 8 mm."""
    vertebrae = []
    top = 20.0
    for level in levels:
        front = (anterior or {}).get(level, 26.0)
        points = (body_mm(front) + np.array([40.0, top])) * px_per_mm
        covariance = None if sigma_px is None else np.tile(np.eye(2) * sigma_px**2, (4, 1, 1))
        vertebrae.append(
            VertebraLandmarks(
                points,
                level,
                level_probability=0.95,
                covariance_px=covariance,
                confidence=0.9,
                flags=frozenset((flags or {}).get(level, ())),
            )
        )
        top += 36.0
    return SpineLandmarks(tuple(vertebrae), ImageReference(name=name, **reference), Facing.RIGHT)  # type: ignore[arg-type]


def mirrored(landmarks: SpineLandmarks, width: float = SIZE[0]) -> SpineLandmarks:
    """The same spine on a film mirrored left and right."""
    vertebrae = tuple(replace(v, points_px=v.points_px * [-1.0, 1.0] + [width, 0.0]) for v in landmarks.vertebrae)
    return replace(landmarks, vertebrae=vertebrae, facing=Facing.LEFT)


def measured(
    landmarks: SpineLandmarks, spacing: PixelSpacing = SPACING, index_level: VertebralLevel | None = None
) -> RadiographMeasurement:
    return measure_radiograph(landmarks, spacing, size_px=SIZE, index_level=index_level, provenance=PROVENANCE)


def film(phase: Phase, anterior_l1: float, spacing: PixelSpacing = SPACING, **kwargs: object) -> PhasedMeasurement:
    """A measured film with L1 as high in front as given (mm)."""
    landmarks = spine({L.L1: anterior_l1}, name=phase.value, **kwargs)  # type: ignore[arg-type]
    return PhasedMeasurement(phase, measured(landmarks, spacing))

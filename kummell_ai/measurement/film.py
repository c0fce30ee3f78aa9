"""Landmarks to the measurement of one film."""

from __future__ import annotations

from dataclasses import replace

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.level_evidence import NameRow
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.measurement.quality import (
    NAME_CODES,
    VERTEBRA_CODES,
    Box,
    check_landmarks,
    refuse_unusable,
    spine_findings,
    vertebra_findings,
)
from kummell_ai.measurement.results import Finding, Provenance, RadiographMeasurement, VertebraMeasurement
from kummell_ai.measurement.scale import body_depths, spacing_findings, stretch_findings
from kummell_ai.measurement.segments import facing_sign_of, measure_segments
from kummell_ai.measurement.vertebrae import measure_vertebra


def measure_film(
    radiograph: Radiograph,
    landmarks: SpineLandmarks,
    *,
    provenance: Provenance,
    index_level: VertebralLevel | None = None,
) -> RadiographMeasurement:
    """Check the landmarks of a film and measure it.

    Raises:
        FilmRefusedError: the film is no lateral view, or no vertebra is found on it.
    """
    return measure_radiograph(
        landmarks,
        radiograph.spacing,
        size_px=(radiograph.width, radiograph.height),
        exposed_px=radiograph.valid_box,
        index_level=index_level,
        provenance=provenance,
        findings=check_landmarks(radiograph, landmarks),
    )


def measure_radiograph(
    landmarks: SpineLandmarks,
    spacing: PixelSpacing,
    *,
    size_px: tuple[int, int],
    provenance: Provenance,
    exposed_px: Box | None = None,
    index_level: VertebralLevel | None = None,
    counted_from: VertebralLevel | None = None,
    findings: tuple[Finding, ...] = (),
) -> RadiographMeasurement:
    """Every quantity of a film, with intervals by propagation of the landmarks' covariances.

    Args:
        landmarks: of the film, in image px.
        spacing: of the film; without a scale lengths are missing, angles and ratios use the pixel aspect.
        size_px: (width, height) of the film.
        provenance: what made the landmarks.
        exposed_px: (x0, y0, x1, y1) of the exposed field; None is all of the film.
        index_level: the injured vertebra; its segment angles are listed even when they are missing.
        counted_from: the level that a person gave and all names are counted from.
        findings: of `check_landmarks`, if it was called before.

    Raises:
        FilmRefusedError: the film is no lateral view, or no vertebra is found on it.
    """
    refuse_unusable(landmarks)
    sign = facing_sign_of(landmarks)
    box = exposed_px or (0.0, 0.0, float(size_px[0]), float(size_px[1]))
    bodies = landmarks.vertebrae
    vertebrae = tuple(
        VertebraMeasurement(
            bodies[i],
            measure_vertebra(bodies, i, spacing, sign),
            _own_findings(landmarks, i, box, spacing, findings),
        )
        for i in range(len(bodies))
    )
    own = (
        *spine_findings(landmarks, counted_from, spacing=spacing),
        *spacing_findings(spacing, body_depths(bodies, spacing)),
        *stretch_findings(bodies, spacing),
    )
    taken = {f for v in vertebrae for f in v.findings}
    film = tuple(dict.fromkeys(f for f in (*findings, *own) if f not in taken))
    return RadiographMeasurement(
        reference=landmarks.reference,
        size_px=size_px,
        spacing=spacing,
        landmarks=landmarks,
        vertebrae=vertebrae,
        segments=measure_segments(landmarks, spacing, sign, index_level),
        findings=film,
        provenance=provenance,
        exposed_px=exposed_px,
    )


def rename(
    film: RadiographMeasurement,
    rows: tuple[NameRow, ...],
    index_level: VertebralLevel | None = None,
    *,
    counted_from: VertebralLevel | None = None,
) -> RadiographMeasurement:
    """The film measured anew under the names ``rows[0]``; ``rows`` become its evidence's.

    Args:
        film: with evidence for its names.
        rows: possible rows of names, the chosen one first.
        index_level: the injured vertebra.
        counted_from: the level that a person gave and all names are counted from.

    Raises:
        ValueError: the film has no evidence for names, or another number of vertebrae.
    """
    evidence = film.landmarks.level_evidence
    if evidence is None:
        raise ValueError(f"{film.reference.name} has names set by hand; only names with evidence are changed")
    chosen = rows[0]
    vertebrae = tuple(
        replace(body, level=level, level_probability=probability)
        for body, level, probability in zip(film.landmarks.vertebrae, chosen.levels, chosen.of_each, strict=True)
    )
    landmarks = replace(film.landmarks, vertebrae=vertebrae, level_evidence=replace(evidence, rows=rows))
    return measure_radiograph(
        landmarks,
        film.spacing,
        size_px=film.size_px,
        exposed_px=film.exposed_px,
        index_level=index_level,
        counted_from=counted_from,
        provenance=film.provenance,
        findings=tuple(f for f in film.findings if f.code not in NAME_CODES),
    )


def remeasure(
    film: RadiographMeasurement, landmarks: SpineLandmarks, index_level: VertebralLevel | None = None
) -> RadiographMeasurement:
    """The film measured anew on other points of the same vertebrae; what was found about the film as a whole stays.

    Args:
        film: as measured.
        landmarks: the same vertebrae under the same names.
        index_level: the injured vertebra; its segment angles are listed even when they are missing.
    """
    measured = measure_radiograph(
        landmarks,
        film.spacing,
        size_px=film.size_px,
        exposed_px=film.exposed_px,
        index_level=index_level,
        provenance=film.provenance,
    )
    return replace(measured, findings=film.findings)


def _own_findings(
    landmarks: SpineLandmarks, index: int, box: Box, spacing: PixelSpacing, given: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Findings about one vertebra: its own, and the given ones that name it."""
    level = landmarks.vertebrae[index].level
    named = [f for f in given if level is not None and f.level is level and f.code in VERTEBRA_CODES]
    return tuple(dict.fromkeys([*vertebra_findings(landmarks, index, box, spacing), *named]))

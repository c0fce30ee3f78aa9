"""The surgical segment of a patient: the levels from the upper to the lower screws, seen or given, on every film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.measurement.results import Finding, PhasedMeasurement, RadiographMeasurement, Severity
from kummell_ai.measurement.segments import facing_sign_of, instrumented_ends, surgical_segment

Ends = tuple[VertebralLevel, VertebralLevel]
"""Upper and lower level."""


def surgical_ends(films: Sequence[PhasedMeasurement], given: Ends | None) -> Ends | None:
    """The ends for all films: those given, else those on most films with screws, the earlier ones at a tie.

    Raises:
        ValueError: the upper level given is not cranial of the lower one.
    """
    if given is not None:
        if given[0] >= given[1]:
            raise ValueError(f"surgical segment {given[0]} to {given[1]}: the upper level must be cranial of the lower")
        return given
    seen = Counter(ends for _, ends in _seen(films))
    return seen.most_common(1)[0][0] if seen else None


def segment_findings(
    films: Sequence[PhasedMeasurement], ends: Ends | None, given: Ends | None, level: VertebralLevel
) -> list[Finding]:
    """Where the surgical segment comes from, and what speaks against it."""
    if ends is None:
        return []
    seen = _seen(films)
    name = f"the surgical segment is {ends[0]} to {ends[1]}"
    own = [film for film, other in seen if other == ends]
    source = "as given" if given is not None else f"from the screws seen on {', '.join(own)}"
    findings = [Finding("surgical-segment", Severity.INFO, f"{name}, {source}")]
    unlike = [f"{other[0]} to {other[1]} on {film}" for film, other in seen if other != ends]
    if unlike:
        text = f"{name}, {source}, but screws are seen in {', '.join(unlike)}: look, or give --surgical-segment"
        findings = [Finding("surgical-segment-differs", Severity.INFO, text)]
    if not ends[0] <= level <= ends[1]:
        text = f"{name}, and the injured level {level} lies outside of it: check both, or give --surgical-segment"
        findings.append(Finding("surgical-segment-apart", Severity.WARNING, text, level))
    return findings


def with_surgical_segments(
    films: Sequence[PhasedMeasurement], ends: Ends | None, level: VertebralLevel
) -> list[PhasedMeasurement]:
    """The films with the angle of the surgical segment about ``level``, also where no screws are seen."""
    if ends is None:
        return list(films)
    return [replace(film, measurement=_with_segment(film.measurement, ends, level)) for film in films]


def _with_segment(film: RadiographMeasurement, ends: Ends, level: VertebralLevel) -> RadiographMeasurement:
    sign = facing_sign_of(film.landmarks)
    segment = surgical_segment(film.landmarks, film.spacing, sign, ends, level)
    others = (s for s in film.segments if s.quantity_id != segment.quantity_id)
    return replace(film, segments=(*others, segment))


def _seen(films: Sequence[PhasedMeasurement]) -> list[tuple[str, Ends]]:
    """Film and ends, of the films with screws in two levels or more."""
    found = ((film.measurement.reference.name, instrumented_ends(film.measurement.landmarks)) for film in films)
    return [(name, ends) for name, ends in found if ends is not None]

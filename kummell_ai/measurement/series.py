"""A patient's films to the correction report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.errors import SeriesError
from kummell_ai.measurement.compare import compare, intravertebral_instability, posture_of
from kummell_ai.measurement.index_level import find_index_level, rank_levels
from kummell_ai.measurement.naming import name_films
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import (
    Correction,
    CorrectionReport,
    Finding,
    PhasedMeasurement,
    Provenance,
    RadiographMeasurement,
    Severity,
)
from kummell_ai.measurement.segments import facing_sign_of, instrumented_ends, surgical_segment

_LYING = ("SUPINE", "PRONE", "DECUBITUS", "RECUMBENT", "LYING")
_UPRIGHT = ("ERECT", "SITTING", "STANDING", "UPRIGHT")


def measure_series(
    films: Sequence[tuple[Phase, RadiographMeasurement]],
    *,
    index_level: VertebralLevel | None = None,
    surgery_date: dt.date | None = None,
    notes: Sequence[str] = (),
    provenance: Provenance | None = None,
) -> CorrectionReport:
    """The report of one patient from the measured films, named together where they have evidence for names.

    Args:
        films: phase and measurement, by date.
        index_level: the injured vertebra, all names are counted from it; found from the films when absent.
        surgery_date: when given, the phases stand as they are and hardware that contradicts them is only reported.
        notes: about the series, from reading it; they become findings.
        provenance: of the report; made from that of the films when absent.

    Raises:
        SeriesError: no film, two patients, or no level stands out and none is given.
    """
    phased = [PhasedMeasurement(phase, measurement) for phase, measurement in films]
    patient_of(phased)
    findings = [Finding("series-note", Severity.INFO, note) for note in notes]
    named, about_names = name_films([film.measurement for film in phased], index_level)
    phased = [PhasedMeasurement(film.phase, measurement) for film, measurement in zip(phased, named, strict=True)]
    findings += about_names
    phased, contradictions = settle_phases(phased, dates_are_certain=surgery_date is not None)
    findings += contradictions
    if index_level is None:
        level, reason = find_index_level([film.measurement for film in phased])
        findings.append(Finding("index-level-found", Severity.INFO, f"injured vertebra found: {reason}", level))
        source = "found"
    else:
        level, source = index_level, "given"
    return assemble_report(phased, level, index_level_source=source, findings=findings, provenance=provenance)


def assemble_report(
    films: Sequence[PhasedMeasurement],
    index_level: VertebralLevel,
    *,
    index_level_source: str = "given",
    findings: Sequence[Finding] = (),
    provenance: Provenance | None = None,
) -> CorrectionReport:
    """The report of one patient: correction (pre to post), loss (post to last) and net (pre to last), where they exist.

    The last film before the operation, the first after it and the last follow-up are compared.

    Raises:
        SeriesError: no film, or two patients.
    """
    patient = patient_of(films)
    films = with_surgical_segments(films, index_level)
    before = _last(films, Phase.PRE_OP)
    after = next((film for film in films if film.phase is Phase.POST_OP), None)
    last = _last(films, Phase.FOLLOW_UP)
    pairs = (("correction", before, after), ("loss", after, last), ("net", before, last))
    corrections = [compare(a, b, index_level, name) for name, a, b in pairs if a is not None and b is not None]
    instability = _instability(films, index_level, corrections)
    return CorrectionReport(
        patient_id=patient,
        index_level=index_level,
        index_level_source=index_level_source,
        films=tuple(films),
        corrections=instability,
        findings=(*findings, *_series_findings(films, index_level)),
        provenance=provenance or _provenance(films, index_level, index_level_source),
    )


def patient_of(films: Sequence[PhasedMeasurement]) -> str:
    """The one patient of all films; ``unknown`` when no film names one.

    Raises:
        SeriesError: no film, or two patients.
    """
    if not films:
        raise SeriesError("0 films are given; a series needs at least 1: give the lateral films of one patient", 0)
    names = dict.fromkeys(f.measurement.reference.patient_id for f in films if f.measurement.reference.patient_id)
    if len(names) > 1:
        raise SeriesError(
            f"the films are of {len(names)} patients; a series has one: give the films of each patient apart",
            tuple(names),
        )
    return next(iter(names), "unknown")


def with_surgical_segments(films: Sequence[PhasedMeasurement], level: VertebralLevel) -> list[PhasedMeasurement]:
    """The films with the surgical segment also measured where no screws are, over the levels that get them."""
    ends = next((e for e in (instrumented_ends(f.measurement.landmarks) for f in films) if e is not None), None)
    return [
        film
        if ends is None or instrumented_ends(film.measurement.landmarks) is not None
        else replace(film, measurement=_with_segment(film.measurement, ends, level))
        for film in films
    ]


def _with_segment(
    film: RadiographMeasurement, ends: tuple[VertebralLevel, VertebralLevel], level: VertebralLevel
) -> RadiographMeasurement:
    sign = facing_sign_of(film.landmarks, film.spacing)
    segment = surgical_segment(film.landmarks, film.spacing, sign, ends, level)
    return replace(film, segments=(*film.segments, segment))


def settle_phases(
    films: Sequence[PhasedMeasurement], *, dates_are_certain: bool = False
) -> tuple[list[PhasedMeasurement], list[Finding]]:
    """Phases that agree with the hardware seen: no screws before the operation, screws right after it.

    Args:
        films: by date.
        dates_are_certain: report contradictions but keep the phases.
    """
    hardware = [_has_hardware(film.measurement) for film in films]
    if not any(hardware):
        return list(films), []
    first = hardware.index(True)
    settled, findings = [], []
    for i, film in enumerate(films):
        expected = _expected_phase(i, first, [f.phase for f in films])
        if expected is not film.phase:
            name = film.measurement.reference.name
            seen = "screws are seen" if hardware[i] else "no screws are seen"
            outcome = f"the phase stays {film.phase.value}" if dates_are_certain else f"it is taken as {expected.value}"
            text = f"{name} is {film.phase.value} by its date but {seen}; {outcome}: give --surgery-date to decide"
            findings.append(Finding("phase-contradicts-hardware", Severity.WARNING, text))
        settled.append(film if dates_are_certain else replace(film, phase=expected))
    return settled, findings


def _expected_phase(i: int, first_with_hardware: int, given: list[Phase]) -> Phase:
    """Phase of film ``i``: the first film with screws is the one right after the operation, unless another film was."""
    if i < first_with_hardware:
        return Phase.PRE_OP
    was_follow_up = given[first_with_hardware] is Phase.FOLLOW_UP and Phase.POST_OP not in given[:first_with_hardware]
    if i == first_with_hardware:
        return Phase.FOLLOW_UP if was_follow_up else Phase.POST_OP
    is_second_post_op = given[i] is Phase.POST_OP and given[first_with_hardware] is Phase.POST_OP
    return Phase.POST_OP if is_second_post_op else Phase.FOLLOW_UP


def _has_hardware(film: RadiographMeasurement) -> bool:
    return sum("instrumented" in v.flags for v in film.landmarks.vertebrae) >= 2


def _last(films: Sequence[PhasedMeasurement], phase: Phase) -> PhasedMeasurement | None:
    return next((film for film in reversed(films) if film.phase is phase), None)


def _instability(
    films: Sequence[PhasedMeasurement], level: VertebralLevel, corrections: list[Correction]
) -> tuple[Correction, ...]:
    """Adds the intravertebral instability to the correction when films before it show the patient lying and upright."""
    before = [film.measurement for film in films if film.phase is Phase.PRE_OP]
    lying = next((m for m in before if posture_of(m) in _LYING), None)
    upright = next((m for m in before if posture_of(m) in _UPRIGHT), None)
    if lying is None or upright is None:
        return tuple(corrections)
    value = intravertebral_instability(lying, upright, level)
    return tuple(
        replace(c, derived={**c.derived, "intravertebral_instability": value}) if c.name == "correction" else c
        for c in corrections
    )


def _series_findings(films: Sequence[PhasedMeasurement], level: VertebralLevel) -> list[Finding]:
    findings = []
    if len(films) == 1:
        text = "1 film is given; a correction needs a film before and one after the operation: add the other films"
        findings.append(Finding("one-film", Severity.WARNING, text))
    for film in films:
        name = film.measurement.reference.name
        if film.measurement.at(level) is None:
            text = f"{level} is not found on {name}; its quantities are missing there: check the level names"
            findings.append(Finding("index-level-not-seen", Severity.WARNING, text, level))
        ranked = rank_levels([film.measurement])
        if ranked and ranked[0][0] is not level and ranked[0][1] >= 4.0:
            own = next((points for place, points, _ in ranked if place is level), 0.0)
            if ranked[0][1] - own >= 2.0:
                text = (
                    f"on {name} {ranked[0][0]} looks injured ({', '.join(ranked[0][2])}), not {level}: check the names"
                )
                findings.append(Finding("index-level-disagrees", Severity.WARNING, text, level))
    return findings


def _provenance(films: Sequence[PhasedMeasurement], level: VertebralLevel, source: str) -> Provenance:
    made_by = [film.measurement.provenance for film in films]
    hashes = {p.weights_sha256 for p in made_by}
    return build_provenance(
        model=", ".join(dict.fromkeys(p.model for p in made_by)),
        weights_sha256=hashes.pop() if len(hashes) == 1 else None,
        input_sha256=[film.measurement.reference.sha256 for film in films],
        options={"index_level": f"{level} ({source})", **{k: v for p in made_by for k, v in p.options}},
    )

"""A patient's films to the correction report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from kummell_ai.anatomy import Phase, VertebralLevel, films_that_count
from kummell_ai.errors import SeriesError
from kummell_ai.imaging.interval_factors import SIMULATED_FILMS
from kummell_ai.imaging.radiograph import UNKNOWN_PATIENT
from kummell_ai.measurement.common_scale import SIZE_CODES, on_one_magnification
from kummell_ai.measurement.compare import compare, intravertebral_instability
from kummell_ai.measurement.further_levels import find_further, further_findings
from kummell_ai.measurement.index_level import find_index_level, rank_levels
from kummell_ai.measurement.mismatch import (
    PAIR_CODES,
    ROTATION,
    change_scale_findings,
    mismatch_findings,
    posture_of,
    rotation_findings,
    scale_findings,
)
from kummell_ai.measurement.naming import name_films
from kummell_ai.measurement.operated import Ends, segment_findings, surgical_ends, with_surgical_segments
from kummell_ai.measurement.phases import cement_before_surgery, settle_phases
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
from kummell_ai.measurement.shared_shapes import is_measured_together, with_shared_shapes

Shapes = Literal["shared", "apart"]
"""Whether the films of a patient are measured together or each by itself."""

_LYING = ("SUPINE", "PRONE", "DECUBITUS", "RECUMBENT", "LYING")
_UPRIGHT = ("ERECT", "SITTING", "STANDING", "UPRIGHT")


def measure_series(
    films: Sequence[tuple[Phase, RadiographMeasurement]],
    *,
    index_level: VertebralLevel | None = None,
    further_levels: Sequence[VertebralLevel] = (),
    surgical_segment: Ends | None = None,
    surgery_date: dt.date | None = None,
    notes: Sequence[str] = (),
    shapes: Shapes = "shared",
    provenance: Provenance | None = None,
) -> CorrectionReport:
    """The report of one patient from the measured films, named together where they have evidence for names.

    Args:
        films: phase and measurement, by date.
        index_level: the injured vertebra, all names are counted from it; found from the films when absent.
        further_levels: other injured vertebrae; with neither given they are found too.
        surgical_segment: upper and lower level of the operation; by default those with screws.
        surgery_date: when given, the phases stand as they are and hardware that contradicts them is only reported;
            `datetime.date.min` where a person gave the phases themselves.
        notes: about the series, from reading it; they become findings.
        shapes: ``shared`` places the corners of intact bodies so that all films show one shape of each, ``apart``
            measures each film by itself.
        provenance: of the report; made from that of the films when absent.

    Raises:
        SeriesError: no film, two patients, or no level stands out and none is given.
        ValueError: the upper level of the surgical segment is not cranial of the lower one.
    """
    phased = [PhasedMeasurement(phase, measurement) for phase, measurement in films]
    patient_of(phased)
    findings = [Finding("series-note", Severity.INFO, note) for note in notes]
    named, about_names = name_films([film.measurement for film in phased], index_level)
    phased = [PhasedMeasurement(film.phase, measurement) for film, measurement in zip(phased, named, strict=True)]
    findings += about_names
    given_by = {None: None, dt.date.min: "--phases"}.get(surgery_date, "--surgery-date")
    phased, contradictions = settle_phases(phased, given_by=given_by)
    findings += contradictions
    measured = [film.measurement for film in phased]
    if index_level is None:
        level, reason = find_index_level(measured)
        findings.append(Finding("index-level-found", Severity.INFO, f"injured vertebra found: {reason}", level))
    else:
        level = index_level
    findings += cement_before_surgery(phased, level)
    others = find_further(phased, {level, *further_levels})
    findings += further_findings(others, phased, level, are_given=index_level is not None)
    found = [other.level for other in others if other.is_injured and index_level is None]
    further = [other for other in dict.fromkeys((*further_levels, *found)) if other is not level]
    if shapes == "shared" and not any(finding.code == "names-conflict" for finding in findings):
        apart = [film.measurement for film in films_that_count(phased).values()]
        phased, about_shapes = with_shared_shapes(phased, {level, *further}, index_level)
        findings += about_shapes
        if any(is_measured_together(film.measurement) for film in films_that_count(phased).values()):
            findings += rotation_findings(apart, level)
    return assemble_report(
        phased,
        level,
        index_level_source="found" if index_level is None else "given",
        further_levels=further,
        surgical_segment=surgical_segment,
        old_levels=_old(findings),
        findings=findings,
        provenance=provenance,
    )


def _old(findings: Sequence[Finding]) -> list[VertebralLevel]:
    """The levels that are told as fractured from long ago."""
    return [f.level for f in findings if f.code == "also-looks-fractured" and f.level is not None]


def further_reports(report: CorrectionReport, surgical_segment: Ends | None = None) -> tuple[CorrectionReport, ...]:
    """A report about each of the further levels of ``report``, from the same films.

    Args:
        report: about the level that counts.
        surgical_segment: as it was given for ``report``.
    """
    is_together = any(is_measured_together(film.measurement) for film in report.films)
    kept = {*SIZE_CODES, ROTATION} if is_together else SIZE_CODES  # told of the films as they were
    return tuple(
        assemble_report(
            report.films,
            level,
            index_level_source=report.index_level_source,
            further_levels=[other for other in (report.index_level, *report.further_levels) if other is not level],
            surgical_segment=surgical_segment,
            old_levels=_old(report.findings),
            findings=[f for f in report.findings if f.code in kept],
        )
        for level in report.further_levels
    )


def assemble_report(
    films: Sequence[PhasedMeasurement],
    index_level: VertebralLevel,
    *,
    index_level_source: str = "given",
    further_levels: Sequence[VertebralLevel] = (),
    surgical_segment: Ends | None = None,
    old_levels: Collection[VertebralLevel] = (),
    findings: Sequence[Finding] = (),
    provenance: Provenance | None = None,
) -> CorrectionReport:
    """The report of one patient: correction (pre to post), loss (post to last) and net (pre to last), where they exist.

    The last film before the operation, the first after it and the last follow-up are compared.

    Raises:
        SeriesError: no film, or two patients.
        ValueError: the upper level of the surgical segment is not cranial of the lower one.
    """
    patient = patient_of(films)
    as_given = [film.measurement for film in films_that_count(films).values()]
    films, about_sizes = on_one_magnification(films, index_level)
    ends = surgical_ends(films, surgical_segment)
    films = with_surgical_segments(films, ends, index_level)
    chosen = films_that_count(films)
    before, after, last = (chosen.get(phase) for phase in (Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP))
    pairs = (("correction", before, after), ("loss", after, last), ("net", before, last))
    corrections = [
        compare(a, b, index_level, name, ends=ends) for name, a, b in pairs if a is not None and b is not None
    ]
    standing = list(chosen.values())
    return CorrectionReport(
        patient_id=patient,
        index_level=index_level,
        index_level_source=index_level_source,
        films=tuple(films),
        corrections=_instability(films, index_level, [_without_pair_findings(c) for c in corrections]),
        findings=(
            *findings,
            *segment_findings(films, ends, surgical_segment, index_level),
            *mismatch_findings(as_given, index_level),
            *about_sizes,
            *scale_findings(corrections),
            *change_scale_findings(standing, corrections, index_level),
            *_not_compared(films, standing),
            *_series_findings(films, index_level, {*further_levels, *old_levels}),
        ),
        provenance=provenance or _provenance(films, index_level, index_level_source, surgical_segment),
        further_levels=tuple(further_levels),
    )


def _without_pair_findings(correction: Correction) -> Correction:
    """The comparison without what the report says once about all films."""
    return replace(correction, findings=tuple(f for f in correction.findings if f.code not in PAIR_CODES))


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
    return next(iter(names), UNKNOWN_PATIENT)


def _instability(
    films: Sequence[PhasedMeasurement], level: VertebralLevel, corrections: list[Correction]
) -> tuple[Correction, ...]:
    """Adds the intravertebral instability to the correction when films before it show the patient lying and upright."""
    before = [film.measurement for film in films if film.phase is Phase.PRE_OP]
    lying = next((m for m in before if posture_of(m.reference) in _LYING), None)
    upright = next((m for m in before if posture_of(m.reference) in _UPRIGHT), None)
    if lying is None or upright is None:
        return tuple(corrections)
    value = intravertebral_instability(lying, upright, level)
    bearer = next((name for name in ("correction", "net") if any(c.name == name for c in corrections)), None)
    return tuple(
        replace(c, derived={**c.derived, "intravertebral_instability": value}) if c.name == bearer else c
        for c in corrections
    )


def _not_compared(films: Sequence[PhasedMeasurement], standing: Sequence[PhasedMeasurement]) -> list[Finding]:
    """Films whose phase another film stands for."""
    findings = []
    for film in films:
        other = next((f for f in standing if f.phase is film.phase and f is not film), None)
        if other is not None:
            names = film.measurement.reference.name, other.measurement.reference.name
            text = f"{names[0]} is measured and not compared; {names[1]} stands for {film.phase.value}"
            findings.append(Finding("film-not-compared", Severity.INFO, text))
    return findings


def _series_findings(
    films: Sequence[PhasedMeasurement], level: VertebralLevel, told: Collection[VertebralLevel]
) -> list[Finding]:
    """Films that lack the injured vertebra or show another that looks so and is not ``told`` elsewhere."""
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
        if ranked and ranked[0][0] not in (level, *told) and ranked[0][1] >= 4.0:
            own = next((points for place, points, _ in ranked if place is level), 0.0)
            if ranked[0][1] - own >= 2.0:
                why = ", ".join(reason.removesuffix(f" on {name}") for reason in ranked[0][2])
                text = f"on {name} {ranked[0][0]} looks injured ({why}), not {level}: check the names"
                findings.append(Finding("index-level-disagrees", Severity.WARNING, text, level))
    return findings


def _provenance(
    films: Sequence[PhasedMeasurement], level: VertebralLevel, source: str, segment: Ends | None
) -> Provenance:
    made_by = [film.measurement.provenance for film in films]
    hashes = {p.weights_sha256 for p in made_by}
    calibrated = [p.calibrated_on for p in made_by if p.calibrated_on is not None]
    given = {"surgical_segment": f"{segment[0]} to {segment[1]} (given)"} if segment is not None else {}
    return build_provenance(
        model=", ".join(dict.fromkeys(p.model for p in made_by)),
        weights_sha256=hashes.pop() if len(hashes) == 1 else None,
        input_sha256=[film.measurement.reference.sha256 for film in films],
        options={
            "index_level": f"{level} ({source})",
            "shapes": "shared" if any(is_measured_together(film.measurement) for film in films) else "apart",
            **given,
            **{k: v for p in made_by for k, v in p.options},
        },
        calibrated_on=SIMULATED_FILMS if SIMULATED_FILMS in calibrated else next(iter(calibrated), None),
    )

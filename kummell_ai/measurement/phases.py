"""Phases of a patient's films held against the hardware that is seen on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.annotation import NO_CONTRAST
from kummell_ai.measurement.results import Finding, PhasedMeasurement, RadiographMeasurement, Severity


def settle_phases(
    films: Sequence[PhasedMeasurement], *, given_by: str | None = None
) -> tuple[list[PhasedMeasurement], list[Finding]]:
    """Phases that agree with the hardware seen: no screws before the operation, screws right after it.

    A film just before the first with screws may have them where nothing is seen (`NO_CONTRAST`): there the dates count.

    Args:
        films: by date.
        given_by: the option that decided the phases; they then stay, and contradictions are only reported.
    """
    hardware = [_has_hardware(film.measurement) for film in films]
    if not any(hardware):
        return list(films), []
    hidden = _may_hide_screws(films)
    if given_by is not None:
        told = [i for i in range(len(films)) if not hidden[i]]
        return list(films), _contradictions([films[i] for i in told], [hardware[i] for i in told], given_by)
    seen_on = first = hardware.index(True)
    while first and hidden[first - 1] and films[first - 1].phase in (Phase.POST_OP, Phase.FOLLOW_UP):
        first -= 1
    settled, findings = [], []
    for i, film in enumerate(films):
        expected = _expected_phase(i, first, [f.phase for f in films])
        if expected is not film.phase:
            name = film.measurement.reference.name
            reason = _reason(films, i, first, seen_on)
            order = "of unknown phase" if film.phase is Phase.UNKNOWN else f"{film.phase.value} by the dates"
            text = f"{name} is {order} but {reason}; it is taken as {expected.value}: check it, or give --surgery-date"
            findings.append(Finding("phase-contradicts-hardware", Severity.WARNING, text))
        settled.append(replace(film, phase=expected))
    return settled, findings


def _reason(films: Sequence[PhasedMeasurement], i: int, first: int, seen_on: int) -> str:
    """Why film ``i`` has not the phase it came with; ``first`` may have screws, on ``seen_on`` they are seen."""
    if i < first:
        return "no screws are seen"
    if i == first:
        return "is the first with screws" if first == seen_on else "is the first that may have screws"
    already, on = ("are seen", seen_on) if i > seen_on else ("may be hidden", first)
    return f"screws {already} on {films[on].measurement.reference.name} already"


def _contradictions(films: Sequence[PhasedMeasurement], hardware: Sequence[bool], given_by: str) -> list[Finding]:
    """Films before the operation with screws, and films after it without, when others have them."""
    findings = []
    for film, has_screws in zip(films, hardware, strict=True):
        if film.phase is not Phase.UNKNOWN and has_screws == (film.phase is Phase.PRE_OP):
            seen = "screws are seen" if has_screws else "no screws are seen, as on another film"
            text = (
                f"{film.measurement.reference.name} is {film.phase.value} by {given_by} but {seen}; "
                f"the phase stays {film.phase.value}: check {given_by}"
            )
            findings.append(Finding("phase-contradicts-hardware", Severity.WARNING, text))
    return findings


def cement_before_surgery(films: Sequence[PhasedMeasurement], level: VertebralLevel) -> list[Finding]:
    """A warning for each film before surgery on which the injured vertebra ``level`` looks cemented.

    Few were filled before. Of 245 fractured ones on simulated films before surgery (seeds from 46500000 and 76000000),
    where none was, the network shipped then says so of none.
    """
    findings = []
    for film in films:
        cemented = {v.level for v in film.measurement.landmarks.vertebrae if "cemented" in v.flags}
        if film.phase is Phase.PRE_OP and level in cemented:
            text = (
                f"{level} looks cemented on {film.measurement.reference.name}, before surgery: it was filled earlier, "
                "the phase is wrong, or bright bone is taken for cement; look at the film"
            )
            findings.append(Finding("cement-before-surgery", Severity.WARNING, text, level))
    return findings


def _expected_phase(i: int, first_with_hardware: int, given: list[Phase]) -> Phase:
    """Phase of film ``i``: the first film with screws is the one right after the operation, unless another film was."""
    if i < first_with_hardware:
        return Phase.PRE_OP
    was_follow_up = given[first_with_hardware] is Phase.FOLLOW_UP and Phase.POST_OP not in given[:first_with_hardware]
    if i == first_with_hardware:
        return Phase.FOLLOW_UP if was_follow_up else Phase.POST_OP
    is_second_post_op = given[i] is Phase.POST_OP and given[first_with_hardware] is Phase.POST_OP
    return Phase.POST_OP if is_second_post_op else Phase.FOLLOW_UP


def _may_hide_screws(films: Sequence[PhasedMeasurement]) -> list[bool]:
    """Whether half or more of the levels that have screws on any film lie where a film without them shows nothing."""
    rows = [film.measurement.landmarks.vertebrae for film in films]
    screwed = {body.level for bodies in rows for body in bodies if "instrumented" in body.flags} - {None}
    hidden = []
    for film, bodies in zip(films, rows, strict=True):
        there = [NO_CONTRAST in body.flags for body in bodies if body.level in screwed]
        hidden.append(not _has_hardware(film.measurement) and sum(there) > 0 and 2 * sum(there) >= len(there))
    return hidden


def _has_hardware(film: RadiographMeasurement) -> bool:
    return sum("instrumented" in v.flags for v in film.landmarks.vertebrae) >= 2

"""The films of a patient named together, and what a reader must know about it (docs/levels.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.level_evidence import NameRow
from kummell_ai.landmarks.levels import row_shift
from kummell_ai.measurement.body_match import traits_of
from kummell_ai.measurement.film import rename
from kummell_ai.measurement.joint_names import (
    FURTHEST,
    FilmEvidence,
    conflicts,
    count_all_from,
    counted,
    looks_injured_as,
    nearest,
    solve,
)
from kummell_ai.measurement.quality import LEVEL_PROBABILITY, row_text, shift_text
from kummell_ai.measurement.results import Finding, RadiographMeasurement, Severity

Solution = list[tuple[NameRow, ...]]


class _Pinned(NamedTuple):
    """What a given level makes of a solution: by how many levels it moved the names, and whether they hang on it."""

    solution: Solution
    shift: int = 0
    counted_from: VertebralLevel | None = None
    findings: tuple[Finding, ...] = ()


def name_films(
    films: Sequence[RadiographMeasurement], given: VertebralLevel | None = None
) -> tuple[list[RadiographMeasurement], list[Finding]]:
    """The films with the names that fit all of them best, measured anew where names changed, and findings.

    Names set by hand (films without evidence) stay, and the other films are named to fit them.

    Args:
        films: of one patient.
        given: the injured level, as the user knows it; all names are counted from it.
    """
    usable = [i for i, film in enumerate(films) if _is_usable(film)]
    evidence = [_evidence(films[i]) for i in usable]
    is_needed = len(usable) > 1 or given is not None
    if not is_needed or all(e.evidence is None for e in evidence):
        return list(films), []
    titles = [films[i].reference.name for i in usable]
    solution, shift, counted_from, about = _pin(evidence, solve(evidence), given)
    findings = [*about]
    findings += _changed(evidence, solution, shift, titles)
    findings += _contradictions(evidence, solution, titles)
    named = list(films)
    for i, rows in zip(usable, solution, strict=True):
        own = films[i].landmarks.level_evidence
        if own is not None and (counted_from is not None or own.rows != rows):
            named[i] = rename(films[i], rows, given, counted_from=counted_from)
    return named, findings


def with_given_level(film: RadiographMeasurement, given: VertebralLevel) -> RadiographMeasurement:
    """One film with its names counted from the injured level that the user gives; what was done is a finding."""
    (named,), findings = name_films([film], given)
    return replace(named, findings=(*named.findings, *findings))


def _is_usable(film: RadiographMeasurement) -> bool:
    """Whether all vertebrae have names, each once and in order."""
    names = [v.level for v in film.landmarks.vertebrae]
    indices = [level.index for level in names if level is not None]
    return bool(names) and len(indices) == len(names) and indices == sorted(set(indices))


def _evidence(film: RadiographMeasurement) -> FilmEvidence:
    names = tuple(v.level for v in film.landmarks.vertebrae if v.level is not None)
    return FilmEvidence(names, film.landmarks.level_evidence, traits_of(film.landmarks, film.spacing))


def _pin(films: Sequence[FilmEvidence], solution: Solution, given: VertebralLevel | None) -> _Pinned:
    """The solution with the names counted from the given level.

    When a vertebra that looks injured is called so already, the names stay; what is left to doubt is the variants.
    """
    if given is None:
        return _Pinned(solution)
    names = [rows[0].levels for rows in solution]
    injured = looks_injured_as(films, names)
    found = nearest(injured or {level: 1 for row in names for level in row}, given)
    if found is None or (found is given and not injured):
        return _Pinned(solution)
    moved = count_all_from(films, names, found, given)
    if found is given:
        is_same = moved is not None and [rows[0].levels for rows in moved] == names
        return _Pinned(moved, counted_from=given) if moved is not None and is_same else _Pinned(solution)
    what = "looks injured" if injured else "is nearest to it"
    shift = row_shift([found], [given])
    reason = _why_not(films, moved, shift, is_certain=bool(injured))
    if moved is None or reason:
        text = f"{given} is given, but the vertebra that {what} is {found}, and the names stay because {reason}"
        return _Pinned(
            solution, findings=(Finding("names-not-pinned", Severity.WARNING, f"{text}: check the names", given),)
        )
    text = (
        f"{given} is given: the vertebra that {what} was found as {found}; it is taken as {given} and the names of "
        f"all films are counted from it ({shift_text(shift)})"
    )
    if _allow(films, moved):
        return _Pinned(moved, shift, given, (Finding("names-pinned", Severity.INFO, text, given),))
    text += "; the films speak clearly for the other names: count the vertebrae"
    return _Pinned(moved, shift, given, (Finding("names-pinned", Severity.WARNING, text, given),))


def _why_not(films: Sequence[FilmEvidence], moved: Solution | None, shift: int, *, is_certain: bool) -> str | None:
    """Why the names cannot be counted from the given level; None when they can."""
    if abs(shift) > FURTHEST:
        return f"that would move them {abs(shift)} levels; at most {FURTHEST} are expected"
    if moved is None:
        return "the spine has no room for that"
    if any(film.evidence is None for film in films):
        return "a film has names set by hand"
    if not is_certain and not _allow(films, moved):
        return "the films speak clearly against it"
    return None


def _allow(films: Sequence[FilmEvidence], moved: Solution) -> bool:
    """Whether no film's evidence speaks clearly against its new names."""
    return all(film.allows(rows[0].levels) for film, rows in zip(films, moved, strict=True))


def _changed(films: Sequence[FilmEvidence], solution: Solution, shift: int, titles: Sequence[str]) -> list[Finding]:
    """Films whose names the other films changed, beyond the ``shift`` that a given level asks of all."""
    findings = []
    for film, rows, title in zip(films, solution, titles, strict=True):
        own, row = film.own_names, rows[0]
        if row.levels in (own, counted(own, shift)):
            continue
        severity = Severity.INFO if row.probability >= LEVEL_PROBABILITY else Severity.WARNING
        text = (
            f"on {title} the names {row_text(own)} are changed to {row_text(row.levels)} "
            f"({shift_text(row_shift(own, row.levels))}): so injured vertebrae, screws, cement and shapes fit the "
            f"other films (probability {min(row.probability, 0.99):.2f})"
        )
        findings.append(Finding("names-corrected", severity, text))
    return findings


def _contradictions(films: Sequence[FilmEvidence], solution: Solution, titles: Sequence[str]) -> list[Finding]:
    """Films that show the same bones under other names, each too sure of its names to be moved."""
    findings = []
    for i, j, shift in conflicts(films, [rows[0].levels for rows in solution]):
        text = (
            f"the names on {titles[i]} and {titles[j]} contradict each other: injured vertebrae, screws, cement and "
            f"shapes fit better with {titles[j]} {shift_text(shift)}, yet each film is sure of its names, which stay: "
            "count the vertebrae on both, or give --index-level"
        )
        findings.append(Finding("names-conflict", Severity.WARNING, text))
    return findings

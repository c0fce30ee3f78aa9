"""The films of a patient named together, and what a reader must know about it (docs/levels.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    solution, shift, findings = _pin(evidence, solve(evidence), given)
    findings += _changed(evidence, solution, shift, titles)
    findings += _contradictions(evidence, solution, titles)
    named = list(films)
    for i, rows in zip(usable, solution, strict=True):
        own = films[i].landmarks.level_evidence
        if own is not None and own.rows != rows:
            named[i] = rename(films[i], rows, given)
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


def _pin(
    films: Sequence[FilmEvidence], solution: Solution, given: VertebralLevel | None
) -> tuple[Solution, int, list[Finding]]:
    """The solution with the names counted from the given level, by how many levels that moved them, and findings."""
    if given is None:
        return solution, 0, []
    names = [rows[0].levels for rows in solution]
    injured = looks_injured_as(films, names)
    found = nearest(injured or {level: 1 for row in names for level in row}, given)
    if found is None or found is given:
        return solution, 0, []
    what = "looks injured" if injured else "is nearest to it"
    shift = row_shift([found], [given])
    moved = count_all_from(films, names, found, given)
    reason = _why_not(films, moved, shift, is_certain=bool(injured))
    if moved is None or reason:
        text = f"{given} is given, but the vertebra that {what} is {found}, and the names stay because {reason}"
        return solution, 0, [Finding("names-not-pinned", Severity.WARNING, f"{text}: check the names", given)]
    text = (
        f"{given} is given: the vertebra that {what} was found as {found}; it is taken as {given} and the names of "
        f"all films are counted from it ({shift_text(shift)})"
    )
    return moved, shift, [Finding("names-pinned", Severity.INFO, text, given)]


def _why_not(films: Sequence[FilmEvidence], moved: Solution | None, shift: int, *, is_certain: bool) -> str | None:
    """Why the names cannot be counted from the given level; None when they can."""
    if abs(shift) > FURTHEST:
        return f"that would move them {abs(shift)} levels; at most {FURTHEST} are expected"
    if moved is None:
        return "the spine has no room for that"
    if any(film.evidence is None for film in films):
        return "a film has names set by hand"
    if not is_certain and not all(film.allows(rows[0].levels) for film, rows in zip(films, moved, strict=True)):
        return "the films speak clearly against it"
    return None


def _changed(films: Sequence[FilmEvidence], solution: Solution, shift: int, titles: Sequence[str]) -> list[Finding]:
    """Films whose names the other films changed, beyond the ``shift`` that a given level asks of all."""
    findings = []
    for film, rows, title in zip(films, solution, titles, strict=True):
        own, row = film.own_names, rows[0]
        if film.evidence is None or row.levels in (own, counted(own, shift)):
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

"""Injured vertebrae besides the one that counts, and vertebrae that only look fractured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.measurement.compare import change_of
from kummell_ai.measurement.index_level import Ranked, ranked_levels
from kummell_ai.measurement.quality import CONFIDENCE
from kummell_ai.measurement.results import (
    Finding,
    PhasedMeasurement,
    RadiographMeasurement,
    Severity,
    Verdict,
    VertebraMeasurement,
)

LOSS_PERCENT = 20.0
"""Height loss against the neighbours from which a vertebra looks fractured: grade 1 of Genant starts there."""

CERTAIN_NAME = 0.7
"""Least probability of a name for a vertebra to be followed from film to film."""


@dataclass(frozen=True, slots=True)
class Further:
    """A vertebra besides the one that counts.

    Attributes:
        level: its name.
        is_injured: treated and misshapen, or newly collapsed; else it looks fractured, as from long ago.
        why: the reasons, in plain words.
        is_new: it broke between two of the films.
    """

    level: VertebralLevel
    is_injured: bool
    why: str
    is_new: bool = False


def find_further(films: Sequence[PhasedMeasurement], known: Collection[VertebralLevel]) -> list[Further]:
    """The vertebrae that are or look injured besides those ``known``, cranial to caudal.

    A vertebra counts as injured where a surgeon treated it (cement without screws, or a bridge of screws, on more than
    half of the films from the first that shows it, as it is there for good) and its shape or state shows why, or where
    it is marked as fractured on the last film, does not look so on the first, and has lost height between them by more
    than the minimal detectable change. One that looks fractured on most films, untreated and unchanged, may be an old
    fracture, and is only told: no film says how old a fracture is.
    """
    measurements = [film.measurement for film in films]
    found = []
    for ranked in ranked_levels(measurements):
        level = ranked.level
        if level in known:
            continue
        lost = _newly_lost(films, level)
        if ranked.is_treated and ranked.is_misshapen and _stays_treated(measurements, level):
            found.append(Further(level, True, ranked.why))
        elif lost:
            found.append(Further(level, True, lost, is_new=True))
        elif _looks_fractured_on_most(films, ranked):
            found.append(Further(level, False, ranked.why))
    return sorted(found, key=lambda f: f.level.index)


def further_findings(
    found: Sequence[Further], films: Sequence[PhasedMeasurement], index_level: VertebralLevel, *, are_given: bool
) -> list[Finding]:
    """What a reader must know about them; levels that are found do not add to those that a reader gives.

    Args:
        found: by `find_further`.
        films: of the patient, by date.
        index_level: the vertebra that counts; a new fracture within its segment bends its angle.
        are_given: whether a reader named the levels that count.
    """
    findings = []
    for further in found:
        level, why = further.level, further.why
        if further.is_new:
            remedy = f"add {level} to --index-level for its own report" if are_given else "it has a report of its own"
            within = _segment_with(films, index_level, level)
            angle = f"; the segmental Cobb angle {within} includes this vertebra" if within else ""
            text = f"new vertebral fracture at {level} {why}{angle}; {remedy}"
            findings.append(Finding("new-fracture", Severity.WARNING, text, level))
        elif further.is_injured and not are_given:
            text = f"further injured vertebra found: {level}: {why}; it has a report of its own"
            findings.append(Finding("further-level-found", Severity.INFO, text, level))
        elif further.is_injured:
            text = f"{level} looks injured too ({why}) and is not among the given levels: add it to --index-level"
            findings.append(Finding("further-level-not-given", Severity.WARNING, text, level))
        else:
            text = (
                f"{level} also looks fractured ({why}); it is neither treated nor changed, as an old fracture, and "
                "does not count as injured: if it does, name it with --index-level"
            )
            findings.append(Finding("also-looks-fractured", Severity.INFO, text, level))
    return findings


def _segment_with(films: Sequence[PhasedMeasurement], index_level: VertebralLevel, level: VertebralLevel) -> str:
    """The ends of the segmental Cobb angle about ``index_level``, for example ``T12–L2``; empty without ``level``."""
    for film in films:
        segment = film.measurement.segment("segmental_cobb", index_level)
        if segment is not None and segment.upper <= level <= segment.lower:
            return f"{segment.upper}–{segment.lower}"
    return ""


def _stays_treated(measurements: Sequence[RadiographMeasurement], level: VertebralLevel) -> bool:
    """Whether more than half of the films from the first one on that shows a treatment of ``level`` do so."""
    marks = [r.is_treated for film in measurements for r in ranked_levels([film]) if r.level is level]
    since = marks[marks.index(True) :] if True in marks else []
    return 2 * sum(since) > len(since)


def _seen(
    films: Sequence[PhasedMeasurement], level: VertebralLevel
) -> list[tuple[PhasedMeasurement, VertebraMeasurement]]:
    """Film and vertebra, of the films that show all of it clearly."""
    bodies = ((film, film.measurement.at(level)) for film in films)
    return [(film, body) for film, body in bodies if body is not None and _is_clear(body)]


def _is_clear(body: VertebraMeasurement) -> bool:
    return "cropped" not in body.landmarks.flags and body.landmarks.confidence >= CONFIDENCE


def _looks_fractured(body: VertebraMeasurement) -> bool:
    loss = body.quantities["height_loss"].value
    return "fractured" in body.landmarks.flags or (loss is not None and loss >= LOSS_PERCENT)


def _looks_fractured_on_most(films: Sequence[PhasedMeasurement], ranked: Ranked) -> bool:
    bodies = _seen(films, ranked.level)
    return 2 * sum(_looks_fractured(body) for _, body in bodies) > len(bodies)


def _newly_lost(films: Sequence[PhasedMeasurement], level: VertebralLevel) -> str:
    """On which film a vertebra is broken that was whole on the first one, in words; empty where that cannot be told."""
    bodies = _seen(films, level)
    is_certain = all((body.landmarks.level_probability or 0.0) >= CERTAIN_NAME for _, body in bodies)
    if len(bodies) < 2 or not is_certain:
        return ""
    before, after = bodies[0][1], bodies[-1][1]
    change = change_of("height_loss", before.quantities["height_loss"], after.quantities["height_loss"])
    is_marked = "fractured" in after.landmarks.flags and not _looks_fractured(before)
    if not is_marked or change.verdict is not Verdict.WORSE:
        return ""
    broken = next(i for i, (_, body) in enumerate(bodies) if _looks_fractured(body))
    return _loss_text(bodies[broken - 1], bodies[broken])


def _loss_text(
    whole: tuple[PhasedMeasurement, VertebraMeasurement], broken: tuple[PhasedMeasurement, VertebraMeasurement]
) -> str:
    """Where a vertebra is first seen broken, and what it lost: in mm where both films have one kind of scale."""
    (film, body), (other, later) = whole, broken
    name = other.measurement.reference.name
    place = f"on the {other.phase.value} film" if other.phase is not Phase.UNKNOWN else f"on {name}"
    kinds = {f.measurement.spacing.calibration if f.measurement.spacing.is_metric else None for f in (film, other)}
    is_one_scale = len(kinds) == 1 and None not in kinds
    quantity, label, unit = (
        ("anterior_height", "anterior height", "mm") if is_one_scale else ("height_loss", "anterior height loss", "%")
    )
    first, last = (b.quantities[quantity].value for b in (body, later))
    numbers = f": {label} {first:.1f} → {last:.1f} {unit}" if first is not None and last is not None else ""
    return place + numbers

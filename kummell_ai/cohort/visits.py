"""The measured films of a patient put in the order of its visits, each with its phase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.measurement.results import RadiographMeasurement

_ORDER = {phase: i for i, phase in enumerate((*PHASES, Phase.UNKNOWN))}


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One measured film.

    Attributes:
        place: file and row, for people.
        phase: as given, or None.
    """

    place: str
    phase: Phase | None
    measurement: RadiographMeasurement

    @property
    def acquired(self) -> dt.datetime:
        """Moment of the exposure; the earliest there is without a date."""
        return self.measurement.reference.acquired or dt.datetime.min

    @property
    def name(self) -> str:
        """Name of the film."""
        return self.measurement.reference.name

    @property
    def is_operated(self) -> bool:
        """Whether screws or cement are seen."""
        flags = [v.landmarks.flags for v in self.measurement.vertebrae]
        return sum("instrumented" in f for f in flags) >= 2 or any("cemented" in f for f in flags)


@dataclass(frozen=True, slots=True)
class Visits:
    """A patient's films in order.

    Attributes:
        shots: the films that have a place.
        phases: of ``shots``, by phase and date.
        undated: films left out for want of a date.
        same_day: films left out for another of their day.
        are_certain: whether the phases rest on what was given, so that hardware seen does not overrule them.
    """

    shots: tuple[Shot, ...]
    phases: tuple[Phase, ...]
    undated: tuple[Problem, ...]
    same_day: tuple[Problem, ...]
    are_certain: bool

    @property
    def films(self) -> tuple[tuple[Phase, RadiographMeasurement], ...]:
        """Phase and measurement of each film."""
        return tuple((phase, shot.measurement) for phase, shot in zip(self.phases, self.shots, strict=True))


def order_visits(shots: Sequence[Shot], surgery: dt.date | None = None) -> Visits:
    """Phases by what is given, then by the day of surgery, then by the order of the days.

    Of several films of one day without a phase the first counts; one without and one with screws or cement are before
    and after an operation of that day. A film without date and phase is left out when there are others.

    Args:
        shots: films of one patient.
        surgery: day of the operation, or None.
    """
    placed, undated = _with_date(shots)
    kept, same_day = _one_a_day(placed)
    found = sorted(zip(_phases(kept, surgery), kept, strict=True), key=lambda pair: (_ORDER[pair[0]], pair[1].acquired))
    certain = surgery is not None or any(shot.phase for shot in kept)
    phases, ordered = tuple(phase for phase, _ in found), tuple(shot for _, shot in found)
    return Visits(ordered, phases, tuple(undated), tuple(same_day), certain)


def _with_date(shots: Sequence[Shot]) -> tuple[list[Shot], list[Problem]]:
    if len(shots) == 1:
        return list(shots), []
    undated = [shot for shot in shots if shot.measurement.reference.acquired is None and shot.phase is None]
    text = "has neither date nor phase; it is not used: give its phase in a manifest, or a film with AcquisitionDate"
    return (
        [shot for shot in shots if shot not in undated],
        [Problem(Fault.NO_DATE, shot.place, f"{shot.name} {text}") for shot in undated],
    )


def _one_a_day(shots: Sequence[Shot]) -> tuple[list[Shot], list[Problem]]:
    kept: list[Shot] = []
    extras = []
    for shot in sorted(shots, key=lambda s: (s.phase is None, s.acquired.date(), s.is_operated, s.acquired, s.name)):
        first = next((k for k in kept if _is_same_visit(k, shot)), None)
        if first is None:
            kept.append(shot)
            continue
        text = (
            f"{first.name} and {shot.name} are of one day, {shot.acquired:%Y-%m-%d}; {first.name} counts: give the "
            "phase of each in a manifest, or leave one out"
        )
        extras.append(Problem(Fault.SAME_DAY, shot.place, text))
    return sorted(kept, key=lambda s: (s.acquired.date(), s.is_operated, s.acquired)), extras


def _is_same_visit(kept: Shot, shot: Shot) -> bool:
    has_date = shot.measurement.reference.acquired is not None
    same_day = has_date and kept.acquired.date() == shot.acquired.date()
    return same_day and shot.phase is None and kept.is_operated == shot.is_operated


def _phases(shots: Sequence[Shot], surgery: dt.date | None) -> list[Phase]:
    """A phase for each of ``shots``, which stand in order of time."""
    if len(shots) == 1 and surgery is None:
        return [shots[0].phase or Phase.UNKNOWN]
    phases: list[Phase] = []
    dated: list[Phase] = []  # a film without a date has a given phase and says nothing about the others
    for shot in shots:
        by_date = _next_phase(dated) if surgery is None else _by_surgery(shot, dated, surgery)
        phases.append(shot.phase or by_date)
        dated += [phases[-1]] if shot.measurement.reference.acquired else []
    return phases


def _next_phase(before: Sequence[Phase]) -> Phase:
    if not before:
        return Phase.PRE_OP
    return Phase.POST_OP if before[-1] is Phase.PRE_OP else Phase.FOLLOW_UP


def _by_surgery(shot: Shot, before: Sequence[Phase], surgery: dt.date) -> Phase:
    day = shot.acquired.date()
    is_first_of_the_day = day == surgery and not before and not shot.is_operated
    if day < surgery or is_first_of_the_day:
        return Phase.PRE_OP
    return Phase.FOLLOW_UP if Phase.POST_OP in before or Phase.FOLLOW_UP in before else Phase.POST_OP

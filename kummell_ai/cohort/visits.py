"""The measured films of a patient put in the order of its visits, each with its phase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.imaging.radiograph import ImageReference
from kummell_ai.measurement.results import Finding, RadiographMeasurement, Severity

_ORDER = {phase: i for i, phase in enumerate((*PHASES, Phase.UNKNOWN))}


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One film.

    Attributes:
        place: file and row, for people.
        phase: as given, or None.
        reference: the film.
        is_operated: whether screws or cement are seen.
        posture: such as SUPINE or ERECT, or None.
        measurement: of the film; None before it is measured.
    """

    place: str
    phase: Phase | None
    reference: ImageReference
    is_operated: bool = False
    posture: str | None = None
    measurement: RadiographMeasurement | None = None

    @classmethod
    def of(
        cls, place: str, phase: Phase | None, measurement: RadiographMeasurement, posture: str | None = None
    ) -> Shot:
        """A measured film."""
        flags = [v.landmarks.flags for v in measurement.vertebrae]
        is_operated = sum("instrumented" in f for f in flags) >= 2 or any("cemented" in f for f in flags)
        return cls(place, phase, measurement.reference, is_operated, posture, measurement)

    @property
    def acquired(self) -> dt.datetime:
        """Moment of the exposure; the earliest there is without a date."""
        return self.reference.acquired or dt.datetime.min

    @property
    def name(self) -> str:
        """Name of the film."""
        return self.reference.name

    @property
    def has_time(self) -> bool:
        """Whether the time of the exposure is known; midnight is what a date without a time reads as."""
        return self.acquired.time() != dt.time.min


@dataclass(frozen=True, slots=True)
class Visits:
    """A patient's films in order.

    Attributes:
        shots: the films that have a place.
        phases: of ``shots``, by phase and date.
        undated: films left out for want of a date.
        same_day: films left out for another of their day.
        are_certain: whether the phases rest on what was given, so that hardware seen does not overrule them.
        against_time: a warning for each film whose phase runs against the dates, the times or the day of surgery.
        by_hardware: films of one day, (before, after), that the hardware seen tells apart and their times do not.
    """

    shots: tuple[Shot, ...]
    phases: tuple[Phase, ...]
    undated: tuple[Problem, ...]
    same_day: tuple[Problem, ...]
    are_certain: bool
    against_time: tuple[Finding, ...] = ()
    by_hardware: tuple[tuple[Shot, Shot], ...] = ()

    @property
    def films(self) -> tuple[tuple[Phase, RadiographMeasurement], ...]:
        """Phase and measurement of each measured film."""
        pairs = zip(self.phases, self.shots, strict=True)
        return tuple((phase, shot.measurement) for phase, shot in pairs if shot.measurement is not None)


def order_visits(shots: Sequence[Shot], surgery: dt.date | None = None) -> Visits:
    """Phases by what is given, then by the day of surgery, then by the order of the days.

    Of several films of one day without a phase the first counts, but films in two postures are one visit and both
    stay; one without and one with screws or cement are before and after an operation of that day, whatever their times,
    which is told. A film without date and phase is left out when there are others.

    Args:
        shots: films of one patient.
        surgery: day of the operation, or None.
    """
    placed, undated = _with_date(shots)
    kept, same_day = _one_a_day(placed)
    found = sorted(zip(_phases(kept, surgery), kept, strict=True), key=lambda pair: (_ORDER[pair[0]], pair[1].acquired))
    certain = surgery is not None or any(shot.phase for shot in kept)
    phases, ordered = tuple(phase for phase, _ in found), tuple(shot for _, shot in found)
    by_hardware = tuple(_by_hardware(ordered, phases))
    against = (*_against_time(ordered, phases, surgery), *_against_clock(by_hardware))
    return Visits(ordered, phases, tuple(undated), tuple(same_day), certain, against, by_hardware)


def _by_hardware(shots: Sequence[Shot], phases: Sequence[Phase]) -> list[tuple[Shot, Shot]]:
    """Films of one day that the hardware seen puts before and after an operation, and their times do not."""
    found = []
    for (shot, phase), (later, its_phase) in combinations(zip(shots, phases, strict=True), 2):
        is_told = phase is Phase.PRE_OP is not its_phase and later.is_operated and not shot.is_operated
        in_time = shot.has_time and shot.acquired < later.acquired
        if is_told and _is_one_day(shot, later) and None in (shot.phase, later.phase) and not in_time:
            found.append((shot, later))
    return found


def _against_clock(by_hardware: Sequence[tuple[Shot, Shot]]) -> list[Finding]:
    """A warning for each film that hardware puts after a later one of its day."""
    clock = {later: shot for shot, later in by_hardware if later.has_time and later.acquired < shot.acquired}
    findings = []
    for later, shot in clock.items():
        text = (
            f"{later.name} ({later.acquired:%Y-%m-%d %H:%M}) is earlier than {shot.name} ({shot.acquired:%H:%M}), yet "
            "taken as the later, for it shows screws or cement and the other none: check the times, and whether the "
            "films are swapped or of two patients, or implants were removed"
        )
        findings.append(Finding("phase-against-dates", Severity.WARNING, text))
    return findings


def _against_time(shots: Sequence[Shot], phases: Sequence[Phase], surgery: dt.date | None) -> list[Finding]:
    """What a given phase contradicts: an earlier phase of a later day, or the day of surgery; one warning a film."""
    findings = []
    dated = [(s, p) for s, p in zip(shots, phases, strict=True) if s.reference.acquired and p is not Phase.UNKNOWN]
    for shot, phase in dated:
        day = shot.acquired.date()
        told = f"{shot.name} ({phase.value}, {day})"
        before = [(s, p) for s, p in dated if _ORDER[p] < _ORDER[phase]]
        other, earlier_phase = max(before, key=lambda pair: pair[0].acquired, default=(shot, phase))
        texts = []
        if day < other.acquired.date():
            later = f"{other.name} ({earlier_phase.value}, {other.acquired.date()})"
            texts.append(f"{told} is earlier than {later}: check the phases")
        if surgery is not None and (day > surgery if phase is Phase.PRE_OP else day < surgery):
            order = "later" if day > surgery else "earlier"
            texts.append(f"{told} is {order} than the surgery date {surgery}: check the phase and the date")
        findings += [Finding("phase-against-dates", Severity.WARNING, text) for text in texts]
    return findings


def _with_date(shots: Sequence[Shot]) -> tuple[list[Shot], list[Problem]]:
    if len(shots) == 1:
        return list(shots), []
    undated = [shot for shot in shots if shot.reference.acquired is None and shot.phase is None]
    text = (
        "has neither date nor phase; it is not used: give its phase in a manifest (kummell-ai cohort) or by --phases "
        "(kummell-ai series), or a film with AcquisitionDate"
    )
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
            "phase of each in a manifest (kummell-ai cohort) or by --phases (kummell-ai series), or leave one out"
        )
        extras.append(Problem(Fault.SAME_DAY, shot.place, text))
    return sorted(kept, key=lambda s: (s.acquired.date(), s.is_operated, s.acquired)), extras


def _is_same_visit(kept: Shot, shot: Shot) -> bool:
    """Whether ``shot`` shows what ``kept`` shows already."""
    in_two_postures = None not in (kept.posture, shot.posture) and kept.posture != shot.posture
    return _is_same_state(kept, shot) and shot.phase is None and not in_two_postures


def _is_same_state(one: Shot, other: Shot) -> bool:
    """Whether two films are of one day and on one side of an operation."""
    return _is_one_day(one, other) and one.is_operated == other.is_operated


def _is_one_day(one: Shot, other: Shot) -> bool:
    has_date = one.reference.acquired is not None and other.reference.acquired is not None
    return has_date and one.acquired.date() == other.acquired.date()


def _phases(shots: Sequence[Shot], surgery: dt.date | None) -> list[Phase]:
    """A phase for each of ``shots``, which stand in order of time."""
    if len(shots) == 1 and (surgery is None or shots[0].reference.acquired is None):
        return [shots[0].phase or Phase.UNKNOWN]
    phases: list[Phase] = []
    dated: list[Phase] = []  # a film without a date has a given phase and says nothing about the others
    for i, shot in enumerate(shots):
        may_be_before = not dated or (set(dated) == {Phase.PRE_OP} and _is_before_of_its_day(shot, shots[i + 1 :]))
        by_date = (
            _next_phase(dated, may_be_before) if surgery is None else _by_surgery(shot, dated, surgery, may_be_before)
        )
        if i and _is_same_state(shots[i - 1], shot):
            by_date = phases[-1]
        phases.append(shot.phase or by_date)
        dated += [phases[-1]] if shot.reference.acquired else []
    return phases


def _is_before_of_its_day(shot: Shot, later: Sequence[Shot]) -> bool:
    """Whether another film of the day shows screws or cement that ``shot`` lacks."""
    return not shot.is_operated and any(other.is_operated and _is_one_day(shot, other) for other in later)


def _next_phase(before: Sequence[Phase], may_be_before: bool) -> Phase:
    if may_be_before:
        return Phase.PRE_OP
    return Phase.POST_OP if before[-1] is Phase.PRE_OP else Phase.FOLLOW_UP


def _by_surgery(shot: Shot, before: Sequence[Phase], surgery: dt.date, may_be_before: bool) -> Phase:
    day = shot.acquired.date()
    if day < surgery or (day == surgery and may_be_before and not shot.is_operated):
        return Phase.PRE_OP
    return Phase.FOLLOW_UP if Phase.POST_OP in before or Phase.FOLLOW_UP in before else Phase.POST_OP

"""Which vertebra is the injured one, told by the shapes and the hardware on all films of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.errors import SeriesError
from kummell_ai.measurement.neighbours import above, below
from kummell_ai.measurement.results import RadiographMeasurement, VertebraMeasurement

NORMAL_WEDGE_DEG: dict[VertebralLevel, float] = {
    VertebralLevel.L1: 3.0,
    VertebralLevel.L2: 1.0,
    VertebralLevel.L3: 0.0,
    VertebralLevel.L4: -2.0,
    VertebralLevel.L5: -9.0,
}
"""Usual wedge angle (degrees), from memory and rounded; it only ranks levels and never enters a result."""
_THORACIC_WEDGE_DEG = 4.0
_ENOUGH = 2.0
_MARGIN = 1.0

Evidence = tuple[float, str]
"""Points and the reason for them."""

_NOTHING: Evidence = (0.0, "")


def find_index_level(measurements: Sequence[RadiographMeasurement]) -> tuple[VertebralLevel, str]:
    """The injured level of a patient and the reason, in plain words.

    Each level gathers points: height loss beyond 15 % (1 for every further 10 %, at most 4), wedge angle more than
    6 degrees above the usual one (1 for every further 4 degrees, at most 4), marked as fractured (2), cement without
    screws (2), one level bridged by screws above and below (4) or in the middle of three with screws (2). The best
    film counts for each kind. The level with the most points is taken; of two within 1 point the one that was treated.

    Raises:
        SeriesError: no level has 2 points, or the second best is within 1 point and neither was treated.
    """
    ranked = ranked_levels(measurements)
    if not ranked or ranked[0].points < _ENOUGH:
        seen = ", ".join(str(r.level) for r in sorted(ranked, key=lambda r: r.level.index)) or "none"
        raise SeriesError(
            f"no vertebra stands out as the injured one among {seen}; one with clear height loss, wedging or hardware "
            "is expected: name it with --index-level",
            seen,
        )
    best = ranked[0]
    if len(ranked) > 1 and best.points - ranked[1].points < _MARGIN:
        other = ranked[1]
        if not (best.is_treated or other.is_treated):
            raise SeriesError(
                f"{best.level} ({best.why}) and {other.level} ({other.why}) both look injured; one is expected: name "
                "it, or all that count, with --index-level",
                (str(best.level), str(other.level)),
            )
        best = best if best.is_treated else other
    return best.level, f"{best.level}: {best.why}"


def rank_levels(
    measurements: Sequence[RadiographMeasurement],
) -> list[tuple[VertebralLevel, float, tuple[str, ...]]]:
    """All levels with their points and reasons, most points first; ties in cranial to caudal order."""
    return [(r.level, r.points, r.reasons) for r in ranked_levels(measurements)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The evidence that a level is injured, by kind; the best film counts for each."""

    level: VertebralLevel
    kinds: dict[str, Evidence]

    @property
    def points(self) -> float:
        """Sum over the kinds."""
        return sum(points for points, _ in self.kinds.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """In plain words, one for each kind with points."""
        return tuple(text for points, text in self.kinds.values() if points > 0)

    @property
    def why(self) -> str:
        """The reasons in one text."""
        return ", ".join(self.reasons)

    @property
    def is_treated(self) -> bool:
        """Whether cement or a bridge of screws says that a surgeon took it for injured."""
        return any(self.kinds.get(kind, _NOTHING)[0] > 0 for kind in ("cemented", "hardware"))

    @property
    def is_misshapen(self) -> bool:
        """Whether shape or state say so, whatever was done to it."""
        return any(self.kinds.get(kind, _NOTHING)[0] > 0 for kind in ("loss", "wedge", "fractured"))


def ranked_levels(measurements: Sequence[RadiographMeasurement]) -> list[Ranked]:
    """All levels with their evidence, most points first; ties in cranial to caudal order."""
    best: dict[VertebralLevel, dict[str, Evidence]] = {}
    for film in measurements:
        for vertebra in film.vertebrae:
            level = vertebra.level
            if level is None or level is VertebralLevel.S1 or "cropped" in vertebra.landmarks.flags:
                continue
            kinds = best.setdefault(level, {})
            for kind, evidence in _evidence(film, vertebra, level).items():
                kinds[kind] = max(kinds.get(kind, _NOTHING), evidence)
    totals = [Ranked(level, kinds) for level, kinds in best.items()]
    return sorted(totals, key=lambda r: (-r.points, r.level.index))


def _evidence(film: RadiographMeasurement, vertebra: VertebraMeasurement, level: VertebralLevel) -> dict[str, Evidence]:
    name = film.reference.name
    flags = vertebra.landmarks.flags
    found: dict[str, Evidence] = {}
    loss = vertebra.quantities["height_loss"].value
    if loss is not None:
        found["loss"] = (_clip((loss - 15.0) / 10.0), f"height loss {loss:.0f} % on {name}")
    wedge = vertebra.quantities["wedge_angle"].value
    if wedge is not None:
        usual = NORMAL_WEDGE_DEG.get(level, _THORACIC_WEDGE_DEG)
        found["wedge"] = (
            _clip((wedge - usual - 6.0) / 4.0),
            f"wedge angle {wedge:.0f}° (usual {usual:.0f}°) on {name}",
        )
    if "fractured" in flags:
        found["fractured"] = (2.0, f"marked as fractured on {name}")
    if vertebra.landmarks.is_cemented_alone:
        found["cemented"] = (2.0, f"cement without screws on {name}")
    found["hardware"] = _hardware(film, level)
    return found


def _hardware(film: RadiographMeasurement, level: VertebralLevel) -> Evidence:
    present = {v.level for v in film.vertebrae}
    held = sorted(v.level for v in film.vertebrae if v.level is not None and "instrumented" in v.landmarks.flags)
    upper, lower = above(level, present), below(level, present)
    if upper not in held or lower not in held:
        return _NOTHING
    if level not in held:
        return 4.0, f"bridged by screws in {upper} and {lower} on {film.reference.name}"
    if len(held) == 3:
        return 2.0, f"the middle of the three levels with screws on {film.reference.name}"
    return _NOTHING


def _clip(points: float) -> float:
    return min(max(points, 0.0), 4.0)

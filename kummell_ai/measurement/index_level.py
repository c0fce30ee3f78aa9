"""Which vertebra is the injured one, told by the shapes and the hardware on all films of a patient."""

from __future__ import annotations

from collections.abc import Sequence

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


def find_index_level(measurements: Sequence[RadiographMeasurement]) -> tuple[VertebralLevel, str]:
    """The injured level of a patient and the reason, in plain words.

    Each level gathers points: height loss beyond 15 % (1 for every further 10 %, at most 4), wedge angle more than
    6 degrees above the usual one (1 for every further 4 degrees, at most 4), marked as fractured (2), cement without
    screws (2), one level bridged by screws above and below (4) or in the middle of three with screws (2). The best
    film counts for each kind. The level with the most points is taken.

    Raises:
        SeriesError: no level has 2 points, or the second best is within 1 point.
    """
    totals = rank_levels(measurements)
    if not totals or totals[0][1] < _ENOUGH:
        seen = ", ".join(str(level) for level, _, _ in sorted(totals, key=lambda t: t[0].index)) or "none"
        raise SeriesError(
            f"no vertebra stands out as the injured one among {seen}; one with clear height loss, wedging or hardware "
            "is expected: name it with --index-level",
            seen,
        )
    level, points, reasons = totals[0]
    if len(totals) > 1 and points - totals[1][1] < _MARGIN:
        raise SeriesError(
            f"{level} ({', '.join(reasons)}) and {totals[1][0]} ({', '.join(totals[1][2])}) both look injured; one is "
            "expected: name it with --index-level",
            (str(level), str(totals[1][0])),
        )
    return level, f"{level}: {', '.join(reasons)}"


def rank_levels(
    measurements: Sequence[RadiographMeasurement],
) -> list[tuple[VertebralLevel, float, tuple[str, ...]]]:
    """All levels with their points and reasons, most points first; ties in cranial to caudal order."""
    best: dict[VertebralLevel, dict[str, Evidence]] = {}
    for film in measurements:
        for vertebra in film.vertebrae:
            level = vertebra.level
            if level is None or level is VertebralLevel.S1 or "cropped" in vertebra.landmarks.flags:
                continue
            kinds = best.setdefault(level, {})
            for kind, evidence in _evidence(film, vertebra, level).items():
                kinds[kind] = max(kinds.get(kind, (0.0, "")), evidence)
    totals = [
        (level, sum(p for p, _ in kinds.values()), tuple(text for p, text in kinds.values() if p > 0))
        for level, kinds in best.items()
    ]
    return sorted(totals, key=lambda t: (-t[1], t[0].index))


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
    if "cemented" in flags and "instrumented" not in flags:
        found["cemented"] = (2.0, f"cement without screws on {name}")
    found["hardware"] = _hardware(film, level)
    return found


def _hardware(film: RadiographMeasurement, level: VertebralLevel) -> Evidence:
    present = {v.level for v in film.vertebrae}
    held = sorted(v.level for v in film.vertebrae if v.level is not None and "instrumented" in v.landmarks.flags)
    upper, lower = above(level, present), below(level, present)
    if upper not in held or lower not in held:
        return 0.0, ""
    if level not in held:
        return 4.0, f"bridged by screws in {upper} and {lower} on {film.reference.name}"
    if len(held) == 3:
        return 2.0, f"the middle of the three levels with screws on {film.reference.name}"
    return 0.0, ""


def _clip(points: float) -> float:
    return min(max(points, 0.0), 4.0)

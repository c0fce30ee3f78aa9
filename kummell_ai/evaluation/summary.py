"""Films' results -> a table, by stratum and by phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.results import FLAGS, FilmResult, VertebraResult
from kummell_ai.imaging.frames import FloatArray

Row = dict[str, float | int | str | None]

FIRST_COLUMNS = ("stratum", "phase", "films")
"""What every row begins with; which other columns there are depends on the quantities of the films."""

STRATA = ("all", "intact", *FLAGS)
ANY_PHASE = "all"


def summarise(films: Sequence[FilmResult]) -> tuple[Row, ...]:
    """Rows by stratum over all phases, then by phase over all vertebrae; strata and phases without any are left out.

    Columns: ``stratum, phase, films, vertebrae, found_percent``; ``false_vertebrae``, ``beyond_annotation`` and
    ``refused_films`` (of films, therefore only where the stratum is ``all``); ``level_accuracy_percent`` and
    ``joint_level_accuracy_percent`` (of those found whose true name is known; film by film, and a patient's films
    together); median and 90th percentile of the corner error in px, mm, % of vertebral depth
    and its parts across and along the endplate; and for every quantity its number, mean absolute error, bias (measured
    minus true) and the share of true values inside the 95 % interval. None = no number to give.
    """
    rows = [_row(films, stratum, ANY_PHASE) for stratum in STRATA]
    rows += [_row([film for film in films if film.phase is phase], "all", phase.value) for phase in Phase]
    return tuple(row for row in rows if row["vertebrae"])


def _row(films: Sequence[FilmResult], stratum: str, phase: str) -> Row:
    chosen = [v for film in films for v in film.vertebrae if stratum in v.strata]
    whole = stratum == "all"
    row: Row = {
        "stratum": stratum,
        "phase": phase,
        "films": len(films),
        "vertebrae": len(chosen),
        "found_percent": _percent(v.found for v in chosen),
        "false_vertebrae": sum(film.false for film in films) if whole else None,
        "beyond_annotation": sum(film.beyond for film in films) if whole else None,
        "refused_films": sum(film.refused is not None for film in films) if whole else None,
        "level_accuracy_percent": _percent(v.is_named_right for v in chosen if v.found and v.level),
        "joint_level_accuracy_percent": _percent(v.is_joint_right for v in chosen if v.found and v.level),
    }
    return row | _corners(chosen) | _quantities(chosen)


def _corners(vertebrae: Sequence[VertebraResult]) -> Row:
    row: Row = {}
    for name in ("distance_px", "distance_mm", "percent", "normal_percent", "tangential_percent"):
        parts = [np.asarray(getattr(v.corners, name)) for v in vertebrae if v.corners is not None]
        values = np.concatenate(parts) if parts else np.empty(0)
        label = name.removeprefix("distance_")
        row[f"corner_median_{label}"] = _statistic(values, np.median)
        row[f"corner_p90_{label}"] = _statistic(values, lambda v: np.percentile(v, 90.0))
    return row


def _quantities(vertebrae: Sequence[VertebraResult]) -> Row:
    errors = [error for v in vertebrae for error in v.quantities]
    row: Row = {}
    for name, unit in dict.fromkeys((error.quantity_id, error.unit) for error in errors):
        chosen = [error for error in errors if error.quantity_id == name]
        values = np.array([error.error for error in chosen])
        suffix = {"%": "percent"}.get(unit, unit)
        row[f"{name}_n"] = len(chosen)
        row[f"{name}_mae_{suffix}"] = _statistic(np.abs(values), np.mean)
        row[f"{name}_bias_{suffix}"] = _statistic(values, np.mean)
        row[f"{name}_coverage_percent"] = _percent(e.inside for e in chosen if e.inside is not None)
    return row


def _statistic(values: FloatArray, function: Callable[[FloatArray], np.floating | FloatArray]) -> float | None:
    """``function`` of the values that are not NaN; None when there are none."""
    finite = values[np.isfinite(values)]
    return float(function(finite)) if finite.size else None


def _percent(yes: Iterable[bool | None]) -> float | None:
    answers = [bool(answer) for answer in yes]
    return 100.0 * sum(answers) / len(answers) if answers else None

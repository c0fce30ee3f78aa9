"""The cohort's tables for other programs: every value, the description of each phase, every comparison."""

from __future__ import annotations

from collections.abc import Sequence

from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.cohort.study import CohortStudy, Line
from kummell_ai.quantities import Interval
from kummell_ai.reporting.table import Row

Table = tuple[Sequence[str], list[Row]]
"""Names of the columns, and the rows."""

VALUE_COLUMNS = (
    *("patient_id", "phase", "measure", "unit", "value", "low", "high", "grade"),
    *("level", "days_since_first_film", "in_statistics", "source", "scale", "scaled_by"),
)
"""One row a value, with the ends of its 95 % interval; ``in_statistics`` is 0 for what stands here alone.

``scale`` is the calibration of the film on whose scale a length is, ``scaled_by`` what brought it there (1 = as
measured).
"""

SUMMARY_COLUMNS = (
    *("measure", "unit", "phase", "n", "missing", "mean", "mean_low", "mean_high", "sd"),
    *("median", "q1", "q3", "shapiro_p"),
)
"""One row a measure and phase; the interval of the mean is that over patients (95 %, t)."""

TEST_COLUMNS = (
    *("measure", "unit", "earlier", "later", "test", "n", "statistic", "df1", "df2", "p", "p_holm"),
    *("change", "change_low", "change_high", "effect_name", "effect", "effect_low", "effect_high"),
    *("improved", "worsened", "unchanged", "margin", "equivalence_p", "note"),
)
"""One row a test; the one over all phases has no ``later``.

Patients improved and worsened are counted for grades, those unchanged for grades and ranks.
"""


VERDICT_COLUMNS = ("patient_id", "level", "measure", "earlier", "later", "verdict")
"""One row a patient, measure and pair of phases: the change against the patient's minimal detectable change."""


COLUMNS: dict[str, Sequence[str]] = {
    "values": VALUE_COLUMNS,
    "summary": SUMMARY_COLUMNS,
    "tests": TEST_COLUMNS,
    "verdicts": VERDICT_COLUMNS,
}
"""Columns of every table by the stem of its file."""


def tables(study: CohortStudy) -> dict[str, Table]:
    """Every table by the stem of its file."""
    rows = {
        "values": value_rows(study),
        "summary": [row for line in study.lines for row in _summary_rows(line)],
        "tests": [row for line in study.lines for row in _test_rows(line)],
        "verdicts": _verdict_rows(study),
    }
    return {name: (COLUMNS[name], own) for name, own in rows.items()}


def value_rows(study: CohortStudy) -> list[Row]:
    """Every value of the cohort; grades also as their letter."""
    measures = {line.measure.key: line.measure for line in study.lines}
    rows: list[Row] = []
    for o in study.observations:
        measure = measures.get(o.measure)
        if measure is None:  # no value of it counts, as when only a further level has it
            continue
        rows.append(
            {
                "patient_id": o.patient_id,
                "phase": o.phase.value,
                "measure": measure.column,
                "unit": measure.unit,
                "value": float(o.value),
                "low": o.low,
                "high": o.high,
                "grade": measure.grades[int(o.value)] if measure.grades else None,
                "level": o.level,
                "days_since_first_film": o.day,
                "in_statistics": int(o.counts),
                "source": o.source,
                "scale": o.scale.value if o.scale else None,
                "scaled_by": o.factor if o.scale else None,
            }
        )
    return rows


def _summary_rows(line: Line) -> list[Row]:
    return [
        {
            **_measure(line),
            "phase": s.phase,
            "n": s.n,
            "missing": s.missing,
            "mean": s.mean,
            **_ends("mean", s.mean_interval),
            "sd": s.sd,
            "median": s.median,
            "q1": s.q1,
            "q3": s.q3,
            "shapiro_p": s.shapiro_p,
        }
        for s in line.analysis.summaries
    ]


def _test_rows(line: Line) -> list[Row]:
    overall = line.analysis.omnibus
    rows: list[Row] = [{**_measure(line), "earlier": "all", "note": line.analysis.omnibus_caveat}]
    if overall is not None:
        rows[0] |= {
            **{"test": overall.test, "n": overall.n, "statistic": overall.statistic, "p": overall.p},
            **{"df1": overall.df1, "df2": overall.df2, "note": overall.note},
            **{"effect_name": overall.effect_name, "effect": overall.effect},
        }
    for c in line.analysis.comparisons:
        row: Row = {**_measure(line), "earlier": c.earlier, "later": c.later, "p_holm": c.p_holm, "note": c.caveat}
        if c.result is not None:
            t = c.result
            row |= {"test": t.test, "n": t.n, "statistic": t.statistic, "p": t.p, "change": t.change}
            row |= {"effect_name": t.effect_name, "effect": t.effect}
            row |= _ends("change", t.change_interval) | _ends("effect", t.effect_interval)
            row |= dict(zip(("improved", "worsened"), t.directions or (None,) * 2, strict=True))
            row |= {"unchanged": t.unchanged, "note": t.note}
        if c.equivalence is not None:
            row |= {"margin": c.equivalence.margin, "equivalence_p": c.equivalence.p}
        rows.append(row)
    return rows


def _verdict_rows(study: CohortStudy) -> list[Row]:
    columns = {measure.key: measure.column for measure in FILM_MEASURES}
    return [
        {
            **{"patient_id": name, "level": member.level, "measure": columns[measure]},
            **{"earlier": earlier.value, "later": later.value, "verdict": verdict.value},
        }
        for name, member in study.members.items()
        for (earlier, later, measure), verdict in member.verdicts.items()
    ]


def _measure(line: Line) -> Row:
    return {"measure": line.measure.column, "unit": line.measure.unit}


def _ends(name: str, interval: Interval | None) -> Row:
    return {f"{name}_low": interval.low if interval else None, f"{name}_high": interval.high if interval else None}

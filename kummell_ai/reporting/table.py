"""Tables for other programs: one row a vertebra, one row an angle, one row a patient.

Column names carry their unit; a missing number is an empty cell, its reason stands under ``caveats``. Text cells that
a spreadsheet would run as a formula are quoted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from kummell_ai.anatomy import CORNERS, Phase, films_that_count
from kummell_ai.measurement.results import (
    Change,
    Correction,
    CorrectionReport,
    Finding,
    PhasedMeasurement,
    RadiographMeasurement,
    SegmentMeasurement,
    VertebraMeasurement,
)
from kummell_ai.quantities import Quantity
from kummell_ai.reporting.words import (
    DERIVED_WORDS,
    SEGMENT_WORDS,
    VERTEBRA_WORDS,
    column,
    quantity_of,
    words_for,
)

Cell = str | float | int | None
Row = dict[str, Cell]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

PHASE_COLUMN_OF = {Phase.PRE_OP: "pre", Phase.POST_OP: "post", Phase.FOLLOW_UP: "last"}
PHASE_COLUMN = tuple(PHASE_COLUMN_OF.values())
"""Prefixes of the wide table; ``last`` is the latest film after the post-op one."""


def to_csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """CSV text with a header; numbers with up to 6 significant digits, text safe for a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return buffer.getvalue()


def _cell(value: Cell) -> str:
    """One cell as text.

    >>> _cell("=HYPERLINK(1)"), _cell(-1.5), _cell(None), _cell("L1")
    ("'=HYPERLINK(1)", '-1.5', '', 'L1')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        clean = " ".join(value.split())
        return "'" + clean if value.startswith(FORMULA_STARTS) or clean.startswith(FORMULA_STARTS) else clean
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _film_cells(measurement: RadiographMeasurement) -> Row:
    """What identifies a film in every table."""
    reference = measurement.reference
    return {
        "film": reference.name,
        "film_sha256": reference.sha256,
        "patient_id": reference.patient_id,
        "acquired": reference.acquired.isoformat() if reference.acquired else None,
        "calibration": measurement.spacing.calibration.value,
    }


def _quantity_cells(quantity_id: str, quantity: Quantity | None) -> Row:
    """Value and interval under the columns of a quantity; a value in another unit than the column's stays out."""
    words = words_for(quantity_id)
    name = column(quantity_id, words)
    if quantity is None or quantity.value is None or quantity.unit != words.unit:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    interval = quantity.interval
    return {
        name: float(quantity.value),
        f"{name}_low": float(interval.low) if interval else None,
        f"{name}_high": float(interval.high) if interval else None,
    }


def _caveats(quantities: dict[str, Quantity], findings: Sequence[Finding]) -> Row:
    """Reasons and findings of a row, each named once."""
    reasons: dict[str, list[str]] = {}
    for quantity_id, quantity in quantities.items():
        if quantity.caveat:
            reasons.setdefault(quantity.caveat, []).append(quantity_id)
    return {
        "caveats": "; ".join(f"{', '.join(ids)}: {reason}" for reason, ids in reasons.items()) or None,
        "findings": "; ".join(f.code for f in findings) or None,
    }


def _interval_columns(ids: Iterable[str], prefix: str = "") -> list[str]:
    names = [prefix + column(quantity_id, words_for(quantity_id)) for quantity_id in ids]
    return [end for name in names for end in (name, f"{name}_low", f"{name}_high")]


FILM_COLUMNS = ("film", "film_sha256", "patient_id", "acquired", "calibration")

POINT_COLUMNS = [f"{corner.key}_{axis}_px" for corner in CORNERS for axis in "xy"]

VERTEBRA_COLUMNS: list[str] = [
    *(
        "film",
        "film_sha256",
        "patient_id",
        "acquired",
        "calibration",
        "level",
        "level_probability",
        "confidence",
        "flags",
    ),
    *POINT_COLUMNS,
    *_interval_columns(VERTEBRA_WORDS),
    *("caveats", "findings", "film_findings"),
]
"""Columns of measurements.csv."""

SEGMENT_COLUMNS: list[str] = [
    *FILM_COLUMNS,
    *("quantity", "index_level"),
    *("upper_level", "upper_endplate", "lower_level", "lower_endplate", "angle_deg", "angle_deg_low", "angle_deg_high"),
    "caveat",
]
"""Columns of angles.csv."""


def vertebra_rows(measurements: Iterable[RadiographMeasurement]) -> list[Row]:
    """One row for each vertebra of each film."""
    return [_vertebra_row(film, vertebra) for film in measurements for vertebra in film.vertebrae]


def _vertebra_row(film: RadiographMeasurement, vertebra: VertebraMeasurement) -> Row:
    landmarks = vertebra.landmarks
    row = _film_cells(film)
    row["level"] = str(landmarks.level) if landmarks.level is not None else None
    row["level_probability"] = landmarks.level_probability
    row["confidence"] = float(landmarks.confidence)
    row["flags"] = " ".join(sorted(landmarks.flags)) or None
    for name, value in zip(POINT_COLUMNS, landmarks.corners_px.ravel(), strict=True):
        row[name] = float(value) if np.isfinite(value) else None
    for quantity_id in VERTEBRA_WORDS:
        row |= _quantity_cells(quantity_id, vertebra.quantities.get(quantity_id))
    row["film_findings"] = "; ".join(dict.fromkeys(f.code for f in film.warnings)) or None
    return row | _caveats(vertebra.quantities, vertebra.findings)


def segment_rows(measurements: Iterable[RadiographMeasurement]) -> list[Row]:
    """One row for each angle over several vertebrae of each film."""
    return [_segment_row(film, segment) for film in measurements for segment in film.segments]


def _segment_row(film: RadiographMeasurement, segment: SegmentMeasurement) -> Row:
    interval = segment.angle.interval
    return _film_cells(film) | {
        "quantity": segment.quantity_id,
        "index_level": str(segment.index_level) if segment.index_level is not None else None,
        "upper_level": str(segment.upper),
        "upper_endplate": segment.upper_endplate,
        "lower_level": str(segment.lower),
        "lower_endplate": segment.lower_endplate,
        "angle_deg": segment.angle.value,
        "angle_deg_low": interval.low if interval else None,
        "angle_deg_high": interval.high if interval else None,
        "caveat": segment.angle.caveat,
    }


WIDE_IDS = (
    *("anterior_height", "middle_height", "posterior_height", "wedge_angle", "wedge_ratio", "height_loss"),
    *("compression", "height_derived_grade", *SEGMENT_WORDS),
)
"""Quantities of the wide table."""
PLAIN_IDS = frozenset({"height_derived_grade"})
"""Those that have neither interval nor change."""
COMPARISONS = ("correction", "loss", "net")
SCALE_PARTS = ("scaled_film", "scale_factor", "scale_factor_low", "scale_factor_high")
"""Columns of a comparison about the film whose lengths were multiplied."""


def _value_columns(quantity_id: str, phase: str) -> list[str]:
    name = f"{phase}_{column(quantity_id, words_for(quantity_id))}"
    return [name] if quantity_id in PLAIN_IDS else [name, f"{name}_low", f"{name}_high"]


def _change_columns(quantity_id: str, comparison: str) -> list[str]:
    name = f"{comparison}_{column(quantity_id, words_for(quantity_id))}"
    ends = (f"{name}_change{end}" for end in ("", "_low", "_high"))
    return [*ends, f"{name}_mdc95", f"{comparison}_{quantity_id}_verdict"]


PATIENT_COLUMNS: list[str] = [
    *("patient_id", "index_level", "index_level_source"),
    *(f"{phase}_{part}" for phase in PHASE_COLUMN for part in ("film", "acquired", "calibration")),
    *(f"{comparison}_{part}" for comparison in COMPARISONS for part in SCALE_PARTS),
    *(name for i in WIDE_IDS for phase in PHASE_COLUMN for name in _value_columns(i, phase)),
    *(name for c in COMPARISONS for i in WIDE_IDS if i not in PLAIN_IDS for name in _change_columns(i, c)),
    *(name for c in COMPARISONS for name in _interval_columns(DERIVED_WORDS, f"{c}_")),
    "findings",
]
"""Columns of series.csv, the wide patient table."""


def patient_row(report: CorrectionReport) -> Row:
    """A patient's whole course in one row."""
    row: Row = {
        "patient_id": report.patient_id,
        "index_level": str(report.index_level),
        "index_level_source": report.index_level_source,
        "findings": "; ".join(f.code for f in report.findings) or None,
    }
    for phase, film in phase_films(report).items():
        reference = film.measurement.reference
        row[f"{phase}_film"] = reference.name
        row[f"{phase}_acquired"] = reference.acquired.isoformat() if reference.acquired else None
        row[f"{phase}_calibration"] = film.measurement.spacing.calibration.value
        for i in WIDE_IDS:
            cells = _quantity_cells(i, quantity_of(film.measurement, report.index_level, i)).values()
            row |= dict(zip(_value_columns(i, phase), cells, strict=i not in PLAIN_IDS))
    for correction in report.corrections:
        row |= _scale_cells(correction)
        for change in correction.changes:
            if change.quantity_id in WIDE_IDS:
                row |= _change_cells(change, correction.name)
        for i, quantity in correction.derived.items():
            row |= {f"{correction.name}_{name}": cell for name, cell in _quantity_cells(i, quantity).items()}
    return row


def _scale_cells(correction: Correction) -> Row:
    """The film whose lengths a comparison multiplied, and by what; none where both are taken as they are."""
    if correction.scale is None:
        return {}
    factor, interval = correction.scale.factor.value, correction.scale.factor.interval
    ends = (interval.low, interval.high) if interval else (None, None)
    cells: tuple[Cell, ...] = (correction.scale.film, factor, *ends)
    return {f"{correction.name}_{part}": cell for part, cell in zip(SCALE_PARTS, cells, strict=True)}


def _change_cells(change: Change, comparison: str) -> Row:
    """A change with its interval, the minimal detectable one and the verdict."""
    known = _quantity_cells(change.quantity_id, change.change).values()
    mdc = change.mdc95 if change.change.unit == words_for(change.quantity_id).unit else None
    cells: list[Cell] = [*known, mdc, change.verdict.value]
    return dict(zip(_change_columns(change.quantity_id, comparison), cells, strict=True))


def phase_films(report: CorrectionReport) -> dict[str, PhasedMeasurement]:
    """The films that ``pre``, ``post`` and ``last`` stand for: those the corrections compare."""
    return {PHASE_COLUMN_OF[phase]: film for phase, film in films_that_count(report.films).items()}

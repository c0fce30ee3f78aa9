"""Results and figures as rows of tables: a film, a vertebra, a segment, a change, a figure a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from kummell_ai.anatomy import CORNERS
from kummell_ai.evaluation.changes import ChangeError
from kummell_ai.evaluation.figures import Figure, finder
from kummell_ai.evaluation.films import OF_SEGMENT, OF_VERTEBRA
from kummell_ai.evaluation.results import FilmResult, QuantityError, VertebraResult
from kummell_ai.evaluation.samples import unit_of
from kummell_ai.evaluation.summary import Row
from kummell_ai.imaging.frames import FloatArray

_OF_CORNER = ("distance_mm", "percent", "normal_percent", "tangential_percent", "mahalanobis2")

FILM_COLUMNS = (
    *("film", "patient_id", "phase", "index_level", "refused", "usable", "usable_jointly", "measurable", "vertebrae"),
    *("found", "false", "beyond", "named_right", "named_wrong", "jointly_right", "jointly_wrong"),
    *("has_level_landmark", "corner_mean_mm", "corner_max_mm", "corner_mean_percent", "corner_max_percent"),
    *("seconds", "decode_seconds"),
)
"""Columns of films.csv."""

_COLUMNS_OF = {
    name: tuple(f"{name}_{unit_of(name).replace('%', 'percent')}{end}" for end in ("", "_true", "_low", "_high"))
    for name in (*OF_VERTEBRA, *(f"{name}_3d" for name in OF_VERTEBRA))
}

VERTEBRA_COLUMNS = (
    *("film", "patient_id", "phase", "level", "is_index", "flags", "found", "predicted_level", "joint_level"),
    *("level_probability",),
    *("predicted_flags", "confidence"),
    *(f"{corner.key}_{part}" for corner in CORNERS for part in ("dx_px", "dy_px", *_OF_CORNER)),
    *(column for columns in _COLUMNS_OF.values() for column in columns),
    "abstained",
)
"""Columns of vertebrae.csv."""

SEGMENT_COLUMNS = (
    *("film", "patient_id", "phase", "quantity", "index_level", "is_index", "unit"),
    *("measured", "true", "error", "low", "high", "inside"),
)
"""Columns of segments.csv."""

CHANGE_COLUMNS = (*("patient_id", "change", "quantity", "unit", "measured", "true", "error", "half_width", "inside"),)
"""Columns of changes.csv."""

SUMMARY_COLUMNS = (
    *("section", "subject", "figure", "unit", "stratum", "phase", "value", "low", "high", "n", "patients", "interval"),
)
"""Columns of summary.csv; ``interval`` says how low and high were made."""


def film_rows(films: Iterable[FilmResult]) -> Iterator[Row]:
    """One row a film."""
    for film in films:
        names = [v.is_named_right for v in film.vertebrae]
        joint = [v.is_joint_right for v in film.vertebrae]
        row = _film_cells(film) | {
            "index_level": _text(film.index_level),
            "refused": film.refused,
            "usable": _flag(film.is_usable),
            "usable_jointly": _flag(film.is_usable_jointly),
            "measurable": _flag(film.is_measurable),
            "vertebrae": len(film.vertebrae),
            "found": sum(v.found for v in film.vertebrae),
            "false": film.false,
            "beyond": film.beyond,
            "named_right": names.count(True),
            "named_wrong": names.count(False),
            "jointly_right": joint.count(True),
            "jointly_wrong": joint.count(False),
            "has_level_landmark": _flag(film.has_level_landmark),
            "seconds": film.seconds,
            "decode_seconds": film.decode_seconds,
        }
        for unit, part in (("mm", "distance_mm"), ("percent", "percent")):
            values = np.array([getattr(v.corners, part) for v in film.vertebrae if v.corners is not None])
            values = values[np.isfinite(values)]
            row[f"corner_mean_{unit}"] = float(values.mean()) if len(values) else None
            row[f"corner_max_{unit}"] = float(values.max()) if len(values) else None
        yield row


def vertebra_rows(films: Iterable[FilmResult]) -> Iterator[Row]:
    """One row for each true vertebra that is asked for."""
    for film in films:
        for v in film.vertebrae:
            yield _film_cells(film) | _vertebra_cells(v)


def _vertebra_cells(v: VertebraResult) -> Row:
    row: Row = {
        "level": _text(v.level),
        "is_index": _flag(v.is_index),
        "flags": " ".join(sorted(v.flags)) or None,
        "found": _flag(v.found),
        "predicted_level": _text(v.predicted_level),
        "joint_level": _text(v.joint_level),
        "level_probability": v.level_probability,
        "predicted_flags": " ".join(sorted(v.predicted_flags)) or None,
        "confidence": v.confidence,
        "abstained": " ".join(v.abstained) or None,
    }
    if v.corners is not None:
        for corner in CORNERS:
            for axis, name in enumerate(("dx_px", "dy_px")):
                row[f"{corner.key}_{name}"] = _known(v.corners.offset_px[:, axis], corner)
            for part in _OF_CORNER:
                row[f"{corner.key}_{part}"] = _known(getattr(v.corners, part), corner)
    for error in v.quantities:
        if error.quantity_id in _COLUMNS_OF:
            cells = (error.measured, error.true, *_ends(error))
            row |= dict(zip(_COLUMNS_OF[error.quantity_id], cells, strict=True))
    return row


def segment_rows(films: Iterable[FilmResult]) -> Iterator[Row]:
    """One row for each angle over several vertebrae that has a true value."""
    wanted = {*OF_SEGMENT, *(f"{name}_3d" for name in OF_SEGMENT)}
    for film in films:
        for v in film.vertebrae:
            for error in v.quantities:
                if error.quantity_id not in wanted:
                    continue
                low, high = _ends(error)
                yield _film_cells(film) | {
                    "quantity": error.quantity_id,
                    "index_level": _text(v.level),
                    "is_index": _flag(v.is_index),
                    "unit": error.unit,
                    "measured": error.measured,
                    "true": error.true,
                    "error": error.error,
                    "low": low,
                    "high": high,
                    "inside": _flag(error.inside),
                }


def change_rows(changes: Iterable[ChangeError]) -> Iterator[Row]:
    """One row for each change of each patient."""
    for change in changes:
        yield {
            "patient_id": change.patient,
            "change": change.change,
            "quantity": change.quantity_id,
            "unit": change.unit,
            "measured": change.measured,
            "true": change.true,
            "error": change.error,
            "half_width": change.half_width,
            "inside": _flag(change.inside),
        }


def figure_rows(figures: Iterable[Figure]) -> Iterator[Row]:
    """One row a figure."""
    for figure in figures:
        interval = figure.estimate.interval
        yield {
            "section": figure.section,
            "subject": figure.subject,
            "figure": figure.name,
            "unit": figure.unit,
            "stratum": figure.stratum,
            "phase": figure.phase,
            "value": figure.estimate.value,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "n": figure.estimate.n,
            "patients": figure.estimate.patients,
            "interval": figure.estimate.method,
        }


_MAIN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("found_percent", ("vertebrae", "vertebra", "found", "%")),
    ("false_vertebrae_per_film", ("vertebrae", "false", "per_film", "1")),
    ("corner_mean_mm", ("corners", "error", "mean", "mm")),
    ("corner_median_mm", ("corners", "error", "median", "mm")),
    ("corner_p90_mm", ("corners", "error", "p90", "mm")),
    ("corner_mean_mm_injured", ("corners", "error", "mean", "mm", "injured")),
    ("corner_mean_mm_jointly", ("corners together", "error", "mean", "mm")),
    ("corner_mean_mm_instrumented_jointly", ("corners together", "error", "mean", "mm", "instrumented")),
    ("corner_median_percent_of_depth", ("corners", "error", "median", "%")),
    ("corner_p90_percent_of_depth", ("corners", "error", "p90", "%")),
    ("sdr_1mm_percent", ("corners", "error", "sdr_1mm", "%")),
    ("sdr_2mm_percent", ("corners", "error", "sdr_2mm", "%")),
    ("sdr_3mm_percent", ("corners", "error", "sdr_3mm", "%")),
    ("sdr_2mm_percent_jointly", ("corners together", "error", "sdr_2mm", "%")),
    ("cobb_mae_deg", ("quantities", "segmental_cobb", "mae", "deg")),
    ("cobb_mae_deg_injured", ("quantities", "segmental_cobb", "mae", "deg", "injured")),
    ("cobb_mae_deg_jointly", ("quantities together", "segmental_cobb", "mae", "deg")),
    ("cobb_mae_deg_injured_jointly", ("quantities together", "segmental_cobb", "mae", "deg", "injured")),
    ("cobb_mae_post_minus_pre_deg", ("quantities", "segmental_cobb", "mae_post_minus_pre", "deg")),
    ("cobb_mae_post_minus_pre_deg_injured", ("quantities", "segmental_cobb", "mae_post_minus_pre", "deg", "injured")),
    ("cobb_change_mae_deg", ("changes", "segmental_cobb", "correction_mae", "deg", "injured")),
    ("cobb_change_mae_deg_jointly", ("changes together", "segmental_cobb", "correction_mae", "deg", "injured")),
    ("cobb_loss_mae_deg", ("changes", "segmental_cobb", "loss_mae", "deg", "injured")),
    ("cobb_loss_mae_deg_jointly", ("changes together", "segmental_cobb", "loss_mae", "deg", "injured")),
    ("wedge_mae_deg", ("quantities", "wedge_angle", "mae", "deg")),
    ("wedge_mae_deg_jointly", ("quantities together", "wedge_angle", "mae", "deg")),
    ("wedge_mae_deg_injured", ("quantities", "wedge_angle", "mae", "deg", "injured")),
    ("anterior_height_mae_mm", ("quantities", "anterior_height", "mae", "mm")),
    ("anterior_height_mae_mm_jointly", ("quantities together", "anterior_height", "mae", "mm")),
    ("anterior_height_mae_mm_injured", ("quantities", "anterior_height", "mae", "mm", "injured")),
    ("height_loss_mae_percent", ("quantities", "height_loss", "mae", "%")),
    ("level_exact_percent_with_landmark", ("levels", "exact", "with_landmark", "%")),
    ("level_exact_percent_any_field", ("levels", "exact", "any_field", "%")),
    ("level_exact_jointly_percent_with_landmark", ("levels", "exact_jointly", "with_landmark", "%")),
    ("level_exact_jointly_percent_any_field", ("levels", "exact_jointly", "any_field", "%")),
    ("vertebrae_percent_with_landmark", ("levels", "vertebra", "with_landmark", "%")),
    ("films_percent_with_landmark", ("films", "film", "with_landmark", "%")),
    ("corner_ellipse_coverage_percent", ("corners", "ellipse", "coverage", "%")),
    ("cobb_interval_coverage_percent", ("quantities", "segmental_cobb", "coverage", "%")),
    ("cobb_interval_width_deg", ("quantities", "segmental_cobb", "width_mean", "deg")),
    ("wedge_interval_coverage_percent", ("quantities", "wedge_angle", "coverage", "%")),
    ("wedge_interval_width_deg", ("quantities", "wedge_angle", "width_mean", "deg")),
    ("anterior_height_interval_coverage_percent", ("quantities", "anterior_height", "coverage", "%")),
    ("anterior_height_interval_width_mm", ("quantities", "anterior_height", "width_mean", "mm")),
    ("cobb_interval_coverage_percent_jointly", ("quantities together", "segmental_cobb", "coverage", "%")),
    ("cobb_interval_width_deg_jointly", ("quantities together", "segmental_cobb", "width_mean", "deg")),
    (
        "cobb_change_interval_coverage_percent",
        ("changes together", "segmental_cobb", "correction_coverage", "%", "injured"),
    ),
    (
        "cobb_change_interval_width_deg",
        ("changes together", "segmental_cobb", "correction_width_mean", "deg", "injured"),
    ),
    ("cobb_loss_interval_coverage_percent", ("changes together", "segmental_cobb", "loss_coverage", "%", "injured")),
    ("cobb_loss_interval_width_deg", ("changes together", "segmental_cobb", "loss_width_mean", "deg", "injured")),
    ("refused_films_percent", ("films", "film", "refused", "%")),
    ("usable_films_percent", ("films", "film", "usable", "%")),
    ("usable_films_percent_pre_op", ("films", "film", "usable", "%", "all", "pre-op")),
    ("usable_films_percent_post_op", ("films", "film", "usable", "%", "all", "post-op")),
    ("usable_jointly_films_percent_pre_op", ("films", "film", "usable_jointly", "%", "all", "pre-op")),
    ("usable_jointly_films_percent_post_op", ("films", "film", "usable_jointly", "%", "all", "post-op")),
    ("seconds_a_film", ("films", "locate", "mean", "s")),
)


def main_figures(figures: Sequence[Figure]) -> dict[str, Figure]:
    """The figures that a model is judged by, by name; those without a value are left out."""
    find = finder(figures)
    found = {name: find(*key) for name, key in _MAIN}
    return {name: figure for name, figure in found.items() if figure is not None}


def _film_cells(film: FilmResult) -> Row:
    return {"film": film.name, "patient_id": film.patient, "phase": film.phase.value}


def _ends(error: QuantityError) -> tuple[float | None, float | None]:
    return (None, None) if error.interval is None else (error.interval.low, error.interval.high)


def _known(values: FloatArray, corner: int) -> float | None:
    return float(values[corner]) if np.isfinite(values[corner]) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _flag(value: bool | None) -> int | None:
    """1 or 0, which spreadsheets can average."""
    return None if value is None else int(value)

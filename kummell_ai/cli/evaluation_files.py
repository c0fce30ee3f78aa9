"""The files of an evaluation: report.html, the tables, summary.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli.files import write_atomic
from kummell_ai.cli.outputs import json_text

if TYPE_CHECKING:
    from kummell_ai.evaluation.dataset import Evaluation
    from kummell_ai.evaluation.figures import Figure
    from kummell_ai.evaluation.study import Study
    from kummell_ai.evaluation.summary import Row

SCHEMA = "kummell_ai.evaluation/1"
_CURVE_STEPS = 20


def columns() -> dict[str, Sequence[str]]:
    """Columns of every table by the name of its file."""
    from kummell_ai.evaluation import tables

    return {
        "films.csv": tables.FILM_COLUMNS,
        "vertebrae.csv": tables.VERTEBRA_COLUMNS,
        "segments.csv": tables.SEGMENT_COLUMNS,
        "changes.csv": tables.CHANGE_COLUMNS,
        "summary.csv": tables.SUMMARY_COLUMNS,
    }


def write(folder: Path, films: Path, result: Evaluation, study: Study, facts: Mapping[str, Any]) -> None:
    """Write everything but the older evaluation.json and evaluation.csv.

    Args:
        folder: for the files.
        films: folder that the file names of the films are relative to.
        result: film by film.
        study: the figures.
        facts: of the run, as in evaluation.json.
    """
    from kummell_ai.evaluation import tables

    rows: dict[str, Iterable[Row]] = {
        "films.csv": tables.film_rows(result.films),
        "vertebrae.csv": tables.vertebra_rows(result.films),
        "segments.csv": tables.segment_rows(result.films),
        "changes.csv": tables.change_rows(study.changes),
        "summary.csv": tables.figure_rows(study.figures),
    }
    for name, own in columns().items():
        _table(folder / name, own, rows[name])
    write_atomic(folder / "summary.json", json_text(_summary(result, study, facts)))
    write_atomic(folder / "report.html", _page(films, result, study, facts))


def _table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    from kummell_ai.reporting.table import to_csv

    write_atomic(path, to_csv(columns, rows))


def _page(films: Path, result: Evaluation, study: Study, facts: Mapping[str, Any]) -> str:
    from kummell_ai.evaluation.dataset import read_film
    from kummell_ai.reporting.evaluation_gallery import caption, draw_worst
    from kummell_ai.reporting.evaluation_page import Picture, write_evaluation_page

    most = max(len(result.films) // 3, 1)
    shown = [
        Picture(worst.result.name, caption(worst), draw_worst(worst, read_film(films, worst.film)))
        for worst in result.worst[:most]
    ]
    head = {
        "Films": f"{len(result.films):,}",
        "of them refused": f"{len(result.refused):,}",
        "Not usable": f"{len(result.unused):,}",
        "Patients": f"{len(study.samples.patients):,}",
        "Set": str(facts["dataset"]),
        "Model": str(facts["model"]),
        "Weights": str(facts["weights_sha256"])[:16],
    }
    unused = [(film.name, film.reason) for film in result.unused]
    return write_evaluation_page(study, head, shown, unused, simulated=facts["simulated"])


def _summary(result: Evaluation, study: Study, facts: Mapping[str, Any]) -> dict[str, Any]:
    from kummell_ai.evaluation.tables import figure_rows, main_figures

    kept = ("dataset", "films", "simulated", "model", "weights_sha256")
    return {
        "schema": SCHEMA,
        **{name: facts[name] for name in kept},
        "patients": len(study.samples.patients),
        "refused": [{"film": film.name, "reason": film.reason} for film in result.refused],
        "unused": [{"film": film.name, "reason": film.reason} for film in result.unused],
        "wall_seconds": result.wall_seconds,
        "bootstrap": {"unit": "patient", "resamples": study.resamples, "seed": study.seed},
        "main": {name: _figure(figure) for name, figure in main_figures(study.figures).items()},
        "figures": list(figure_rows(study.figures)),
        "risk_coverage": [
            {
                "subject": curve.subject,
                "signal": curve.signal,
                "unit": curve.unit,
                "n": len(curve.risk),
                "patients": curve.patients,
                "aurc": curve.aurc,
                "gain": curve.gain,
                "coverage": [step / _CURVE_STEPS for step in range(1, _CURVE_STEPS + 1)],
                "risk": [curve.risk_at(step / _CURVE_STEPS) for step in range(1, _CURVE_STEPS + 1)],
            }
            for curve in study.curves
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    estimate = figure.estimate
    interval = estimate.interval
    return {
        "value": estimate.value,
        "interval_95": None if interval is None else [interval.low, interval.high],
        "unit": figure.unit,
        "n": estimate.n,
        "patients": estimate.patients,
    }

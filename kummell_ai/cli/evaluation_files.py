"""The files of an evaluation: report.html, the tables, summary.json, evaluation.json, truth.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli.earlier import check_drawn, check_text
from kummell_ai.cli.files import check_replaced, check_tables, write_atomic
from kummell_ai.cli.outputs import json_text

if TYPE_CHECKING:
    from kummell_ai.annotations import AnnotatedFilm
    from kummell_ai.evaluation.dataset import Evaluation
    from kummell_ai.evaluation.figures import Figure
    from kummell_ai.evaluation.study import Study
    from kummell_ai.evaluation.summary import Row

SCHEMA = "kummell_ai.evaluation/1"
TRUTH = "truth.json"
_TRUTH_BEGINS = '{"info": {"description": "Vertebral landmarks'
"""As `annotations.write_coco` begins a file."""
_SHORT_BEGINS = json_text({"command": "evaluate"}).removesuffix("\n}\n")
"""As evaluation.json begins."""
_CURVE_STEPS = 20


def columns() -> dict[str, Sequence[str]]:
    """Columns of every long table by the name of its file."""
    from kummell_ai.evaluation import tables

    return {
        "films.csv": tables.FILM_COLUMNS,
        "vertebrae.csv": tables.VERTEBRA_COLUMNS,
        "segments.csv": tables.SEGMENT_COLUMNS,
        "changes.csv": tables.CHANGE_COLUMNS,
        "summary.csv": tables.SUMMARY_COLUMNS,
    }


def check(folder: Path) -> None:
    """What stands where the files of an evaluation will be written is of an earlier one.

    Raises:
        UsageError: a file of another kind, such as a person's own measurements, would be replaced.
    """
    from kummell_ai.evaluation import summary

    check_tables(folder, {**columns(), "evaluation.csv": summary.FIRST_COLUMNS})
    check_drawn([folder / "report.html"])
    check_replaced([folder / "summary.json"], SCHEMA.removesuffix("1"))
    check_text(folder / "evaluation.json", (_SHORT_BEGINS,))


def write_truth(folder: Path, source: Path, films: Sequence[AnnotatedFilm]) -> Path:
    """Write the annotations as they were read, their file names relative to ``folder``; returns the file.

    Args:
        folder: for the file.
        source: file or folder of the set that the films are of.
        films: all films of it.

    Raises:
        UsageError: a file of another kind would be replaced.
    """
    from kummell_ai.annotations import films_folder, write_coco
    from kummell_ai.annotations.source import relative_name

    path, base = folder / TRUTH, films_folder(source)
    check_text(path, (_TRUTH_BEGINS,))
    folder.mkdir(parents=True, exist_ok=True)
    write_coco(path, [replace(f, file_name=relative_name(base / f.file_name, folder)) for f in films])
    return path


def write(folder: Path, source: Path, result: Evaluation, facts: Mapping[str, Any], *, seed: int) -> None:
    """Write everything but truth.json.

    Args:
        folder: for the files.
        source: file or folder of the set that the films are of.
        result: film by film.
        facts: of the run, as in evaluation.json.
        seed: of the bootstrap.
    """
    from kummell_ai.annotations import films_folder
    from kummell_ai.evaluation import tables
    from kummell_ai.evaluation.study import study_of

    write_atomic(folder / "evaluation.json", json_text(facts))
    _table(folder / "evaluation.csv", list(dict.fromkeys(name for row in result.rows for name in row)), result.rows)
    study = study_of(result.films, result.together, seed=seed)
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
    write_atomic(folder / "report.html", _page(films_folder(source), result, study, facts))


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

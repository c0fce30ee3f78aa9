"""The files of a cohort."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kummell_ai.cli import console
from kummell_ai.cli.cohort_patients import MeasuredPatient
from kummell_ai.cli.earlier import check_drawn, check_text
from kummell_ai.cli.files import REPORT_JSON, check_packed, check_replaced, patient_folders, write_atomic
from kummell_ai.cli.outputs import json_text
from kummell_ai.cohort.study import CohortStudy
from kummell_ai.measurement.serialise import to_json
from kummell_ai.reporting.cohort_gallery import FIGURE_KINDS, figures
from kummell_ai.reporting.cohort_page import methods, write_cohort_page
from kummell_ai.reporting.cohort_tables import COLUMNS, tables
from kummell_ai.reporting.cohort_words import LANGUAGES, words
from kummell_ai.reporting.page import write_page
from kummell_ai.reporting.parquet import ABSENT, to_parquet
from kummell_ai.reporting.rasterise import to_png
from kummell_ai.reporting.table import to_csv

METHODS_BEGIN = tuple(
    beginning
    for w in map(words, LANGUAGES)
    for beginning in (w["simulated_method"], w["method_text"].partition("{")[0])
)
"""How the methods paragraph begins, in each language."""


def check_pages(folder: Path) -> None:
    """The page, methods, figures and Parquet tables that stand in ``folder`` are this program's own.

    Raises:
        UsageError: a person's own would be replaced.
    """
    check_drawn([folder / "report.html"])
    check_text(folder / "methods.txt", METHODS_BEGIN)
    check_packed({folder / f"{name}.parquet": columns for name, columns in COLUMNS.items()})
    drawn = (path for kind in FIGURE_KINDS for path in (folder / "figures").glob(f"{kind}_*"))
    check_drawn(sorted(path for path in drawn if path.suffix in (".svg", ".png")))


def check_patients(folder: Path, patients: Iterable[str]) -> None:
    """The pages and JSON files in the folders of the patients are this program's own.

    Raises:
        UsageError: a person's own would be replaced.
    """
    for name in patient_folders(patients).values():
        check_drawn(sorted((folder / name).glob("report*.html")))
        check_replaced(sorted((folder / name).glob("report*.json")), REPORT_JSON)


def write_patient(folder: Path, name: str, patient: MeasuredPatient, language: str) -> list[tuple[str, str]]:
    """A page and a JSON file for each injured level in ``folder``/``name``; returns level and path from ``folder``."""
    reports = (patient.report, *patient.others)
    stems = {r.index_level: "report" if r is patient.report else f"report-{r.index_level}" for r in reports}
    pages = {level: f"{stem}.html" for level, stem in stems.items()}
    links = []
    for report in reports:
        level = report.index_level
        write_atomic(folder / name / f"{stems[level]}.json", json_text(to_json(report)))
        write_atomic(folder / name / pages[level], write_page(report, patient.films, language, pages))
        links.append((str(level), f"{name}/{pages[level]}"))
    return links


def write_study(folder: Path, study: CohortStudy, language: str, links: dict[str, list[tuple[str, str]]]) -> None:
    """report.html, the tables, the methods paragraph and the figures."""
    write_atomic(folder / "report.html", write_cohort_page(study, language, links))
    packed: bytes | None = None
    for name, (columns, rows) in tables(study).items():
        write_atomic(folder / f"{name}.csv", to_csv(columns, rows))
        packed = to_parquet(columns, rows)
        if packed is not None:
            write_atomic(folder / f"{name}.parquet", packed)
    if packed is None:
        console.say(ABSENT)
    write_atomic(folder / "methods.txt", methods(study, words(language)) + "\n")
    english = figures(study, "en")  # stands in for a PNG whose letters no font at hand has
    for name, drawing in figures(study, language).items():
        write_atomic(folder / "figures" / f"{name}.svg", drawing)
        picture = to_png(drawing) or to_png(english[name])
        if picture is not None:
            write_atomic(folder / "figures" / f"{name}.png", picture)

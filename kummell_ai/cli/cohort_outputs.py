"""The files of a cohort."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

from kummell_ai.cli import console
from kummell_ai.cli.cohort_patients import MeasuredPatient
from kummell_ai.cli.earlier import check_drawn, check_text, is_drawn, say_lost_rows
from kummell_ai.cli.files import (
    REPORT_JSON,
    check_packed,
    check_replaced,
    is_result,
    patient_folders,
    results_in,
    write_atomic,
)
from kummell_ai.cli.outputs import json_text
from kummell_ai.cohort.pseudonym import is_film_of, is_pseudonym
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

OF_STUDY = ("report.html", "methods.txt", *(f"{name}.{kind}" for name in COLUMNS for kind in ("csv", "parquet")))
"""Files of a study beside its figures and its patients' folders."""

FOLDER = "patient-"
"""How the folder of a patient begins."""


def check_pages(folder: Path) -> None:
    """The page, methods, figures and Parquet tables that stand in ``folder`` are this program's own.

    Raises:
        UsageError: a person's own would be replaced.
    """
    check_drawn([folder / "report.html"])
    check_text(folder / "methods.txt", METHODS_BEGIN)
    check_packed({folder / f"{name}.parquet": columns for name, columns in COLUMNS.items()})
    check_drawn(sorted(_figures(folder)))


def _figures(folder: Path) -> set[Path]:
    """The pictures in ``folder`` that are called as the figures of a cohort are."""
    return results_in(folder / "figures", (f"{kind}_*.{ending}" for kind in FIGURE_KINDS for ending in ("svg", "png")))


def earlier_results(folder: Path) -> set[Path]:
    """All that an earlier cohort left in ``folder``, of whatever measures and patients.

    What is called as the files of a study are has been found to be this program's own before.
    """
    pages = {path for path in results_in(folder, (f"{FOLDER}*/report*.html",)) if is_drawn(path)}
    reports = {path for path in results_in(folder, (f"{FOLDER}*/report*.json",)) if is_result(path, REPORT_JSON)}
    return results_in(folder, OF_STUDY) | _figures(folder) | pages | reports


def may_name_patients(folder: Path, earlier: Collection[Path]) -> bool:
    """Whether ``earlier`` results in ``folder`` may name patients: those that are not known to be de-identified."""
    of_study = {path for path in earlier if path.parent in (folder, folder / "figures")}
    names = {path.parent.name.removeprefix(FOLDER) for path in earlier if path not in of_study}
    return not all(map(is_pseudonym, names)) or (bool(of_study) and not _is_deidentified(folder / "values.csv"))


def _is_deidentified(table: Path) -> bool:
    """Whether a table of values names no patient and no film but by pseudonyms; False where it has no row of a film."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = [(row["patient_id"] or "", row["source"] or "", row["level"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, csv.Error):
        return False
    films = [(patient, source) for patient, source, level in rows if level]  # a score has no level
    are_hidden = all(is_pseudonym(patient) for patient, *_ in rows)
    return bool(films) and are_hidden and all(is_film_of(source, patient) for patient, source in films)


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


def write_study(
    folder: Path, study: CohortStudy, language: str, links: dict[str, list[tuple[str, str]]], problems: console.Problems
) -> set[Path]:
    """report.html, the tables, the methods paragraph and the figures; patients whose values go are said."""
    written = {write_atomic(folder / "report.html", write_cohort_page(study, language, links))}
    written |= _write_tables(folder, study, problems)
    written.add(write_atomic(folder / "methods.txt", methods(study, words(language)) + "\n"))
    english = figures(study, "en")  # stands in for a PNG whose letters no font at hand has
    for name, drawing in figures(study, language).items():
        written.add(write_atomic(folder / "figures" / f"{name}.svg", drawing))
        picture = to_png(drawing) or to_png(english[name])
        if picture is not None:
            written.add(write_atomic(folder / "figures" / f"{name}.png", picture))
    return written


def _write_tables(folder: Path, study: CohortStudy, problems: console.Problems) -> set[Path]:
    written: set[Path] = set()
    packed: bytes | None = None
    for name, (columns, rows) in tables(study).items():
        if name == "values":
            kept = [str(row["patient_id"]) for row in rows]
            say_lost_rows(folder / "values.csv", "patient_id", "patient_id", kept, problems)
        written.add(write_atomic(folder / f"{name}.csv", to_csv(columns, rows)))
        packed = to_parquet(columns, rows)
        if packed is not None:
            written.add(write_atomic(folder / f"{name}.parquet", packed))
    if packed is None:
        console.say(ABSENT)
    return written

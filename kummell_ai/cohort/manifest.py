"""The manifest of a cohort: which film is whose, and what is known beforehand."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.cohort.scores import PHASE_WORDS
from kummell_ai.cohort.spreadsheet import Row, parse_number, read_spreadsheet
from kummell_ai.errors import InputError


@dataclass(frozen=True, slots=True)
class ManifestFilm:
    """One film of the manifest.

    Attributes:
        path: the film, relative paths being beside the manifest.
        place: file and row.
        patient_id: overrules that of the header; None leaves it.
        phase: overrules the order of dates; None leaves it.
        surgery_date, index_level: of the patient, when given.
        manual: readings of a person by measure, in the unit of the measure (columns ``manual_anterior_height_mm``).
    """

    path: Path
    place: str
    patient_id: str | None
    phase: Phase | None
    surgery_date: dt.date | None
    index_level: VertebralLevel | None
    manual: tuple[tuple[str, float], ...]


def read_manifest(path: Path) -> tuple[list[ManifestFilm], list[str]]:
    """Films of a manifest (columns film, patient_id, phase, surgery_date, index_level, manual_...), and problems.

    Raises:
        InputError: the file cannot be read or has no column ``film``.
    """
    sheet = read_spreadsheet(path)
    if "film" not in sheet.columns:
        raise InputError(f"{path.name}: columns are {', '.join(sheet.columns)}; a column film is needed", str(path))
    films, problems = [], list(sheet.notes)
    seen: dict[Path, str] = {}
    for row in sheet.rows:
        if "film" not in row.cells:
            problems.append(f"{row.place}: film is empty; name the film's file")
            continue
        film = path.parent / row.cells["film"]
        if film in seen:
            problems.append(f"{row.place}: {film.name} stands at {seen[film]} already; this row is not used")
            continue
        seen[film] = row.place
        films.append(_film(film, row, problems))
    return films, problems


def _film(path: Path, row: Row, problems: list[str]) -> ManifestFilm:
    cells = row.cells
    phase = PHASE_WORDS.get(cells.get("phase", "").lower())
    if "phase" in cells and phase is None:
        problems.append(f"{row.place}: phase {cells['phase']!r} is not pre, post or last; it is found from the films")
    level = date = None
    if "index_level" in cells:
        try:
            level = VertebralLevel.parse(cells["index_level"])
        except ValueError as error:
            problems.append(f"{row.place}: index_level: {error}; it is found from the films")
    if "surgery_date" in cells:
        try:
            date = dt.date.fromisoformat(cells["surgery_date"])
        except ValueError:
            fault = f"surgery_date {cells['surgery_date']!r} is no date; write YYYY-MM-DD; it is not used"
            problems.append(f"{row.place}: {fault}")
    manual = []
    for measure in FILM_MEASURES:
        text = cells.get(f"manual_{measure.column}")
        value = parse_number(text) if text else None
        if text and value is None:
            problems.append(f"{row.place}: manual_{measure.column} is {text!r}, not a number; the reading is left out")
        manual += [(measure.key, value)] if value is not None else []
    return ManifestFilm(path, row.place, cells.get("patient_id"), phase, date, level, tuple(manual))

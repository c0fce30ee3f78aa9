"""The manifest of a cohort: which film is whose, and what is known beforehand."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.scores import EXPECTED_PHASES, MISSING_WORDS, PHASE_WORDS
from kummell_ai.cohort.spreadsheet import Row, parse_number, read_spreadsheet, unknown_columns
from kummell_ai.errors import InputError

COLUMNS = (
    *("film", "patient_id", "phase", "surgery_date", "index_level", "surgical_segment"),
    *(f"manual_{measure.column}" for measure in FILM_MEASURES),
)
"""What a manifest may tell of a film."""


@dataclass(frozen=True, slots=True)
class ManifestFilm:
    """One film of the manifest, or of a folder.

    Attributes:
        path: the film, relative paths being beside the manifest.
        place: file and row, or the film's path in the folder.
        patient_id: overrules that of the header; None leaves it.
        phase: overrules the order of dates; None leaves it.
        surgery_date: of the patient, when given.
        index_levels: the patient's injured vertebrae, the one that counts first; empty when none is given.
        manual: readings of a person by measure, in the unit of the measure (columns ``manual_anterior_height_mm``).
        surgical_segment: upper and lower operated level, as given; None takes those with screws.
        is_row: whether it is of a manifest.
    """

    path: Path
    place: str
    patient_id: str | None
    phase: Phase | None
    surgery_date: dt.date | None
    index_levels: tuple[VertebralLevel, ...]
    manual: tuple[tuple[str, float], ...]
    surgical_segment: tuple[VertebralLevel, VertebralLevel] | None = None
    is_row: bool = True


def read_manifest(path: Path, shown: Callable[[str], str] = str) -> tuple[list[ManifestFilm], list[Problem]]:
    """Films of a manifest and problems; the columns stand in docs/cohort.md.

    Args:
        path: of the manifest.
        shown: how the lines name a patient, such as by a pseudonym.

    Raises:
        InputError: the file cannot be read or has no column ``film``.
    """
    sheet = read_spreadsheet(path)
    if "film" not in sheet.columns:
        raise InputError(f"{path.name}: columns are {', '.join(sheet.columns)}; a column film is needed", str(path))
    films, problems = [], list(sheet.notes)
    unknown = [column for column in sheet.columns if column and column not in COLUMNS]
    if unknown:
        problems.append(unknown_columns(path, unknown))
    seen: dict[Path, Row] = {}
    for row in sheet.rows:
        if "film" not in row.cells:
            problems.append(Problem(Fault.INCOMPLETE_ROW, row.place, "film is empty; name the film's file"))
            continue
        film = path.parent / row.cells["film"]
        if film in seen:
            problems.append(Problem(Fault.COPY, row.place, _twice(film.name, seen[film], row, shown)))
            continue
        seen[film] = row
        films.append(_film(film, row, problems))
    return films, problems


def _twice(name: str, first: Row, row: Row, shown: Callable[[str], str]) -> str:
    """What is said of a film of two rows; those of two patients are named, as one of them has a film of the other."""
    one, other = first.cells.get("patient_id"), row.cells.get("patient_id")
    if one is None or other is None or one == other:
        return f"{name} stands at {first.place} already; this row is not used: name each film once"
    text = f"{name} {given_to_two(shown(one), shown(other))}"
    return f"{text}; {first.place} counts: correct one of the rows"


def given_to_two(one: str, other: str) -> str:
    """The same words for a film in two rows and for a copy of one.

    >>> given_to_two("P1", "P2")
    'is given to two patients, P1 and P2'
    """
    return f"is given to two patients, {one} and {other}"


def _film(path: Path, row: Row, problems: list[Problem]) -> ManifestFilm:
    cells = row.cells
    phase = PHASE_WORDS.get(cells.get("phase", "").lower())
    if "phase" in cells and phase is None:
        text = f"phase {cells['phase']!r} is not {EXPECTED_PHASES}; it is found from the films: correct it"
        problems.append(Problem(Fault.UNKNOWN_PHASE, row.place, text))
    date = None
    if "surgery_date" in cells:
        try:
            date = parse_day(cells["surgery_date"])
        except ValueError:
            text = f"surgery_date {cells['surgery_date']!r} is no date; it is not used: write YYYY-MM-DD"
            problems.append(Problem(Fault.BAD_DATE, row.place, text))
    manual = _manual(row, problems)
    levels = _levels(row, "index_level", "the level is found from the films", problems)
    segment = _segment(row, problems)
    return ManifestFilm(path, row.place, cells.get("patient_id"), phase, date, levels, manual, segment)


def parse_day(text: str) -> dt.date:
    """A day written as YYYY-MM-DD on which there was an X-ray film to plan by; one before 1895 is a slip.

    Raises:
        ValueError: it is none.

    >>> parse_day("2024-03-07")
    datetime.date(2024, 3, 7)
    """
    day = dt.date.fromisoformat(text)
    if day.year < 1895:
        raise ValueError(f"{text!r} is before the first X-ray film")
    return day


def _manual(row: Row, problems: list[Problem]) -> tuple[tuple[str, float], ...]:
    """A person's readings of a film by measure, those that can be."""
    found = []
    for measure in FILM_MEASURES:
        column = f"manual_{measure.column}"
        text = row.cells.get(column, "")
        if not text or text.lower() in MISSING_WORDS:
            continue
        value = parse_number(text)
        if value is None:
            fault = f"{column} is {text!r}, not a number; the reading is left out: correct it"
            problems.append(Problem(Fault.BAD_NUMBER, row.place, fault))
        elif not measure.may_be(value):
            fault = f"{column} is {text!r}; expected {measure.expected}; the reading is left out: correct it"
            problems.append(Problem(Fault.OUT_OF_RANGE, row.place, fault))
        else:
            found.append((measure.key, value))
    return tuple(found)


def _levels(row: Row, column: str, outcome: str, problems: list[Problem]) -> tuple[VertebralLevel, ...]:
    """The levels of a cell, such as ``L1``, ``L1 T8`` or ``T12-L2``; none when one of them is not known."""
    levels = []
    for name in re.split(r"[\s,;/+–-]+", row.cells.get(column, "").strip()):
        try:
            levels += [VertebralLevel.parse(name)] if name else []
        except ValueError as error:
            problems.append(Problem(Fault.UNKNOWN_LEVEL, row.place, f"{column}: {error}; {outcome}: correct it"))
            return ()
    if column == "index_level" and VertebralLevel.S1 in levels:
        text = f"{column}: S1 is the sacrum, an injured vertebra is T1 to L6; {outcome}: correct it"
        problems.append(Problem(Fault.UNKNOWN_LEVEL, row.place, text))
        return ()
    return tuple(dict.fromkeys(levels))


def _segment(row: Row, problems: list[Problem]) -> tuple[VertebralLevel, VertebralLevel] | None:
    """The surgical segment of a row; None when there is none, or it is not two levels from cranial to caudal."""
    text, before = row.cells.get("surgical_segment", ""), len(problems)
    levels = _levels(row, "surgical_segment", "the levels with screws are taken", problems)
    if len(levels) == 2 and levels[0] < levels[1]:
        return levels[0], levels[1]
    if text and len(problems) == before:
        fault = f"surgical_segment is {text!r}; two levels, the cranial one first, are expected, such as T12 L2"
        outcome = "the levels with screws are taken: correct it"
        problems.append(Problem(Fault.UNKNOWN_LEVEL, row.place, f"{fault}; {outcome}"))
    return None

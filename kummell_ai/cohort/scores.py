"""Clinical scores from a spreadsheet: a row a patient (``vas_pre``, ``vas_post``, ``vas_last``) or a row a visit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.measures import SCORES, Measure, Observation
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.spreadsheet import Row, Spreadsheet, parse_number, read_spreadsheet, unknown_columns
from kummell_ai.errors import InputError

PHASE_WORDS: dict[str, Phase] = {
    **dict.fromkeys(("pre", "pre-op", "preop", "before", "术前"), Phase.PRE_OP),
    **dict.fromkeys(("post", "post-op", "postop", "after", "术后"), Phase.POST_OP),
    **dict.fromkeys(("last", "follow-up", "followup", "final", "末次随访", "随访"), Phase.FOLLOW_UP),
}
EXPECTED_PHASES = "pre, post or last (or pre-op, post-op or follow-up)"
"""What messages say of `PHASE_WORDS`."""

_COSTS_VALUES = (Fault.DUPLICATE_PATIENT, Fault.INCOMPLETE_ROW, Fault.OUT_OF_RANGE, Fault.TOO_MANY_CELLS)
"""Faults of a row that leave out its scores."""

MISSING_WORDS = ("na", "n/a", "-", "–", "?", "missing", "nan")


def read_scores(path: Path) -> tuple[list[Observation], list[Problem]]:
    """Scores, and one problem for each cell or row that is not used.

    A patient (or patient and phase) that stands twice is not used at all: which row is right cannot be known.

    Raises:
        InputError: the file cannot be read, or lacks ``patient_id`` or any score.
    """
    sheet = read_spreadsheet(path)
    by_visit = "phase" in sheet.columns
    wanted = [m.key if by_visit else f"{m.key}_{p}" for m in SCORES for p in ("pre", "post", "last")]
    if "patient_id" not in sheet.columns or not set(wanted) & set(sheet.columns):
        raise InputError(
            f"{path.name}: columns are {', '.join(sheet.columns)}; patient_id and scores are needed, such as "
            "vas_pre, vas_post, vas_last, or phase, vas, odi, frankel",
            str(path),
        )
    problems = list(sheet.notes)
    unknown = [c for c in sheet.columns if c and c not in {*wanted, "patient_id", "phase"}]
    if unknown:
        problems.append(unknown_columns(path, unknown))
    keys = [_key(row, by_visit) for row in sheet.rows]
    counts = Counter(key for key in keys if key)
    found: list[Observation] = []
    for row, key in zip(sheet.rows, keys, strict=True):
        if key is None:
            text = f"patient_id {'or phase ' if by_visit else ''}is missing or unknown; the row is not used: fill it in"
            problems.append(Problem(Fault.INCOMPLETE_ROW, row.place, text))
        elif counts[key] > 1:
            text = f"patient {' '.join(key)} stands {counts[key]} times; none is used: keep one"
            problems.append(Problem(Fault.DUPLICATE_PATIENT, row.place, text))
        else:
            found += _scores_of(row, by_visit, problems)
    return found, problems


def patients_with_faults(sheet: Spreadsheet, problems: Iterable[Problem]) -> set[str]:
    """Patients whose row, or a score of it, is not used, so that it is known why they have none."""
    places = {problem.place for problem in problems if problem.fault in _COSTS_VALUES}
    rows = (*sheet.rows, *sheet.unused)
    return {row.cells["patient_id"] for row in rows if row.place in places and "patient_id" in row.cells}


def _key(row: Row, by_visit: bool) -> tuple[str, ...] | None:
    patient, phase = row.cells.get("patient_id"), row.cells.get("phase", "").lower()
    if patient is None or (by_visit and phase not in PHASE_WORDS):
        return None
    return (patient, PHASE_WORDS[phase].value) if by_visit else (patient,)


def _scores_of(row: Row, by_visit: bool, problems: list[Problem]) -> list[Observation]:
    found = []
    for measure in SCORES:
        for word in (row.cells["phase"].lower(),) if by_visit else ("pre", "post", "last"):
            column = measure.key if by_visit else f"{measure.key}_{word}"
            text = row.cells.get(column, "")
            if not text or text.lower() in MISSING_WORDS:
                continue
            value = parse_score(text, measure)
            if value is None:
                fault = f"{column} is {text!r}; expected {measure.expected}; the value is left out: correct it"
                problems.append(Problem(Fault.OUT_OF_RANGE, row.place, fault))
            else:
                found.append(Observation(row.cells["patient_id"], PHASE_WORDS[word], measure.key, value, row.place))
    return found


def parse_score(text: str, measure: Measure) -> float | None:
    """The score as a number in its range, grades as their place in order; None when it is neither.

    >>> parse_score("d", SCORES[2]), parse_score("7,5", SCORES[0]), parse_score("11", SCORES[0])
    (3.0, 7.5, None)
    """
    if measure.grades:
        grade = text.strip().upper()
        return float(measure.grades.index(grade)) if grade in measure.grades else None
    value = parse_number(text)
    return value if value is not None and measure.may_be(value) else None

"""Tables as people save them: UTF-8, UTF-16, GB 18030 or Windows-1252; comma, semicolon or tab; decimal comma."""

from __future__ import annotations

import csv
import io
import math
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.errors import InputError

MAX_BYTES = 20_000_000

_LATIN = re.compile("[A-Za-zÀ-ÖØ-öø-ÿŠŽšžŒœŸ]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a spreadsheet.

    Attributes:
        place: file and row as people count them, for example ``scores.csv row 3``.
        cells: text by column name (lower case); empty cells are absent.
    """

    place: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """A table, and what had to be assumed to read it.

    Attributes:
        name: of the file.
        columns: in lower case.
        rows: those that are used.
        notes: what was assumed, and a line for each row that is not used.
        unused: rows with too many cells; which cell belongs to which column is not sure.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[Problem, ...]
    unused: tuple[Row, ...] = ()


def read_spreadsheet(path: Path) -> Spreadsheet:
    """The table of a CSV file.

    Raises:
        InputError: the file is absent, no regular file, a workbook, or has no header or no rows.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe without a writer would be waited for, a device read for ever
            raise InputError(f"{path.name or path}: is no regular file; give a CSV file", str(path))
        data = path.read_bytes() if status.st_size <= MAX_BYTES else None
    except OSError as error:
        raise InputError(f"{path.name}: {error.strerror}; give a CSV file that can be read", str(path)) from None
    if data is None or data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{path.name}: is a workbook or over 20 MB; save the sheet as CSV UTF-8", str(path))
    text, encoding = decode(data)
    text, separator = _without_separator(text)
    lines = text.splitlines()
    if len(lines) < 2:
        count = "1 row" if len(lines) == 1 else "no rows"
        raise InputError(f"{path.name}: has {count}; a header and at least 1 row beneath it are needed", str(path))
    table: list[list[str]] = []
    delimiter = separator or max(",;\t", key=lines[0].count)
    try:  # lines may end in LF, CR LF or, as old spreadsheets on the Mac write them, CR alone
        table.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        fault = f"is no table from row {len(table) + 1} on ({error})"
        remedy = "close the quotes of that row, or save the sheet as CSV UTF-8"
        raise InputError(f"{path.name}: {fault}; {remedy}", str(path)) from None
    columns = _columns(path, table[0])
    notes = _encoding_note(path.name, encoding, lines)
    # Once a number was split at its comma a blank cell more may end a shifted row, else a spreadsheet left it there.
    are_split = delimiter == "," and any(_filled(cells) > len(columns) for cells in table)
    rows, unused = [], []
    for number, cells in enumerate(table[1:], start=2):
        known = {c: v.strip() for c, v in zip(columns, cells, strict=False) if v.strip()}
        row, filled = Row(f"{path.name} row {number}", known), _filled(cells)
        if filled and (len(cells) if are_split else filled) > len(columns):
            found = f"{len(cells)} cells for {len(columns)} columns; the row is not used: check its commas"
            notes.append(Problem(Fault.TOO_MANY_CELLS, row.place, found))
            unused.append(row)
        elif known:
            rows.append(row)
    return Spreadsheet(path.name, columns, tuple(rows), (*notes, *_comma_note(rows)), tuple(unused))


def _filled(cells: Sequence[str]) -> int:
    """How many cells there are up to the last that is not blank.

    >>> _filled(["P1", "", "7", " ", ""]), _filled(["", ""])
    (3, 0)
    """
    return max((i for i, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def unknown_columns(path: Path, names: Sequence[str]) -> Problem:
    """That the columns ``names`` (at least one) of a table are not used."""
    listed = ", ".join(map(repr, names))
    many = f"columns {listed} are" if len(names) > 1 else f"column {listed} is"
    them = "their names" if len(names) > 1 else "its name"
    return Problem(Fault.UNKNOWN_COLUMN, f"{path.name} row 1", f"{many} not known and not used; check {them}")


def _without_separator(text: str) -> tuple[str, str | None]:
    r"""The text without a first line that names the separator, which Excel writes and does not show, and that one.

    >>> _without_separator("sep=;\na;b\n"), _without_separator("a,b\n")
    (('a;b\n', ';'), ('a,b\n', None))
    """
    line = re.match(r'"?sep=([^\r\n"])"?[,;\t]*(?:\r\n|\r|\n)', text, re.IGNORECASE)
    return (text[line.end() :], line[1]) if line else (text, None)


def _columns(path: Path, names: list[str]) -> tuple[str, ...]:
    """Names in lower case with underscores.

    Raises:
        InputError: two columns have one name.
    """
    columns = tuple(name.strip().lower().replace(" ", "_") for name in names)
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"{path.name}: column {', '.join(twice)} stands more than once; keep one", str(path))
    return columns


def _encoding_note(name: str, encoding: str, lines: list[str]) -> list[Problem]:
    if encoding == "UTF-8":
        return []
    first = next((i for i, line in enumerate(lines, start=1) if not line.isascii()), 1)
    text = f"the file is read as {encoding}; check the letters of this row, and save it as UTF-8 to be sure"
    return [Problem(Fault.ENCODING, f"{name} row {first}", text)]


def _comma_note(rows: list[Row]) -> list[Problem]:
    found = [(row, text) for row in rows for text in row.cells.values() if _has_decimal_comma(text)]
    if not found:
        return []
    row, text = found[0]
    count = f"{len(found)} number{'s' if len(found) > 1 else ''} with a decimal comma, {text!r} the first"
    return [
        Problem(Fault.DECIMAL_COMMA, row.place, f"{count}, read as {parse_number(text):g}; write a point to be sure")
    ]


def _has_decimal_comma(text: str) -> bool:
    return text.count(",") == 1 and parse_number(text) is not None


def decode(data: bytes) -> tuple[str, str]:
    """Text and the name of its encoding.

    Most Windows-1252 text of few accents is GB 18030 too, in which an accented letter and the one after it are one
    Chinese character; `_is_western` tells.

    >>> decode("姓名".encode("gb18030")), decode("Müller".encode("cp1252")), decode(b"a")
    (('姓名', 'GB 18030'), ('Müller', 'Windows-1252'), ('a', 'UTF-8'))
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    if len(data) > 3 and data[1::2].count(0) > len(data) // 4:  # letters of the Latin alphabet without a mark before
        return data.decode("utf-16-le", errors="replace"), "UTF-16"
    for encoding, name in (("utf-8-sig", "UTF-8"), ("gb18030", "GB 18030")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if name == "UTF-8" or not _is_western(text):
            return text, name
    return data.decode("cp1252", errors="replace"), "Windows-1252"


def _is_western(text: str) -> bool:
    """Whether a text read as GB 18030 is rather Windows-1252: half or more of what is no ASCII is of Latin words.

    >>> _is_western("M黮ler"), _is_western("B鋜"), _is_western("T12压缩性骨折"), _is_western("A型")
    (True, True, False, False)
    """
    found = [_is_of_latin_word(text, *run.span()) for run in re.finditer(r"[^\x00-\x7f]+", text)]
    return any(found) and 2 * sum(found) >= len(found)


def _is_of_latin_word(text: str, start: int, end: int) -> bool:
    """Whether what is no ASCII there reads as accented letters of a Latin word in Windows-1252.

    A Latin letter must stand beside it, and another on the far side or as the second byte of a character; capitals
    stand first or all through. Of the 3,755 Chinese characters in common use none passes: they begin with a capital
    and hold no Latin letter.
    """
    read = text[start:end].encode("gb18030").decode("cp1252", errors="replace")
    before, after = (c if re.fullmatch("[A-Za-z]", c) else "" for c in (text[start - 1 : start], text[end : end + 1]))
    word, swallowed = before + read + after, re.sub("[^A-Za-z]", "", read)
    if not (before or after) or len(before + after + swallowed) < 2 or not _LATIN.fullmatch(word):
        return False
    return word[1:].islower() or (bool(swallowed) and word.isupper())


def parse_number(text: str) -> float | None:
    """A finite number with a decimal point or comma; None for anything else.

    >>> parse_number("7,5"), parse_number("7.5"), parse_number("1,234.5"), parse_number("nan"), parse_number("7_5")
    (7.5, 7.5, None, None, None)
    """
    if "_" in text:  # which Python allows between digits, and no spreadsheet
        return None
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

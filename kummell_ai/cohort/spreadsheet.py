"""Tables as people save them: UTF-8, UTF-16, GB 18030 or Windows-1252; comma, semicolon or tab; decimal comma."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from kummell_ai.errors import InputError

MAX_BYTES = 20_000_000


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
    """A table, and what had to be assumed to read it."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_spreadsheet(path: Path) -> Spreadsheet:
    """The table of a CSV file.

    Raises:
        InputError: the file is absent, is a workbook, or has no header or no rows.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise InputError(f"{path.name}: {error.strerror}; give a CSV file that can be read", str(path)) from None
    if data is None or data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{path.name}: is a workbook or over 20 MB; save the sheet as CSV UTF-8", str(path))
    text, encoding = decode(data)
    lines = text.splitlines()
    if len(lines) < 2:
        raise InputError(f"{path.name}: has {len(lines)} rows; a header and at least 1 row are needed", str(path))
    mark = max(",;\t", key=lines[0].count)
    notes = [] if encoding == "UTF-8" else [f"{path.name}: read as {encoding}; save it as UTF-8 to be sure"]
    table = list(csv.reader(io.StringIO(text), delimiter=mark))
    columns = tuple(name.strip().lower().replace(" ", "_") for name in table[0])
    rows = []
    for number, cells in enumerate(table[1:], start=2):
        known = {c: v.strip() for c, v in zip(columns, cells, strict=False) if v.strip()}
        if len(cells) > len(columns):
            notes.append(f"{path.name} row {number}: {len(cells)} cells for {len(columns)} columns; check the commas")
        if known:
            rows.append(Row(f"{path.name} row {number}", known))
    return Spreadsheet(path.name, columns, tuple(rows), tuple(notes))


def decode(data: bytes) -> tuple[str, str]:
    """Text and the name of its encoding.

    >>> decode("姓名".encode("gb18030")), decode(b"a")
    (('姓名', 'GB 18030'), ('a', 'UTF-8'))
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    for encoding, name in (("utf-8-sig", "UTF-8"), ("gb18030", "GB 18030")):
        try:
            return data.decode(encoding), name
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", errors="replace"), "Windows-1252"


def parse_number(text: str) -> float | None:
    """A finite number with a decimal point or comma; None for anything else.

    >>> parse_number("7,5"), parse_number("7.5"), parse_number("1,234.5"), parse_number("nan")
    (7.5, 7.5, None, None)
    """
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

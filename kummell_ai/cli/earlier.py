"""What stands where results will be written: a person's pages and pictures stay, another film's results are told."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kummell_ai.cli.console import Problems, first_of
from kummell_ai.cli.files import head
from kummell_ai.errors import UsageError
from kummell_ai.reporting.mark import HEAD_BYTES, is_marked

if TYPE_CHECKING:
    from kummell_ai.imaging.radiograph import ImageReference


def is_drawn(path: Path) -> bool:
    """Whether a page or picture is this program's own."""
    return is_marked(head(path, HEAD_BYTES))


def check_drawn(paths: Iterable[Path]) -> None:
    """The pages and pictures that stand where such will be written are this program's own.

    Raises:
        UsageError: one is not, such as a person's drawing on the film, and would be replaced.
    """
    for path in paths:
        if path.exists() and not is_drawn(path):
            raise _would_be_replaced(path, "is not marked as drawn by this program")


def check_text(path: Path, beginnings: Sequence[str]) -> None:
    """The text that stands at ``path`` begins as one of this program does.

    Raises:
        UsageError: it does not, as a person's own text, and would be replaced.
    """
    if path.exists() and not head(path, HEAD_BYTES).decode("utf-8", "replace").startswith(tuple(beginnings)):
        raise _would_be_replaced(path, "is no text of this program")


def _would_be_replaced(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} {why} and would be replaced; move it, or give another folder to --out", str(path))


def holds_other_film(path: Path, reference: ImageReference) -> bool:
    """Whether the JSON of a film at ``path``, if there is one, is of other bytes or of another frame."""
    try:
        film = json.loads(path.read_bytes())["film"]
        sha256, frame = film["sha256"], film["frame_number"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
    return sha256 is not None and (sha256, frame) != (reference.sha256, reference.frame_number)


def say_replaced(folder: Path, stem: str, reference: ImageReference, problems: Problems) -> None:
    """Say that the results of another film of the same name are about to be replaced."""
    if holds_other_film(folder / f"{stem}.json", reference):
        text = f"the results of another film, written as {stem}.*, are replaced: give each set of films its own --out"
        problems.warn(reference.name, text)


def say_lost_rows(path: Path, key: str, shown: str, kept: Iterable[str | None], problems: Problems) -> None:
    """Say which rows a table is about to lose, as it is written anew.

    Args:
        path: of the table, which need not be there.
        key: column that tells whose a row is.
        shown: column that names it for a reader.
        kept: its values in the new table.
        problems: collects what is said.
    """
    new = {_plain(value) for value in kept if value}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row.get(key), row.get(shown)) for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error):
        return
    lost = list(dict.fromkeys(_plain(name or "") for value, name in rows if value and _plain(value) not in new))
    if lost:
        text = f"rows of {first_of(lost, most=3)} of an earlier run go, as the table holds this run only"
        problems.warn(str(path), text)


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it."""
    return " ".join(cell.split()).removeprefix("'")

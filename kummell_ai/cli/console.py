"""Everything a command says: results on stdout, problems and progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kummell_ai.imaging.names import printable

Item = TypeVar("Item")

MOST_NAMES = 10
"""Names in a line about several inputs; each of them stands in the lists."""


@dataclass(slots=True)
class Problems:
    """The lines about inputs that failed, said at once and kept for the summary.

    Attributes:
        failed: one line for each input that could not be used.
        warnings: one line for each input that was used with a limit.
        quiet: whether the lines are kept without being said.
    """

    quiet: bool = False
    failed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fail(self, name: str, message: str) -> None:
        """An input that is not used."""
        self._add(self.failed, name, message)

    def warn(self, name: str, message: str) -> None:
        """An input that is used, with less than it could give."""
        self._add(self.warnings, name, message)

    def fail_alike(self, messages: Mapping[str, str], of_all: str) -> None:
        """Films that are not used for one reason, by name: each is kept, and of several ``of_all`` is said once."""
        self._add_alike(self.failed, messages, of_all)

    def warn_alike(self, names: Sequence[str], message: str) -> None:
        """Films that are used with one limit: each is kept, several are said in one line."""
        self._add_alike(self.warnings, dict.fromkeys(names, message), message)

    def _add_alike(self, lines: list[str], messages: Mapping[str, str], of_all: str) -> None:
        new = [one_line(name, message) for name, message in messages.items()]
        lines += new
        if new and not self.quiet:
            say(new[0] if len(new) == 1 else one_line(f"{len(new)} films", f"{of_all} ({first_of(list(messages))})"))

    def _add(self, lines: list[str], name: str, message: str) -> None:
        lines.append(one_line(name, message))
        if not self.quiet:
            say(lines[-1])


def first_of(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first of many names, for a line about all of them.

    >>> first_of(["a", "b"]), first_of(["a", "b", "c"], most=1)
    ('a, b', 'a and 2 more')
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def one_line(name: str, message: str) -> str:
    """``name: message`` on one line without control characters; the name is not said twice.

    >>> one_line("a.dcm", "a.dcm: truncated; export it again")
    'a.dcm: truncated; export it again'
    >>> one_line("x/a.dcm", "a.dcm shows 0 vertebrae")
    'x/a.dcm: shows 0 vertebrae'
    """
    name, message = " ".join(printable(name).split()), " ".join(printable(message).split())
    for said in (name, name.rpartition("/")[2]):
        if message.startswith((f"{said}: ", f"{said} ")):
            return f"{name}: {message[len(said) :].removeprefix(':').strip()}"
    return f"{name}: {message}"


def say(line: str) -> None:
    """One line on stderr."""
    print(printable(line), file=sys.stderr, flush=True)


def tell(line: str = "") -> None:
    """One line on stdout."""
    print(printable(line))


def tell_json(result: dict[str, Any]) -> None:
    r"""The machine-readable result on stdout.

    Where stdout is not UTF-8 all but ASCII is escaped as JSON does it: what the stream makes of a character that it
    lacks (``\xe9``) is no JSON.
    """
    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("_", "-") in ("utf-8", "utf8")
    print(json.dumps(result, indent=2, ensure_ascii=not is_utf8, allow_nan=False))


def tell_table(table: object) -> None:
    """A rich table on stdout, at least 100 columns wide where the output is no terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    console.print(table)


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yield ``items`` behind a progress bar on stderr."""
    with counter(label, total) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def counter(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, silent where stderr is no terminal; the value advances it by a number of steps."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    off, beside = not console.is_terminal, sys.stdout.isatty()  # results on the same screen stand above the bar
    with Progress(*columns, console=console, disable=off, transient=True, redirect_stdout=beside) as progress:
        task = progress.add_task(label, total=total)
        yield lambda steps: progress.advance(task, steps)

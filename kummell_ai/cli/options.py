"""Options that several commands share, and the parsers of their values."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
from pathlib import Path
from typing import Any, NoReturn

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.cli import exits
from kummell_ai.imaging.names import printable


class Parser(argparse.ArgumentParser):
    """An argument parser whose wrong use ends with `exits.WRONG_USE` and one line of remedy."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is."""
        self.exit(exits.WRONG_USE, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


def level(text: str) -> VertebralLevel:
    """A vertebral level from its name."""
    try:
        return VertebralLevel.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def injured_level(text: str) -> VertebralLevel:
    """The level of an injured vertebra, from its name."""
    found = level(text)
    if found is VertebralLevel.S1:
        raise argparse.ArgumentTypeError("S1 is the sacrum; an injured vertebra has heights: give T1 to L6")
    return found


def levels(text: str) -> tuple[VertebralLevel, ...]:
    """One or several injured levels with commas between, each once."""
    return tuple(dict.fromkeys(injured_level(name) for name in text.split(",")))


def phases(text: str) -> tuple[Phase, ...]:
    """Phases with commas between, in the words of a manifest."""
    from kummell_ai.cohort.scores import EXPECTED_PHASES, PHASE_WORDS

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name.lower() not in PHASE_WORDS:
            raise argparse.ArgumentTypeError(f"{name!r} is no phase; write {EXPECTED_PHASES}, with commas between")
    return tuple(PHASE_WORDS[name.lower()] for name in names)


class Levels(argparse.Action):
    """The first level to ``index_level``, all others to ``further_levels``."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: Any, option_string: object = None
    ) -> None:
        """Store them."""
        namespace.index_level, namespace.further_levels = values[0], values[1:]


class Segment(argparse.Action):
    """Upper and lower level of a surgical segment."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: object = None
    ) -> None:
        """Store them in the order that is asked for."""
        upper, lower = values
        if not upper < lower:
            parser.error(f"argument {option_string}: {upper} {lower}; give the cranial level first, such as T12 L2")
        setattr(namespace, self.dest, (upper, lower))


def day(text: str) -> dt.date:
    """A date as YYYY-MM-DD."""
    from kummell_ai.cohort.manifest import parse_day

    try:
        return parse_day(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD, for example 2024-03-07") from None


def millimetres(text: str) -> float:
    """A pixel size (mm), above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no pixel size; give millimetres above 0, for example 0.143")
    return value


def positive(text: str) -> int:
    """A whole number of 1 or more, of at most nine digits."""
    value = _whole(text, 9)
    if value is None or value < 1:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a whole number of 1 or more, of at most 9 digits")
    return value


def seed(text: str) -> int:
    """A whole number of 0 or more, of at most 15 digits: it stands in file names, and exactly in tables and JSON."""
    value = _whole(text, 15)
    if value is None:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is no seed; use a whole number of 0 or more, of at most 15 digits"
        )
    return value


def _whole(text: str, digits: int) -> int | None:
    """The number in ``text``; None where that is anything but digits, or has more than ``digits``."""
    return int(text) if text.isdecimal() and len(text) <= digits else None


def path_of_input(text: str) -> Path:
    """A path; an empty text, as an unset shell variable gives it, would mean the working folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path; name a file or a folder")
    return Path(text)


def add_inputs(parser: argparse.ArgumentParser, *, several_levels: bool = False) -> None:
    """Films, output folder and what is common to measure and series; ``--index-level`` may take several levels."""
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", type=path_of_input, help="film or folder (DICOM, PNG, JPEG, TIFF)"
    )
    parser.add_argument("--out", required=True, type=path_of_input, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--spacing",
        nargs=2,
        type=millimetres,
        metavar=("ROW", "COLUMN"),
        help="pixel size in mm, for films that have none; overrules the file's",
    )
    parser.add_argument("--frame", type=positive, metavar="N", help="frame of a multi-frame file, from 1")
    add_model(parser)
    if several_levels:
        text = "injured vertebra, for example L1; several as L1,T8, of which the first is compared in the tables"
        parser.add_argument("--index-level", type=levels, action=Levels, metavar="LEVEL[,LEVEL...]", help=text)
        parser.set_defaults(further_levels=())
    else:
        parser.add_argument(
            "--index-level", type=injured_level, metavar="LEVEL", help="injured vertebra, for example L1"
        )
    add_json(parser)
    add_dry_run(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model``, ``--precision`` and ``--device``: which network, and how and where it computes."""
    parser.add_argument("--model", type=path_of_input, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="auto: bfloat16 where the processor has it; float32: all but the same on any, in over twice the time",
    )
    parser.add_argument(
        "--device", default="cpu", metavar="NAME", help="where the network runs, such as cuda (default: cpu)"
    )


MOST_PROCESSES = 8
"""Of `useful_processes`: each takes about a GB of memory."""


def add_workers(parser: argparse.ArgumentParser) -> None:
    """``--workers`` and ``--fast``: in how many processes films are read and looked at."""
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument(
        "--workers",
        type=positive,
        default="1",  # as text: argparse takes a value that is the default itself for one not given beside --fast
        metavar="N",
        help="processes, one a processor core, for archives (default: 1)",
    )
    how_many.add_argument(
        "--fast",
        dest="workers",
        action="store_const",
        const=useful_processes(),
        help=f"as many processes as there are processor cores, at most {MOST_PROCESSES}: the same numbers, sooner",
    )


def useful_processes() -> int:
    """Processes that look at films side by side: one a processor core, at most `MOST_PROCESSES`."""
    return min(cores(), MOST_PROCESSES)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``: the result for machines."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """``--dry-run``: check and say, write nothing."""
    parser.add_argument(
        "--dry-run", action="store_true", help="check the inputs, say what would be done, write nothing"
    )


def add_shapes(parser: argparse.ArgumentParser) -> None:
    """``--shapes``: whether the films of a patient are measured together or each by itself."""
    parser.add_argument(
        "--shapes",
        choices=("shared", "apart"),
        default="shared",
        help="intact vertebrae have one shape on all films of a patient, or each film its own (default: shared)",
    )


def add_language(parser: argparse.ArgumentParser, what: str) -> None:
    """``--lang``: English or Simplified Chinese."""
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help=f"language {what} (default: en)")

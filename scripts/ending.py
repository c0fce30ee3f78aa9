"""How the scripts end: with one line where a path, a key or a model is wrong, and without a traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from kummell_ai.cli import exits
from kummell_ai.cli.files import check_out
from kummell_ai.errors import KummellError, UsageError


def end(main: Callable[[], int | None]) -> NoReturn:
    """Run ``main`` and leave with its code; wrong use is one line and code 1."""
    try:
        code = main()
    except SystemExit as stop:  # by argparse, whose code for wrong use is the program's for inputs that failed
        sys.exit(exits.WRONG_USE if stop.code == 2 else stop.code)
    except KummellError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'a file'}: {error.strerror or error}; give another path")
    except KeyboardInterrupt:
        print("interrupted; files already written are whole", file=sys.stderr)
        sys.exit(exits.INTERRUPTED)
    sys.exit(code or 0)


def not_negative(text: str) -> int:
    """A whole number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def check_folders(out: Path, validation: Path | None = None) -> None:
    """Whether both can be folders to write into, and are two.

    Raises:
        UsageError: they are not.
    """
    check_out(out)
    if validation is None:
        return
    if validation.resolve() == out.resolve():
        raise UsageError("--validation and --out are one folder; held-out patients need another", str(out))
    try:
        check_out(validation)
    except UsageError as error:
        raise UsageError(str(error).replace("--out", "--validation", 1), error.value) from None


def say_split(kind: str, made: int, held: int | None, share: float) -> None:
    """Say when a split by patient left one side empty; ``held`` is None where none was asked for."""
    if held == 0 and made:
        print(f"no patient was held out at --share {share:g}; raise it to get {kind} for validation", file=sys.stderr)
    elif held and not made:
        print(f"every patient was held out at --share {share:g}; lower it to get {kind} to train on", file=sys.stderr)

"""Entry point of ``kummell-ai``."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType

from kummell_ai import __version__
from kummell_ai.cli import cohort, console, evaluate, exits, fit, info, measure, options, series, synthesize, train
from kummell_ai.errors import KummellError

COMMANDS = (measure, series, cohort, synthesize, train, fit, evaluate, info)
BROKEN_PIPE = 141
"""Nobody reads the output any more, as behind ``| head``; the films that follow are not measured."""


def build_parser() -> options.Parser:
    """The parser of all commands."""
    parser = options.Parser(
        prog="kummell-ai",
        description="From lateral X-ray films of the spine to vertebral corners, heights and angles, "
        "and to a patient's correction report. Research use, not a medical device.",
        epilog="exit codes: 0 all done, 1 wrong use, 2 some inputs failed, 3 none usable",
    )
    parser.add_argument("--version", action="version", version=f"kummell-ai {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=options.Parser)
    for command in COMMANDS:
        command.add_parser(commands)
    for own in commands.choices.values():
        own.set_defaults(prog=own.prog)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_closed()
    _spell_out()
    try:
        parser = build_parser()
        args, unknown = parser.parse_known_args(argv)
        if unknown:
            parser.prog = args.prog  # its help has the options that are known
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        trains = args.run in (train.run, fit.run)  # where Lightning answers signals itself
        with nullcontext() if trains else _ending_in_order():
            code: int = args.run(args)
        sys.stdout.flush()
    except SystemExit as stop:
        return int(stop.code or 0)
    except KummellError as error:
        console.say(f"kummell-ai: {error}")
        return exits.WRONG_USE
    except MemoryError:
        text = "takes more memory than there is; close other programs, or give fewer films or --workers"
        console.say(f"kummell-ai: the run {text}; files already written are whole")
        return exits.WRONG_USE
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:
        console.say(f"kummell-ai: {error.filename or 'a file'}: {error.strerror}; check the disk and its rights")
        return exits.WRONG_USE
    except _TerminatedError:
        console.say("kummell-ai: ended by a signal (SIGTERM); files already written are whole")
        return exits.TERMINATED
    except KeyboardInterrupt:
        console.say("kummell-ai: interrupted; files already written are whole")
        return exits.INTERRUPTED
    return code


class _TerminatedError(KeyboardInterrupt):
    """The program was asked to end; whatever puts things in order after an interrupt does so after this, too."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """SIGTERM ends what runs meanwhile as an interrupt does: workers are ended, half-written files removed.

    Further ones are ignored until that is done, as `timeout` sends two. Who has a handler of their own keeps it.
    """
    is_free = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not is_free or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise _TerminatedError


def _open_closed() -> None:
    """Let what is written to an output that was closed, as with ``>&-``, go nowhere, and into no file opened later."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _spell_out() -> None:
    """Let a terminal or file that lacks a character get it spelled out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Let what is still to be written to a closed pipe go nowhere, so that the end of the program does not fail."""
    with suppress(OSError, ValueError):  # an output that is no file has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

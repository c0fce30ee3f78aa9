"""What native libraries write to the standard error stream, past Python, while they decode."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

Result = TypeVar("Result")

_STDERR = 2
_LOCK = threading.Lock()


def with_library_text(decode: Callable[[], Result], pattern: re.Pattern[str]) -> tuple[Result | None, list[str]]:
    """The result of ``decode`` and the texts that match ``pattern`` of what was written to stderr meanwhile.

    All other text, as of other threads, goes on to stderr unchanged when the decoding is over. Where stderr is closed
    or no temporary file can be made, nothing is kept from it.

    Args:
        decode: called once; what it raises is let through where no text matches, else the result is None.
        pattern: of ASCII text; a line break behind it goes with it.
    """
    with _LOCK, ExitStack() as stack:
        try:
            store = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            aside = os.dup(_STDERR)
        except OSError:
            return decode(), []
        os.dup2(store.fileno(), _STDERR)
        result, failure = None, None
        try:
            result = decode()
        except Exception as error:
            failure = error
        finally:
            os.dup2(aside, _STDERR)
            os.close(aside)
            store.seek(0)
            found = _pass_on(store.read(), pattern)
        if failure is not None and not found:
            raise failure
        return result, found


def _pass_on(written: bytes, pattern: re.Pattern[str]) -> list[str]:
    """The texts in ``written`` that match; the rest is written to stderr."""
    asked = re.compile(b"(?:" + pattern.pattern.encode("ascii") + rb")(?:\r?\n)?")
    found = [match.group().decode("ascii", "replace").strip() for match in asked.finditer(written)]
    rest = asked.sub(b"", written)
    with suppress(OSError):  # nobody listens any more
        while rest:
            rest = rest[os.write(_STDERR, rest) :]
    return found

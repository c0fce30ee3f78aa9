"""Exit codes of every command."""

from __future__ import annotations

DONE = 0
"""Every input was used."""
WRONG_USE = 1
"""An option, argument, configuration or model is wrong, which most often is told before anything is written; or the run
could not go on, as where the disk is full, memory ran out or a worker was ended: files written before are whole."""
SOME_FAILED = 2
"""Some inputs failed, the others were used."""
NONE_USABLE = 3
"""No input could be used."""
INTERRUPTED = 130
"""Ctrl-C."""
TERMINATED = 143
"""SIGTERM, as by ``kill``, ``timeout`` or a batch system."""


def exit_code(done: int, failed: int) -> int:
    """The code for ``done`` inputs used and ``failed`` inputs not.

    >>> exit_code(3, 0), exit_code(2, 1), exit_code(0, 2)
    (0, 2, 3)
    """
    if done == 0:
        return NONE_USABLE
    return SOME_FAILED if failed else DONE

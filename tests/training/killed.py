"""A training run that kills itself, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["albumentations", "cv2", "kummell_ai.training.run", "kummell_ai.training.refine", "kummell_ai.training.module"]
)


def run_apart(second: bool, overrides: Sequence[str], kill: str = "never", after: int = 0) -> int:
    """Train in another process; its exit code, -9 when it was killed.

    Args:
        second: the refiner and not the network.
        overrides: ``key=value``.
        kill: ``step``: between the optimiser's step and the average's; ``write``: while a checkpoint is written.
        after: how many of these come through.
    """
    process = CONTEXT.Process(target=_train, args=(second, list(overrides), kill, after))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _train(second: bool, overrides: list[str], kill: str, after: int) -> None:
    import torch

    from kummell_ai.training import averaged, keeping, refine, run

    multiprocessing.set_start_method("fork", force=True)  # for workers, as in a program of its own
    torch.set_num_threads(1)
    if kill == "step":
        averaged.move_average = _killing(averaged.move_average, after)
    elif kill == "write":
        keeping.os = _Dying(after)  # type: ignore[attr-defined]
    (refine.train_refiner if second else run.train)(None, overrides)


def _killing(function, after):
    left = iter(range(after))

    def wrapped(*arguments):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)

    return wrapped


class _Dying:
    """The module ``os``, whose ``replace`` kills."""

    def __init__(self, after):
        self.replace = _killing(os.replace, after)

    def __getattr__(self, name):
        return getattr(os, name)

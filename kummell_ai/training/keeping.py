"""Checkpoints that a kill at any moment leaves whole."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import CSVLogger

from kummell_ai.errors import InputError

LAST = "last.ckpt"

NEEDED = {"state_dict", "global_step"}
"""What every checkpoint of a run holds."""

_DAMAGED = (
    *(OSError, EOFError, RuntimeError, ValueError, TypeError),
    *(LookupError, AttributeError, ImportError, pickle.UnpicklingError),
)
"""What reading bytes that are no pickle, or half of one, may raise."""


def read_whole(path: str | Path, read: Callable[[], Any], remedy: str) -> dict[str, Any]:
    """The checkpoint that ``read`` reads from ``path``.

    Raises:
        InputError: it is not there, empty, damaged or none of a run.
    """
    try:
        checkpoint = read()
    except _DAMAGED as error:
        raise InputError(f"{path}: no checkpoint of a run, or not a whole one; {remedy}", str(error)) from None
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= NEEDED:
        raise InputError(f"{path}: no checkpoint of a run; {remedy}", path)
    return checkpoint


class WholeFileIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there, so that the old one or the new one is there, whole.

    Lightning's own way passes through the folder of temporary files, from which the move is a copy when that lies on
    another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write ``checkpoint`` to ``path``."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as stream:
            torch.save(checkpoint, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, target)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read the checkpoint at ``path``.

        Raises:
            InputError: it is empty, damaged or none of a run.
        """
        remedy = "copy it again, give another folder as runs, or resume=false to begin anew"
        return read_whole(path, lambda: super(WholeFileIO, self).load_checkpoint(path, *args, **kwargs), remedy)


class Keeper(Checkpoint):
    """Keeps the last checkpoint: of the end of an epoch, and within one whenever ``minutes`` have gone by.

    It is taken between two steps, when the averaged weights have followed the trained ones.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.path = Path(folder) / LAST
        self.seconds = 60.0 * minutes
        self._saved = time.monotonic()

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Save when it is time; all processes together, although each has a clock of its own."""
        due = time.monotonic() - self._saved >= self.seconds
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save."""
        self._save(trainer)

    def _save(self, trainer: lightning.Trainer) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):  # so that a run that goes on from here has what was logged before
                logger.save()
        trainer.save_checkpoint(self.path, weights_only=False)
        self._saved = time.monotonic()

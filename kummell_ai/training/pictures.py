"""Pictures of a run in its folder: learning curves, and the looks that went worst at the last validation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning
import numpy as np

from kummell_ai.training.averaged import AveragedModule
from kummell_ai.training.curves import draw_curves, read_curves
from kummell_ai.training.gallery import draw_gallery

CURVES, WORST = "learning_curves.svg", "worst.png"


class Pictures(lightning.Callback):
    """Writes `CURVES` and `WORST` into ``folder`` after every so many epochs and at the end of a run.

    Args:
        folder: of the run.
        every: epochs; 0 = only at the end.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = Path(folder)
        self.every = every

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Draw when it is time."""
        if self.every and trainer.current_epoch % self.every == 0:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Draw."""
        self._draw(trainer, pl_module)

    def _draw(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            logger.save()
        curves = read_curves(self.folder)
        if curves:
            _write(self.folder / CURVES, draw_curves(curves).encode())
        looks = module.worst.sorted() if isinstance(module, AveragedModule) else []
        if looks:
            _write(self.folder / WORST, as_png(draw_gallery(looks)))


def as_png(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """PNG of (rows, columns, 3)."""
    import cv2

    return bytes(cv2.imencode(".png", rgb[:, :, ::-1])[1])


def _write(path: Path, content: bytes) -> None:
    """Write at once or not at all; a picture is looked at while the run goes on."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, path)

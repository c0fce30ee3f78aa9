"""The learning rate follows the clock (or the step count), so that the cosine always comes to its end."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.loggers import CSVLogger

from kummell_ai.training.run_config import RunConfig


def learning_rate_factor(progress: float, step: int, warmup_steps: int) -> float:
    """Share of the peak learning rate at ``progress`` of the run in [0, 1].

    >>> [round(learning_rate_factor(p, 1000, 100), 2) for p in (0.0, 0.5, 1.0)]
    [1.0, 0.5, 0.0]
    >>> learning_rate_factor(0.0, 49, 100)
    0.5
    """
    rise = min(1.0, (step + 1) / max(warmup_steps, 1))
    return rise * 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


class Budget(lightning.Callback):
    """Sets the learning rate before each step and stops the run when its minutes or steps are spent.

    Minutes spent before an interruption are kept in the checkpoint and count.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self._spent_before = 0.0
        self._started = time.monotonic()

    @property
    def minutes(self) -> float:
        """Minutes spent so far, over all sittings."""
        return self._spent_before + (time.monotonic() - self._started) / 60.0

    def progress(self, step: int) -> float:
        """Share of the run that is done."""
        if self.config.max_minutes is not None:
            return self.minutes / self.config.max_minutes
        return step / self.config.max_steps

    def told(self, step: int, log: str | None) -> str:
        """What the budget is and how the other kind is given, and where figures are logged."""
        if self.config.max_minutes is not None:
            budget = f"max_minutes={self.config.max_minutes:g}, {self.minutes:.1f} spent; max_steps=N follows steps"
        else:
            budget = f"max_steps={self.config.max_steps}, {step} done; max_minutes=M follows the clock"
        return f"Budget: {budget} instead." + (f" Log: {log}" if log else "")

    def on_train_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Say what the budget is; a run that goes on and has spent it already has nothing to do."""
        spent = trainer.global_step > 0 and self.progress(trainer.global_step) >= 1.0
        if trainer.strategy.reduce_boolean_decision(spent, all=False):
            trainer.should_stop = True
        elif trainer.is_global_zero and not self.config.fast_dev_run:
            folders = [Path(logger.log_dir) for logger in trainer.loggers if isinstance(logger, CSVLogger)]
            log = str(folders[0] / "metrics.csv") if folders else None
            logging.getLogger("lightning.pytorch").info(self.told(trainer.global_step, log))

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any) -> None:
        """Set the learning rate of the step to come."""
        factor = learning_rate_factor(self.progress(trainer.global_step), trainer.global_step, self.config.warmup_steps)
        for optimiser in trainer.optimizers:
            for group in optimiser.param_groups:
                group["lr"] = self.config.learning_rate * factor
        pl_module.log("train/learning_rate", self.config.learning_rate * factor)
        pl_module.log("train/minutes", self.minutes)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Stop when the budget is spent; all processes stop together, although each has a clock of its own."""
        spent = self.progress(trainer.global_step) >= 1.0
        if trainer.strategy.reduce_boolean_decision(spent, all=False):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Minutes spent, for the checkpoint."""
        return {"minutes": self.minutes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the minutes of a checkpoint."""
        self._spent_before = float(state_dict["minutes"])
        self._started = time.monotonic()

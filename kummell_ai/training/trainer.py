"""Lightning's trainer as every run of the project uses it: a budget of minutes or steps, logged, drawn, resumable."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import CSVLogger, Logger

from kummell_ai.errors import ConfigError
from kummell_ai.training.averaged import AveragedModule
from kummell_ai.training.keeping import LAST, Keeper, WholeFileIO
from kummell_ai.training.pictures import Pictures
from kummell_ai.training.run_config import RunConfig
from kummell_ai.training.schedule import Budget

EXPECTED_WARNINGS: tuple[str, ...] = (
    r".*does not have many workers.*",
    r".*smaller than the logging interval.*",
    r".*exists and is not empty.*",
    r".*resuming from a checkpoint that ended before the epoch ended.*",
    r".*callbacks used to create the checkpoint need to be provided.*",
    r".*training may be unstable.*",
    r".*isinstance\(treespec, LeafSpec\).*",
)
"""Warnings of Lightning about choices that are meant: few workers, one run folder, order of films kept by ourselves."""


_ADVERTISEMENT = "Tip: For seamless"
"""How Lightning's notes on services of its makers begin."""

logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(lambda record: _ADVERTISEMENT not in record.msg)


def fit_module(module: AveragedModule, data: lightning.LightningDataModule, config: RunConfig) -> lightning.Trainer:
    """Train ``module`` on ``data``, going on from the last checkpoint in ``config.runs`` when that is wanted.

    Raises:
        ConfigError: the accelerator is not there, the loss is not finite, or the run to go on with differs.
        InputError: the last checkpoint is damaged.
    """
    with devices_told(config):
        trainer = lightning.Trainer(**trainer_options(config))
    fit_by(trainer, module, data, config)
    return trainer


def fit_by(
    trainer: lightning.Trainer, module: AveragedModule, data: lightning.LightningDataModule, config: RunConfig
) -> None:
    """Train by ``trainer``, going on from the last checkpoint in ``config.runs`` when that is wanted.

    Raises:
        ConfigError: the loss is not finite, or the run to go on with differs.
        InputError: the last checkpoint is damaged.
    """
    last = Path(config.runs) / "checkpoints" / LAST
    resume = str(last) if config.resume and last.exists() and not config.fast_dev_run else None
    with warnings.catch_warnings():
        for text in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=text)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=False)


@contextmanager
def devices_told(config: RunConfig) -> Iterator[None]:
    """What Lightning says of a trainer that cannot be made, in one line.

    Raises:
        ConfigError: the accelerator or so many devices are not there.
    """
    try:
        yield
    except MisconfigurationException as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"accelerator={config.accelerator}, devices={config.devices} cannot be used ({reason:.160})"
        ) from None


def loggers(runs: Path) -> list[Logger]:
    """CSV always, TensorBoard too where it is installed; both in ``runs``."""
    made: list[Logger] = [CSVLogger(runs, name="log", flush_logs_every_n_steps=50)]
    if importlib.util.find_spec("tensorboard") is not None:
        from lightning.pytorch.loggers import TensorBoardLogger

        made.append(TensorBoardLogger(runs, name="tensorboard"))
    return made


def trainer_options(config: RunConfig) -> dict[str, Any]:
    """What Lightning's trainer is made with for a run."""
    runs, dry = Path(config.runs), config.fast_dev_run
    kept = [Pictures(runs, config.pictures_every), Keeper(runs / "checkpoints", config.checkpoint_minutes)]
    return {
        **{option: value(config) for option, value in SET_BY_CONFIG.items()},
        "strategy": "auto" if config.devices == 1 else "ddp",
        "benchmark": True,  # of convolutions, on a GPU: all steps have one size
        "logger": False if dry else loggers(runs),
        "callbacks": [Budget(config)] if dry else [Budget(config), *kept],
        "plugins": [WholeFileIO()],
        "use_distributed_sampler": False,
        "log_every_n_steps": 25,
        "num_sanity_val_steps": 0,
        "reload_dataloaders_every_n_epochs": 1,
        "enable_model_summary": False,
        "enable_progress_bar": False,
    }


SET_BY_CONFIG: dict[str, Callable[[RunConfig], Any]] = {
    "accelerator": lambda config: config.accelerator,
    "devices": lambda config: config.devices,
    "precision": lambda config: config.precision,
    "max_epochs": lambda _: -1,
    "max_steps": lambda config: -1 if config.max_minutes is not None else config.max_steps,
    "gradient_clip_val": lambda config: config.gradient_clip,
    "fast_dev_run": lambda config: config.fast_dev_run,
}
"""Options of the trainer that a key of the configuration decides, which is kept in the model."""

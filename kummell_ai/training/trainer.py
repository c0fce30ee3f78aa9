"""Lightning's trainer as every run of the project uses it: a budget of minutes or steps, a CSV log, resumable."""

from __future__ import annotations

import warnings
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from kummell_ai.errors import ConfigError
from kummell_ai.training.run_config import RunConfig
from kummell_ai.training.schedule import Budget

EXPECTED_WARNINGS: tuple[str, ...] = (
    r".*does not have many workers.*",
    r".*smaller than the logging interval.*",
    r".*exists and is not empty.*",
    r".*resuming from a checkpoint that ended before the epoch ended.*",
    r".*training may be unstable.*",
    r".*isinstance\(treespec, LeafSpec\).*",
)
"""Warnings of Lightning about choices that are meant: few workers, one run folder, a run cut by the clock."""


def fit_module(
    module: lightning.LightningModule, data: lightning.LightningDataModule, config: RunConfig
) -> lightning.Trainer:
    """Train ``module`` on ``data``, going on from the last checkpoint in ``config.runs`` when that is wanted."""
    trainer = _trainer(config)
    last = Path(config.runs) / "checkpoints" / "last.ckpt"
    resume = str(last) if config.resume and last.exists() and not config.fast_dev_run else None
    with warnings.catch_warnings():
        for text in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=text)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=False)
    return trainer


def take_over(trained: nn.Module, averaged: nn.Module, source: nn.Module) -> None:
    """Give the weights of ``source`` to the trained network and its average.

    Raises:
        ConfigError: ``source`` has other sizes.
    """
    expected, given = (network.state_dict() for network in (trained, source))
    shapes = {n: tuple(given[n].shape) if n in given else None for n in expected}
    wrong = [n for n, value in expected.items() if shapes[n] != tuple(value.shape)]
    if wrong:
        n = wrong[0]
        raise ConfigError(
            f"init has sizes of its own ({n} is {shapes[n]}, this run's is {tuple(expected[n].shape)}); "
            "give the sizes of the model it names, or init=null",
            n,
        )
    trained.load_state_dict(given)
    averaged.load_state_dict(given)


def make_optimiser(network: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    """AdamW; biases and norms are not decayed."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


@torch.no_grad()
def move_average(averaged: nn.Module, trained: nn.Module, step: int, most: float) -> None:
    """Move averaged weights towards the trained ones; the average is short at first and ``most`` long later."""
    decay = min(most, (1.0 + step) / (10.0 + step))
    state = trained.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(state[name], 1.0 - decay)
        else:
            value.copy_(state[name])


def _trainer(config: RunConfig) -> lightning.Trainer:
    runs = Path(config.runs)
    keep = ModelCheckpoint(
        runs / "checkpoints", save_last=True, save_top_k=1, monitor=None, every_n_epochs=1, save_on_train_epoch_end=True
    )
    logger = CSVLogger(runs, name="log", flush_logs_every_n_steps=50)
    return lightning.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        strategy="auto" if config.devices == 1 else "ddp",
        precision=config.precision,
        max_epochs=-1,
        max_steps=-1 if config.max_minutes is not None else config.max_steps,
        gradient_clip_val=config.gradient_clip,
        logger=False if config.fast_dev_run else logger,
        callbacks=[Budget(config)] if config.fast_dev_run else [Budget(config), keep],
        log_every_n_steps=25,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        enable_model_summary=False,
        enable_progress_bar=False,
        fast_dev_run=config.fast_dev_run,
    )

"""A training run from a configuration file to a model folder."""

from __future__ import annotations

import logging
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kummell_ai import __version__
from kummell_ai.errors import ConfigError, InputError
from kummell_ai.training.config import TrainConfig, load_config
from kummell_ai.training.run_config import RunConfig
from kummell_ai.training.samples import ShardReader

if TYPE_CHECKING:
    import lightning

    from kummell_ai.training.module import KeypointModule


def train(config_path: Path | None, overrides: Sequence[str] = ()) -> Path | None:
    """Train by ``config_path`` with ``key=value`` overrides; returns the model folder, None after a trial.

    Raises:
        ConfigError: unknown key or impossible value; ``init`` has other sizes; ``out`` cannot be written; ``runs``
            holds a run of another configuration.
        InputError: no or damaged shards.
        CheckpointError: ``init`` names no usable model folder, or the run ended with weights that are not finite.
    """
    config = load_config(config_path, overrides)

    from kummell_ai.training.datamodule import FilmDataModule
    from kummell_ai.training.module import KeypointModule
    from kummell_ai.training.trainer import fit_module

    data = FilmDataModule(config)
    data.setup()
    begin(config)
    module = KeypointModule(config)
    start(module)
    return finish(module, fit_module(module, data, config))


def begin(config: RunConfig) -> None:
    """Torch's threads, and the seed of the weights."""
    import lightning
    import torch

    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, verbose=False)


def start(module: KeypointModule) -> None:
    """Take over the weights that the run starts from, and make the folder for the model.

    Raises:
        CheckpointError: ``init`` names no usable model folder.
        ConfigError: it has other sizes; ``out`` cannot be written.
    """
    from kummell_ai.landmarks.checkpoint import load_bundle
    from kummell_ai.training.averaged import take_over

    config = module.config
    if config.init is not None:
        source = load_bundle(Path(config.init))
        take_over(module.network, module.averaged, source.network)
        module.start = {"name": source.name, "weights_sha256": source.weights_sha256}
    writable(Path(config.out))


def finish(module: KeypointModule, trainer: lightning.Trainer) -> Path | None:
    """Write the model folder; returns it, None after a trial.

    Raises:
        CheckpointError: the run ended with weights that are not finite.
    """
    from kummell_ai.landmarks.checkpoint import REFINER, save_bundle

    def write(out: Path) -> None:
        had_second = (out / REFINER).exists()
        info = _info(module.config, module.validation, int(trainer.global_step), module.start)
        save_bundle(out, module.averaged, info)
        if had_second and not (out / REFINER).exists():
            logging.getLogger("lightning.pytorch").info(
                f"The second stage of {out} was trained behind another first stage and is gone: train it again"
            )

    return written(module.config, trainer, write)


def written(config: RunConfig, trainer: lightning.Trainer, write: Callable[[Path], None]) -> Path | None:
    """The model folder, which ``write`` fills in one of the processes of the run; None after a trial."""
    if config.fast_dev_run:
        return None
    out = Path(config.out)
    if trainer.is_global_zero:
        write(out)
    return out


def writable(out: Path) -> Path:
    """The folder that a model will be written into, made before hours are spent.

    Raises:
        ConfigError: it cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ConfigError(f"out is {out}, which cannot be written ({error.strerror}); give another", str(out)) from None
    return out


def export(checkpoint: Path, out: Path, config_path: Path | None, overrides: Sequence[str] = ()) -> Path:
    """Write a model folder from the checkpoint of a run that was stopped or still goes on.

    Only checkpoints of one's own runs may be given: they are unpickled.

    Raises:
        InputError: ``checkpoint`` is not there or is none of a run.
        ConfigError: unknown key or impossible value, or the run had other sizes.
    """
    import torch

    from kummell_ai.landmarks.checkpoint import save_bundle
    from kummell_ai.training.module import KeypointModule

    config = load_config(config_path, overrides)
    module = KeypointModule(config)
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)
        weights = state["state_dict"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise InputError(f"{checkpoint}: no checkpoint of a run; give its checkpoints/last.ckpt", str(error)) from None
    try:
        module.load_state_dict(weights)
    except RuntimeError:
        raise ConfigError(
            f"{checkpoint} has other sizes than the configuration; give the run's own", "network"
        ) from None
    info = _info(config, dict(state["validation"]), int(state["global_step"]), state.get("init"))
    return save_bundle(out, module.averaged, info)


def _info(config: TrainConfig, metrics: dict[str, float], steps: int, start: dict[str, str] | None) -> dict[str, Any]:
    """What model.json says beside the fixed facts."""
    return {
        "name": config.name,
        "version": __version__,
        "data": config.data_note,
        "recipe": config.recipe(),
        "steps": steps,
        "rows": config.rows,
        "usual_depth_px": usual_depth(config),
        "covariance_scale": [1.0, 1.0, 1.0, 1.0],
        "metrics": metrics,
        **({} if start is None else {"init": start}),
    }


def usual_depth(config: TrainConfig, films: int = 200) -> float:
    """Median endplate depth (px) of the training films at ``config.rows`` rows."""
    reader = ShardReader(Path(config.shards), films)
    depths: list[float] = []
    for i in range(len(reader)):
        film = reader[i]
        lengths = np.linalg.norm(film.points_px[:, [0, 2]] - film.points_px[:, [1, 3]], axis=2)
        depths.extend((lengths[np.isfinite(lengths)] * config.rows / film.image.shape[0]).tolist())
    return float(np.median(depths)) if depths else 50.0

"""A training run from a configuration file to a model folder."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kummell_ai import __version__
from kummell_ai.errors import ConfigError
from kummell_ai.training.config import TrainConfig, load_config
from kummell_ai.training.refine_config import names_crops
from kummell_ai.training.run_config import RunConfig
from kummell_ai.training.samples import ShardReader

if TYPE_CHECKING:
    import lightning

    from kummell_ai.training.averaged import AveragedModule
    from kummell_ai.training.module import KeypointModule


def train(config_path: Path | None, overrides: Sequence[str] = ()) -> Path | None:
    """Train by ``config_path`` with ``key=value`` overrides; returns the model folder, None after a trial.

    Raises:
        ConfigError: unknown key or impossible value; ``init`` has other sizes; ``out`` cannot be written; ``runs``
            holds a run of another configuration, or of shards that are not there.
        InputError: no or damaged shards, or the checkpoint to go on from is damaged.
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
        recipe, data = recorded(module, trainer)
        info = _info(module.config.shards, recipe, data, module.validation, int(trainer.global_step), module.start)
        save_bundle(out, module.averaged, info)
        if had_second and not (out / REFINER).exists():
            _say(f"The second stage of {out} was trained behind another first stage and is gone: train it again")

    return written(module.config, trainer, write)


def recorded(module: AveragedModule, trainer: lightning.Trainer) -> tuple[dict[str, Any], str]:
    """The recipe and the words about the films for model.json; of a run that was finished before, those it ended with.

    So no model is said to be of films, or called by a name, that came after its training.
    """
    recipe, steps, finished = module.settings.recipe(), int(trainer.global_step), False
    if module.before is not None:
        finished = module.before[1] == steps
        recipe = module.before[0] if finished else recipe
    if finished:
        _say(
            f"This run is finished ({steps} steps): nothing was trained, and the model card says what it recorded; "
            "give another folder as runs for another training, or a larger budget to go on"
        )
    data = cast(Any, trainer).datamodule  # the trainer's own type does not know it
    return recipe, recipe["data_note"] or data.note(begun=finished)


def _say(line: str) -> None:
    """One line beside those of Lightning."""
    logging.getLogger("lightning.pytorch").info(line)


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
    """Write a model folder from the checkpoint of a first stage's run that was stopped or still goes on.

    The configuration gives the network and the shards; the recipe is the one that the run recorded. Only checkpoints
    of one's own runs may be given: they are unpickled.

    Raises:
        InputError: ``checkpoint`` is not there, is damaged or is none of a run.
        ConfigError: unknown key or impossible value; the run had other sizes, or another value of a key in
            ``overrides``; it is of a second stage.
    """
    import torch

    from kummell_ai.landmarks.checkpoint import save_bundle
    from kummell_ai.training.datamodule import FilmDataModule
    from kummell_ai.training.keeping import read_whole
    from kummell_ai.training.module import KeypointModule

    if config_path is not None and names_crops(config_path):
        raise _second_stage(config_path)
    config = load_config(config_path, overrides)
    module = KeypointModule(config)
    state = read_whole(
        checkpoint,
        lambda: torch.load(checkpoint, map_location="cpu", weights_only=False),
        "give its checkpoints/last.ckpt",
    )
    recipe = TrainConfig().recipe() | state.get("recipe", config.recipe())  # older checkpoints have less of it, or none
    if "crops_per_epoch" in recipe:
        raise _second_stage(checkpoint)
    try:
        module.load_state_dict(state["state_dict"])
    except RuntimeError:
        raise ConfigError(
            f"{checkpoint} has other sizes than the configuration; give the run's own", "network"
        ) from None
    _check_asked(checkpoint, recipe, config.recipe(), overrides)
    data = recipe["data_note"] or FilmDataModule.note_of(state.get(FilmDataModule.__qualname__, {}))
    metrics, steps = dict(state.get("validation", {})), int(state["global_step"])
    return save_bundle(out, module.averaged, _info(config.shards, recipe, data, metrics, steps, state.get("init")))


def _second_stage(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is of a second stage, and first stages alone are exported; kummell-ai train goes on with its run, or, "
        "with max_steps=1, ends it as it is and puts it beside the first",
        path,
    )


def _check_asked(checkpoint: Path, recipe: dict[str, Any], asked: dict[str, Any], overrides: Sequence[str]) -> None:
    """Whether the run has the values that ``overrides`` name, since the model card says what it has.

    Raises:
        ConfigError: it has others.
    """
    for key in (override.partition("=")[0].strip().partition(".")[0] for override in overrides):
        if key in asked and asked[key] != recipe[key]:
            raise ConfigError(
                f"{checkpoint} is of a run with {key}={recipe[key]}, asked for is {asked[key]}; "
                "the model card says what the run has: leave it out",
                key,
            )


def _info(
    shards: str,
    recipe: dict[str, Any],
    data: str,
    metrics: dict[str, float],
    steps: int,
    start: dict[str, str] | None,
) -> dict[str, Any]:
    """What model.json says beside the fixed facts."""
    return {
        "name": recipe["name"],
        "version": __version__,
        "data": data,
        "recipe": recipe,
        "steps": steps,
        "rows": recipe["rows"],
        "usual_depth_px": usual_depth(Path(shards), recipe["rows"]),
        "covariance_scale": [1.0, 1.0, 1.0, 1.0],
        "metrics": metrics,
        **({} if start is None else {"init": start}),
    }


def usual_depth(shards: Path, rows: int, films: int = 200) -> float:
    """Median endplate depth (px) of the training films in ``shards`` at ``rows`` rows."""
    reader = ShardReader(shards, films)
    depths: list[float] = []
    for i in range(len(reader)):
        film = reader[i]
        lengths = np.linalg.norm(film.points_px[:, [0, 2]] - film.points_px[:, [1, 3]], axis=2)
        depths.extend((lengths[np.isfinite(lengths)] * rows / film.image.shape[0]).tolist())
    return float(np.median(depths)) if depths else 50.0

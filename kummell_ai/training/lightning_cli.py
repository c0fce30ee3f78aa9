"""The trainings through LightningCLI: every option of Lightning's trainer beside the configuration of the run.

What the result depends on stays in the configuration, which is kept in the model; the same configuration gives the same
weights by either way. LightningCLI reads YAML and the command line by jsonargparse, an extra of the installation.
"""

from __future__ import annotations

import inspect
import traceback
import warnings
from argparse import ArgumentError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightning
from jsonargparse import strip_meta
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from kummell_ai.errors import ConfigError
from kummell_ai.settings import build_settings
from kummell_ai.training import refine, run
from kummell_ai.training.averaged import AveragedModule
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.datamodule import FilmDataModule
from kummell_ai.training.module import KeypointModule
from kummell_ai.training.refine_config import RefineConfig
from kummell_ai.training.run_config import RunConfig, one_budget
from kummell_ai.training.trainer import SET_BY_CONFIG, devices_told, fit_by, trainer_options

ADDED_TO = ("callbacks", "plugins")
"""Options of the trainer of which those given come beside those of the run; of others they take their place."""

KEYS = {"max_epochs": "max_steps or max_minutes", "gradient_clip_val": "gradient_clip"}
"""Keys of the configuration that are called otherwise than the trainer's option."""

CALLS_OF_LIGHTNING = (
    r"LightningCLI's args parameter is intended",
    r"\s*.* (was|were) deprecated in v4",
    r"\s*By default only one JsonargparseDeprecationWarning",
)
"""Warnings about how LightningCLI calls jsonargparse, and is called here."""


KEY = "--model.config."
"""How an option that sets a key of the configuration begins."""


class Stage(NamedTuple):
    """What trains one of the two networks, and what is done before and after."""

    config: type[RunConfig]
    module: type[AveragedModule]
    data: type[lightning.LightningDataModule]
    begin: Callable[[Any], None]
    start: Callable[[Any], None]
    finish: Callable[[Any, lightning.Trainer], Path | None]


STAGES = {
    "first": Stage(TrainConfig, KeypointModule, FilmDataModule, run.begin, run.start, run.finish),
    "second": Stage(
        RefineConfig, refine.RefineModule, refine.CropDataModule, refine.begin, refine.start, refine.finish
    ),
}


class RunCLI(LightningCLI):
    """Builds module, films and trainer of a ``stage`` from ``words``, the command line without the program's name."""

    model: AveragedModule
    datamodule: lightning.LightningDataModule

    def __init__(self, stage: Stage, words: Sequence[str]) -> None:
        self.stage = stage
        super().__init__(
            stage.module,
            stage.data,
            save_config_kwargs={"overwrite": True},  # of a run that goes on
            seed_everything_default=False,  # the configuration has one
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False, "prog": "kummell-ai fit"},
            run=False,
            args=list(words),
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One configuration for module and films."""
        parser.link_arguments("model", "data.config", compute_fn=lambda model: model.config, apply_on="instantiate")

    def before_instantiate_classes(self) -> None:
        """Check what was given before anything is made by it, and set threads and seed.

        Raises:
            ConfigError: a value is impossible, or an option of the trainer that a key of the configuration decides.
        """
        for name in sorted(SET_BY_CONFIG.keys() & self._given(self.config).keys()):
            raise ConfigError(
                f"trainer.{name} is {self.config.trainer[name]}; give model.config.{KEYS.get(name, name)} instead, "
                "which the model keeps",
                name,
            )
        self.stage.begin(build_settings(self.stage.config, strip_meta(self.config.model.config).as_dict()))

    def instantiate_trainer(self, **kwargs: Any) -> lightning.Trainer:
        """The trainer of the run, with what was given beside it or in its place.

        Raises:
            ConfigError: the devices are not there, or Lightning does not take what was given.
        """
        options, given = trainer_options(self.model.settings), self._given(self.config_init)
        for name in ADDED_TO:
            own = given.pop(name, None) or []
            options[name] += own if isinstance(own, list) else [own]
        with self.options_told():
            return super().instantiate_trainer(**{**options, **given, **kwargs})

    @contextmanager
    def options_told(self) -> Iterator[None]:
        """What Lightning says of options it does not take, in one line.

        Raises:
            ConfigError: options of the trainer, or the devices of the run, cannot be used.
        """
        given = self._given(self.config)
        try:
            with nullcontext() if given else devices_told(self.model.settings):
                yield
        except (MisconfigurationException, ValueError, TypeError) as error:
            last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
            if not given or not str(last.f_globals.get("__name__", "")).startswith("lightning."):
                raise  # none of Lightning's own
            named = ", ".join(f"trainer.{name}={value}" for name, value in given.items())
            raise ConfigError(f"{named} cannot be used: {' '.join(str(error).split()):.300}", named) from None

    @staticmethod
    def _given(config: Any) -> dict[str, Any]:
        """Options of the trainer that are not Lightning's own values."""
        usual = {name: each.default for name, each in inspect.signature(lightning.Trainer).parameters.items()}
        return {name: value for name, value in config.trainer.items(branches=True) if value != usual.get(name)}


def with_one_budget(words: Sequence[str]) -> list[str]:
    """``words`` by which the budget given counts, as in `run_config.one_budget`.

    >>> with_one_budget(["--model.config.max_steps", "9"])
    ['--model.config.max_steps', '9', '--model.config.max_minutes=null']
    """
    given = [(word.removeprefix(KEY), value) for word, value in pairwise([*words, ""]) if word.startswith(KEY)]
    overrides = [word if "=" in word else f"{word}={value}" for word, value in given]
    return [*words, *(f"{KEY}{added}" for added in one_budget(overrides)[len(overrides) :])]


def train_by_cli(name: str, words: Sequence[str]) -> Path | None:
    """Train the stage ``name`` of `STAGES` as LightningCLI reads ``words``; the model folder, None after a trial.

    Raises:
        ConfigError: an unknown option or an impossible value, or one that a key of the configuration decides; and as
            `training.run.train` and `training.refine.train_refiner`.
        InputError: no or damaged shards.
        CheckpointError: as those two.
    """
    stage = STAGES[name]
    with warnings.catch_warnings():
        for text in CALLS_OF_LIGHTNING:
            warnings.filterwarnings("ignore", message=text)
        try:
            cli = RunCLI(stage, with_one_budget(words))
        except ArgumentError as error:
            raise ConfigError(" ".join(str(error).split()), name) from None
        cli.datamodule.setup("fit")
        stage.start(cli.model)
        with cli.options_told():
            fit_by(cli.trainer, cli.model, cli.datamodule, cli.model.settings)
    return stage.finish(cli.model, cli.trainer)

"""The training configuration: one dataclass, read from YAML, changed by ``key=value``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kummell_ai.errors import ConfigError
from kummell_ai.landmarks.network import NetworkSizes
from kummell_ai.settings import apply_overrides, build_settings, read_yaml
from kummell_ai.training.augmentation import AugmentationSettings
from kummell_ai.training.run_config import RunConfig, one_budget

T = TypeVar("T")


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss."""

    centre: float = 1.0
    corners: float = 0.1
    offsets: float = 2.0
    levels: float = 1.0
    states: float = 0.5
    view: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig(RunConfig):
    """Everything a training run of the first stage depends on, beside what `RunConfig` holds.

    Attributes:
        name: of the model folder.
        shards: folder of training shards; may grow while the run goes on.
        validation_shards: folder of held-out shards.
        rows, columns: size of the network crop (px), multiples of 32.
        films_per_epoch: films drawn an epoch; an epoch ends with validation and a look for new shards.
        validation_films: films validated on after an epoch.
        network, augmentation, loss: sizes and settings of the parts.
    """

    LOCAL: ClassVar[tuple[str, ...]] = (*RunConfig.LOCAL, "shards", "validation_shards")
    COUNTS: ClassVar[tuple[str, ...]] = (*RunConfig.COUNTS, "films_per_epoch", "validation_films")

    name: str = "kummell-corners"
    shards: str = "runs/shards/train"
    validation_shards: str = "runs/shards/validation"
    rows: int = 512
    columns: int = 256
    films_per_epoch: int = 2400
    validation_films: int = 64
    network: NetworkSizes = field(default_factory=NetworkSizes)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        RunConfig.__post_init__(self)  # super() knows no dataclass with slots before Python 3.14
        self.check_parts("network", "augmentation", "loss")
        if min(self.network.as_dict().values()) < 1:
            raise ConfigError(f"network is {self.network}; each part needs at least 1 channel", self.network)
        if self.rows % 32 or self.columns % 32 or min(self.rows, self.columns) < 64:
            raise ConfigError(
                f"rows, columns are {self.rows}, {self.columns}; use multiples of 32 of at least 64", self.rows
            )


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file and apply ``key=value`` overrides (``augmentation.scale=0.1`` for nested ones).

    Raises:
        ConfigError: unreadable file, unknown key, wrong type or impossible value.
    """
    return read_settings(TrainConfig, path, overrides, "configs/train.yaml")


def read_settings(kind: type[T], path: Path | None, overrides: Sequence[str], example: str) -> T:
    """An instance of the dataclass ``kind`` from a YAML file and overrides; ``example`` is named in messages.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type or impossible value; two budgets among the overrides.
    """
    values = {} if path is None else read_mapping(path, example)
    return build_settings(kind, apply_overrides(values, one_budget(overrides)))


def read_mapping(path: Path, example: str) -> dict[str, Any]:
    """The keys and values of a YAML file; ``example`` is named in messages.

    Raises:
        ConfigError: unreadable file, or no keys in it.
    """
    values = read_yaml(path, example)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {type(values).__name__}; expected keys as in {example}", path)
    return values

"""The training configuration: one dataclass, read from YAML, changed by ``key=value``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from kummell_ai.errors import ConfigError
from kummell_ai.landmarks.network import NetworkSizes
from kummell_ai.settings import apply_overrides, build_settings
from kummell_ai.training.augmentation import AugmentationSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the parts of the loss."""

    centre: float = 1.0
    corners: float = 0.1
    offsets: float = 2.0
    levels: float = 1.0
    states: float = 0.5
    view: float = 0.3


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything a training run depends on.

    Attributes:
        name: of the model folder.
        shards: folder of training shards; may grow while the run goes on.
        validation_shards: folder of held-out shards.
        runs: folder for checkpoints and logs, outside version control.
        out: folder the finished model is written into.
        rows, columns: size of the network crop (px), multiples of 32.
        batch_size: films a step.
        films_per_epoch: films drawn an epoch; an epoch ends with validation and a look for new shards.
        validation_films: films validated on after an epoch.
        max_minutes: wall clock of the whole run; the learning rate follows it. None = follow ``max_steps``.
        max_steps: steps of the whole run when ``max_minutes`` is None.
        learning_rate: peak.
        weight_decay: of AdamW.
        warmup_steps: steps of linear rise.
        gradient_clip: largest norm of the gradient.
        ema_decay: of the averaged weights, which are the ones shipped.
        precision: of Lightning, ``bf16-mixed`` or ``32-true``.
        accelerator: of Lightning: ``cpu``, ``gpu``, or ``auto`` for a GPU where there is one.
        devices: GPUs, or processes on a CPU; each works on ``batch_size`` films a step.
        threads: of torch in each process; 0 = leave as it is.
        workers: processes that prepare films; 0 = none.
        seed: of weights, order and augmentation.
        resume: go on from the last checkpoint in ``runs``, when there is one.
        init: model folder whose weights the run starts from, or None.
        fast_dev_run: one batch only, to try a configuration.
        data_note: a sentence about the films, for the model card.
        network, augmentation, loss: sizes and settings of the parts.
    """

    name: str = "kummell-corners"
    shards: str = "runs/shards/train"
    validation_shards: str = "runs/shards/validation"
    runs: str = "runs/train"
    out: str = "checkpoints/kummell-corners"
    rows: int = 512
    columns: int = 256
    batch_size: int = 8
    films_per_epoch: int = 2400
    validation_films: int = 64
    max_minutes: float | None = None
    max_steps: int = 5000
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup_steps: int = 150
    gradient_clip: float = 5.0
    ema_decay: float = 0.998
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    threads: int = 0
    workers: int = 1
    seed: int = 1
    resume: bool = True
    init: str | None = None
    fast_dev_run: bool = False
    data_note: str = "simulated lateral films"
    network: NetworkSizes = field(default_factory=NetworkSizes)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if self.rows % 32 or self.columns % 32 or min(self.rows, self.columns) < 64:
            raise ConfigError(
                f"rows, columns are {self.rows}, {self.columns}; use multiples of 32 of at least 64", self.rows
            )
        for name in ("batch_size", "films_per_epoch", "max_steps", "devices"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1", name)
        if self.max_minutes is not None and self.max_minutes <= 0:
            raise ConfigError(f"max_minutes is {self.max_minutes}; give minutes above 0, or null", self.max_minutes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and model.json."""
        return asdict(self)


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file and apply ``key=value`` overrides (``augmentation.scale=0.1`` for nested ones).

    Raises:
        ConfigError: unreadable file, unknown key, wrong type or impossible value.
    """
    return read_settings(TrainConfig, path, overrides, "configs/train.yaml")


def read_settings(kind: type[T], path: Path | None, overrides: Sequence[str], example: str) -> T:
    """An instance of the dataclass ``kind`` from a YAML file and overrides; ``example`` is named in messages.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type or impossible value.
    """
    values = {} if path is None else read_mapping(path, example)
    return build_settings(kind, apply_overrides(values, overrides))


def read_mapping(path: Path, example: str) -> dict[str, Any]:
    """The keys and values of a YAML file; ``example`` is named in messages.

    Raises:
        ConfigError: unreadable file, or no keys in it.
    """
    import yaml

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML ({error}); see {example}", path) from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {type(values).__name__}; expected keys as in {example}", path)
    return values

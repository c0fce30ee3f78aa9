"""The configuration of the refiner's training: one dataclass, read from YAML, changed by ``key=value``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from kummell_ai.errors import ConfigError
from kummell_ai.landmarks.refiner import RefinerSizes
from kummell_ai.training.config import read_mapping, read_settings


@dataclass(frozen=True, slots=True)
class JitterSettings:
    """How far the first stage's corners lie from the truth, as shares of the endplate depth.

    Attributes:
        corner: standard deviation of each corner.
        shift: standard deviation of all corners together.
        scale: standard deviation of the logarithm of the size.
        rotation_deg: standard deviation.
        gross_share: share of crops with three times of it.
    """

    corner: float = 0.03
    shift: float = 0.03
    scale: float = 0.05
    rotation_deg: float = 3.0
    gross_share: float = 0.15


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """Everything a training run of the refiner depends on.

    Attributes:
        crops, validation_crops: folders of shards of crops; ``crops`` may grow while the run goes on.
        runs: folder for checkpoints and logs, outside version control.
        out: model folder that gets the refiner beside its network.
        batch_size: crops a step.
        crops_per_epoch: crops drawn an epoch.
        validation_limit: crops validated on after an epoch.
        max_minutes, max_steps: as in `TrainConfig`.
        learning_rate, weight_decay, warmup_steps, gradient_clip, ema_decay, precision, accelerator, devices, threads,
            workers, seed, resume, fast_dev_run: as in `TrainConfig`.
        visible_weight, states_weight: of these parts in the loss; the points have weight 1.
        sizes, jitter: of the network, and of the frames it looks from.
    """

    crops: str = "runs/crops/train"
    validation_crops: str = "runs/crops/validation"
    runs: str = "runs/refine"
    out: str = "checkpoints/kummell-corners"
    batch_size: int = 32
    crops_per_epoch: int = 9600
    validation_limit: int = 1500
    max_minutes: float | None = None
    max_steps: int = 3000
    learning_rate: float = 2e-3
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
    fast_dev_run: bool = False
    visible_weight: float = 0.1
    states_weight: float = 0.1
    sizes: RefinerSizes = field(default_factory=RefinerSizes)
    jitter: JitterSettings = field(default_factory=JitterSettings)

    def __post_init__(self) -> None:
        for name in ("batch_size", "crops_per_epoch", "max_steps", "devices", "validation_limit"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1", name)
        if min(self.sizes.as_dict().values()) < 16:
            raise ConfigError(f"sizes are {self.sizes.as_dict()}; use at least 16 channels each", self.sizes)
        if self.max_minutes is not None and self.max_minutes <= 0:
            raise ConfigError(f"max_minutes is {self.max_minutes}; give minutes above 0, or null", self.max_minutes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and model.json."""
        return asdict(self)


def load_refine_config(path: Path | None, overrides: Sequence[str] = ()) -> RefineConfig:
    """Read a YAML file and apply ``key=value`` overrides.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type or impossible value.
    """
    return read_settings(RefineConfig, path, overrides, "configs/refine.yaml")


def names_crops(path: Path) -> bool:
    """Whether a configuration is one of the refiner: it says where the crops are.

    Raises:
        ConfigError: unreadable file.
    """
    return "crops" in read_mapping(path, "configs/train.yaml")

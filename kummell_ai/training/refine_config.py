"""The configuration of the refiner's training: one dataclass, read from YAML, changed by ``key=value``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kummell_ai.errors import ConfigError
from kummell_ai.landmarks.refiner import RefinerSizes
from kummell_ai.training.config import read_mapping, read_settings
from kummell_ai.training.run_config import RunConfig


@dataclass(frozen=True)
class JitterSettings:
    """How far the first stage's corners lie from the truth, as shares of the endplate depth.

    Attributes:
        corner: standard deviation of each corner.
        shift: standard deviation of all corners together.
        scale: standard deviation of the logarithm of the size.
        rotation_deg: standard deviation.
        gross_share: share of crops with three times of it.
        cut_share: share of the bodies cut by the film's edge whose part on the film is taken for the whole.
    """

    corner: float = 0.03
    shift: float = 0.03
    scale: float = 0.05
    rotation_deg: float = 3.0
    gross_share: float = 0.15
    cut_share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineConfig(RunConfig):
    """Everything a training run of the refiner depends on, beside what `RunConfig` holds.

    ``out`` is the model folder that gets the refiner beside its network, ``init`` one whose refiner is the start.

    Attributes:
        crops, validation_crops: folders of shards of crops; ``crops`` may grow while the run goes on.
        crops_per_epoch: crops drawn an epoch.
        validation_limit: crops validated on after an epoch.
        visible_weight, states_weight: of these parts in the loss; the points have weight 1.
        sizes, jitter: of the network, and of the frames it looks from.
    """

    LOCAL: ClassVar[tuple[str, ...]] = (*RunConfig.LOCAL, "crops", "validation_crops")
    COUNTS: ClassVar[tuple[str, ...]] = (*RunConfig.COUNTS, "crops_per_epoch", "validation_limit")

    crops: str = "runs/crops/train"
    validation_crops: str = "runs/crops/validation"
    runs: str = "runs/refine"
    batch_size: int = 32
    crops_per_epoch: int = 9600
    validation_limit: int = 1500
    max_steps: int = 3000
    learning_rate: float = 2e-3
    visible_weight: float = 0.1
    states_weight: float = 0.1
    sizes: RefinerSizes = field(default_factory=RefinerSizes)
    jitter: JitterSettings = field(default_factory=JitterSettings)

    def __post_init__(self) -> None:
        RunConfig.__post_init__(self)  # super() knows no dataclass with slots before Python 3.14
        self.check_parts("jitter")
        for name in ("visible_weight", "states_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 0", name)
        if min(self.sizes.as_dict().values()) < 16:
            raise ConfigError(f"sizes are {self.sizes.as_dict()}; use at least 16 channels each", self.sizes)


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

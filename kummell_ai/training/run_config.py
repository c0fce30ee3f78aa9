"""What every training run is configured with, whatever it trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

from kummell_ai.errors import ConfigError

NULLS = ("", "~", "null", "Null", "NULL")
"""What YAML reads as nothing."""


def one_budget(overrides: Sequence[str]) -> list[str]:
    """``key=value`` overrides by which the budget given counts, whatever budget a file has: steps take its minutes off.

    Raises:
        ConfigError: both minutes and steps are given.

    >>> one_budget(["max_steps=10"]), one_budget(["max_minutes=5"])
    (['max_steps=10', 'max_minutes=null'], ['max_minutes=5'])
    """
    given = {key.strip(): text.strip() for key, _, text in (override.partition("=") for override in overrides)}
    minutes, steps = given.get("max_minutes"), given.get("max_steps")
    if steps is None or minutes in NULLS:
        return list(overrides)
    if minutes is not None:
        raise ConfigError(f"max_minutes={minutes} and max_steps={steps} are two budgets of one run; give one", steps)
    return [*overrides, "max_minutes=null"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """The part of a training configuration that is common to both stages.

    Attributes:
        runs: folder for checkpoints and logs, outside version control.
        out: folder the finished model is written into.
        data_note: a sentence about the films, for the model card; None = what the shards themselves say.
        batch_size: films or crops a step.
        max_minutes: wall clock of the whole run; the learning rate follows it. None = follow ``max_steps``.
        max_steps: steps of the whole run when ``max_minutes`` is None, which it is when steps alone are given on the
            command line.
        learning_rate: peak.
        weight_decay: of AdamW.
        warmup_steps: steps of linear rise.
        gradient_clip: largest norm of the gradient.
        ema_decay: of the averaged weights, which are the ones shipped.
        precision: of Lightning, ``bf16-mixed`` or ``32-true``.
        accelerator: of Lightning: ``cpu``, ``gpu``, or ``auto`` for a GPU where there is one.
        devices: GPUs, or processes on a CPU; each works on a batch of its own.
        threads: of torch in each process; 0 = leave as it is.
        workers: processes that prepare batches; 0 = none.
        batches: ``workers`` make them, or the ``device`` itself, which keeps all films or crops in its memory.
        grey_changes: how grey values are varied, one of `photometric.GREY_CHANGES`: ``wide`` adds burnt-out windows,
            few grey levels, more noise and coarser JPEG to the ``usual`` ones.
        compile: let torch compile the network; pays on a GPU in runs of some minutes and more.
        seed: of weights, order and augmentation.
        resume: go on from the last checkpoint in ``runs``, when there is one.
        init: model folder whose weights the run starts from, or None; its sizes must be those asked for, or, of a
            second stage, no larger.
        fast_dev_run: one batch only, to try a configuration.
        checkpoint_minutes: wall clock between checkpoints within an epoch; there is one at the end of each anyway.
        pictures_every: epochs between pictures of the learning curves and the worst films; 0 = only at the end.
    """

    LOCAL: ClassVar[tuple[str, ...]] = (
        "runs",
        "out",
        "init",
        "resume",
        "fast_dev_run",
        "compile",
        "checkpoint_minutes",
        "pictures_every",
    )
    """Fields that say where and how a run was done, and do not change what comes out of it."""

    COUNTS: ClassVar[tuple[str, ...]] = ("batch_size", "max_steps", "devices")
    """Fields that must be at least 1."""

    NOT_NEGATIVE: ClassVar[tuple[str, ...]] = (
        "learning_rate",
        "weight_decay",
        "warmup_steps",
        "gradient_clip",
        "threads",
        "workers",
        "seed",
        "checkpoint_minutes",
        "pictures_every",
    )
    """Fields that must be at least 0."""

    AT_MOST: ClassVar[Mapping[str, int]] = {
        **dict.fromkeys(("devices", "threads", "workers"), 1024),
        "batch_size": 1_000_000,
        "seed": 2**32 - 1,
    }
    """Largest values: what a machine may have, and what torch and numpy take."""

    runs: str = "runs/train"
    out: str = "runs/kummell-corners"
    data_note: str | None = None
    batch_size: int = 8
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
    batches: Literal["workers", "device"] = "workers"
    grey_changes: Literal["usual", "wide"] = "usual"
    compile: bool = False
    seed: int = 1
    resume: bool = True
    init: str | None = None
    fast_dev_run: bool = False
    checkpoint_minutes: float = 10.0
    pictures_every: int = 1

    def __post_init__(self) -> None:
        for name in self.COUNTS:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1", name)
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise ConfigError(f"max_minutes is {self.max_minutes}; give minutes above 0, or null", self.max_minutes)
        for name in self.NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 0", name)
        for name, most in self.AT_MOST.items():
            if getattr(self, name) > most:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at most {most}", name)
        if not 0 <= self.ema_decay <= 1:
            raise ConfigError(f"ema_decay is {self.ema_decay}; it must be 0 to 1, as 0.998", "ema_decay")

    def check_parts(self, *parts: str) -> None:
        """Whether no number of the settings called ``parts`` is below 0, and no share above 1.

        Raises:
            ConfigError: one does not.
        """
        for part in parts:
            settings = getattr(self, part)
            for entry in fields(settings):
                value, limit = getattr(settings, entry.name), 1.0 if entry.name.endswith("_share") else math.inf
                if not 0 <= value <= limit:
                    limits = "at least 0" if limit == math.inf else f"0 to {limit:g}"
                    raise ConfigError(f"{part}.{entry.name} is {value}; it must be {limits}", entry.name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for YAML."""
        return asdict(self)

    def recipe(self) -> dict[str, Any]:
        """Plain values of what the result depends on, for model.json."""
        return {key: value for key, value in self.as_dict().items() if key not in self.LOCAL}

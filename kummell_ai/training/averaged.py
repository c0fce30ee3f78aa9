"""What both stages' Lightning modules share: a network, its moving average, and figures that survive a kill."""

from __future__ import annotations

import copy
from typing import Any, cast

import lightning
import torch
from torch import Tensor, nn

from kummell_ai.errors import ConfigError
from kummell_ai.training.gallery import WorstLooks
from kummell_ai.training.run_config import RunConfig

MAY_CHANGE = (
    *("max_minutes", "max_steps", "threads", "workers", "accelerator", "validation_films", "validation_limit"),
    *("name", "data_note"),
)
"""Settings that may differ when a run goes on."""
PICTURES = 12
"""Looks in the gallery of the worst."""


class AveragedModule(lightning.LightningModule):
    """Trains ``network``; ``averaged`` follows it and is what is validated and shipped.

    Attributes:
        validation: figures of the last validation.
        worst: the looks that went worst in the last validation.
        start: name and hash of the model that the run started from, None for random weights; kept in checkpoints.
        before: of a run that goes on, the recipe of the sitting before and the steps taken then.
    """

    network: nn.Module
    averaged: nn.Module

    def __init__(self, network: nn.Module, config: RunConfig) -> None:
        super().__init__()
        self.settings = config
        self.network = network.to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.register_buffer("averaged_steps", torch.zeros((), dtype=torch.long))
        self._steps: int | None = None  # the same, known without asking the device
        # in a tuple, so that no weight counts twice
        self._compiled = (torch.compile(self.network),) if config.compile else ()
        self.validation: dict[str, float] = {}
        self.worst = WorstLooks(PICTURES)
        self.start: dict[str, str] | None = None
        self.before: tuple[dict[str, Any], int] | None = None

    @property
    def trained(self) -> Any:
        """``network`` as the steps of the training run it."""
        return self._compiled[0] if self._compiled else self.network

    def on_train_batch_end(self, outputs: Any, *_: Any) -> None:
        """Move the averaged weights towards the trained ones.

        Raises:
            ConfigError: the loss is not finite, looked at in every tenth step.
        """
        counted = cast(Tensor, self.averaged_steps).add_(1)
        step = self._steps = int(counted) if self._steps is None else self._steps + 1
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if step % 10 == 1 and not bool(torch.isfinite(loss)):
            raise ConfigError(f"the loss is {float(loss)} at step {step}; use a lower learning_rate", step)
        move_average(self.averaged, self.network, step, self.settings.ema_decay)

    def on_validation_epoch_start(self) -> None:
        """Forget the looks of the last validation; the average is validated as it is used."""
        self.worst = WorstLooks(PICTURES)
        self.averaged.eval()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and norms are not decayed."""
        return make_optimiser(self.network, self.settings)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the last figures, what the run depends on and what it started from."""
        checkpoint["init"] = self.start
        checkpoint["validation"] = self.validation
        checkpoint["recipe"] = self.settings.recipe()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the last figures and what the run started from.

        Raises:
            ConfigError: the run that is gone on with has another configuration, or started from another model.
        """
        now = self.settings.recipe()
        # older checkpoints have no recipe, or one without the settings that came later
        then: dict[str, Any] = type(self.settings)().recipe() | checkpoint.get("recipe", now)
        for key in sorted(set(now) - set(MAY_CHANGE)):
            if now[key] != then.get(key):
                raise ConfigError(
                    f"{self.settings.runs} holds a run with {key}={then.get(key)}, asked for is {now[key]}; "
                    "give another folder as runs, or the same settings to go on",
                    key,
                )
        began = checkpoint.get("init", self.start)
        if self.start not in (None, began):
            raise ConfigError(
                f"{self.settings.runs} holds a run that started from {began['name'] if began else 'random weights'}, "
                f"not from this init ({self.settings.init}); give another folder as runs, or init=null to go on",
                "init",
            )
        self.start, self.before = began, (then, int(checkpoint["global_step"]))
        self.validation = dict(checkpoint.get("validation", {}))


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
    state, floating = trained.state_dict(), []
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            floating.append((value, state[name]))
        else:
            value.copy_(state[name])
    torch._foreach_lerp_([value for value, _ in floating], [other for _, other in floating], 1.0 - decay)

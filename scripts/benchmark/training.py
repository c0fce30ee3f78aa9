"""Trains one design for seconds of processor time, or of the clock on a GPU; goes on where it was stopped."""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kummell_ai.training.averaged import move_average
from kummell_ai.training.samples import TrainingFilm
from scripts.benchmark.design import Design
from scripts.benchmark.films import CropStream

GRADIENT_CLIP = 5.0
"""Largest norm of the gradient, for all designs."""

EMA_DECAY = 0.998
"""Of the averaged weights, which are judged, for all designs."""

WARM_UP = 0.05
"""Share of the budget over which the learning rate rises."""

KEEP_EVERY_S = 30.0
"""Seconds of the budget between checkpoints."""

LOOK_EVERY = 10
"""Steps between looks at the loss: a GPU is waited for at each."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a design may train.

    Attributes:
        seconds: loading and augmentation of the films included; processor time of the process where the design computes
            on the CPU, of the clock where it computes on a GPU.
        steps: stop after so many steps all the same, for a trial; None = the seconds alone.
    """

    seconds: float
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained design: averaged weights, steps taken, seconds of the budget spent, the last losses' mean."""

    network: nn.Module
    steps: int
    seconds: float
    loss: float


def rate_factor(progress: float) -> float:
    """Share of the peak learning rate at ``progress`` in [0, 1]: a linear rise, then a cosine to 0.

    >>> [round(rate_factor(p), 3) for p in (0.0, 0.025, 0.5, 1.0)]
    [0.0, 0.499, 0.5, 0.0]
    """
    done = min(max(progress, 0.0), 1.0)
    return min(1.0, done / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done))


def train(
    design: Design,
    films: list[TrainingFilm],
    size: tuple[int, int],
    budget: Budget,
    seed: int,
    folder: Path,
    rate: float | None = None,
) -> Trained:
    """Train ``design`` with crops of ``size`` (rows, columns); checkpoints lie in ``folder``.

    ``rate`` takes the place of the design's own peak learning rate.
    """
    clock = time.process_time if design.device.type == "cpu" else time.monotonic
    began = clock()
    torch.manual_seed(seed)
    network = design.build().to(design.device)
    averaged = copy.deepcopy(network).requires_grad_(False)
    optimiser = design.optimiser(network)
    peaks = [group["lr"] if rate is None else rate for group in optimiser.param_groups]
    crops = CropStream(films, size, design.batch_size, seed)
    step, before, losses = _take_up(folder, network, averaged, optimiser)
    kept = before

    def spent() -> float:
        return before + clock() - began

    while spent() < budget.seconds and (budget.steps is None or step < budget.steps):
        network.train()
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * rate_factor(spent() / budget.seconds)
        optimiser.zero_grad(set_to_none=True)
        loss = design.loss(network, crops[step])
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP)
        optimiser.step()
        step += 1
        move_average(averaged, network, step, EMA_DECAY)
        if step % LOOK_EVERY == 0:
            losses = [*losses[-4:], float(loss.detach())]
            if not math.isfinite(losses[-1]):
                raise SystemExit(f"error: the loss of {design.title} is {losses[-1]} at step {step}; lower its rate")
        if spent() - kept > KEEP_EVERY_S:
            kept = spent()
            _keep(folder, network, averaged, optimiser, step, kept, losses)
            print(f"{design.title}: {kept:.0f} s, step {step}, loss {_mean(losses):.4g}", flush=True)
    return Trained(averaged.eval(), step, spent(), _mean(losses))


def _mean(losses: list[float]) -> float:
    return sum(losses) / max(len(losses), 1)


def _keep(
    folder: Path,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    seconds: float,
    losses: list[float],
) -> None:
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "random": torch.get_rng_state(),
        "step": step,
        "seconds": seconds,
        "losses": losses,
    }
    partial = folder / "last.partial"
    torch.save(state, partial)
    os.replace(partial, folder / "last.pt")


def _take_up(
    folder: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, float, list[float]]:
    """Step, seconds and losses of the last checkpoint, whose weights are loaded; zeros without one."""
    path = folder / "last.pt"
    if not path.exists():
        return 0, 0.0, []
    state: dict[str, Any] = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["random"])
    return state["step"], state["seconds"], state["losses"]

"""How fast training batches are made: film by film as workers do it, and whole batches on the device.

    python scripts/benchmark_batches.py --shards runs/shards/validation --crops runs/crops/validation

Both ways in turn, on the same looks, on a GPU where there is one; one process and one thread of torch. Looks a second
and their ratio, the median of the rounds. Reading the shards is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kummell_ai.errors import InputError
from kummell_ai.training.batch import collate
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.crop_samples import CropReader
from kummell_ai.training.datamodule import FilmDataset
from kummell_ai.training.on_device.crops import CropBatches
from kummell_ai.training.on_device.films import FilmBatches
from kummell_ai.training.on_device.store import Places
from kummell_ai.training.refine import CropDataset, collate_crops
from kummell_ai.training.refine_config import RefineConfig
from kummell_ai.training.samples import ShardReader


def seconds_of(make: Callable[[Places], Any], places: Places, device: torch.device) -> float:
    started = time.perf_counter()
    make(places)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def ways_of(args: argparse.Namespace, device: torch.device) -> dict[str, tuple[int, Sequence[Callable[[Places], Any]]]]:
    """By what is looked at: how many are stored, the way of workers and that of the device."""
    ways: dict[str, tuple[int, Sequence[Callable[[Places], Any]]]] = {}
    if args.shards is not None:
        films, config = ShardReader(args.shards), TrainConfig()
        dataset, on_device = FilmDataset(films, config), FilmBatches(films, config, device)
        ways["films"] = (len(films), (lambda places: collate([dataset[place] for place in places]), on_device))
    if args.crops is not None:
        reader, refine = CropReader(args.crops), RefineConfig()
        crops, crops_on_device = CropDataset(reader, refine.jitter), CropBatches(reader, refine, device)
        ways["crops"] = (len(reader), (lambda places: collate_crops([crops[p] for p in places]), crops_on_device))
    empty = [name for name, (count, _) in ways.items() if count == 0]
    if empty:
        raise InputError(f"no {empty[0]} in the folder given; make them first (docs/training.md)", empty[0])
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, help="folder of shards of films")
    parser.add_argument("--crops", type=Path, help="folder of shards of crops")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if args.shards is None and args.crops is None:
        parser.error("give --shards, --crops or both")
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = np.random.default_rng(0)
    for name, (count, ways) in ways_of(args, device).items():
        taken: list[list[float]] = [[], []]
        for turn in range(args.rounds + 1):
            places = [(int(rng.integers(count)), int(rng.integers(2**62))) for _ in range(args.batch_size)]
            for seconds, make in zip(taken, ways, strict=True):
                seconds.append(seconds_of(make, places, device))
            if turn == 0:
                taken = [[], []]  # the first one pays for imports, tables and the store
        workers, on_device = (args.batch_size / float(np.median(seconds)) for seconds in taken)
        print(
            f"{name}: {workers:.0f} a second and worker, {on_device:.0f} on {device.type}: x {on_device / workers:.1f}"
        )


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"error: {error}") from None

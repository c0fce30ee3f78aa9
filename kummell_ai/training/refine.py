"""Training of the refiner: crops to batches, the Lightning module, a run from a configuration to a model folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from kummell_ai.errors import CheckpointError, InputError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.checkpoint import Bundle, add_refiner, load_bundle, read_info
from kummell_ai.landmarks.crops import CROP_DEPTH, crop_frame, standard
from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerOutput, decode_points, target_maps
from kummell_ai.training import run
from kummell_ai.training.averaged import AveragedModule, take_over
from kummell_ai.training.crop_batch import MAP_SHAPE, CropBatch
from kummell_ai.training.crop_samples import SHORTEST, CropReader, VertebraCrop, look_from, placed_short
from kummell_ai.training.on_device.crops import CropBatches
from kummell_ai.training.on_device.store import loader_of_places
from kummell_ai.training.order import EpochSampler, Place, process_of, share_of
from kummell_ai.training.photometric import apply_photometric, draw_photometric
from kummell_ai.training.refine_config import JitterSettings, RefineConfig, load_refine_config
from kummell_ai.training.run import writable
from kummell_ai.training.sharded import ShardedData
from kummell_ai.training.shards import Shards
from kummell_ai.training.trainer import fit_module
from kummell_ai.training.widening import no_narrower, widened
from kummell_ai.workers import outlive_signal


def jittered(
    points: NDArray[np.floating], visible: NDArray[np.bool_], rng: np.random.Generator, settings: JitterSettings
) -> FloatArray:
    """Corners (4, 2) as a first stage might have placed them, from true points (4|6, 2); ``visible``: on the film."""
    corners = np.asarray(points[:4], dtype=np.float64)
    if rng.random() < settings.cut_share:
        corners = placed_short(corners, visible[:4], np.asarray(SHORTEST * rng.random()))
    depth = float(np.linalg.norm(corners[[0, 2]] - corners[[1, 3]], axis=1).mean())
    gross = 3.0 if rng.random() < settings.gross_share else 1.0
    angle = np.radians(gross * settings.rotation_deg * rng.normal())
    turn = np.exp(gross * settings.scale * rng.normal()) * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    centre = corners.mean(axis=0)
    moved: FloatArray = (corners - centre) @ turn.T + centre
    return moved + gross * depth * (settings.shift * rng.normal(size=2) + settings.corner * rng.normal(size=(4, 2)))


class CropDataset(Dataset[tuple[Any, ...]]):
    """Looks at stored crops; ``item`` is (crop number, seed), seed -1 = mild jitter and no change of grey values."""

    def __init__(self, reader: CropReader, jitter: JitterSettings, grey_changes: str = "usual") -> None:
        self.reader = reader
        self.jitter = jitter
        self.grey_changes = grey_changes

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Any, ...]:
        number, seed = item
        crop: VertebraCrop = self.reader[number]
        rng = np.random.default_rng(seed if seed >= 0 else number)
        corners = jittered(crop.points, crop.visible, rng, self.jitter)
        image, points = look_from(crop, corners)
        scale = float(np.sqrt(abs(np.linalg.det(crop_frame(corners).matrix[:, :2]))))
        if seed >= 0:
            image = apply_photometric(image, draw_photometric(rng, self.grey_changes))
        known = np.where(crop.visible[:, None], points, np.nan)
        maps = target_maps(points, MAP_SHAPE)
        annotated = np.isfinite(crop.points).all(axis=1)
        return standard(image)[None], maps, known, crop.visible, crop.states, crop.spacing_mm / scale, annotated


def collate_crops(items: Sequence[tuple[Any, ...]]) -> CropBatch:
    """Items of `CropDataset` -> a batch."""
    columns = [np.stack([np.asarray(item[k]) for item in items]) for k in range(len(CropBatch._fields))]
    return CropBatch(*(torch.from_numpy(np.asarray(c, dtype=np.float32)) for c in columns))


class CropDataModule(ShardedData):
    """Training and validation crops; looks for new shards at the start of every epoch."""

    TRAINED, SIMULATED = "crops", "{:,} crops of simulated films"

    def __init__(self, config: RefineConfig) -> None:
        super().__init__(config)
        self.config = config
        self.train_reader = _reader(config.crops, None)
        self.validation_reader = _reader(config.validation_crops, config.validation_limit)
        self._batches: CropBatches | None = None

    def readers(self) -> dict[str, Shards]:
        """What reads the folders, by key of the configuration."""
        return {"crops": self.train_reader, "validation_crops": self.validation_reader}

    def train_dataloader(self) -> DataLoader[tuple[Any, ...]]:
        """Batches of what is left of an epoch."""
        self.train_reader.rescan()
        count, size = self.config.crops_per_epoch, self.config.batch_size
        place = Place.of(self.trainer, count, size)
        sampler = EpochSampler(len(self.train_reader), count, size, self.config.seed, place)
        drop_last = len(sampler) >= size
        if self.config.batches == "device":
            return loader_of_places(len(self.train_reader), size, sampler, drop_last)
        return self._loader(self.train_reader, sampler, drop_last)

    def val_dataloader(self) -> DataLoader[tuple[Any, ...]]:
        """Held-out crops, looked at from mildly wrong frames."""
        items = share_of([(i, -1) for i in range(len(self.validation_reader))], *process_of(self.trainer))
        return self._loader(self.validation_reader, items, drop_last=False)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> CropBatch:
        """Move a batch, or make it there."""
        if isinstance(batch, CropBatch):
            return CropBatch(*(part.to(device) for part in batch))
        if self._batches is None:
            self._batches = CropBatches(self.train_reader, self.config, device)
        return self._batches(batch)

    def _loader(self, reader: CropReader, sampler: Any, drop_last: bool) -> DataLoader[tuple[Any, ...]]:
        return DataLoader(
            CropDataset(reader, self.config.jitter, self.config.grey_changes),
            batch_size=self.config.batch_size,
            sampler=sampler,
            num_workers=self.config.workers,
            collate_fn=collate_crops,
            drop_last=drop_last,
            prefetch_factor=4 if self.config.workers else None,
            worker_init_fn=outlive_signal,
        )


def refine_loss(output: RefinerOutput, batch: CropBatch, config: RefineConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of the points' maps over what can be reached (nats a point), with visibility and states."""
    known = (batch.maps.flatten(2).sum(2) > 0.5).float()
    log_p = output.points.float().flatten(2).log_softmax(2)
    target = batch.maps.flatten(2)
    entropy = -torch.xlogy(target, target).sum(2)
    divergence = -(target * log_p).sum(2) - entropy
    parts = {
        "points": (divergence * known).sum() / known.sum().clamp(min=1.0),
        "visible": functional.binary_cross_entropy_with_logits(
            output.visible.float(), batch.visible, weight=batch.annotated
        ),
        "states": functional.binary_cross_entropy_with_logits(output.states.float(), batch.states),
    }
    loss = parts["points"] + config.visible_weight * parts["visible"] + config.states_weight * parts["states"]
    return loss, parts


class RefineModule(AveragedModule):
    """Trains a `RefinerNetwork`."""

    network: RefinerNetwork
    averaged: RefinerNetwork

    def __init__(self, config: RefineConfig) -> None:
        super().__init__(RefinerNetwork(config.sizes), config)
        self.config = config
        self._errors: list[NDArray[np.float64]] = []
        self._spacings: list[NDArray[np.float64]] = []

    def training_step(self, batch: CropBatch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        output = self.trained(batch.crops.contiguous(memory_format=torch.channels_last))
        loss, parts = refine_loss(output, batch, self.config)
        named = {"loss": loss, **parts}
        self.log_dict({f"train/{name}": part.detach() for name, part in named.items()}, batch_size=len(batch.crops))
        return loss

    def validation_step(self, batch: CropBatch, batch_idx: int) -> None:
        """Decode with the averaged weights; errors in mm where the scale is known."""
        output = self.averaged(batch.crops.contiguous(memory_format=torch.channels_last))
        loss, _ = refine_loss(output, batch, self.config)
        self.log("val/loss", loss, batch_size=len(batch.crops), sync_dist=True)
        maps = output.points.float().flatten(2).softmax(2).unflatten(2, MAP_SHAPE)
        points, _ = decode_points(maps.cpu().numpy())
        true = batch.points.cpu().numpy()
        error = np.linalg.norm(points - true, axis=2)
        self._errors.append(error)
        self._spacings.append(batch.spacing_mm.cpu().numpy())
        for crop, badness, one, other in zip(batch.crops, _badness_percent(error), true, points, strict=True):
            self.worst.offer(badness, crop[0].float().cpu().numpy(), one, other, f"{badness:.1f} % of depth")

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch."""
        self.validation = refined_summary(np.concatenate(self._errors), np.concatenate(self._spacings))
        self.log_dict({f"val/{name}": value for name, value in self.validation.items()}, sync_dist=True)
        self._errors, self._spacings = [], []


def refined_summary(error_px: NDArray[np.float64], spacing_mm: NDArray[np.float64]) -> dict[str, float]:
    """Figures over crops: errors (B, 6) crop px as % of the depth they were cut by; those with mm a px (B,) in mm, too.

    Names ending in ``percent`` are always there; a figure of which nothing is known is left out.
    """
    percent, mm = 100.0 * error_px / CROP_DEPTH, error_px * spacing_mm[:, None]
    named = {
        "refined_corner_percent_median": (percent[:, :4], 0.5),
        "refined_corner_percent_p90": (percent[:, :4], 0.9),
        "refined_corner_mm_median": (mm[:, :4], 0.5),
        "refined_corner_mm_p90": (mm[:, :4], 0.9),
        "refined_middle_mm_median": (mm[:, 4:], 0.5),
    }
    known = {name: (values[np.isfinite(values)], share) for name, (values, share) in named.items()}
    figures = {name: float(np.quantile(values, share)) for name, (values, share) in known.items() if values.size}
    corners = mm[:, :4][np.isfinite(mm[:, :4])]
    return figures | ({"refined_corner_mm_mean": float(corners.mean())} if corners.size else {})


def _badness_percent(error_px: NDArray[np.float64]) -> list[float]:
    """Mean corner error (% of depth) of crops (B, 6) px; NaN where no corner is known."""
    corners = error_px[:, :4]
    known = np.isfinite(corners)
    total, count = np.where(known, corners, 0.0).sum(axis=1), known.sum(axis=1)
    return [100.0 * t / (n * CROP_DEPTH) if n else float("nan") for t, n in zip(total, count, strict=True)]


def train_refiner(config_path: Path | None, overrides: Sequence[str] = ()) -> Path | None:
    """Train by ``config_path`` with ``key=value`` overrides; returns the model folder that got it, None after a trial.

    Raises:
        ConfigError: unknown key or impossible value; ``init`` is wider somewhere; ``out`` cannot be written.
        InputError: no or damaged shards.
        CheckpointError: ``out`` holds no model to put the refiner beside, or ``init`` none with a refiner.
    """
    config = load_refine_config(config_path, overrides)
    begin(config)
    data = CropDataModule(config)
    module = RefineModule(config)
    start(module)
    return finish(module, fit_module(module, data, config))


def begin(config: RefineConfig) -> None:
    """Whether ``out`` holds a model, before hours are spent; then as `training.run.begin`.

    Raises:
        CheckpointError: ``out`` holds no model to put the refiner beside.
        ConfigError: it cannot be written.
    """
    if not (Path(config.out) / "model.json").is_file():
        raise CheckpointError(
            f"out={config.out} holds no first stage, beside which the second is put; train one into it first "
            "(kummell-ai train configs/train.yaml), or name a model folder that has one",
            config.out,
        )
    read_info(Path(config.out))
    writable(Path(config.out))
    run.begin(config)


def start(module: RefineModule) -> None:
    """Take over the refiner that the run starts from.

    Raises:
        CheckpointError: ``init`` names no model with a refiner.
        ConfigError: that is wider somewhere.
    """
    config = module.config
    if config.init is not None:
        source, refiner = _with_refiner(config.init)
        if no_narrower(config.sizes, refiner.sizes):
            refiner = widened(refiner, config.sizes)
        take_over(module.network, module.averaged, refiner)
        module.start = {"name": source.name, "weights_sha256": source.weights_sha256}


def finish(module: RefineModule, trainer: lightning.Trainer) -> Path | None:
    """Put the refiner into the model folder ``out``; returns that, None after a trial.

    Raises:
        CheckpointError: the run ended with weights that are not finite.
    """

    def write(out: Path) -> None:
        recipe, data = run.recorded(module, trainer)
        facts: dict[str, Any] = {"data": data, "recipe": recipe, "steps": int(trainer.global_step)}
        facts["metrics"] = module.validation
        if module.start is not None:
            facts["init"] = module.start
        add_refiner(out, module.averaged, facts)

    return run.written(module.config, trainer, write)


def _with_refiner(folder: str) -> tuple[Bundle, RefinerNetwork]:
    bundle = load_bundle(Path(folder))
    if bundle.refiner is None:
        raise CheckpointError(f"init names {folder}, which has no second stage; give a model with one, or null", folder)
    return bundle, bundle.refiner


def _reader(folder: str, limit: int | None) -> CropReader:
    reader = CropReader(Path(folder), limit)
    if len(reader) == 0:
        raise InputError(f"{folder} holds no crops_*.npz; make them with scripts/make_crops.py", folder)
    return reader

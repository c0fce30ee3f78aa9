"""Crops about single vertebrae for training the refiner, and the shards they are kept in.

A stored crop is `MARGIN` times as large as what the refiner sees, so that training can look at it from elsewhere. A
shard is one ``crops_00000.npz``; a folder of them may grow while it is read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.frames import FloatArray, index_matrix
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_ROWS, CropFrame, crop_frame, cut
from kummell_ai.training.shards import MADE_BY, ShardFacts, load_shard

MARGIN = 1.5
STORED = (round(CROP_ROWS * MARGIN), round(CROP_COLUMNS * MARGIN))
"""Rows and columns of a stored crop."""

POINTS = len(VertebralLandmark)

PACKED = ("images", "points", "visible", "states", "spacing_mm", "seeds")
"""What a shard holds: the fields of `VertebraCrop`, in order."""

SHORTEST = 0.8
"""Largest share of a wall or endplate that `placed_short` takes off in training."""


@dataclass(frozen=True, slots=True)
class VertebraCrop:
    """One stored crop with its truth, front to the left.

    Attributes:
        image: `STORED` uint8, bone bright.
        points: (6, 2) float32 px of the stored crop, also where they lie off the film; NaN = not known.
        visible: (6,) bool, on the film.
        states: (3,) bool, in the order of `landmarks.channels.STATES`.
        spacing_mm: millimetres a crop px at the patient; NaN = not known.
        seed: of the film.
    """

    image: NDArray[np.uint8]
    points: NDArray[np.float32]
    visible: NDArray[np.bool_]
    states: NDArray[np.bool_]
    spacing_mm: float
    seed: int


def stored_frame(corners_px: FloatArray, aspect: float, mirror: bool) -> CropFrame:
    """`landmarks.crops.crop_frame` with the margin of a stored crop round it."""
    inner = crop_frame(corners_px, aspect, mirror)
    matrix = inner.matrix.copy()
    matrix[:, 2] += (np.array(STORED[::-1]) - np.array([CROP_COLUMNS, CROP_ROWS])) / 2.0
    return CropFrame(matrix)


def take_crop(
    pixels: NDArray[np.float32],
    points_px: FloatArray,
    flags: frozenset[str],
    *,
    mirror: bool,
    spacing_mm: float,
    seed: int,
) -> VertebraCrop:
    """The stored crop of a body on a film of square pixels.

    Args:
        pixels: (H, W) in [0, 1].
        points_px: (4|6, 2) image px; the four corners finite, even where they lie off the film.
        flags: of the vertebra, as in `VertebraLandmarks`.
        mirror: whether the film's front is to the right.
        spacing_mm: mm per image px.
        seed: of the film.
    """
    frame = stored_frame(points_px[:4], 1.0, mirror)
    grey = cut(pixels, frame, STORED)
    points = np.full((POINTS, 2), np.nan)
    points[: len(points_px)] = frame.apply(points_px)
    on_film = np.zeros(POINTS, dtype=np.bool_)
    size = np.array(pixels.shape[::-1])
    on_film[: len(points_px)] = ((points_px >= 0) & (points_px <= size)).all(axis=1)
    scale = float(np.sqrt(abs(np.linalg.det(frame.matrix[:, :2]))))
    return VertebraCrop(
        np.clip(np.rint(grey * 255.0), 0, 255).astype(np.uint8),
        points.astype(np.float32),
        on_film,
        np.array([state in flags for state in STATES]),
        spacing_mm / scale,
        seed,
    )


def write_crops(path: Path, crops: Sequence[VertebraCrop], made_by: str | None = None) -> None:
    """Write a shard; it appears under its name only when it is whole.

    ``made_by`` says what simulates the films again, as `training.shards.made_by` gives it.
    """
    made = {} if made_by is None else {MADE_BY: np.array(made_by)}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            images=np.stack([c.image for c in crops]),
            points=np.stack([c.points for c in crops]),
            visible=np.stack([c.visible for c in crops]),
            states=np.stack([c.states for c in crops]),
            spacing_mm=np.array([c.spacing_mm for c in crops], dtype=np.float32),
            seeds=np.array([c.seed for c in crops], dtype=np.int64),
            **made,
        )
    os.replace(partial, path)


class CropWriter:
    """Writes crops into numbered shards of a folder; use as a context manager or call `close`.

    Args:
        folder: made when missing.
        crops_per_shard: crops kept in memory before a shard is written.
    """

    def __init__(self, folder: Path, crops_per_shard: int = 256) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.crops_per_shard = crops_per_shard
        self.count = 0
        self._number = 0
        self._crops: list[VertebraCrop] = []

    def extend(self, crops: Sequence[VertebraCrop]) -> None:
        """Add crops."""
        self.count += len(crops)
        self._crops.extend(crops)
        if len(self._crops) >= self.crops_per_shard:
            self.close()

    def close(self) -> None:
        """Write what is left."""
        if not self._crops:
            return
        while (target := self.folder / f"crops_{self._number:05d}.npz").exists():
            self._number += 1
        write_crops(target, self._crops)
        self._crops = []

    def __enter__(self) -> CropWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CropReader:
    """All crops of a folder of shards, in memory as uint8; `rescan` picks up new shards.

    Attributes:
        known: of the shards read so far, by file name.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self.folder = Path(folder)
        self.limit = limit
        self.known: dict[str, ShardFacts] = {}
        self._crops: list[VertebraCrop] = []
        self.rescan()

    def rescan(self) -> int:
        """Read shards that are new since the last call; returns the number of crops now held.

        Raises:
            InputError: a shard is damaged.
        """
        for path in sorted(self.folder.glob("crops_*.npz")):
            if path.name not in self.known and (self.limit is None or len(self._crops) < self.limit):
                shard, self.known[path.name] = load_shard(path, "crops", PACKED)
                columns = zip(*(shard[name] for name in PACKED), strict=True)
                self._crops.extend(VertebraCrop(i, p, v, s, float(mm), int(n)) for i, p, v, s, mm, n in columns)
        return len(self)

    def __len__(self) -> int:
        return len(self._crops) if self.limit is None else min(len(self._crops), self.limit)

    def __getitem__(self, item: int) -> VertebraCrop:
        return self._crops[item]


def placed_short(corners: FloatArray, visible: NDArray[np.bool_], share: FloatArray) -> FloatArray:
    """Corners (..., 4, 2) of bodies that the film's edge cuts, as a first stage takes what is seen for the whole.

    Args:
        corners: true ones, in the order of `VertebralLandmark`.
        visible: (..., 4) on the film; the others move.
        share: (...) of the way to the seen corner of the same wall, or else of the same endplate, that they move.
    """
    towards = corners
    for neighbours in ([1, 0, 3, 2], [2, 3, 0, 1]):
        towards = np.where(visible[..., neighbours, None], corners[..., neighbours, :], towards)
    way = np.where(visible, 0.0, share[..., None])[..., None]
    moved: FloatArray = corners + way * (towards - corners)
    return moved


def look_from(crop: VertebraCrop, corners: FloatArray) -> tuple[NDArray[np.uint8], FloatArray]:
    """What the refiner sees of a stored crop from the frame of ``corners`` (4, 2): uint8 crop and points (6, 2) px."""
    import cv2

    cv2.setNumThreads(0)
    frame = crop_frame(corners)
    image = cv2.warpAffine(
        crop.image, index_matrix(frame.matrix), (CROP_COLUMNS, CROP_ROWS), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(image, dtype=np.uint8), frame.apply(np.asarray(crop.points, dtype=np.float64))

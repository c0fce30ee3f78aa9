"""Training films, and the shards they are kept in on disk.

A shard is one ``shard_00000.npz`` with films of one size; a folder of shards may grow while it is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import LEVELS, Facing
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference
from kummell_ai.landmarks.channels import VIEWS
from kummell_ai.landmarks.heatmaps import OpenEnds
from kummell_ai.training.shards import MADE_BY, ShardFacts, load_shard

MAX_VERTEBRAE = 24
"""Rows a shard keeps for the vertebrae of a film."""

PACKED = ("images", "counts", "points", "levels", "flags", "view", "spacing_mm", "seeds")
"""What every shard holds."""


@dataclass(frozen=True, slots=True)
class TrainingFilm:
    """One film with its truth.

    Attributes:
        image: (H, W) uint8, bone bright.
        points_px: (V, 4, 2) float32 image (x, y) px in the frame of `imaging.frames`; NaN = not seen.
        level: (V,) int8 index in `LEVELS`; -1 = not known.
        fractured, instrumented, cemented: (V,) bool.
        view: one of `VIEWS`: the side the front is turned to; ``frontal`` has no vertebrae.
        spacing_mm: millimetres per pixel at the patient; NaN = not known.
        seed: that makes the film again.
        open_ends: whether the truth may end before the spine on the film does, cranially and caudally.
    """

    image: NDArray[np.uint8]
    points_px: NDArray[np.float32]
    level: NDArray[np.int8]
    fractured: NDArray[np.bool_]
    instrumented: NDArray[np.bool_]
    cemented: NDArray[np.bool_]
    view: str
    spacing_mm: float
    seed: int
    open_ends: OpenEnds = (False, False)

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.dtype != np.uint8:
            raise ValueError(f"image is {self.image.dtype} {self.image.shape}; expected uint8 (H, W)")
        count = len(self.level)
        if self.points_px.shape != (count, 4, 2) or count > MAX_VERTEBRAE:
            raise ValueError(f"points_px is {self.points_px.shape}; expected ({count}, 4, 2), at most {MAX_VERTEBRAE}")
        if self.view not in VIEWS:
            raise ValueError(f"view {self.view!r} is not one of {', '.join(VIEWS)}")

    @property
    def states(self) -> NDArray[np.bool_]:
        """(V, 3) in the order of `landmarks.channels.STATES`."""
        return np.stack([self.fractured, self.instrumented, self.cemented], axis=1)


def truth_of(film: TrainingFilm) -> SpineLandmarks:
    """The true vertebrae of a lateral film, in its own px."""
    bodies = tuple(
        VertebraLandmarks(points.astype(np.float64), LEVELS[level] if level >= 0 else None)
        for points, level in zip(film.points_px, film.level, strict=True)
    )
    facing = Facing.RIGHT if film.view == "right" else Facing.LEFT
    return SpineLandmarks(bodies, ImageReference(f"seed {film.seed}", simulated=True), facing)


class ShardWriter:
    """Writes films into numbered shards of a folder; use as a context manager or call `close`.

    A shard appears under its name only when it is whole, so that a reader never meets half of one.

    Args:
        folder: made when missing.
        films_per_shard: films kept in memory before a shard is written.
        first: number of the first shard; several writers use numbers far apart.
        made_by: what simulates the films again, as `training.shards.made_by` gives it; None = they are not simulated,
            or nobody knows.
    """

    def __init__(self, folder: Path, films_per_shard: int = 64, first: int = 0, made_by: str | None = None) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.films_per_shard = films_per_shard
        self._number = first
        self._made = {} if made_by is None else {MADE_BY: np.array(made_by)}
        self._films: list[TrainingFilm] = []

    def append(self, film: TrainingFilm) -> None:
        """Add a film; a film of another size starts a new shard."""
        if self._films and self._films[0].image.shape != film.image.shape:
            self._flush()
        self._films.append(film)
        if len(self._films) >= self.films_per_shard:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush(self) -> None:
        if not self._films:
            return
        while (target := self.folder / f"shard_{self._number:05d}.npz").exists():
            self._number += 1
        partial = target.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **_pack(self._films), **self._made)
        os.replace(partial, target)
        self._films = []
        self._number += 1


class ShardReader:
    """All films of a folder of shards, kept as uint8 in memory; `rescan` picks up new shards.

    Attributes:
        known: of the shards read so far, by file name.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self.folder = Path(folder)
        self.limit = limit
        self.known: dict[str, ShardFacts] = {}
        self._shards: list[dict[str, NDArray[Any]]] = []
        self._index: list[tuple[int, int]] = []
        self.rescan()

    def rescan(self) -> int:
        """Read shards that are new since the last call; returns the number of films now held.

        Raises:
            InputError: a shard is damaged.
        """
        for path in sorted(self.folder.glob("shard_*.npz")):
            if path.name in self.known or (self.limit is not None and len(self._index) >= self.limit):
                continue
            shard, self.known[path.name] = load_shard(path, "films", PACKED)
            shard.setdefault("open_ends", np.zeros((len(shard["counts"]), 2), dtype=np.bool_))  # older shards have none
            self._shards.append(shard)
            self._index.extend((len(self._shards) - 1, i) for i in range(len(shard["counts"])))
        return len(self)

    @property
    def shards(self) -> tuple[dict[str, NDArray[Any]], ...]:
        """What the shards read so far hold, in order, whatever `limit` is."""
        return tuple(self._shards)

    def __len__(self) -> int:
        return len(self._index) if self.limit is None else min(len(self._index), self.limit)

    def __getitem__(self, item: int) -> TrainingFilm:
        shard, row = self._index[item]
        return _unpack(self._shards[shard], row)


def _pack(films: list[TrainingFilm]) -> dict[str, NDArray[Any]]:
    n = len(films)
    points = np.full((n, MAX_VERTEBRAE, 4, 2), np.nan, dtype=np.float32)
    levels = np.full((n, MAX_VERTEBRAE), -1, dtype=np.int8)
    flags = np.zeros((n, MAX_VERTEBRAE, 3), dtype=np.bool_)
    for i, film in enumerate(films):
        count = len(film.level)
        points[i, :count], levels[i, :count], flags[i, :count] = film.points_px, film.level, film.states
    return {
        "images": np.stack([film.image for film in films]),
        "counts": np.array([len(film.level) for film in films], dtype=np.int16),
        "points": points,
        "levels": levels,
        "flags": flags,
        "view": np.array([VIEWS.index(film.view) for film in films], dtype=np.int8),
        "spacing_mm": np.array([film.spacing_mm for film in films], dtype=np.float32),
        "seeds": np.array([film.seed for film in films], dtype=np.int64),
        "open_ends": np.array([film.open_ends for film in films], dtype=np.bool_),
    }


def _unpack(shard: dict[str, NDArray[Any]], row: int) -> TrainingFilm:
    count = int(shard["counts"][row])
    flags = shard["flags"][row, :count]
    return TrainingFilm(
        image=shard["images"][row],
        points_px=shard["points"][row, :count],
        level=shard["levels"][row, :count],
        fractured=flags[:, 0],
        instrumented=flags[:, 1],
        cemented=flags[:, 2],
        view=VIEWS[int(shard["view"][row])],
        spacing_mm=float(shard["spacing_mm"][row]),
        seed=int(shard["seeds"][row]),
        open_ends=(bool(shard["open_ends"][row, 0]), bool(shard["open_ends"][row, 1])),
    )

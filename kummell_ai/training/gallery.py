"""The looks at validation films or crops that went worst, as one picture."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray, coordinate_to_cell

Uint8 = NDArray[np.uint8]

TILE_ROWS = 320
CAPTION_ROWS = 18
PER_ROW = 6
TRUE_COLOUR, SEEN_COLOUR = (110, 200, 255), (255, 150, 60)
"""RGB of true points (rings) and of those that were seen (crosses); told apart by the colour-blind too."""

FINE = 16
"""Parts of a px that OpenCV draws to."""


@dataclass(frozen=True, slots=True)
class Look:
    """One film or crop as the network saw it.

    Attributes:
        badness: the larger, the worse.
        image: (H, W) uint8.
        true, seen: (..., 2) px of ``image``; NaN = not known.
        caption: a few words.
    """

    badness: float
    image: Uint8
    true: FloatArray
    seen: FloatArray
    caption: str


@dataclass(slots=True)
class WorstLooks:
    """Keeps the ``count`` worst of all looks that are offered."""

    count: int
    _heap: list[tuple[float, int, Look]] = field(default_factory=list)
    _offered: int = 0

    def offer(
        self, badness: float, pixels: NDArray[np.floating], true: FloatArray, seen: FloatArray, caption: str
    ) -> None:
        """Keep a look at ``pixels`` (H, W), grey values of any range, if it is among the worst so far."""
        self._offered += 1
        if not math.isfinite(badness) or (len(self._heap) == self.count and badness <= self._heap[0][0]):
            return
        look = Look(badness, as_grey(pixels), np.array(true), np.array(seen), caption)
        push = heapq.heappushpop if len(self._heap) == self.count else heapq.heappush
        push(self._heap, (badness, -self._offered, look))

    def sorted(self) -> list[Look]:
        """The kept looks, worst first."""
        return [entry[2] for entry in sorted(self._heap, reverse=True)]


def as_grey(pixels: NDArray[np.floating]) -> Uint8:
    """(H, W) of any range -> uint8 from its darkest to its brightest value."""
    low, high = float(pixels.min()), float(pixels.max())
    return np.asarray(np.rint((pixels - low) * (255.0 / max(high - low, 1e-6))), dtype=np.uint8)


def draw_gallery(looks: Sequence[Look]) -> Uint8:
    """RGB (rows, columns, 3) of all looks, `PER_ROW` a row, true points as rings and seen ones as crosses."""
    tiles = [draw_look(look) for look in looks]
    width = max(tile.shape[1] for tile in tiles)
    rows = []
    for start in range(0, len(tiles), PER_ROW):
        part = tiles[start : start + PER_ROW]
        row = np.zeros((TILE_ROWS + CAPTION_ROWS, width * min(PER_ROW, len(tiles)), 3), dtype=np.uint8)
        for k, tile in enumerate(part):
            row[:, k * width : k * width + tile.shape[1]] = tile
        rows.append(row)
    return np.concatenate(rows)


def draw_look(look: Look) -> Uint8:
    """RGB of one look, `TILE_ROWS` high, with its caption below."""
    import cv2

    scale = TILE_ROWS / look.image.shape[0]
    size = (max(1, round(look.image.shape[1] * scale)), TILE_ROWS)
    grey = cv2.resize(look.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.zeros((TILE_ROWS + CAPTION_ROWS, size[0], 3), dtype=np.uint8)
    tile[:TILE_ROWS] = grey[:, :, None]
    factors = np.array([size[0] / look.image.shape[1], scale])
    for x, y in _cells(look.true * factors):
        cv2.circle(tile, (x, y), 4 * FINE, TRUE_COLOUR, 1, cv2.LINE_AA, shift=4)
    for x, y in _cells(look.seen * factors):
        arm = 3 * FINE
        cv2.line(tile, (x - arm, y - arm), (x + arm, y + arm), SEEN_COLOUR, 1, cv2.LINE_AA, shift=4)
        cv2.line(tile, (x - arm, y + arm), (x + arm, y - arm), SEEN_COLOUR, 1, cv2.LINE_AA, shift=4)
    place = (3, TILE_ROWS + CAPTION_ROWS - 5)
    cv2.putText(tile, look.caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (235, 235, 235), 1, cv2.LINE_AA)
    return tile


def _cells(points: FloatArray) -> list[tuple[int, int]]:
    """Points (..., 2) px as OpenCV's fixed-point cell numbers; those that are not known are left out."""
    flat = points.reshape(-1, 2)
    cells = coordinate_to_cell(flat[np.isfinite(flat).all(axis=1)])
    return [(int(x), int(y)) for x, y in np.rint(np.clip(cells, -1e4, 1e4) * FINE)]

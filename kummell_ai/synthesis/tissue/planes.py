"""Fields over transverse planes, read at every pixel of a film."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.trunk import Body

COLUMNS = 320


@dataclass(frozen=True, slots=True)
class Planes:
    """A table over (coarse row, way from the back to the front): few planes, yet a sharp outline.

    Attributes:
        ahead: (R, COLUMNS) distance in front of the spine's line (mm) of the table's cells.
        z: (R, 1) height of the planes (mm).
        columns, rows: place in the table of every pixel of the film.
    """

    ahead: Map
    z: Map
    columns: Map
    rows: Map

    def read(self, table: Map, count: int | None = None) -> Map:
        """A table (R, COLUMNS) or (R, COLUMNS, K) at every pixel of the first ``count`` rows of the film."""
        seen = cv2.remap(
            np.ascontiguousarray(table, dtype=np.float32),
            self.columns[:count],
            self.rows[:count],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(seen, dtype=np.float32)


def make_planes(scene: Scene, coarse: Scene, body: Body) -> Planes:
    """The planes of ``body``, whose rows are those of ``coarse``, for the pixels of ``scene``."""
    share = np.linspace(-0.01, 1.01, COLUMNS, dtype=np.float32)
    depth = body.back + body.front
    ahead = share * depth[:, None] - body.back[:, None]
    rows = (np.arange(len(scene.z)) + 0.5) * (len(coarse.z) / len(scene.z)) - 0.5
    known, step = np.arange(len(coarse.z)), (COLUMNS - 1) / 1.02
    slope = (np.interp(rows, known, 1.0 / depth) * step).astype(np.float32)
    offset = ((np.interp(rows, known, body.back / depth) + 0.01) * step).astype(np.float32)
    columns = scene.ahead * slope[:, None] + offset[:, None]
    lines = np.repeat(rows.astype(np.float32)[:, None], columns.shape[1], axis=1)
    return Planes(ahead, coarse.z[:, None], columns, lines)

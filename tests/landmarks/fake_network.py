"""A stand-in for the trained network: it answers with the encoded truth of bodies that it recognises by brightness."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from kummell_ai.anatomy import LEVELS
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.channels import OFFSET_UNIT_PX, STRIDE
from kummell_ai.landmarks.heatmaps import encode_heatmaps
from kummell_ai.landmarks.network import NetworkOutput

CORNER_UNITS = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])


def spine_points(centres: FloatArray, half: tuple[float, float]) -> FloatArray:
    """(V, 4, 2) boxes that face left."""
    return centres[:, None] + CORNER_UNITS * np.array(half)


def answer(
    points_px: FloatArray, shape: tuple[int, int], view: tuple[float, float, float], first: int
) -> NetworkOutput:
    """What a perfect network says about bodies ``points_px`` in network px on maps of ``shape`` cells."""
    targets = encode_heatmaps(points_px, shape, STRIDE)
    offsets = np.zeros((8, shape[0] * shape[1]), np.float32)
    offsets[:, targets.cells] = np.nan_to_num(targets.offsets_px.T) / OFFSET_UNIT_PX
    levels = np.zeros((len(LEVELS), shape[0] * shape[1]), np.float32)
    levels[first + targets.vertebra, targets.cells] = 12.0
    maps = torch.from_numpy(np.clip(targets.maps, 1e-6, 1 - 1e-6)).logit()[None]
    return NetworkOutput(
        maps[:, :1],
        maps[:, 1:],
        torch.from_numpy(offsets.reshape(1, 8, *shape)),
        torch.from_numpy(levels.reshape(1, -1, *shape)),
        torch.full((1, 3, *shape), -5.0),
        torch.log(torch.tensor([view])),
    )


@dataclass
class Scene:
    """A film whose bodies carry bright pixels at their corners; ``front`` is the side with the bright bar."""

    width: int = 320
    height: int = 512
    points_px: FloatArray = field(default_factory=lambda: spine_points(_column(), (25.0, 18.0)))

    def radiograph(self, right: bool = False, **kwargs: object) -> Radiograph:
        """The film; ``right`` shows its mirror image."""
        pixels = np.full((self.height, self.width), 0.3, np.float32)
        pixels[:, :20] = 0.9
        pixels = pixels[:, ::-1].copy() if right else pixels
        return Radiograph(pixels, PixelSpacing.unknown(), ImageReference("scene"), **kwargs)  # type: ignore[arg-type]


class OracleNetwork(nn.Module):
    """Knows the scene and looks only at which side is bright; the film must be shown whole."""

    def __init__(self, scene: Scene, first_level: int = 13) -> None:
        super().__init__()
        self.scene, self.first_level = scene, first_level
        self.calls = 0

    def __deepcopy__(self, memo: dict[int, object]) -> OracleNetwork:
        """Itself, so that the calls of the copy that runs are counted."""
        return self

    def forward(self, film: Tensor) -> NetworkOutput:
        self.calls += 1
        rows, columns = film.shape[2:]
        shown_rows = int((film[0, 0].abs().amax(dim=1) > 0).sum())
        shown = int((film[0, 0].abs().amax(dim=0) > 0).sum())
        scale = np.array([shown / self.scene.width, shown_rows / self.scene.height])
        left_bright = bool(film[0, 0, :, :10].mean() > film[0, 0, :, shown - 10 : shown].mean())
        points = self.scene.points_px * scale
        view = (0.98, 0.01, 0.01) if left_bright else (0.01, 0.98, 0.01)
        if not left_bright:
            points = points[:0]
        return answer(points, (rows // STRIDE, columns // STRIDE), view, self.first_level)


def _column() -> FloatArray:
    return np.stack([150.0 + 8.0 * np.sin(np.arange(6.0)), 60.0 + 70.0 * np.arange(6.0)], axis=1)

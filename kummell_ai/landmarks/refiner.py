"""The second stage: a small network that looks at one vertebra at full resolution and places its six points.

Each point has one map whose softmax is the probability of where the point lies, widened by the Gaussian that was
trained; its mean in a soft window is the point, its second moment less that Gaussian's the covariance.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.frames import FloatArray, cell_to_coordinate
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.inference import dtype_of
from kummell_ai.landmarks.residual import ResidualBlock

REFINER_STRIDE = 2
"""Crop px per cell of the refiner's maps."""

POINT_SIGMA = 1.2
"""Standard deviation of the Gaussian a point's map is trained on (cells)."""

POINTS = len(VertebralLandmark)
MEAN_SIGMA = 3.0
"""Standard deviation (cells) of the soft window that a point's mean is taken in."""

MEAN_REACH = 9
"""Cells about the peak that this window is cut off at: three standard deviations."""

MEAN_STEPS = 12
"""How often the window is moved to its own mean."""

LEAST_VARIANCE = 0.02
"""Smallest eigenvalue of a point's covariance (cells²)."""


class RefinerOutput(NamedTuple):
    """Raw outputs for B crops; h = H / 2, w = W / 2.

    Attributes:
        points: (B, 6, h, w) logits; a softmax over each map is the probability of its point's place.
        visible: (B, 6) logit that the point is on the film.
        states: (B, 3) logits over `STATES`.
    """

    points: Tensor
    visible: Tensor
    states: Tensor


@dataclass(frozen=True)
class RefinerSizes:
    """Widths of the refiner at 1/2, 1/4, 1/8 and 1/16 of the crop (channels).

    None is below 16: torch 2.14 corrupts memory when it trains narrower channels-last convolutions on a CPU.
    """

    half: int = 32
    quarter: int = 80
    eighth: int = 192
    sixteenth: int = 320

    def as_dict(self) -> dict[str, int]:
        """For model.json."""
        return asdict(self)


class RefinerNetwork(nn.Module):
    """Input (B, 1, 144, 160) standardised crops; output `RefinerOutput`."""

    def __init__(self, sizes: RefinerSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes if sizes is not None else RefinerSizes()
        widths = list(self.sizes.as_dict().values())
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        self.down = nn.ModuleList(
            nn.Sequential(ResidualBlock(a, b, 2), ResidualBlock(b, b)) for a, b in pairwise(widths)
        )
        self.first = ResidualBlock(widths[0], widths[0])
        pairs = list(zip(widths[::-1], widths[-2::-1], strict=False))
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairs)
        self.up = nn.ModuleList(ResidualBlock(b, b) for _, b in pairs)
        self.points = nn.Conv2d(widths[0], POINTS, 1)
        self.facts = nn.Linear(2 * widths[-1], POINTS + len(STATES))

    def forward(self, crops: Tensor) -> RefinerOutput:
        """Run the network on (B, 1, H, W), H and W multiples of 16."""
        levels = [self.first(self.stem(crops))]
        for block in self.down:
            levels.append(block(levels[-1]))
        deepest = levels[-1]
        facts = self.facts(torch.cat([deepest.mean((2, 3)), deepest.amax((2, 3))], dim=1))
        x = deepest
        for narrow, up, skip in zip(self.narrow, self.up, levels[-2::-1], strict=True):
            enlarged = functional.interpolate(narrow(x), size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = up(enlarged + skip)
        return RefinerOutput(self.points(x), facts[:, :POINTS], facts[:, POINTS:])


@dataclass(frozen=True, slots=True)
class RefinedBody:
    """What the refiner says about one crop, crop px.

    Attributes:
        points: (6, 2).
        covariance: (6, 2, 2) px², not yet calibrated.
        visible: (6,) probability that the point is on the film.
        states: (3,) probability of `STATES`.
    """

    points: FloatArray
    covariance: FloatArray
    visible: FloatArray
    states: FloatArray


def target_maps(points: FloatArray, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Maps (..., h, w) that the softmax is trained towards: Gaussians of sum 1 about crop points (..., 2).

    All zero for a point that is not finite or not on the map.
    """
    rows, columns = (cell_to_coordinate(np.arange(n, dtype=np.float64), REFINER_STRIDE) for n in shape)
    sigma = POINT_SIGMA * REFINER_STRIDE
    x, y = points[..., 0, None], points[..., 1, None]
    across = np.exp(-0.5 * ((columns - x) / sigma) ** 2)
    along = np.exp(-0.5 * ((rows - y) / sigma) ** 2)
    maps = along[..., :, None] * across[..., None, :]
    size = REFINER_STRIDE * np.array([shape[1], shape[0]])
    inside = np.all((points > 0) & (points < size), axis=-1)[..., None, None]
    total = np.where(inside, maps.sum(axis=(-2, -1), keepdims=True), 1.0)
    return np.where(inside, maps / total, 0.0).astype(np.float32)


def decode_points(probability: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Points (..., 2) crop px and covariances (..., 2, 2) px² of maps (..., h, w) that sum to 1.

    The mean is taken in a soft window that lies about the mean itself (mean shift; Comaniciu and Meer 2002, IEEE Trans
    Pattern Anal Mach Intell 24:603-619), the moment over the whole map, so that a second place where the point may lie
    widens the covariance without pulling the point between the two. Such a window has no edge at which a cell comes in
    or goes out: a map that differs in rounding alone gives the same point.
    """
    maps = np.asarray(probability, dtype=np.float64)
    shape = maps.shape[-2:]
    flat = maps.reshape(-1, *shape)
    x, y = _shifted_mean(flat, _peak(np.asarray(probability, dtype=np.float32).reshape(flat.shape)))
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    dx, dy = columns - x[:, None], rows - y[:, None]
    xx, yy = (flat.sum(axis=1) * dx**2).sum(axis=1), (flat.sum(axis=2) * dy**2).sum(axis=1)
    xy = np.einsum("nij,ni,nj->n", flat, dy, dx)
    moment = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    values, vectors = np.linalg.eigh(moment - POINT_SIGMA**2 * np.eye(2))
    covariance = (vectors * np.maximum(values, LEAST_VARIANCE)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    points = cell_to_coordinate(np.stack([x, y], axis=1), REFINER_STRIDE)
    lead = maps.shape[:-2]
    return points.reshape(*lead, 2), covariance.reshape(*lead, 2, 2) * REFINER_STRIDE**2


def _peak(maps: NDArray[np.float32]) -> NDArray[np.int64]:
    """Row and column (n, 2) of the cell whose 3 x 3 surroundings hold most of each map (n, h, w)."""
    down = maps.copy()
    down[:, 1:] += maps[:, :-1]
    down[:, :-1] += maps[:, 1:]
    around = down.copy()
    around[:, :, 1:] += down[:, :, :-1]
    around[:, :, :-1] += down[:, :, 1:]
    cells = around.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.unravel_index(cells, maps.shape[1:]), axis=1)


def _shifted_mean(maps: FloatArray, peak: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """X and y (n,) in cells: where a Gaussian window's mean over each map (n, h, w) is the window's own middle."""
    near = np.arange(-MEAN_REACH, MEAN_REACH + 1)
    wide = np.pad(maps, ((0, 0), (MEAN_REACH, MEAN_REACH), (MEAN_REACH, MEAN_REACH)))
    rows, columns = peak[:, :1] + near + MEAN_REACH, peak[:, 1:] + near + MEAN_REACH
    part = wide[np.arange(len(maps))[:, None, None], rows[:, :, None], columns[:, None, :]]
    x, y = np.zeros(len(maps)), np.zeros(len(maps))
    for _ in range(MEAN_STEPS):
        across = np.exp(-0.5 * ((near - x[:, None]) / MEAN_SIGMA) ** 2)
        along = np.exp(-0.5 * ((near - y[:, None]) / MEAN_SIGMA) ** 2)
        by_column = np.matmul(along[:, None, :], part)[:, 0] * across
        by_row = np.matmul(part, across[:, :, None])[:, :, 0] * along
        total = by_column.sum(axis=1)
        x, y = by_column @ near / total, by_row @ near / total
    return x + peak[:, 1], y + peak[:, 0]


@torch.inference_mode()
def run_refiner(network: nn.Module, crops: NDArray[np.float32]) -> list[RefinedBody]:
    """What a refiner of `landmarks.inference.for_inference` says about crops (B, H, W), standardised."""
    device = next(network.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(crops))[:, None]
    output = network(batch.to(device, dtype_of(network), memory_format=torch.channels_last))
    maps = output.points.float().flatten(2).softmax(2).unflatten(2, output.points.shape[2:]).cpu().numpy()
    visible = output.visible.float().sigmoid().cpu().numpy().astype(np.float64)
    states = output.states.float().sigmoid().cpu().numpy().astype(np.float64)
    points, covariance = decode_points(maps)
    return [RefinedBody(*parts) for parts in zip(points, covariance, visible, states, strict=True)]

"""From path lengths to the log exposure of a detector: scatter, grid, noise, blur and heel effect.

`draw_detector` draws everything, `detect` applies it. An ingredient whose share in the recipe is 0 is absent: with all
of them absent the log exposure is minus the logarithm of the primary transmission, up to a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.film.attenuation import mass_thickness, transmission
from kummell_ai.synthesis.film.scatter import scatter_map, tissue_level
from kummell_ai.synthesis.recipe import FilmRecipe

Map = NDArray[np.float32]
QUANTA_PER_MM2_PER_UGY = 30000.0  # of a spectrum behind a patient, about that of quality RQA5 (IEC 62220-1)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is known of an exposure before the detector is chosen.

    Attributes:
        tube_kv: tube voltage (kV).
        pixel_mm: pixel size at the patient (mm).
        magnification: source to detector over source to patient distance.
    """

    tube_kv: float
    pixel_mm: float
    magnification: float


@dataclass(frozen=True, slots=True)
class Detector:
    """A drawn detector with its tube and grid.

    Attributes:
        kind: ``cr`` or ``dx``.
        copper_mm: added filter (mm).
        scatter: scatter-to-primary ratio behind 200 mm of water, after the grid; 0 for none.
        spread_mm: width (standard deviation) of the scatter of a pencil beam at the patient (mm).
        quanta: detected quanta a pixel at the tissue's exposure; infinite for no noise.
        electronic: spread of the electronic noise, as a share of the tissue's exposure.
        mottle: relative spread of the plate's fixed structure (CR).
        blur_px: standard deviation of focal spot, motion and detector together (px).
        lines: relative depth of visible grid lines, their period (px) and their slant (px a row or column).
        lines_upright: whether the lines run along the columns.
        heel: change of the log exposure from edge to edge, down the rows and along the columns.
        seed: of the noise.
    """

    kind: str
    copper_mm: float
    scatter: float
    spread_mm: float
    quanta: float
    electronic: float
    mottle: float
    blur_px: float
    lines: tuple[float, float, float]
    lines_upright: bool
    heel: tuple[float, float]
    seed: int


def present(share: float, rng: np.random.Generator) -> bool:
    """Whether an ingredient with this share is in: never at 0, always at 1; takes one number from ``rng``."""
    return bool(rng.random() < share)


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def focal_blur_mm(focal_spot_mm: float, magnification: float) -> float:
    """Standard deviation (mm, at the patient) of the shadow of an even focal spot; 0 without magnification.

    >>> focal_blur_mm(1.2, 1.0)
    0.0
    """
    return focal_spot_mm * (magnification - 1.0) / magnification / float(np.sqrt(12.0))


def _draw_blur_px(kind: str, exposure: Exposure, rng: np.random.Generator) -> float:
    """Focal spot, detector and motion, and the cell over which an archive averaged when it shrank the film."""
    focal = focal_blur_mm(float(rng.uniform(0.6, 1.3)), exposure.magnification)
    detector = float(rng.uniform(0.10, 0.22) if kind == "cr" else rng.uniform(0.06, 0.14)) / exposure.magnification
    motion = float(abs(rng.normal(0.0, 0.2)))
    return float(np.hypot(np.sqrt(focal**2 + detector**2 + motion**2) / exposure.pixel_mm, rng.uniform(0.3, 0.65)))


def draw_detector(recipe: FilmRecipe, exposure: Exposure, rng: np.random.Generator) -> Detector:
    """Draw a detector.

    Every ingredient takes its numbers whether it is in or not, so that leaving one out moves no other.

    Scatter: behind 200 mm of water a collimated field holds one to nearly three times as much scatter as primary
    radiation (a wide one more); a grid of ratio 8 to 12 passes a fifth of that. Dose at the detector: 0.3 to 8 uGy,
    from a starved film to one of a slow system; a needle CsI detector uses about twice as many of the quanta as a
    storage plate.
    """
    kind = "cr" if rng.random() < 0.45 else "dx"
    copper = float(rng.choice([0.0, 0.0, 0.1, 0.2]))
    ratio, passed, spread = rng.uniform(1.0, 2.8), rng.uniform(0.12, 0.32), rng.uniform(18.0, 55.0)
    dose, electronic = _log_uniform(0.3, 8.0, rng), _log_uniform(0.0005, 0.008, rng)
    mottle = float(rng.uniform(0.001, 0.006)) if kind == "cr" else 0.0
    efficiency = rng.uniform(0.15, 0.3) if kind == "cr" else rng.uniform(0.35, 0.65)
    area = (exposure.pixel_mm * exposure.magnification) ** 2
    blur = _draw_blur_px(kind, exposure, rng)
    lines = (float(rng.uniform(0.003, 0.015)), _log_uniform(2.3, 14.0, rng), float(rng.normal(0.0, 0.02)))
    seen, upright = rng.random() < 0.12, bool(rng.random() < 0.75)
    heel = (float(rng.normal(0.0, 0.18)), float(rng.normal(0.0, 0.08)))
    grid, noise = present(recipe.grid, rng), present(recipe.noise, rng)
    return Detector(
        kind=kind,
        copper_mm=copper,
        scatter=float(ratio * (passed if grid else 1.0)) if present(recipe.scatter, rng) else 0.0,
        spread_mm=float(spread),
        quanta=float(dose * QUANTA_PER_MM2_PER_UGY * area * efficiency) if noise else float("inf"),
        electronic=electronic if noise else 0.0,
        mottle=mottle if noise else 0.0,
        blur_px=blur if present(recipe.blur, rng) else 0.0,
        lines=lines if grid and seen else (0.0, 1.0, 0.0),
        lines_upright=upright,
        heel=heel if present(recipe.heel, rng) else (0.0, 0.0),
        seed=int(rng.integers(2**62)),
    )


def _shading(shape: tuple[int, int], detector: Detector) -> Map | None:
    """Heel effect and visible grid lines as one factor, or None where there is neither."""
    depth, period, slant = detector.lines
    if depth == 0.0 and detector.heel == (0.0, 0.0):
        return None
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(0.5)
    down, along = (np.float32(h) for h in detector.heel)
    shade = np.exp(down * (y / shape[0] - 0.5)) * np.exp(along * (x / shape[1] - 0.5))
    if depth > 0.0:
        across = x + np.float32(slant) * y if detector.lines_upright else y + np.float32(slant) * x
        shade = shade * (1.0 + np.float32(depth) * np.sin(np.float32(2.0 * np.pi / period) * across))
    return np.asarray(shade, dtype=np.float32)


def _noisy(signal: Map, detector: Detector, rng: np.random.Generator) -> Map:
    """Quantum noise and plate structure.

    Tissue sends hundreds of quanta and more to a pixel, where Poisson's law is a Gaussian of the same variance but
    for a skewness of 1 / sqrt(n), 0.05 at 400.
    """
    grain = rng.standard_normal(signal.shape, dtype=np.float32)
    spread = signal * np.float32(1.0 / detector.quanta)
    noisy = np.multiply(np.sqrt(spread, out=spread), grain, out=grain)
    noisy += signal
    if detector.mottle > 0.0:
        coarse = rng.standard_normal((signal.shape[0] // 3 + 1, signal.shape[1] // 3 + 1), dtype=np.float32)
        plate = cv2.resize(coarse, (signal.shape[1], signal.shape[0]), interpolation=cv2.INTER_LINEAR)
        noisy *= 1.0 + np.float32(detector.mottle) * plate
    return np.asarray(noisy, dtype=np.float32)


def detect(lengths_mm: Mapping[str, Map], exposure: Exposure, detector: Detector, opening: Map | None = None) -> Map:
    """Log exposure (natural logarithm, bone bright, tissue about 0) behind the path lengths.

    Args:
        lengths_mm: path length (mm) in each material, (rows, columns).
        exposure: the exposure.
        detector: what `draw_detector` drew.
        opening: share of the beam that collimator and lead markers let through, (rows, columns), or None.
    """
    primary = transmission(lengths_mm, exposure.tube_kv, detector.copper_mm, detector.kind)
    primary *= np.float32(1.0 / tissue_level(primary))
    if opening is not None:
        primary *= opening
    signal = primary
    if detector.scatter > 0.0:
        signal = primary + scatter_map(
            primary, mass_thickness(lengths_mm), detector.scatter, detector.spread_mm, exposure.pixel_mm
        )
        signal *= np.float32(1.0 / (1.0 + detector.scatter))  # the exposure control counts scatter too
    shade = _shading(signal.shape, detector)
    if shade is not None:
        signal = signal * shade
    rng = np.random.default_rng(detector.seed)
    if np.isfinite(detector.quanta):
        signal = _noisy(signal, detector, rng)
    if detector.blur_px > 0.0:
        signal = np.asarray(cv2.GaussianBlur(signal, (0, 0), detector.blur_px), dtype=np.float32)
    if detector.electronic > 0.0:
        grain = rng.standard_normal(signal.shape, dtype=np.float32)
        grain *= np.float32(detector.electronic)
        signal = np.add(signal, grain, out=grain)
    floor = np.float32(1e-6 if detector.electronic == 0.0 else max(2.0 * detector.electronic, 0.002))
    log = np.log(np.maximum(signal, floor))
    return np.negative(log, out=log)

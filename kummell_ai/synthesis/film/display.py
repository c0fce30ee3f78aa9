"""Display chains of computed and digital radiography: from log exposure to the grey levels a reader is shown.

Makers differ more in this step than in their detectors, so it is drawn widely, in five families: ``plain`` (window
alone), ``wide`` (latitude reduced, the body seen from skin to hip), ``multiscale`` (detail compressed and lifted scale
by scale), ``film`` (the steep S of a film) and ``harsh`` (local equalisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
FAMILIES = ("plain", "wide", "multiscale", "film", "harsh")
FAMILY_SHARES = (0.15, 0.3, 0.25, 0.18, 0.12)
LEVELS = 5
BLADE_ROOM = 0.7  # log exposure that metal may lie above the brightest tissue


@dataclass(frozen=True, slots=True)
class Display:
    """A drawn display chain.

    Attributes:
        family: which kind of chain.
        air: log exposure below which all is background.
        gains: of the detail at each scale, finest first.
        knee: detail (log exposure) at which a strong edge is lifted half as much as a faint one; infinite for none.
        latitude: gain of what is coarser than all scales.
        mask: strength and width (mm) of unsharp masking.
        window: quantiles of the tissue that become black and white.
        headroom: how far white lies above its quantile (share of the window): makers leave room for dense bone.
        central: whether the window looks at the middle of the field alone.
        offset: shift of the window (share of its width) of an over- or underexposed film.
        s_centre, s_slope: of the S-shaped tone curve; slope 0 for none.
        gamma: exponent of the grey level.
        equalise: clip limit and tiles of local equalisation; 0 tiles for none.
    """

    family: str
    air: float
    gains: tuple[float, ...]
    knee: float
    latitude: float
    mask: tuple[float, float]
    window: tuple[float, float]
    headroom: float
    central: bool
    offset: float
    s_centre: float
    s_slope: float
    gamma: float
    equalise: tuple[float, int]


def draw_display(rng: np.random.Generator, family: str | None = None) -> Display:
    """Draw a chain, of one family if it is named."""
    chosen = family or str(rng.choice(FAMILIES, p=FAMILY_SHARES))
    plain, film = chosen == "plain", chosen == "film"
    latitude = {
        "plain": (1.0, 1.0),
        "wide": (0.3, 0.75),
        "multiscale": (0.15, 0.6),
        "film": (0.8, 1.0),
        "harsh": (0.15, 0.8),
    }[chosen]
    lift, tilt = rng.uniform(0.0, 0.9) if chosen in ("multiscale", "harsh") else rng.uniform(-0.1, 0.45), rng.normal()
    scale = np.linspace(-1.0, 1.0, LEVELS)
    gains = np.exp(lift + 0.25 * tilt * scale + rng.normal(0.0, 0.12, LEVELS))
    slope = rng.uniform(1.6, 3.4) if film else rng.uniform(0.8, 2.2)
    masked = rng.random() < 0.35 and not plain
    clahe = chosen == "harsh" or rng.random() < 0.08
    return Display(
        family=chosen,
        air=-float(rng.uniform(2.7, 4.8)),
        gains=(1.0,) * LEVELS if plain or film else tuple(gains.tolist()),
        knee=float(np.exp(rng.uniform(np.log(0.08), np.log(0.6)))) if chosen == "multiscale" else float("inf"),
        latitude=float(rng.uniform(*latitude)),
        mask=(float(rng.uniform(0.2, 1.5)) if masked else 0.0, float(np.exp(rng.uniform(np.log(1.0), np.log(12.0))))),
        window=(float(rng.uniform(0.0, 0.15) * rng.uniform(0.0, 1.0)), float(rng.uniform(0.95, 1.0))),
        headroom=float(rng.uniform(0.0, 0.3)),
        central=bool(rng.random() < 0.5),
        offset=float(rng.normal(0.0, 0.15) if rng.random() < 0.3 else 0.0),
        s_centre=float(rng.uniform(0.35, 0.65)),
        s_slope=float(slope) if film or rng.random() < 0.4 else 0.0,
        gamma=float(np.exp(rng.normal(0.15, 0.28))),
        equalise=(float(rng.uniform(1.2, 3.5)), int(rng.integers(3, 10)) if clahe else 0),
    )


def multiscale(image: Map, gains: tuple[float, ...], knee: float, latitude: float) -> Map:
    """The image rebuilt from its Laplacian pyramid with every scale lifted by its gain.

    All gains and the latitude 1 with an infinite knee give the image back.
    """
    current: Map = image
    details: list[Map] = []
    for gain in gains:
        if min(current.shape) < 8:
            break
        coarse = np.asarray(cv2.pyrDown(current), dtype=np.float32)
        detail = current - cv2.pyrUp(coarse, dstsize=(current.shape[1], current.shape[0]))
        lift = np.float32(gain)
        details.append(detail * lift if np.isinf(knee) else detail * (lift / (1.0 + np.abs(detail) / np.float32(knee))))
        current = coarse
    middle = np.float32(np.median(current))
    current = middle + (current - middle) * np.float32(latitude)
    for detail in reversed(details):
        current = np.asarray(cv2.pyrUp(current, dstsize=(detail.shape[1], detail.shape[0])) + detail, dtype=np.float32)
    return current


def _windowed(v: Map, low: float, high: float) -> Map:
    return np.asarray((v - np.float32(low)) * np.float32(1.0 / max(high - low, 1e-3)), dtype=np.float32)


def _exposed(shape: tuple[int, int], opening: Map | None) -> NDArray[np.bool_]:
    """Which pixels of every third row and column saw the beam."""
    if opening is None:
        return np.ones((-(-shape[0] // 3), -(-shape[1] // 3)), bool)
    return np.asarray(opening[::3, ::3] > 0.5, dtype=bool)


def _middle(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The middle half of the columns and the middle 70 % of the rows, where a spine lies."""
    middle = np.zeros(shape, bool)
    rows, cols = shape
    middle[round(0.15 * rows) : round(0.85 * rows), round(0.25 * cols) : round(0.75 * cols)] = True
    return middle


def scaled(log_exposure: Map, opening: Map | None = None) -> Map:
    """The plain log exposure in [0, 1]: a straight line between its extreme quantiles; a film without a chain."""
    low, high = np.quantile(log_exposure[::3, ::3][_exposed(log_exposure.shape, opening)], [0.002, 0.998])
    return np.clip(_windowed(log_exposure, low, high), 0.0, 1.0)


def _local_equalisation(v: Map, clip: float, tiles: int) -> Map:
    tool = cv2.createCLAHE(clip, (tiles, tiles))
    return np.asarray(tool.apply((v * 255.0).astype(np.uint8)), dtype=np.float32) * np.float32(1.0 / 255.0)


def show(log_exposure: Map, display: Display, pixel_mm: float, opening: Map | None = None) -> Map:
    """Grey levels in [0, 1], (rows, columns) float32, bone bright; the window looks at tissue in the beam."""
    seen = _exposed(log_exposure.shape, opening)
    # blades lie far above all tissue and would throw halos into the field; makers cut them out first
    top = float(np.quantile(log_exposure[::3, ::3][seen], 0.998)) + BLADE_ROOM
    v = np.clip(log_exposure, np.float32(display.air), np.float32(max(top, display.air + BLADE_ROOM)))
    tissue = seen & (log_exposure[::3, ::3] > display.air)
    if display.central:
        tissue &= _middle(tissue.shape)
    if display.family not in ("plain", "film"):
        v = multiscale(v, display.gains, display.knee, display.latitude)
    strength, width_mm = display.mask
    if strength > 0.0:
        v = v + np.float32(strength) * (v - _smooth(v, width_mm / pixel_mm))
    low, high = np.quantile(v[::3, ::3][tissue if tissue.sum() > 64 else seen], display.window)
    high += display.headroom * (high - low)
    shift = display.offset * (high - low)
    v = np.clip(_windowed(v, low + shift, high + shift), 0.0, 1.0)
    if display.s_slope > 0.0:
        v = _s_curve(v, display.s_centre, display.s_slope)
    if display.equalise[1]:
        v = _local_equalisation(v, *display.equalise)
    return np.asarray(np.clip(v, 0.0, 1.0) ** np.float32(display.gamma), dtype=np.float32)


def _smooth(v: Map, sigma_px: float) -> Map:
    """Gaussian smoothing; wide ones on a coarser grid, where they look the same."""
    step = max(1, int(sigma_px // 3))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(v, (0, 0), max(sigma_px, 0.3)), dtype=np.float32)
    size = (max(v.shape[1] // step, 2), max(v.shape[0] // step, 2))
    small = cv2.GaussianBlur(cv2.resize(v, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(small, (v.shape[1], v.shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _s_curve(v: Map, centre: float, slope: float) -> Map:
    """An S through (0, 0) and (1, 1), steepest at ``centre``."""
    low, high = np.tanh(-centre * slope), np.tanh((1.0 - centre) * slope)
    curve = np.tanh((v - np.float32(centre)) * np.float32(slope))
    return _windowed(np.asarray(curve, dtype=np.float32), float(low), float(high))

"""From transmission to a film as an archive holds it: scatter, noise, blur, then a randomised display chain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.tissue import noise_map

Image = NDArray[np.float32]


def detect(primary: Image, rng: np.random.Generator) -> Image:
    """Log exposure of a detector behind ``primary`` transmission, bone bright.

    Scatter is made from the exposure under tissue only: open air would flood the spine otherwise.
    """
    tissue_level = np.float32(np.quantile(primary, 0.3))
    small = cv2.resize(np.minimum(primary, 3.0 * tissue_level), None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    glow = cv2.GaussianBlur(small, (0, 0), rng.uniform(3.0, 9.0))
    scatter = np.asarray(cv2.resize(glow, (primary.shape[1], primary.shape[0])), dtype=np.float32)
    signal = primary + np.float32(np.exp(rng.uniform(np.log(0.15), np.log(2.5)))) * scatter
    quanta = np.float32(np.exp(rng.uniform(np.log(400.0), np.log(20000.0))) / tissue_level)
    grain = np.asarray(rng.normal(size=signal.shape), dtype=np.float32)
    noisy = signal + np.sqrt(signal / quanta) * grain
    blurred = cv2.GaussianBlur(np.maximum(noisy, 0.02 * tissue_level), (0, 0), rng.uniform(0.35, 0.95))
    return np.asarray(np.log(tissue_level / blurred), dtype=np.float32)


def display(log_exposure: Image, rng: np.random.Generator) -> Image:
    """A random but plausible processing of the log exposure; float32 in [0, 1]."""
    v = log_exposure
    cut = rng.uniform(-4.0, -1.8)
    v = np.maximum(v, np.float32(cut))
    small = cv2.resize(v, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    base = cv2.resize(cv2.GaussianBlur(small, (0, 0), rng.uniform(4.0, 16.0)), (v.shape[1], v.shape[0]))
    fine = cv2.GaussianBlur(v, (0, 0), rng.uniform(1.5, 4.0))
    keep = rng.uniform(0.25, 1.0)
    v = (
        base * np.float32(keep)
        + (fine - base) * np.float32(rng.uniform(0.7, 1.5))
        + (v - fine) * np.float32(rng.uniform(0.6, 2.4))
    )
    low, high = np.quantile(v[::3, ::3], [rng.uniform(0.0, 0.04), rng.uniform(0.975, 1.0)])
    v = (v - np.float32(low)) / np.float32(max(high - low, 1e-3))
    if rng.random() < 0.5:
        centre, slope = rng.uniform(0.35, 0.65), rng.uniform(1.0, 2.6)
        v = 0.5 + np.tanh((v - centre) * slope) / (2.0 * np.tanh(slope * 0.6))
    v = np.clip(v, 0.0, 1.0) ** np.float32(np.exp(rng.normal(0.0, 0.3)))
    if rng.random() < 0.25:
        tool = cv2.createCLAHE(rng.uniform(1.0, 3.0), (int(rng.integers(3, 9)),) * 2)
        v = tool.apply((v * 255).astype(np.uint8)).astype(np.float32) / 255.0
    return np.asarray(np.clip(v, 0.0, 1.0), dtype=np.float32)


def _collimate(v: Image, rng: np.random.Generator) -> Image:
    rows, cols = v.shape
    grey = np.float32(rng.choice([0.0, 1.0, rng.uniform(0.0, 0.5)]))
    x0, x1 = (rng.uniform(0.0, 0.07) * cols if rng.random() < 0.6 else 0 for _ in range(2))
    y0, y1 = (rng.uniform(0.0, 0.04) * rows if rng.random() < 0.5 else 0 for _ in range(2))
    tilt = rng.normal(0.0, 0.006)
    yy, xx = np.mgrid[0:rows, 0:cols].astype(np.float32)
    inside = (xx + tilt * yy > x0) & (xx + tilt * yy < cols - x1) & (yy > y0 + tilt * xx) & (yy < rows - y1 + tilt * xx)
    return np.where(inside, v, grey).astype(np.float32)


def _markers(v: Image, rng: np.random.Generator) -> Image:
    canvas = (v * 255).astype(np.uint8)
    rows, cols = v.shape
    for _ in range(int(rng.integers(1, 4))):
        text = str(rng.choice(["R", "L", "RT", "LT", "RT.", "LAT", "12", "AB", "ERECT", "75kV"]))
        size = rng.uniform(0.35, 1.1)
        at = (int(rng.uniform(0.0, 0.9) * cols), int(rng.uniform(0.04, 1.0) * rows))
        shade = (255, 255, 0, int(rng.integers(90, 255)))[int(rng.integers(4))]
        if rng.random() < 0.5:
            w, h = int(24 * size * len(text)), int(34 * size)
            cv2.rectangle(canvas, (at[0] - 3, at[1] - h + 4), (at[0] + w, at[1] + 5), 255 - shade, -1)
        cv2.putText(canvas, text, at, int(rng.choice([0, 2, 3])), size, shade, int(rng.integers(1, 3)))
    return canvas.astype(np.float32) / 255.0


def archive(v: Image, rng: np.random.Generator) -> Image:
    """Collimation, markers, squeezed contrast and compression; float32 in [0, 1]."""
    if rng.random() < 0.4:
        v = _collimate(v, rng)
    if rng.random() < 0.6:
        v = _markers(v, rng)
    if rng.random() < 0.3:
        low = rng.uniform(0.0, 0.45)
        v = np.float32(low) + v * np.float32(rng.uniform(0.35, 1.0 - low))
    if rng.random() < 0.3:
        v = v + 0.02 * noise_map(v.shape, rng.uniform(1.0, 3.0), rng)
    if rng.random() < 0.3:
        v = _jpeg(v, int(rng.integers(40, 95)))
    return np.asarray(np.clip(v, 0.0, 1.0), dtype=np.float32)


def _jpeg(v: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", (np.clip(v, 0, 1) * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255.0)

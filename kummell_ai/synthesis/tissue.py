"""Procedural soft tissue: water-equivalent thickness maps (mm) drawn around a given spine."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.projection import ConeBeam

Map = NDArray[np.float32]


def noise_map(shape: tuple[int, int], cell_px: float, rng: np.random.Generator) -> Map:
    """Smooth noise (rows, columns), about zero mean and unit spread, with features ``cell_px`` wide."""
    rows, cols = (max(2, int(np.ceil(n / cell_px)) + 1) for n in shape)
    coarse = rng.normal(size=(rows, cols)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def fractal_noise(shape: tuple[int, int], cell_px: float, octaves: int, rng: np.random.Generator) -> Map:
    """Sum of `noise_map` octaves, each half as wide and 0.55 as strong, unit spread."""
    total = np.zeros(shape, np.float32)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * noise_map(shape, max(1.0, cell_px), rng)
        norm += weight**2
        cell_px, weight = cell_px / 2.0, weight * 0.55
    return total / np.float32(np.sqrt(norm))


@dataclass(frozen=True, slots=True)
class Scene:
    """Where each pixel lies with regard to the spine, on the plane y = 0.

    Attributes:
        x, z: patient coordinates (mm), (rows, columns).
        ahead: distance in front of the spine's line (mm), (rows, columns); negative behind.
        pixel_mm: pixel size.
        levels_z: height (mm) of each level's centre by name.
    """

    x: Map
    z: Map
    ahead: Map
    pixel_mm: float
    levels_z: dict[str, float]


def make_scene(beam: ConeBeam, centres_mm: FloatArray, names: tuple[str, ...]) -> Scene:
    """The scene around vertebra centres (V, 3), cranial to caudal, called ``names``."""
    rows, cols = beam.shape
    x = beam.origin_mm[0] - (np.arange(cols, dtype=np.float32) + 0.5) * np.float32(beam.pixel_mm)
    z = beam.origin_mm[1] - (np.arange(rows, dtype=np.float32) + 0.5) * np.float32(beam.pixel_mm)
    order = np.argsort(centres_mm[:, 2])
    line = np.interp(z, centres_mm[order, 2], centres_mm[order, 0]).astype(np.float32)
    line = cv2.GaussianBlur(line[:, None], (1, 61), 12.0)[:, 0]
    xx = np.broadcast_to(x[None, :], beam.shape).astype(np.float32)
    zz = np.broadcast_to(z[:, None], beam.shape).astype(np.float32)
    return Scene(xx, zz, xx - line[:, None], beam.pixel_mm, dict(zip(names, centres_mm[:, 2].tolist(), strict=True)))


def trunk(scene: Scene, tube_mm: tuple[float, float, float], rng: np.random.Generator) -> Map:
    """Thickness of the trunk: a super-ellipse in every transverse plane, wavy along the body."""
    half_width, behind, before = tube_mm
    z = scene.z[:, :1]
    wave = 1.0 + 0.05 * np.sin(z / 70.0 + rng.uniform(0, 6.3)) + 0.03 * np.sin(z / 25.0 + rng.uniform(0, 6.3))
    hips = 1.0 / (1.0 + np.exp((z - scene.levels_z.get("L5", -80.0)) / 25.0))
    back = behind * wave * (1.0 + rng.uniform(-0.1, 0.35) * hips)
    front = before * wave * (1.0 + rng.uniform(-0.2, 0.3) * (1 - hips))
    middle, half = 0.5 * (front - back), 0.5 * (front + back)
    u = np.abs((scene.ahead - middle) / half)
    power = rng.uniform(2.2, 3.2)
    shape = np.clip(1.0 - u**power, 0.0, None) ** (1.0 / power)
    thickness: Map = (2.0 * half_width * (1.0 + 0.12 * hips) * shape).astype(np.float32)
    texture = fractal_noise(scene.x.shape, 60.0 / scene.pixel_mm, 4, rng)
    return np.maximum(thickness + texture * np.float32(rng.uniform(1.0, 6.0)) * (thickness > 20.0), 0.0)


def lungs(scene: Scene, tissue: Map, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) to take away for the lungs above two diaphragm domes, with vessels."""
    names = [n for n in ("T9", "T10", "T11", "T12", "L1") if n in scene.levels_z]
    if not names:
        return np.zeros_like(tissue)
    base = scene.levels_z[names[int(rng.integers(len(names)))]] + rng.normal(0.0, 8.0)
    rise, width = rng.uniform(30.0, 80.0), rng.uniform(60.0, 110.0)
    out = np.zeros_like(tissue)
    vessels = 1.0 + np.float32(rng.uniform(0.01, 0.09)) * fractal_noise(tissue.shape, 14.0 / scene.pixel_mm, 3, rng)
    for _ in range(2):
        base_side = base + rng.normal(0.0, 10.0)
        dome = base_side + rise * (1.0 - np.exp(-(((scene.ahead + 40.0) / width) ** 2)))
        dome = dome + 6.0 * np.sin(scene.ahead / rng.uniform(25.0, 60.0) + rng.uniform(0, 6.3))
        edge = 1.0 / (1.0 + np.exp(-np.clip((scene.z - dome) / rng.uniform(0.6, 2.5), -30, 30)))
        out += (edge * tissue * rng.uniform(0.07, 0.24) * vessels).astype(np.float32)
    heart = np.exp(-(((scene.ahead - 90.0) / 45.0) ** 2)) * rng.uniform(0.0, 0.7)
    return np.asarray(out * (1.0 - heart), dtype=np.float32)


def _ellipse_field(scene: Scene, x: float, z: float, a: float, b: float, tilt: float) -> Map:
    c, s = np.cos(tilt), np.sin(tilt)
    u = ((scene.ahead - x) * c + (scene.z - z) * s) / a
    v = (-(scene.ahead - x) * s + (scene.z - z) * c) / b
    field: Map = (u * u + v * v).astype(np.float32)
    return field


def bowel_gas(scene: Scene, count: int, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) to take away for gas bubbles in the bowel, mostly in front of the spine."""
    out = np.zeros_like(scene.x)
    if count == 0:
        return out
    wobble = 0.35 * noise_map(scene.x.shape, 12.0 / scene.pixel_mm, rng)
    hubs = [(rng.uniform(25.0, 130.0), rng.uniform(scene.z.min(), scene.z.max())) for _ in range(3)]
    for _ in range(count):
        hub = hubs[int(rng.integers(3))]
        x, z = hub[0] + rng.normal(0.0, 28.0), hub[1] + rng.normal(0.0, 30.0)
        if rng.random() < 0.08:
            x = rng.uniform(-30.0, 20.0)
        a = float(np.exp(rng.normal(1.9, 0.6)))
        b = a * rng.uniform(0.5, 1.6)
        reach = 1.8 * max(a, b)
        rows = np.abs(scene.z[:, 0] - z) < reach
        if not rows.any():
            continue
        part = Scene(scene.x[rows], scene.z[rows], scene.ahead[rows], scene.pixel_mm, scene.levels_z)
        field = _ellipse_field(part, x, z, a, b, rng.uniform(0, np.pi)) * (1.0 + wobble[rows])
        out[rows] += np.float32(rng.uniform(0.5, 1.4) * 2 * min(a, b)) * np.sqrt(np.clip(1.0 - field, 0.0, None))
    return np.minimum(out, np.float32(70.0))


def bowel_content(scene: Scene, rng: np.random.Generator) -> Map:
    """Mottled content of the bowel (mm of water, may be negative) in front of the spine."""
    mottle = fractal_noise(scene.x.shape, rng.uniform(6.0, 14.0) / scene.pixel_mm, 3, rng)
    where = noise_map(scene.x.shape, 60.0 / scene.pixel_mm, rng) + (scene.ahead - 30.0) / 60.0
    return (mottle * np.float32(6.0 * rng.random() ** 2) / (1.0 + np.exp(-3.0 * where))).astype(np.float32)


def aortic_calcification(scene: Scene, rng: np.random.Generator) -> Map:
    """Bone-equivalent thickness (mm) of broken calcified lines along the aorta in front of the spine."""
    out = np.zeros_like(scene.x)
    offset, bend = rng.uniform(22.0, 40.0), rng.uniform(-0.1, 0.1)
    top = scene.levels_z.get("T11", scene.z.max())
    bottom = scene.levels_z.get("L4", scene.z.min())
    gaps = noise_map((scene.x.shape[0], 1), 10.0 / scene.pixel_mm, rng)[:, :1]
    for side in (0.0, rng.uniform(14.0, 24.0)):
        distance = np.abs(scene.ahead - offset - side - bend * (scene.z - bottom))
        line = np.exp(-((distance / rng.uniform(0.5, 1.2)) ** 2)) * (gaps > rng.uniform(-0.3, 0.8))
        out += (line * rng.uniform(0.5, 2.5) * ((scene.z < top) & (scene.z > bottom))).astype(np.float32)
    return out


def straps(scene: Scene, count: int, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) of arms, skin folds and clothing: soft-edged bands across the film."""
    out = np.zeros_like(scene.x)
    for _ in range(count):
        tilt = rng.uniform(-1.2, 1.2)
        x, z = rng.uniform(-60.0, 160.0), rng.uniform(scene.z.min(), scene.z.max())
        across = (scene.x - x) * np.sin(tilt) + (scene.z - z) * np.cos(tilt) + 0.002 * rng.normal() * (scene.x - x) ** 2
        if rng.random() < 0.5:
            out += np.float32(rng.uniform(2.0, 12.0)) / (
                1.0 + np.exp(-np.clip(across / rng.uniform(0.5, 3.0), -30, 30))
            )
        else:
            width = rng.uniform(3.0, 45.0)
            out += np.float32(rng.uniform(2.0, 25.0)) * np.sqrt(np.clip(1.0 - (across / width) ** 2, 0.0, None))
    return out.astype(np.float32)

"""Skin folds, clothing and what the patient lies on."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene, soft_step
from kummell_ai.synthesis.tissue.trunk import Body

Layers = tuple[Map, Map]
"""Water and bone-equivalent thickness (mm)."""


def folds(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """Water and bone-equivalent metal (mm) of one to three kinds of folds, clothing and bedding."""
    water, dense = np.zeros(scene.shape, np.float32), np.zeros(scene.shape, np.float32)
    for k in rng.choice(len(_KINDS), size=int(rng.integers(1, 4)), p=_WEIGHTS):
        soft, hard = _KINDS[int(k)](scene, coarse, body, rng)
        water += soft
        dense += hard
    return water, dense


def _across(coarse: Scene, tilt: float, rng: np.random.Generator) -> tuple[Map, Map]:
    """Distances (mm) across and along a gently bent line through the view, on the coarse view."""
    x, z = rng.uniform(-70.0, 150.0), rng.uniform(float(coarse.z.min()), float(coarse.z.max()))
    dx, dz = coarse.ahead - np.float32(x), coarse.z[:, None] - np.float32(z)
    along = dx * np.float32(np.cos(tilt)) + dz * np.float32(np.sin(tilt))
    across = dz * np.float32(np.cos(tilt)) - dx * np.float32(np.sin(tilt))
    across += np.float32(0.0015 * rng.normal()) * along**2
    across += np.float32(rng.uniform(0.0, 4.0)) * np.sin(along / np.float32(rng.uniform(25.0, 60.0)))
    return across, along


def _skin_fold(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """Two layers of skin and fat that end in a line with a dark groove of air beside it, mostly at the flank."""
    across, along = _across(coarse, rng.normal(0.0, 0.5), rng)
    fade = np.exp(-((along / np.float32(rng.uniform(50.0, 160.0))) ** 2))
    fade *= body.half_widths(coarse.ahead) > 0.0
    near = scene.enlarge(across)
    step = soft_step(near, rng.uniform(0.4, 2.0)) * np.exp(-np.maximum(near, 0.0) / np.float32(rng.uniform(15.0, 60.0)))
    groove = np.exp(-(((near + 1.5) / np.float32(rng.uniform(1.0, 2.5))) ** 2))
    depth, air = rng.uniform(5.0, 22.0), rng.uniform(0.0, 8.0)
    return (step * np.float32(depth) - groove * np.float32(air)) * scene.enlarge(fade.astype(np.float32)), _none(scene)


def _cloth(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """Creases: faint streaks that run side by side, and the hem of a garment."""
    across, along = _across(coarse, rng.uniform(-1.4, 1.4), rng)
    wave = across / np.float32(rng.uniform(5.0, 16.0)) + np.float32(2.0) * np.sin(
        along / np.float32(rng.uniform(40, 90))
    )
    creases = np.maximum(np.sin(scene.enlarge(wave)), 0.0)
    creases = np.square(creases, out=creases)
    creases = np.square(creases, out=creases) if rng.random() < 0.5 else creases
    patch = np.exp(-((across / np.float32(rng.uniform(25.0, 70.0))) ** 2))
    water = creases * scene.enlarge(patch.astype(np.float32)) * np.float32(rng.uniform(1.0, 5.0))
    hem, _ = _across(coarse, rng.normal(0.0, 0.3), rng)
    near = scene.enlarge(hem)
    water += np.float32(rng.uniform(0.5, 2.5)) * soft_step(near, 0.5)
    water += np.float32(rng.uniform(0.5, 3.0)) * np.exp(-np.square(np.square(near / np.float32(rng.uniform(2.0, 8.0)))))
    return water, _none(scene)


def _strap(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """A belt, strap or sheet: a band with even thickness and hard edges."""
    across, _ = _across(coarse, rng.uniform(-1.4, 1.4), rng)
    near, half, edge = np.abs(scene.enlarge(across)), rng.uniform(3.0, 30.0), rng.uniform(0.4, 1.5)
    band = soft_step(np.float32(half) - near, edge) * np.float32(rng.uniform(1.0, 8.0))
    band += np.exp(-(((near - np.float32(half)) / np.float32(1.2)) ** 2)) * np.float32(rng.uniform(0.0, 4.0))
    return band, _none(scene)


def _bedding(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """The edge of a mattress, cushion or table top beside or across the trunk: a straight step."""
    tilt = rng.choice([0.0, 0.5 * np.pi, -0.5 * np.pi]) + rng.normal(0.0, 0.05)
    x, z = (
        rng.uniform(float(scene.x.min()), float(scene.x.max())),
        rng.uniform(float(scene.z.min()), float(scene.z.max())),
    )
    across = (scene.z[:, None] - np.float32(z)) * np.float32(np.cos(tilt)) - (scene.x - np.float32(x)) * np.float32(
        np.sin(tilt)
    )
    slab = soft_step(across, rng.uniform(0.5, 6.0)) * np.float32(rng.uniform(3.0, 25.0))
    lining = np.exp(-((across / np.float32(rng.uniform(0.8, 2.5))) ** 2)) * np.float32(rng.uniform(0.0, 5.0))
    return slab + lining, _none(scene)


def _bandage(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """A dressing over the back: a soft-edged patch with the weave of gauze."""
    z = rng.uniform(scene.level_z("L4", -35.0), scene.level_z("T11", 130.0))
    back = float(np.interp(-z, -coarse.z, body.back))
    high, thick = rng.uniform(25.0, 70.0), rng.uniform(6.0, 22.0)
    skin = np.interp(-scene.z, -coarse.z, body.back).astype(np.float32)
    outside = -scene.ahead - skin[:, None]
    patch = soft_step(np.float32(high) - np.abs(scene.z - np.float32(z)), 4.0)[:, None] * soft_step(
        np.float32(0.5 * thick) - np.abs(outside - np.float32(0.4 * thick)), 1.5
    )
    pitch = rng.uniform(1.5, 4.0)
    weave = 1.0 + 0.4 * np.sin(scene.z / np.float32(pitch))[:, None] * np.sin(scene.x / np.float32(pitch))
    return patch * weave * np.float32(rng.uniform(4.0, 0.25 * back)), _none(scene)


def _buttons(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """A row of buttons (plastic, water-like) or press studs (metal)."""
    canvas = np.zeros(scene.shape, np.uint8)
    x, z = rng.uniform(-80.0, 140.0), rng.uniform(float(scene.z.min()), float(scene.z.max()))
    step, radius, metal = rng.uniform(35.0, 90.0), rng.uniform(3.5, 8.0), rng.random() < 0.4
    squash = rng.uniform(0.15, 1.0)
    for k in range(int(rng.integers(1, 5))):
        column, row = _at(scene, x + rng.normal(0.0, 4.0), z + k * step)
        axes = (round(16 * radius * squash / scene.pixel_mm), round(16 * radius / scene.pixel_mm))
        cv2.ellipse(canvas, (column, row), axes, 0.0, 0.0, 360.0, 150, -1, cv2.LINE_AA, 4)
        cv2.ellipse(canvas, (column, row), axes, 0.0, 0.0, 360.0, 255, 1, cv2.LINE_AA, 4)
        for hole in (-0.25, 0.25):
            at = (column, row + round(16 * hole * radius / scene.pixel_mm))
            cv2.circle(canvas, at, round(16 * 0.12 * radius / scene.pixel_mm), 0, -1, cv2.LINE_AA, 4)
    drawn = canvas.astype(np.float32) / np.float32(255.0)
    if metal:
        return _none(scene), drawn * np.float32(rng.uniform(2.0, 8.0))
    return drawn * np.float32(rng.uniform(1.5, 5.0)), _none(scene)


def _metal(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Layers:
    """Hooks of a bra or the teeth of a zip: small dense marks in a row."""
    canvas = np.zeros(scene.shape, np.uint8)
    x, z = rng.uniform(-95.0, 120.0), rng.uniform(float(scene.z.min()), float(scene.z.max()))
    thick = max(1, round(1.2 / scene.pixel_mm))
    if rng.random() < 0.5:
        for k in range(int(rng.integers(2, 5))):
            column, row = _at(scene, x, z + 12.0 * k)
            axes = (round(16 * 4.5 / scene.pixel_mm), round(16 * 2.2 / scene.pixel_mm))
            turn = float(rng.normal(0.0, 15.0))
            cv2.ellipse(canvas, (column, row), axes, turn, 30.0, 330.0, 255, thick, cv2.LINE_AA, 4)
    else:
        lean, count = rng.normal(0.0, 0.15), int(rng.integers(15, 80))
        for k in range(count):
            side = 1.3 if k % 2 else -1.3
            start = _at(scene, x + lean * 2.4 * k + side, z + 2.4 * k)
            end = _at(scene, x + lean * 2.4 * k + side + 2.2, z + 2.4 * k)
            cv2.line(canvas, start, end, 255, thick, cv2.LINE_AA, 4)
    return _none(scene), canvas.astype(np.float32) * np.float32(rng.uniform(2.0, 9.0) / 255.0)


def _at(scene: Scene, ahead: float, z: float) -> tuple[int, int]:
    """Sixteenths of a pixel, as OpenCV's ``shift`` of 4 reads them."""
    column, row = scene.pixel(np.array([ahead]), np.array([z]))[0]
    return round(16 * float(column)), round(16 * float(row))


def _none(scene: Scene) -> Map:
    return np.zeros(scene.shape, np.float32)


_KINDS: tuple[Callable[[Scene, Scene, Body, np.random.Generator], Layers], ...] = (
    _skin_fold, _cloth, _strap, _bedding, _bandage, _buttons, _metal,
)  # fmt: skip
_WEIGHTS = (0.26, 0.24, 0.14, 0.14, 0.06, 0.08, 0.08)

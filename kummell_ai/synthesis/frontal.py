"""Frontal (AP) exposures: what a lateral tool must learn to refuse."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis import tissue
from kummell_ai.synthesis.posture import PosedVertebra, rotation_matrix
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.tissue import Map, Scene


def draw_frontal_beam(
    spine: Sequence[PosedVertebra], shape: tuple[int, int], rng: np.random.Generator
) -> tuple[ConeBeam, FloatArray]:
    """Beam and turn (3, 3) of a frontal film: from a few vertebrae to the whole trunk."""
    turn = rotation_matrix(rng.normal(0.0, 3.0), 90.0 + rng.normal(0.0, 5.0), rng.normal(0.0, 2.5))
    centres = np.array([v.rims_mm.reshape(-1, 3).mean(axis=0) for v in spine]) @ turn.T
    height = float(rng.uniform(220.0, 620.0))
    about = centres[int(rng.integers(3, len(centres) - 2))]
    left = about[0] + height * shape[1] / shape[0] * (0.5 + rng.normal(0.0, 0.08))
    source = np.array([about[0] + rng.normal(0.0, 20.0), rng.uniform(900.0, 1800.0), about[2] + rng.normal(0.0, 30.0)])
    return ConeBeam(source, (float(left), float(about[2] + 0.5 * height)), height / shape[0], shape), turn


def frontal_water(scene: Scene, half_width_mm: float, rng: np.random.Generator) -> Map:
    """Water-equivalent thickness (mm) of a trunk seen from the front, lungs on both sides of the mediastinum."""
    water = tissue.trunk(scene, (rng.uniform(95.0, 140.0), half_width_mm, half_width_mm), rng)
    base = scene.levels_z.get(str(rng.choice(["T9", "T10", "T11", "T12"])), 0.0)
    field = np.zeros_like(water)
    for side in (-1.0, 1.0):
        across = side * scene.ahead
        dome = base + rng.normal(0.0, 10.0) + rng.uniform(10.0, 35.0) * (1.0 - ((across - 75.0) / 75.0) ** 2)
        inner = rng.uniform(25.0, 45.0) + (rng.uniform(0.0, 40.0) if side > 0 else 0.0) * np.exp(
            -(((scene.z - dome) / 70.0) ** 2)
        )
        wall = half_width_mm - rng.uniform(18.0, 30.0)
        inside = [(scene.z - dome) / 2.0, (across - inner) / 5.0, (wall - across) / 4.0]
        field += np.prod([1.0 / (1.0 + np.exp(-np.clip(edge, -30, 30))) for edge in inside], axis=0)
    water -= np.float32(rng.uniform(0.35, 0.65)) * water * field.astype(np.float32)
    gas = tissue.bowel_gas(scene, int(rng.poisson(rng.choice([2.0, 10.0, 25.0]))), rng)
    water -= gas if rng.random() < 0.5 else gas[:, ::-1]
    water += 0.5 * tissue.bowel_content(scene, rng)
    return np.asarray(np.maximum(water, 0.0), dtype=np.float32)


def bend(film: Map, rng: np.random.Generator) -> Map:
    """A film bent sideways as a scoliotic spine is."""
    rows, cols = film.shape
    y = np.arange(rows, dtype=np.float32)[:, None]
    amount = rng.uniform(0.0, 0.12) * cols
    shift = amount * np.sin(2 * np.pi * (rng.uniform(0.5, 1.4) * y / rows + rng.random()))
    x = np.arange(cols, dtype=np.float32)[None, :] + shift.astype(np.float32)
    bent = cv2.remap(film, x, np.broadcast_to(y, film.shape).copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, dtype=np.float32)


def equalised(film: Map, rng: np.random.Generator) -> Map:
    """A film with strongly evened-out contrast, as archives of frontal films often hold it."""
    tool = cv2.createCLAHE(float(rng.uniform(3.0, 12.0)), (int(rng.integers(4, 12)),) * 2)
    return np.asarray(tool.apply((film * 255).astype(np.uint8)), dtype=np.float32) / np.float32(255.0)

"""Frontal (AP) exposures: what a lateral tool must learn to refuse."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.disease.posture import PosedVertebra, rotation_matrix
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.tissue import Map


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

"""Arms and breast: soft tissue and bone that lie in the beam beside the trunk."""

from __future__ import annotations

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.shapes import add_capsules, add_chains
from kummell_ai.synthesis.tissue.trunk import FAT, MUSCLE, Body

Rod = tuple[FloatArray, FloatArray, float, float]
"""Both ends (ahead, z) and the radii there, mm."""


def arms(scene: Scene, rng: np.random.Generator) -> tuple[Map, Map]:
    """Water and bone (mm) of one or two arms held forward, up or along the body."""
    soft: list[Rod] = []
    muscle: list[Rod] = []
    bones: list[Rod] = []
    hollow: list[Rod] = []
    along = rng.random() < 0.25
    elbow = np.array([rng.uniform(-30.0, 90.0) if along else rng.uniform(70.0, 210.0), scene.level_z("T9", 160.0)])
    elbow[1] += rng.uniform(-130.0, 20.0) if along else rng.uniform(-45.0, 110.0)
    shoulder = np.array([rng.uniform(0.0, 45.0), scene.level_z("T4", 270.0) + rng.normal(15.0, 15.0)])
    forward = rng.uniform(-0.2, 1.5)
    stout, length = rng.uniform(24.0, 42.0), rng.uniform(220.0, 260.0)
    for _ in range(1 if rng.random() < 0.4 else 2):
        shift = rng.normal(0.0, 16.0, 2)
        bend = elbow + shift
        hand = bend + length * np.array([np.cos(forward), np.sin(forward)])
        side = np.array([-np.sin(forward), np.cos(forward)])
        top = shoulder + 0.4 * shift
        soft += [(top, bend, 1.25 * stout, stout), (bend, hand, stout, 0.6 * stout)]
        muscle += [(top, bend, 1.0 * stout, 0.8 * stout), (bend, hand, 0.8 * stout, 0.42 * stout)]
        bones += [(top, bend, 12.5, 11.0), (bend, bend, 15.0, 15.0)]
        hollow += [(top, bend, 9.5, 6.5), (bend, bend, 13.0, 13.0)]
        for offset, start in ((8.0, -6.0), (-8.0, 18.0)):
            begin, end = bend + offset * side, hand + offset * side
            begin = begin + start * np.array([np.cos(forward), np.sin(forward)])
            bones.append((begin, end, 8.5, 6.5))
            hollow.append((begin, end, 5.0, 3.5))
    water = _rods(scene, soft, FAT)
    water += _rods(scene, muscle, MUSCLE - FAT)
    bone = _rods(scene, bones, 0.75)
    bone -= _rods(scene, hollow, 0.68)
    return water, np.maximum(bone, 0.0)


def _rods(scene: Scene, rods: list[Rod], share: float) -> Map:
    """Chord (mm) times ``share`` of round rods, (rows, columns)."""
    out = np.zeros(scene.shape, np.float32)
    ends = np.array([[start, end] for start, end, _, _ in rods])
    # a rod is straight in space, whatever the spine's line does beside it
    columns = (scene.x[0] - (float(scene.line.mean()) + ends[..., 0])) / scene.pixel_mm + 0.5
    rows = (scene.z[0] - ends[..., 1]) / scene.pixel_mm + 0.5
    radii = np.array([[first, last] for _, _, first, last in rods]) / scene.pixel_mm
    table = np.column_stack([columns[:, 0], rows[:, 0], columns[:, 1], rows[:, 1], radii, np.full(len(rods), share)])
    add_capsules(out, table)
    out *= np.float32(scene.pixel_mm)
    return out


def breast(scene: Scene, coarse: Scene, body: Body, rng: np.random.Generator) -> Map:
    """Water (mm) of the breasts in front of the chest, hanging as far as the upper abdomen."""
    z = scene.level_z("T9", 160.0) + rng.uniform(-55.0, 30.0)
    front = float(np.interp(-z, -coarse.z, body.front))
    size, drop = rng.uniform(45.0, 85.0), rng.uniform(0.8, 1.5)
    beads = []
    for _ in range(2):
        ahead = np.array([front + rng.uniform(-55.0, -5.0)])
        at = scene.pixel(ahead, np.array([z + rng.normal(0.0, 10.0)]))[0]
        a, b = size / scene.pixel_mm, size * drop / scene.pixel_mm
        tilt = rng.uniform(-0.5, 0.5)
        beads.append([*at, a, b, np.cos(tilt), np.sin(tilt), rng.uniform(18.0, 55.0)])
    out = np.zeros(scene.shape, np.float32)
    flat = np.zeros(scene.shape, np.float32)
    add_chains(out, np.array(beads), np.arange(3, dtype=np.int64), np.full(2, float(len(scene.z))), flat)
    out *= np.float32(rng.uniform(0.9, 0.97))
    return out

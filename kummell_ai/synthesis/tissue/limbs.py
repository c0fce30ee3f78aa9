"""Arms and breast: soft tissue and bone that lie in the beam beside the trunk."""

from __future__ import annotations

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map
from kummell_ai.synthesis.tissue.scene import Scene
from kummell_ai.synthesis.tissue.shapes import add_chains, deepen_capsules
from kummell_ai.synthesis.tissue.trunk import FAT, MUSCLE, Body

Rod = tuple[FloatArray, FloatArray, float, float]
"""Both ends (ahead, z) and the radii there, mm."""


def arms(scene: Scene, rng: np.random.Generator) -> tuple[Map, Map]:
    """Water and bone (mm) of one or two arms held forward, up or along the body."""
    water, bone = np.zeros(scene.shape, np.float32), np.zeros(scene.shape, np.float32)
    along = rng.random() < 0.25
    elbow = np.array([rng.uniform(-30.0, 90.0) if along else rng.uniform(70.0, 210.0), scene.level_z("T9", 160.0)])
    elbow[1] += rng.uniform(-130.0, 20.0) if along else rng.uniform(-45.0, 110.0)
    shoulder = np.array([rng.uniform(0.0, 45.0), scene.level_z("T4", 270.0) + rng.normal(15.0, 15.0)])
    forward = rng.uniform(-0.2, 1.5)
    stout, length = rng.uniform(22.0, 34.0), rng.uniform(220.0, 260.0)
    for _ in range(1 if rng.random() < 0.4 else 2):
        shift = rng.normal(0.0, 16.0, 2)
        bend = elbow + shift
        hand = bend + length * np.array([np.cos(forward), np.sin(forward)])
        top = shoulder + 0.4 * shift
        water += _rods(scene, [(top, bend, 1.25 * stout, 0.95 * stout), (bend, hand, stout, 0.6 * stout)], FAT)
        muscle = [(top, bend, 1.0 * stout, 0.75 * stout), (bend, hand, 0.8 * stout, 0.42 * stout)]
        water += _rods(scene, muscle, MUSCLE - FAT)
        whole, marrow = _arm_bones(top, bend, hand)
        bone += np.maximum(_rods(scene, whole, 0.75) - _rods(scene, marrow, 0.68), 0.0)
    return water, bone


def _arm_bones(top: FloatArray, bend: FloatArray, hand: FloatArray) -> tuple[list[Rod], list[Rod]]:
    """Humerus with its trochlea, ulna with olecranon, radius: whole bones, and their marrow."""
    forward = (hand - bend) / np.linalg.norm(hand - bend)
    side = np.array([-forward[1], forward[0]])
    flare = bend + 0.12 * (top - bend)
    heel, elbow, head = bend - 15.0 * forward + 6.0 * side, bend + 10.0 * forward + 7.0 * side, bend + 14.0 * forward
    whole = [
        (top, flare, 11.0, 10.0), (flare, bend, 10.0, 13.0), (heel, elbow, 8.5, 9.5),
        (elbow, hand + 7.0 * side, 8.0, 5.0), (head - 7.0 * side, hand - 7.0 * side, 8.0, 6.5),
    ]  # fmt: skip
    marrow = [
        (top, flare, 7.5, 6.0), (flare, bend, 6.0, 11.8), (heel, elbow, 7.2, 8.2),
        (elbow, hand + 7.0 * side, 5.0, 2.5), (head - 7.0 * side, hand - 7.0 * side, 5.0, 3.5),
    ]  # fmt: skip
    return whole, marrow


def _rods(scene: Scene, rods: list[Rod], share: float) -> Map:
    """Chord (mm) times ``share`` of round rods that join, (rows, columns)."""
    out = np.zeros(scene.shape, np.float32)
    ends = np.array([[start, end] for start, end, _, _ in rods])
    # a rod is straight in space, whatever the spine's line does beside it
    columns = (scene.x[0] - (float(scene.line.mean()) + ends[..., 0])) / scene.pixel_mm + 0.5
    rows = (scene.z[0] - ends[..., 1]) / scene.pixel_mm + 0.5
    radii = np.array([[first, last] for _, _, first, last in rods]) / scene.pixel_mm
    table = np.column_stack([columns[:, 0], rows[:, 0], columns[:, 1], rows[:, 1], radii, np.full(len(rods), share)])
    deepen_capsules(out, table)
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

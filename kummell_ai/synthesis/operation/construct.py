"""Where a surgeon puts screws and rods: along the pedicles, with heads on a rod that is bent no more than need be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.disease.posture import PosedVertebra
from kummell_ai.synthesis.operation.cement import Body
from kummell_ai.synthesis.operation.hardware import Mesh, hollow, joined, tube
from kummell_ai.synthesis.operation.operation import HardwareStyle, Operation
from kummell_ai.synthesis.operation.screws import SEAT_SHARE, cross_link, screw, tulip

Posed = Mapping[VertebralLevel, PosedVertebra]
RIM_MM = 0.8
"""Thickness of the dense bone around a halo."""


@dataclass(frozen=True, slots=True)
class Screw:
    """Foot of the head, tip (3,) and the bone's cranial axis in the patient frame; the length it was made with (mm)."""

    level: VertebralLevel
    foot: FloatArray
    tip: FloatArray
    up: FloatArray
    length: float

    @property
    def outward(self) -> FloatArray:
        """Direction from tip to head."""
        out: FloatArray = (self.foot - self.tip) / np.linalg.norm(self.foot - self.tip)
        return out


@dataclass(frozen=True, slots=True)
class Rod:
    """A rod: its axis at the heads (K, 3), directions there (K, 3), and a fine path with overhang (M, 3)."""

    seats: FloatArray
    tangents: FloatArray
    path: FloatArray


def screw_at(
    vertebra: PosedVertebra, body: Body, side: float, operation: Operation, style: HardwareStyle, loose: bool
) -> Screw:
    """A screw along the pedicle's axis; the line is set in the template's frame and rides with the bone."""
    rng = np.random.default_rng([operation.seed, 1, vertebra.level.index, int(side > 0)])
    habit = np.random.default_rng([operation.seed, 1, int(side > 0)])  # what a surgeon does otherwise on each side
    y, z = body.pedicle
    scale = vertebra.plan.scale
    through = (
        np.array([body.back - 4.0, side * y, z]) + rng.normal(0.0, [0.0, 0.7, 0.9]) + habit.normal(0.0, [0.0, 0.7, 0.7])
    )
    tip = body.at(float(np.clip(style.reach + rng.normal(0.0, 0.05) + habit.normal(0.0, 0.03), 0.4, 1.12)), 0.0, 0.5)
    tip[1] = side * y * (1.0 - style.converge) + rng.normal(0.0, 1.0)
    tip[2] = 0.5 * z + 0.5 * body.height * (0.5 * style.rise + rng.normal(0.0, 0.1))
    away = (through - tip) / np.linalg.norm(through - tip)
    foot = through + away * (15.0 + style.head_gap + rng.normal(0.0, 1.0) + habit.normal(0.0, 1.8)) / scale[0]
    length = max(30.0, 5.0 * round(float(np.linalg.norm((foot - tip) * scale)) / 5.0))
    foot, tip = vertebra.place(np.stack([foot, tip]))
    if loose:
        tip = tip + vertebra.rotation @ [0.0, 0.0, rng.choice([-1.0, 1.0]) * operation.halo_mm]
    return Screw(vertebra.level, foot, tip, vertebra.rotation[:, 2], length)


def construct(
    posed: Posed,
    bodies: Mapping[VertebralLevel, Body],
    operation: Operation,
    style: HardwareStyle,
    side: float,
    loose: set[tuple[VertebralLevel, float]],
) -> tuple[list[Screw], Rod | None]:
    """Screws of one side, cranial to caudal, their heads moved onto a smooth rod; no rod for a single screw."""
    screws = [
        screw_at(posed[level], body, side, operation, style, (level, side) in loose)
        for level, body in bodies.items()
        if side in operation.sides(level)
    ]
    seat = SEAT_SHARE * style.head_height
    if len(screws) < 2:
        return [_fixed_length(s, s.foot) for s in screws], None
    bar = bent_rod(np.array([s.foot + seat * s.outward for s in screws]), screws[0].outward, operation, style, side)
    seated = []
    for s, point, along in zip(screws, bar.seats, bar.tangents, strict=True):
        seated.append(_fixed_length(s, point - seat * _head_axis(s, along)))
    return seated, bar


def _fixed_length(s: Screw, foot: FloatArray) -> Screw:
    """The screw with its head's foot at ``foot``, pointing at the same tip, as long as it was made."""
    away = (s.tip - foot) / np.linalg.norm(s.tip - foot)
    return replace(s, foot=foot, tip=foot + s.length * away)


def _head_axis(s: Screw, along: FloatArray) -> FloatArray:
    """Direction of a polyaxial head: the screw's, tilted square to the rod."""
    square = s.outward - along * (s.outward @ along)
    axis: FloatArray = square / np.linalg.norm(square)
    return axis


def bent_rod(anchors: FloatArray, outward: FloatArray, operation: Operation, style: HardwareStyle, side: float) -> Rod:
    """A rod as a parabola by its length, as near to the anchors (K, 3) as a surgeon bends it."""
    rng = np.random.default_rng([operation.seed, 2])  # both rods are bent alike
    own = np.random.default_rng([operation.seed, 2, int(side > 0)])
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    line = np.polyfit(s, anchors, 1)
    if len(anchors) > 2:
        curve = np.polyfit(s, anchors, 2)
        follow = 0.55 if len(anchors) == 3 else 0.85
        curve[1:] = follow * curve[1:] + (1.0 - follow) * line
        curve[0] *= follow
    else:
        pull = (rng.normal(0.0, 2.3) + own.normal(0.0, 0.6)) * 4.0 / s[-1] ** 2 * outward
        curve = np.stack([pull, line[0] - pull * s[-1], line[1]])
    over = np.array(style.overhang) + own.normal(0.0, 2.0, 2)
    fine = np.linspace(-max(over[0], 2.0), s[-1] + max(over[1], 2.0), 22)

    def at(t: FloatArray) -> FloatArray:
        points: FloatArray = curve[0] * t[:, None] ** 2 + curve[1] * t[:, None] + curve[2]
        return points

    tangents = 2.0 * curve[0] * s[:, None] + curve[1]
    return Rod(at(s), tangents / np.linalg.norm(tangents, axis=1, keepdims=True), at(fine))


def heads_and_shafts(placed: list[Screw], bar: Rod | None, operation: Operation, style: HardwareStyle) -> list[Mesh]:
    """Shafts and tulips of one side."""
    parts: list[Mesh] = []
    seat = SEAT_SHARE * style.head_height
    for k, s in enumerate(placed):
        open_tip = operation.fenestrated and s.level in operation.cemented
        parts += screw(s.foot, s.tip, s.up, style, open_tip)
        along = bar.tangents[k] if bar else np.array([0.0, 0.0, -1.0])
        point = bar.seats[k] if bar else s.foot + seat * s.outward
        parts += tulip(point, point - s.foot, along, style)
    return parts


def link(left: Rod | None, right: Rod | None, operation: Operation, style: HardwareStyle) -> list[Mesh]:
    """The cross-link half-way along the rods, if there is one."""
    if not operation.cross_link or left is None or right is None:
        return []
    rng = np.random.default_rng([operation.seed, 3])
    k = int(rng.integers(8, 14))
    return cross_link(left.path[k], right.path[k], left.path[k + 1] - left.path[k - 1], style.rod_radius)


def halo(s: Screw, style: HardwareStyle, width_mm: float) -> tuple[Mesh, Mesh]:
    """Bone lost about the shaft of a loose screw, most at both ends as where a wiper sweeps; the dense bone around."""
    share = np.linspace(0.12, 1.0, 9)
    path = s.foot + share[:, None] * (s.tip - s.foot)
    path[-1] += width_mm * (s.tip - s.foot) / s.length
    wide = style.screw_radius + width_mm * (0.6 + 1.6 * (share - 0.55) ** 2)
    wide[[0, -1]] *= 0.7
    lost = tube(path, wide, 12)
    return lost, joined([tube(path, wide + RIM_MM, 12), hollow(lost)])

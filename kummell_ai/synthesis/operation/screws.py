"""Pedicle screws, rods and cross-links as closed meshes (mm)."""

from __future__ import annotations

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.operation.hardware import (
    Mesh,
    box,
    cylinder,
    frame_along,
    hollow,
    lattice,
    moved,
    prism,
    tube,
)
from kummell_ai.synthesis.operation.operation import HardwareStyle

WALL_MM = 1.7
"""Thickness of a tulip's wall beside the slot."""

SEAT_SHARE = 0.5
"""Height of the rod's axis in the tulip, as a share of the tulip's height."""

_RINGS_A_TURN = 4
_SIDES = 12


def thread(length_mm: float, style: HardwareStyle) -> Mesh:
    """A shaft along z with a helical thread, smooth at its neck and conical at its tip."""
    step = style.screw_pitch / _RINGS_A_TURN
    s = np.linspace(0.0, length_mm, max(8, int(length_mm / step)))[:, None]
    angle = np.linspace(0.0, 2.0 * np.pi, _SIDES, endpoint=False)[None, :]
    phase = s / style.screw_pitch - angle / (2.0 * np.pi)
    ridge = np.clip(1.6 * np.cos(2.0 * np.pi * phase), -1.0, 1.0)  # flat crests and flat roots
    core = style.screw_radius - style.thread * np.clip((s - 3.0) / 3.0, 0.4, 1.0)
    radius = core + 0.5 * (1.0 + ridge) * (style.screw_radius - core)
    radius = radius * np.clip((length_mm - s) / 5.0 + 0.25, 0.25, 1.0) ** 0.7
    return lattice(np.stack([radius * np.cos(angle), radius * np.sin(angle), np.broadcast_to(s, radius.shape)], -1))


def screw(
    foot_mm: FloatArray, tip_mm: FloatArray, up: FloatArray, style: HardwareStyle, fenestrated: bool
) -> list[Mesh]:
    """A screw's shaft from the foot of its head to its tip, its thread begun at ``up``; a fenestrated one is hollow."""
    length = float(np.linalg.norm(tip_mm - foot_mm))
    frame = frame_along(tip_mm - foot_mm, up)
    parts = [thread(length, style)]
    if fenestrated:
        parts.append(hollow(cylinder(0.85, 0.5, length - 0.5, 6)))
    return [moved(part, frame, foot_mm) for part in parts]


def _wall(radius: float, slot: float) -> FloatArray:
    """Outline (S, 2) of the wall of a round tulip at the +y side of a slot along x with half-width ``slot``."""
    edge = np.arcsin(slot / radius)
    angle = np.linspace(edge, np.pi - edge, 9)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def tulip(rod_point_mm: FloatArray, outward: FloatArray, along_rod: FloatArray, style: HardwareStyle) -> list[Mesh]:
    """The head of a polyaxial screw about the rod: cup, two walls with the rod's slot between, set screw with a socket.

    Args:
        rod_point_mm: (3,) where the rod's axis crosses the head's.
        outward: (3,) from the screw to the head.
        along_rod: (3,) direction of the rod there.
        style: sizes.
    """
    frame = frame_along(outward, along_rod)
    radius, slot = style.head_radius, style.rod_radius + 0.15
    low = -SEAT_SHARE * style.head_height
    high = low + style.head_height + style.tabs
    angle = np.linspace(0.0, 2.0 * np.pi, 18, endpoint=False)
    circle = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parts = [prism(circle, (low - 1.0, low, low + 0.25 * style.head_height, -slot), (0.55, 0.8, 1.0, 1.0))]
    wall = _wall(radius, slot)
    parts += [prism(wall, (-slot, high)), prism(-wall, (-slot, high))]
    plug = radius - WALL_MM
    top = slot + min(4.6, low + style.head_height - slot)
    parts += [cylinder(plug, slot, top), hollow(cylinder(0.5 * plug, slot + 1.0, top, 6))]
    return [moved(part, frame, rod_point_mm) for part in parts]


def rod(path_mm: FloatArray, radius_mm: float) -> Mesh:
    """A rod along a fine path (K, 3), its ends rounded."""
    ends = np.linalg.norm(path_mm[[1, -1]] - path_mm[[0, -2]], axis=1)
    first, last = path_mm[0], path_mm[-1]
    back = min(1.0, 0.5 * float(ends.min()))
    inner = [first + back * (path_mm[1] - first) / ends[0], last + back * (path_mm[-2] - last) / ends[1]]
    path = np.concatenate([[first, inner[0]], path_mm[1:-1], [inner[1], last]])
    radii = np.full(len(path), radius_mm)
    radii[[0, -1]] *= 0.7
    return tube(path, radii, 12)


def cross_link(left_mm: FloatArray, right_mm: FloatArray, along_rod: FloatArray, radius_mm: float) -> list[Mesh]:
    """A bar from rod to rod with a hook about each, behind the rods (towards -x)."""
    across = left_mm - right_mm
    frame = frame_along(across, np.cross(across, along_rod))
    behind = -np.sign(frame[0, 0]) * (radius_mm + 2.2) * frame[:, 0]
    span = float(np.linalg.norm(across))
    bar = box((-1.6, -2.6, -0.5 * span - 2.0), (1.6, 2.6, 0.5 * span + 2.0))
    parts = [moved(bar, frame, 0.5 * (left_mm + right_mm) + behind)]
    for end, side in ((left_mm, 1.0), (right_mm, -1.0)):
        jaw = end + side * (radius_mm + 1.3) * frame[:, 2]
        parts.append(moved(box((-radius_mm - 1.5, -3.5, -1.2), (radius_mm + 1.5, 3.5, 1.2)), frame, jaw))
        parts.append(moved(cylinder(2.4, -2.5, 2.5, 6), frame_along(behind), end + 1.8 * behind))
    return parts

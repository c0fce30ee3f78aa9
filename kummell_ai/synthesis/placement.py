"""Where the hardware and cement of an operation lie in a posed spine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis import cages, cement
from kummell_ai.synthesis.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR
from kummell_ai.synthesis.cement import Body
from kummell_ai.synthesis.fracture import Collapse
from kummell_ai.synthesis.operation import LEFT_SIDE, RIGHT_SIDE, HardwareStyle, Operation
from kummell_ai.synthesis.posture import PosedVertebra
from kummell_ai.synthesis.screws import SEAT_SHARE, cross_link, rod, screw, tulip
from kummell_ai.synthesis.solids import Mesh, joined, moved, tube

Posed = Mapping[VertebralLevel, PosedVertebra]
SIDES = (LEFT_SIDE, RIGHT_SIDE)


@dataclass(frozen=True, slots=True)
class Implants:
    """What surgery has left in a posed spine, as closed meshes in the patient frame (mm).

    Attributes:
        solids: meshes by material (a key of `attenuation.ATTENUATION_PER_MM`); lengths through their shells add up.
            All but ``cement`` and ``peek`` are metal.
        cavities: empty places within the cement.
        halos: places about loose screws where spongy bone is lost.
    """

    solids: Mapping[str, tuple[Mesh, ...]] = field(default_factory=dict)
    cavities: tuple[Mesh, ...] = ()
    halos: tuple[Mesh, ...] = ()


@dataclass(frozen=True, slots=True)
class _Screw:
    """Foot of the head, tip (3,) in the patient frame; direction from tip to head."""

    level: VertebralLevel
    foot: FloatArray
    tip: FloatArray
    length: float

    @property
    def outward(self) -> FloatArray:
        out: FloatArray = (self.foot - self.tip) / np.linalg.norm(self.foot - self.tip)
        return out


@dataclass(frozen=True, slots=True)
class _Rod:
    """A rod: its axis at the heads (K, 3), directions there (K, 3), and a fine path with overhang (M, 3)."""

    seats: FloatArray
    tangents: FloatArray
    path: FloatArray


def implants(
    posed: Posed,
    operation: Operation,
    phase: Phase,
    *,
    beds: Mapping[VertebralLevel, tuple[Collapse, ...]] | None = None,
    in_theatre: bool = False,
) -> Implants:
    """Hardware and cement of a patient on one film; the same operation gives the same on every film.

    Args:
        posed: the spine on this film.
        operation: what was done.
        phase: of the film; nothing is there before surgery, halos are there at follow-up.
        beds: collapses (`PosedVertebra.collapses`) of bodies when their cement set; cement keeps that shape when the
            body sinks further. Without them cement follows the body.
        in_theatre: whether long tabs of percutaneous screws are still on.
    """
    if phase is Phase.PRE_OP:
        return Implants()
    follow_up = phase is Phase.FOLLOW_UP
    metal: list[Mesh] = []
    rods: list[Mesh] = []
    halos: list[Mesh] = []
    screws: dict[tuple[VertebralLevel, float], _Screw] = {}
    if operation.style is not None:
        style = operation.style if in_theatre else replace(operation.style, tabs=0.0)
        bodies = {
            level: cement.measure_body(posed[level].plan.template) for level in operation.screws if level in posed
        }
        sides = [_construct(posed, bodies, operation, style, side, follow_up) for side in SIDES]
        for side, (placed, bar) in zip(SIDES, sides, strict=True):
            screws |= {(s.level, side): s for s in placed}
            metal += _heads_and_shafts(placed, bar, operation, style)
            rods += [rod(bar.path, style.rod_radius)] if bar else []
        metal += _link(sides[0][1], sides[1][1], operation, style)
        halos = [_halo(screws[key], style, operation.halo_mm) for key in operation.loose if follow_up and key in screws]
    filled, cavities = _cement(posed, operation, screws, beds or {})
    solids = {"titanium": metal, "cement": filled}
    if operation.style is not None:
        solids.setdefault("cobalt_chrome" if operation.style.cobalt else "titanium", []).extend(rods)
        for material, parts in _cage(posed, operation).items():
            solids.setdefault(material, []).extend(parts)
    return Implants({k: tuple(v) for k, v in solids.items() if v}, tuple(cavities), tuple(halos))


def _screw_at(
    vertebra: PosedVertebra, body: Body, side: float, operation: Operation, style: HardwareStyle, loose: bool
) -> _Screw:
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
    return _Screw(vertebra.level, foot, tip, length)


def _construct(
    posed: Posed,
    bodies: Mapping[VertebralLevel, Body],
    operation: Operation,
    style: HardwareStyle,
    side: float,
    follow_up: bool,
) -> tuple[list[_Screw], _Rod | None]:
    """Screws of one side, cranial to caudal, their heads moved onto a smooth rod; no rod for a single screw."""
    loose = set(operation.loose) if follow_up else set()
    screws = [
        _screw_at(posed[level], body, side, operation, style, (level, side) in loose)
        for level, body in bodies.items()
        if side in operation.sides(level)
    ]
    seat = SEAT_SHARE * style.head_height
    if len(screws) < 2:
        return [_fixed_length(s, s.foot) for s in screws], None
    bent = _bent(np.array([s.foot + seat * s.outward for s in screws]), operation, style, side)
    seated = []
    for s, point, along in zip(screws, bent.seats, bent.tangents, strict=True):
        seated.append(_fixed_length(s, point - seat * _head_axis(s, along)))
    return seated, bent


def _fixed_length(s: _Screw, foot: FloatArray) -> _Screw:
    """The screw with its head's foot at ``foot``, pointing at the same tip, as long as it was made."""
    away = (s.tip - foot) / np.linalg.norm(s.tip - foot)
    return _Screw(s.level, foot, foot + s.length * away, s.length)


def _head_axis(s: _Screw, along: FloatArray) -> FloatArray:
    """Direction of a polyaxial head: the screw's, tilted square to the rod."""
    square = s.outward - along * (s.outward @ along)
    axis: FloatArray = square / np.linalg.norm(square)
    return axis


def _bent(anchors: FloatArray, operation: Operation, style: HardwareStyle, side: float) -> _Rod:
    """A rod as a parabola by its length, as near to the anchors (K, 3) as a surgeon bends it."""
    rng = np.random.default_rng([operation.seed, 2, int(side > 0)])
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    line = np.polyfit(s, anchors, 1)
    if len(anchors) > 2:
        curve = np.polyfit(s, anchors, 2)
        follow = 0.55 if len(anchors) == 3 else 0.85
        curve[1:] = follow * curve[1:] + (1.0 - follow) * line
        curve[0] *= follow
    else:
        pull = rng.normal(0.0, 2.5) * 4.0 / s[-1] ** 2 * np.array([1.0, 0.0, 0.0])
        curve = np.stack([pull, line[0] - pull * s[-1], line[1]])
    over = np.array(style.overhang) + rng.normal(0.0, 2.0, 2)
    fine = np.linspace(-max(over[0], 2.0), s[-1] + max(over[1], 2.0), 22)

    def at(t: FloatArray) -> FloatArray:
        points: FloatArray = curve[0] * t[:, None] ** 2 + curve[1] * t[:, None] + curve[2]
        return points

    tangents = 2.0 * curve[0] * s[:, None] + curve[1]
    return _Rod(at(s), tangents / np.linalg.norm(tangents, axis=1, keepdims=True), at(fine))


def _heads_and_shafts(placed: list[_Screw], bar: _Rod | None, operation: Operation, style: HardwareStyle) -> list[Mesh]:
    parts: list[Mesh] = []
    seat = SEAT_SHARE * style.head_height
    for k, s in enumerate(placed):
        hollow = operation.fenestrated and s.level in operation.cemented
        parts += screw(s.foot, s.tip, style, hollow)
        along = bar.tangents[k] if bar else np.array([0.0, 0.0, -1.0])
        point = bar.seats[k] if bar else s.foot + seat * s.outward
        parts += tulip(point, point - s.foot, along, style)
    return parts


def _link(left: _Rod | None, right: _Rod | None, operation: Operation, style: HardwareStyle) -> list[Mesh]:
    if not operation.cross_link or left is None or right is None:
        return []
    rng = np.random.default_rng([operation.seed, 3])
    k = int(rng.integers(8, 14))
    return cross_link(left.path[k], right.path[k], left.path[k + 1] - left.path[k - 1], style.rod_radius)


def _halo(s: _Screw, style: HardwareStyle, width_mm: float) -> Mesh:
    """Lost bone about the shaft of a loose screw, wider at both ends, as where a wiper sweeps."""
    share = np.linspace(0.12, 1.0, 9)
    path = s.foot + share[:, None] * (s.tip - s.foot)
    path[-1] += width_mm * (s.tip - s.foot) / s.length
    wide = style.screw_radius + width_mm * (0.6 + 1.6 * (share - 0.55) ** 2)
    wide[[0, -1]] *= 0.7
    return tube(path, wide, 12)


def _cage(posed: Posed, operation: Operation) -> dict[str, list[Mesh]]:
    """A cage between two endplates, turned and sized for the room between them; it keeps its size."""
    if operation.cage is None or operation.index_level not in posed:
        return {}
    rng = np.random.default_rng([operation.seed, 4])
    vertebra = posed[operation.index_level]
    above = [v for v in posed.values() if v.level < operation.index_level]
    rims = vertebra.rims_mm
    if operation.cage == "interbody" and above:
        upper, lower = max(above, key=lambda v: v.level.index).rims_mm[INFERIOR], rims[SUPERIOR]
    else:
        upper, lower = rims[SUPERIOR], rims[INFERIOR]
    plates = np.stack([upper, lower])[:, :, [LEFT, RIGHT]].mean(axis=2)
    forward = plates[:, ANTERIOR].sum(axis=0) - plates[:, POSTERIOR].sum(axis=0)
    up = plates[0].mean(axis=0) - plates[1].mean(axis=0)
    frame = frame_of(up, forward)
    made = {"interbody": cages.interbody, "mesh": cages.mesh_tube, "expandable": cages.expandable}[operation.cage]
    centre = plates.mean(axis=(0, 1)) + frame @ np.array([rng.normal(0.0, 2.0), rng.normal(0.0, 3.0), 0.0])
    parts = made(max(5.0, float(np.linalg.norm(up))), rng)
    return {k: [moved(part, frame, centre) for part in v] for k, v in parts.items()}


def frame_of(up: FloatArray, forward: FloatArray) -> FloatArray:
    """Rotation (3, 3) with z along ``up`` and x as near to ``forward`` as may be."""
    z = up / np.linalg.norm(up)
    x = forward - z * (forward @ z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _cement(
    posed: Posed,
    operation: Operation,
    screws: Mapping[tuple[VertebralLevel, float], _Screw],
    beds: Mapping[VertebralLevel, tuple[Collapse, ...]],
) -> tuple[list[Mesh], list[Mesh]]:
    filled: list[Mesh] = []
    cavities: list[Mesh] = []
    for level in operation.cemented:
        if level not in posed:
            continue
        rng = np.random.default_rng([operation.seed, 5, level.index])
        vertebra = posed[level]
        body = cement.measure_body(vertebra.plan.template)
        parts: list[Mesh] = []
        holes: list[Mesh] = []
        if level is operation.index_level:
            parts, centre = cement.filling(body, operation.fill, rng)
            holes = [cement.cavity(body, centre, rng)] if operation.void else []
        for side in SIDES:
            if (level, side) in screws and operation.fenestrated:
                foot, tip = _in_template(vertebra, screws[level, side])
                parts.append(cement.about_screw(body, foot, tip, rng))
        for kind in (kind for at, kind in operation.leaks if at is level):
            parts += cement.leak(body, kind, rng)
        bed = beds.get(level)
        filled += [_set(vertebra, bed, joined(parts))] if parts else []
        cavities += [_set(vertebra, bed, part) for part in holes]
    return filled, cavities


def _in_template(vertebra: PosedVertebra, s: _Screw) -> FloatArray:
    """Foot and tip (2, 3) of a screw in the template's frame; deformation is left out, the cloud is kept inside."""
    points: FloatArray = (np.stack([s.foot, s.tip]) - vertebra.translation) @ vertebra.rotation / vertebra.plan.scale
    return points


def _set(vertebra: PosedVertebra, bed: tuple[Collapse, ...] | None, part: Mesh) -> Mesh:
    """Cement in the patient frame, in the shape it had when it set, riding on its own middle."""
    points, faces = part
    if bed is None or bed == vertebra.collapses:
        return vertebra.place(points), faces
    middle = points.mean(axis=0)
    before = replace(vertebra, collapses=bed)
    return before.place(points) + (vertebra.place(middle) - before.place(middle)), faces

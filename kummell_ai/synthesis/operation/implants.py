"""Where the hardware and cement of an operation lie in a posed spine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR
from kummell_ai.synthesis.disease.fracture import Collapse
from kummell_ai.synthesis.disease.posture import PosedVertebra
from kummell_ai.synthesis.operation import cages, cement
from kummell_ai.synthesis.operation.construct import Posed, Screw, construct, halo, heads_and_shafts, link
from kummell_ai.synthesis.operation.hardware import Mesh, joined, moved
from kummell_ai.synthesis.operation.operation import LEFT_SIDE, RIGHT_SIDE, HardwareStyle, Operation
from kummell_ai.synthesis.operation.screws import rod
from kummell_ai.synthesis.projection import ConeBeam, path_length

SIDES = (LEFT_SIDE, RIGHT_SIDE)
CEMENTS = ("cement", "cement_zirconia")
FINE_MM = 0.45
"""Threads are thinner than a pixel larger than this (mm); such a pixel is sampled twice along rows and columns."""

Map = NDArray[np.float32]
Place = tuple[VertebralLevel, float]
"""Level and side of a screw."""


@dataclass(frozen=True, slots=True)
class Implants:
    """What surgery has left in a posed spine, as closed meshes in the patient frame (mm).

    Attributes:
        solids: meshes by material (a key of `attenuation.ATTENUATION_PER_MM`); lengths through their shells add up.
        cavities: empty places within the cement.
        halos: places about loose screws where spongy bone is lost.
        rims: dense bone around these places.
    """

    solids: Mapping[str, tuple[Mesh, ...]] = field(default_factory=dict)
    cavities: tuple[Mesh, ...] = ()
    halos: tuple[Mesh, ...] = ()
    rims: tuple[Mesh, ...] = ()


@dataclass(frozen=True, slots=True)
class ImplantLengths:
    """Path lengths (mm) on a film, (rows, columns) each.

    Attributes:
        by_material: of what surgery has put in; materials that the film does not show are left out.
        lost, dense: in bone that is lost about loose screws, and in the dense bone around it; None without.
    """

    by_material: dict[str, Map]
    lost: Map | None = None
    dense: Map | None = None


def implants(
    posed: Posed,
    operation: Operation | None,
    phase: Phase,
    *,
    in_theatre: bool = False,
) -> Implants:
    """Hardware and cement of a patient on one film; the same operation gives the same on every film.

    Args:
        posed: the spine on this film.
        operation: what was done, or None.
        phase: of the film; nothing is there before surgery, halos are there at follow-up.
        in_theatre: whether long tabs of percutaneous screws are still on.
    """
    if operation is None or phase is Phase.PRE_OP:
        return Implants()
    solids: dict[str, list[Mesh]] = {}
    screws: dict[Place, Screw] = {}
    halos: list[tuple[Mesh, Mesh]] = []
    if operation.style is not None:
        style = operation.style if in_theatre and phase is Phase.POST_OP else replace(operation.style, tabs=0.0)
        loose = set(operation.loose) if phase is Phase.FOLLOW_UP else set()
        solids, screws = _construct(posed, operation, style, loose)
        halos = [
            halo(screws[place], style, operation.halo_mm) for place in operation.loose if place in loose & set(screws)
        ]
        _add(solids, _cage(posed, operation))
    filled, cavities = _cement(posed, operation, screws)
    _add(solids, {operation.cement: filled})
    return Implants(
        {k: tuple(v) for k, v in solids.items() if v},
        tuple(cavities),
        tuple(h for h, _ in halos),
        tuple(r for _, r in halos),
    )


def implant_lengths(made: Implants, turn: FloatArray, beam: ConeBeam) -> ImplantLengths:
    """Path lengths through implants on a film.

    Args:
        made: meshes in the patient frame.
        turn: (3, 3) rotation of the patient before the exposure.
        beam: the exposure.
    """
    cells = 2 if beam.pixel_mm > FINE_MM else 1
    lengths = {k: _length(parts, turn, beam, cells) for k, parts in made.solids.items()}
    for name in set(CEMENTS) & set(lengths):
        if made.cavities:
            lengths[name] = np.maximum(lengths[name] - _length(made.cavities, turn, beam, cells), np.float32(0.0))
    lost, dense = (_length(parts, turn, beam, cells) if parts else None for parts in (made.halos, made.rims))
    return ImplantLengths({k: v for k, v in lengths.items() if v.any()}, lost, dense)


def _length(parts: Sequence[Mesh], turn: FloatArray, beam: ConeBeam, cells: int) -> Map:
    """Length in the parts (mm), found within the window about them alone: hardware covers little of a film."""
    points, faces = joined(parts)
    points = points @ turn.T
    out = np.zeros(beam.shape, dtype=np.float32)
    uv = beam.project(points)
    c0, r0 = np.maximum(np.floor(uv.min(axis=0)).astype(int), 0)
    c1, r1 = np.minimum(np.ceil(uv.max(axis=0)).astype(int), beam.shape[::-1])
    if c0 < c1 and r0 < r1:
        origin = (beam.origin_mm[0] - c0 * beam.pixel_mm, beam.origin_mm[1] - r0 * beam.pixel_mm)
        window = replace(beam, origin_mm=origin, shape=(int(r1 - r0), int(c1 - c0)))
        length = path_length(points, faces, window, cells)
        out[r0:r1, c0:c1] = np.clip(length, np.float32(0.0), np.float32(60.0))
    return out


def _add(solids: dict[str, list[Mesh]], more: Mapping[str, list[Mesh]]) -> None:
    for material, parts in more.items():
        solids.setdefault(material, []).extend(parts)


def _construct(
    posed: Posed, operation: Operation, style: HardwareStyle, loose: set[Place]
) -> tuple[dict[str, list[Mesh]], dict[Place, Screw]]:
    """Screws, rods and cross-link by material, and the screws' places."""
    bodies = {level: cement.measure_body(posed[level].plan.template) for level in operation.screws if level in posed}
    left, right = (construct(posed, bodies, operation, style, side, loose) for side in SIDES)
    metal, screws = link(left[1], right[1], operation, style), dict[Place, Screw]()
    for side, (placed, _) in zip(SIDES, (left, right), strict=True):
        screws |= {(s.level, side): s for s in placed}
    for placed, bar in (left, right):
        metal += heads_and_shafts(placed, bar, operation, style)
    rods = [rod(bar.path, style.rod_radius) for _, bar in (left, right) if bar]
    solids = {"titanium": metal}
    _add(solids, {"cobalt_chrome" if style.cobalt else "titanium": rods})
    return solids, screws


def _cage(posed: Posed, operation: Operation) -> dict[str, list[Mesh]]:
    """A cage between two endplates, turned with them and as high as the room between them was when it was put in."""
    if operation.cage is None or operation.index_level not in posed:
        return {}
    rng = np.random.default_rng([operation.seed, 4])
    vertebra = posed[operation.index_level]
    above = [v for v in posed.values() if v.level < operation.index_level]
    rims = vertebra.rims_mm
    if operation.cage == "interbody" and above:
        neighbour = max(above, key=lambda v: v.level.index)
        upper, lower = neighbour.rims_mm[INFERIOR], rims[SUPERIOR]
        height = neighbour.plan.disc_mm
    else:
        upper, lower = rims[SUPERIOR], rims[INFERIOR]
        height = _height_when_set(vertebra, operation.bed)
    plates = _plates(upper, lower)
    forward = plates[:, ANTERIOR].sum(axis=0) - plates[:, POSTERIOR].sum(axis=0)
    up = plates[0].mean(axis=0) - plates[1].mean(axis=0)
    frame = _frame_of(up, forward)
    made = {"interbody": cages.interbody, "mesh": cages.mesh_tube, "expandable": cages.expandable}[operation.cage]
    centre = plates.mean(axis=(0, 1)) + frame @ np.array([rng.normal(0.0, 2.0), rng.normal(0.0, 3.0), 0.0])
    parts = made(max(5.0, height), rng)
    return {k: [moved(part, frame, centre) for part in v] for k, v in parts.items()}


def _plates(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Front and back (2, 2, 3) mm of two endplates in the middle, from their rims."""
    plates: FloatArray = np.stack([upper, lower])[:, :, [LEFT, RIGHT]].mean(axis=2)
    return plates


def _height_when_set(vertebra: PosedVertebra, bed: Collapse | None) -> float:
    """Distance (mm) between the middles of a body's endplates in the shape that it had at the end of surgery."""
    then = vertebra if bed is None else replace(vertebra, collapses=(vertebra.plan.collapse, bed))
    rims = then.place(vertebra.plan.template.rims_mm)
    plates = _plates(rims[SUPERIOR], rims[INFERIOR])
    return float(np.linalg.norm(plates[0].mean(axis=0) - plates[1].mean(axis=0)))


def _frame_of(up: FloatArray, forward: FloatArray) -> FloatArray:
    """Rotation (3, 3) with z along ``up`` and x as near to ``forward`` as may be."""
    z = up / np.linalg.norm(up)
    x = forward - z * (forward @ z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _cement(
    posed: Posed,
    operation: Operation,
    screws: Mapping[Place, Screw],
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
        bed = operation.bed if level is operation.index_level else None
        filled += [_set(vertebra, bed, joined(parts))] if parts else []
        cavities += [_set(vertebra, bed, part) for part in holes]
    return filled, cavities


def _in_template(vertebra: PosedVertebra, s: Screw) -> FloatArray:
    """Foot and tip (2, 3) of a screw in the template's frame; deformation is left out, the cloud is kept inside."""
    points: FloatArray = (np.stack([s.foot, s.tip]) - vertebra.translation) @ vertebra.rotation / vertebra.plan.scale
    return points


def _set(vertebra: PosedVertebra, bed: Collapse | None, part: Mesh) -> Mesh:
    """Cement in the patient frame, in the shape it had when it set, riding on its own middle."""
    points, faces = part
    if bed is None:
        return vertebra.place(points), faces
    middle = points.mean(axis=0)
    before = replace(vertebra, collapses=(vertebra.plan.collapse, bed))
    return before.place(points) + (vertebra.place(middle) - before.place(middle)), faces


def cleft(vertebra: PosedVertebra, seed: int, opening: float = 1.0) -> Mesh:
    """A flat gas cleft under the superior endplate of a collapsed body; ``opening`` in [0, 1] is how far it gapes."""
    rng = np.random.default_rng([seed, 7])
    body = cement.measure_body(vertebra.plan.template)
    centre = body.at(rng.uniform(0.45, 0.75), 0.0, rng.uniform(0.5, 0.75))
    radii = np.array([rng.uniform(4.0, 11.0), rng.uniform(6.0, 14.0), rng.uniform(0.8, 2.5) * (0.35 + 0.65 * opening)])
    points, faces = cement.lobe(np.zeros(3), radii, 0.4, rng, 2)
    return vertebra.place(centre) + points @ vertebra.rotation.T, faces

"""Templates from a folder of closed bone meshes, brought into the canonical frame with rims found."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.bones import BoneTemplate, FaceArray, FloatArray, merge_vertices, no_rims, signed_volume
from kummell_ai.synthesis.mesh_io import MESH_SUFFIXES, load_mesh
from kummell_ai.synthesis.rims import PlacedBone, place_vertebra

Mesh = tuple[FloatArray, FaceArray]

_LEVEL = r"(?:T1[0-3]|T[1-9]|L[1-6]|S1)"
_VERTEBRA = re.compile(rf"(?:vertebrae?[_-])?({_LEVEL})", re.IGNORECASE)
_SEVERAL = re.compile(rf".*?({_LEVEL})-({_LEVEL})", re.IGNORECASE)
_RIB = re.compile(r"rib_(?:left|right)_(\d{1,2})", re.IGNORECASE)
_OTHERS = {
    "pelvis": "S1", "hip_left": "S1", "hip_right": "S1", "femur_left": "S1", "femur_right": "S1",
    "sternum": "T6", "scapula_left": "T4", "scapula_right": "T4",
}  # fmt: skip
"""Bones other than vertebrae and ribs, and the vertebra each rides on."""

_DIRECTIONS = {"R": (1, -1), "L": (1, 1), "A": (0, 1), "P": (0, -1), "S": (2, 1), "I": (2, -1)}


def load_templates(folder: Path, *, axes: str | None = None, exclude: Collection[str] = ()) -> dict[str, BoneTemplate]:
    """Templates of all bones in ``folder`` whose file names are understood, by bone name.

    Names: L1.ply, vertebrae_T12.stl, S1.ply or sacrum.ply (whole sacrum), mean_L2-L5.ply (one shell a level),
    Pelvis.ply, rib_left_5.ply, sternum.ply, scapula_left.ply; body-only meshes (L1_body.ply) and other names are left
    out. A file with an extent below 1 is taken to be in metres, else in mm.

    Args:
        folder: folder with PLY, STL or OBJ files.
        axes: what the files' x, y and z point to, as three of the letters R/L, A/P, S/I, such as "RAS"; found from
            the vertebrae's stacking, symmetry and weight in front when not given.
        exclude: bone names to leave out.

    Raises:
        ConfigError: no folder, no vertebra, a mesh that leaks, or one that gives no plausible vertebral body.
    """
    meshes = {name: mesh for name, mesh in _read_folder(folder).items() if name not in exclude}
    vertebrae = {name: mesh for name, mesh in meshes.items() if name in VertebralLevel.__members__}
    if not vertebrae:
        raise ConfigError(f"{folder} holds no vertebra mesh; expected files such as L1.ply: point to such a folder")
    turn = _find_axes(vertebrae) if axes is None else _named_axes(axes)
    turned = {name: _turn(mesh, turn) for name, mesh in meshes.items()}
    placed = {name: place_vertebra(name, *turned[name]) for name in sorted(vertebrae, key=_level_index)}
    templates = {
        name: BoneTemplate(name, bone.vertices_mm, turned[name][1], bone.rims_mm, source=folder.name)
        for name, bone in placed.items()
    }
    for name in sorted(meshes.keys() - vertebrae.keys()):
        templates[name] = _ride_along(name, turned[name], placed, folder.name)
    return templates


def bone_name(stem: str) -> str | None:
    """Template name for the file stem, None when it is not understood or a body-only mesh.

    >>> [bone_name(stem) for stem in ("vertebrae_T12", "Pelvis", "rib_left_5", "L1_body", "notes")]
    ['T12', 'pelvis', 'rib_left_5', None, None]
    """
    if stem.lower() == "sacrum":
        return "S1"
    if match := _VERTEBRA.fullmatch(stem):
        return match[1].upper()
    name = stem.lower()
    return name if _RIB.fullmatch(name) or name in _OTHERS else None


def _read_folder(folder: Path) -> dict[str, Mesh]:
    """Meshes in mm, in the file's axes, by bone name."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; expected a folder of bone meshes: check the path", folder)
    meshes: dict[str, Mesh] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in MESH_SUFFIXES or path.name.startswith("."):
            continue
        several, name = _SEVERAL.fullmatch(path.stem), bone_name(path.stem)
        if not several and not name:
            continue
        vertices, faces = load_mesh(path)
        if np.ptp(vertices, axis=0).max() < 1.0:
            vertices = vertices * 1000.0
        if several:
            meshes |= _split_levels(path.name, (vertices, faces), several[1].upper(), several[2].upper())
        elif name:
            meshes[name] = (vertices, faces)
    return meshes


def _split_levels(file: str, mesh: Mesh, first: str, last: str) -> dict[str, Mesh]:
    """One mesh per level from a file of separate shells, ordered along the axis they are stacked on, z up."""
    vertices, faces = mesh
    n = len(vertices)
    links = coo_array((np.ones(3 * len(faces)), (faces.ravel(), np.roll(faces, -1, axis=1).ravel())), shape=(n, n))
    count, label = connected_components(links, directed=False)
    names = [level.value for level in LEVELS if _level_index(first) <= level.index <= _level_index(last)]
    names = [name for name in names if name not in ("T13", "L6") or name in (first, last)]
    if count != len(names):
        raise ConfigError(f"{file} holds {count} shells; expected {len(names)}, one a level: split the file", count)
    shells = [merge_vertices(vertices, faces[label[faces[:, 0]] == i]) for i in range(count)]
    shells.sort(key=lambda shell: -float(shell[0][:, 2].mean()))
    return dict(zip(names, shells, strict=True))


def _level_index(name: str) -> int:
    return VertebralLevel.parse(name).index


def _named_axes(axes: str) -> FloatArray:
    """Matrix (3, 3) from the file's axes to anterior, left, superior."""
    turn = np.zeros((3, 3))
    for column, letter in enumerate(axes.upper()[:3]):
        if letter in _DIRECTIONS:
            row, sign = _DIRECTIONS[letter]
            turn[row, column] = sign
    if len(axes) != 3 or not np.isclose(np.linalg.det(turn), 1.0):
        raise ConfigError(
            f"axes {axes!r} name no right-handed frame; expected three letters such as ALS or RAS: "
            "write what x, y and z point to",
            axes,
        )
    return turn


def _find_axes(vertebrae: Mapping[str, Mesh]) -> FloatArray:
    """The same matrix from the bones: cranial by the levels' order, left-right by symmetry, the body in front."""
    names = sorted(vertebrae, key=_level_index)
    centres = np.stack([_centroid(vertebrae[name]) for name in names])
    up = np.array([0.0, 0.0, 1.0])
    if len(names) > 1:
        climb = centres[0] - centres[-1]
        axis = int(np.argmax(np.abs(climb)))
        up = np.eye(3)[axis] * np.sign(climb[axis])
    others = [axis for axis in range(3) if up[axis] == 0.0]
    lopsided = [sum(_asymmetry(vertebrae[name][0], axis) for name in names) for axis in others]
    front = others[int(np.argmax(lopsided))]
    middles = np.stack([vertebrae[n][0].min(axis=0) + vertebrae[n][0].max(axis=0) for n in names]) / 2.0
    forward = np.eye(3)[front] * np.sign((centres - middles)[:, front].sum())
    return np.stack([forward, np.cross(up, forward), up])


def _centroid(mesh: Mesh) -> FloatArray:
    """Centre of mass (3,) of the solid."""
    a, b, c = (mesh[0][mesh[1][:, i]] for i in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    centre: FloatArray = (volumes[:, None] * (a + b + c)).sum(axis=0) / (4.0 * signed_volume(*mesh))
    return centre


def _asymmetry(vertices_mm: FloatArray, axis: int) -> float:
    """Mean distance (mm) from the bone to its mirror image along ``axis``."""
    points = vertices_mm[:: max(1, len(vertices_mm) // 1500)]
    mirrored = points.copy()
    mirrored[:, axis] = points[:, axis].min() + points[:, axis].max() - points[:, axis]
    return float(cKDTree(points).query(mirrored)[0].mean())


def _turn(mesh: Mesh, turn: FloatArray) -> Mesh:
    return mesh[0] @ turn.T, mesh[1]


def _ride_along(name: str, mesh: Mesh, placed: Mapping[str, PlacedBone], source: str) -> BoneTemplate:
    """A bone without endplates, in the frame of its vertebra or the nearest one there is."""
    rib = _RIB.fullmatch(name)
    wanted = _level_index(f"T{rib[1]}" if rib else _OTHERS[name])
    anchor = min(placed, key=lambda level: abs(_level_index(level) - wanted))
    bone = placed[anchor]
    vertices = (mesh[0] - bone.origin_mm) @ bone.rotation.T
    return BoneTemplate(name, vertices, mesh[1], no_rims(), source=source, anchor=anchor)

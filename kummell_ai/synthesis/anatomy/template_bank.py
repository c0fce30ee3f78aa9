"""Templates of one individual from meshes or CT masks, brought into the canonical frame with rims found."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bone_names import bone_name, carrier_index, is_vertebra, level_index
from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FloatArray, no_rims
from kummell_ai.synthesis.anatomy.mask_files import individuals_in_masks, is_mask
from kummell_ai.synthesis.anatomy.mesh_axes import Mesh, find_axes, named_axes
from kummell_ai.synthesis.anatomy.mesh_folder import mesh_files, read_meshes
from kummell_ai.synthesis.anatomy.procedural.mesh import join
from kummell_ai.synthesis.anatomy.rims import PlacedBone, place_vertebra
from kummell_ai.synthesis.anatomy.rims_file import Corrections, move_rims, read_rims_file
from kummell_ai.synthesis.anatomy.sections import section_loops
from kummell_ai.synthesis.anatomy.surfaces import simplify

__all__ = ["TemplateSet", "bone_name", "find_individuals", "load_bank", "load_templates"]

CUT_SHARE = 0.5
"""A vertebra whose section just inside its upper or lower end is larger than this share of its largest one is cut:
whole ones end in the tips of their processes."""

MOST_FACES = 10_000
"""Denser meshes are thinned out once their rims are found: projecting takes time by the triangle."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """The bones of one individual.

    Attributes:
        templates: by bone name.
        notes: what was left out, and why, one line each.
    """

    templates: dict[str, BoneTemplate]
    notes: tuple[str, ...]


def load_templates(path: Path, *, axes: str | None = None, exclude: Collection[str] = ()) -> dict[str, BoneTemplate]:
    """Templates of all bones of one individual, by bone name; see `load_bank`. What is left out is logged."""
    bank = load_bank(path, axes=axes, exclude=exclude)
    for note in bank.notes:
        _log.warning("%s: %s", path.name, note)
    return bank.templates


def load_bank(path: Path, *, axes: str | None = None, exclude: Collection[str] = ()) -> TemplateSet:
    """Bones of one individual from a folder of meshes, or from a CT mask or a folder of one mask a structure.

    Mesh names: L1.ply, vertebrae_T12.stl, S1.ply or sacrum.ply (whole sacrum), mean_L2-L5.ply (one shell a level),
    Pelvis.ply, rib_left_5.ply, sternum.ply, scapula_left.ply; body-only meshes (L1_body.ply) and other names are left
    out. A mesh with an extent below 1 is taken to be in metres, else in mm. Masks: see `mask_files`. A folder that
    holds both is read as meshes. Rims may be corrected in a file (`rims_file`).

    Args:
        path: folder of meshes, NIfTI mask, or folder of masks.
        axes: what the meshes' x, y and z point to, as three of the letters R/L, A/P, S/I, such as "RAS"; found from
            the vertebrae's stacking, symmetry and weight in front when not given.
        exclude: bone names to leave out.

    Raises:
        ConfigError: no such path, no vertebra, a vertebra that leaks or has no plausible body, an unknown mask.
    """
    if not path.exists():
        raise ConfigError(
            f"{path} is no folder and no mask; expected a folder of bone meshes or a CT mask: check the path", path
        )
    corrections = read_rims_file(_rims_path(path))
    unwanted = {*exclude, *(name for name, item in corrections.items() if item is None)}
    notes: list[str] = []
    if path.is_dir() and mesh_files(path):
        meshes = _turned(path, read_meshes(path, unwanted, notes), axes, notes)
        return TemplateSet(_templates(meshes, path.name, corrections, str(path), notes, strict=True), tuple(notes))
    from kummell_ai.synthesis.anatomy.mask_bank import read_masks

    if path.is_dir() and not individuals_in_masks(path):
        raise ConfigError(
            f"{path} holds no vertebra mesh and no vertebra mask; expected files such as L1.ply, "
            "vertebrae_L1.nii.gz or sub-1_seg-vert_msk.nii.gz: point to such a folder",
            path,
        )
    found = read_masks(path, unwanted, notes)
    name = path.name.split(".")[0]
    return TemplateSet(_templates(found, name, corrections, str(path), notes, strict=False), tuple(notes))


def find_individuals(path: Path) -> tuple[Path, ...]:
    """Paths for `load_bank`, one an individual: the path itself, or what a folder of folders or of masks holds.

    Raises:
        ConfigError: nothing there can be read as bones.
    """
    if path.is_dir() and not mesh_files(path):
        found = individuals_in_masks(path)
        if not found:
            found = [p for item in sorted(path.iterdir()) if item.is_dir() for p in _individuals(item)]
        if found:
            return tuple(found)
    elif path.is_dir() or is_mask(path):
        return (path,)
    raise ConfigError(f"{path} holds no bone meshes and no vertebra masks; point to a folder that does", path)


def _individuals(folder: Path) -> list[Path]:
    if mesh_files(folder):
        return [folder]
    inner = sorted(item for item in folder.iterdir() if item.is_dir())
    return individuals_in_masks(folder) or [path for item in inner for path in _individuals(item)]


def _rims_path(path: Path) -> Path:
    return path / "rims.json" if path.is_dir() else path.with_name(path.name.split(".")[0] + ".rims.json")


def _turned(folder: Path, meshes: Mapping[str, Mesh], axes: str | None, notes: list[str]) -> dict[str, Mesh]:
    """Meshes with x anterior, y left, z cranial; vertebrae that the border of a scan cuts are noted and left out."""
    vertebrae = {name: mesh for name, mesh in meshes.items() if is_vertebra(name)}
    if not vertebrae:
        raise ConfigError(f"{folder} holds no vertebra mesh; expected files such as L1.ply: point to such a folder")
    turn = find_axes(vertebrae) if axes is None else named_axes(axes)
    turned = {name: (mesh[0] @ turn.T, mesh[1]) for name, mesh in meshes.items()}
    cut = [name for name in vertebrae if _is_cut(turned[name])] if len(vertebrae) > 1 else []
    notes += [f"{name} left out: it ends in a flat cut, as at the border of a scan" for name in cut]
    return {name: mesh for name, mesh in turned.items() if name not in cut}


def _is_cut(mesh: Mesh) -> bool:
    """Whether the solid ends, above or below, in a large flat face."""
    low, high = mesh[0][:, 2].min() + 1.5, mesh[0][:, 2].max() - 1.5

    def area(z: float) -> float:
        loops = section_loops(*mesh, 2, z)
        return max((float(np.prod(np.ptp(loop.reshape(-1, 3), axis=0)[:2])) for loop in loops), default=0.0)

    largest = max(area(float(z)) for z in np.linspace(low, high, 15)[1:-1])
    return max(area(float(low)), area(float(high))) > CUT_SHARE * largest


def _templates(
    meshes: Mapping[str, Mesh], source: str, corrections: Corrections, where: str, notes: list[str], strict: bool
) -> dict[str, BoneTemplate]:
    """Templates of meshes with x anterior, y left, z cranial; without ``strict``, implausible bodies are only noted."""
    meshes = _with_pelvis(meshes, notes)
    placed: dict[str, PlacedBone] = {}
    for name in sorted(filter(is_vertebra, meshes), key=level_index):
        try:
            placed[name] = place_vertebra(name, *meshes[name])
        except ConfigError as error:
            if strict:
                raise
            notes.append(f"{name} left out: {error}")
    if not placed:
        raise ConfigError(
            f"{where} gives no whole vertebra ({'; '.join(notes) or 'no label'}); use another scan", where
        )
    templates = {}
    for name, bone in placed.items():
        corners = corrections.get(name)
        rims = move_rims(bone.rims_mm, corners, f"{where}: rims of {name}") if corners else bone.rims_mm
        templates[name] = BoneTemplate(name, *simplify(bone.vertices_mm, meshes[name][1], MOST_FACES), rims, source)
    for name in sorted(name for name in meshes if not is_vertebra(name)):
        templates[name] = _ride_along(name, meshes[name], placed, source)
    unknown = [name for name, item in corrections.items() if item is not None and name not in placed]
    if unknown:
        raise ConfigError(
            f"{where}: the rims file corrects {unknown[0]}, which is no vertebra here; remove it", unknown
        )
    return templates


def _with_pelvis(meshes: Mapping[str, Mesh], notes: list[str]) -> dict[str, Mesh]:
    """Both hip bones joined to one pelvis; a single one is left out, since a lone hip would stand in for both."""
    rest = {name: mesh for name, mesh in meshes.items() if name not in ("hip_left", "hip_right")}
    hips = [meshes[name] for name in ("hip_left", "hip_right") if name in meshes]
    if len(hips) == 2 and "pelvis" not in rest:
        rest["pelvis"] = join(hips)
    elif len(hips) == 1:
        notes.append("a single hip bone left out")
    return rest


def _ride_along(name: str, mesh: Mesh, placed: Mapping[str, PlacedBone], source: str) -> BoneTemplate:
    """A bone without endplates, in the frame of its vertebra or the nearest one there is."""
    wanted = carrier_index(name)
    anchor = min(placed, key=lambda level: abs(level_index(level) - wanted))
    bone = placed[anchor]
    vertices: FloatArray = (mesh[0] - bone.origin_mm) @ bone.rotation.T
    faces = (2 if name == "pelvis" else 1) * MOST_FACES  # thin, wide blades lose volume when they are thinned out
    return BoneTemplate(name, *simplify(vertices, mesh[1], faces), no_rims(), source, anchor)

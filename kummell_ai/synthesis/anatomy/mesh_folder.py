"""Bones from a folder of closed meshes, in the files' own axes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kummell_ai.anatomy import LEVELS
from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bone_names import bone_name, is_vertebra, level_index, several_levels
from kummell_ai.synthesis.anatomy.bones import merge_vertices
from kummell_ai.synthesis.anatomy.mesh_axes import Mesh
from kummell_ai.synthesis.anatomy.mesh_io import MESH_SUFFIXES, load_mesh


def mesh_files(folder: Path) -> list[Path]:
    """Mesh files of ``folder`` whose names are understood, by name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in MESH_SUFFIXES
        and not path.name.startswith(".")
        and (several_levels(path.stem) or bone_name(path.stem))
    ]


def read_meshes(folder: Path, exclude: Collection[str], notes: list[str]) -> dict[str, Mesh]:
    """Meshes in mm, in the file's axes, by bone name; a bone without endplates whose mesh leaks is noted and left out.

    Raises:
        ConfigError: a vertebra's mesh is damaged or leaks.
    """
    meshes: dict[str, Mesh] = {}
    for path in mesh_files(folder):
        several, name = several_levels(path.stem), bone_name(path.stem)
        if name in exclude:
            continue
        try:
            vertices, faces = load_mesh(path)
        except ConfigError as error:
            if several or name is None or is_vertebra(name):
                raise
            notes.append(f"{path.name} left out: {error}")
            continue
        if np.ptp(vertices, axis=0).max() < 1.0:
            vertices = vertices * 1000.0
        if several:
            meshes |= _split_levels(path.name, (vertices, faces), *several)
        elif name:
            meshes[name] = (vertices, faces)
    return {name: mesh for name, mesh in meshes.items() if name not in exclude}


def _split_levels(file: str, mesh: Mesh, first: str, last: str) -> dict[str, Mesh]:
    """One mesh per level from a file of separate shells, ordered along the axis they are stacked on, z up."""
    vertices, faces = mesh
    n = len(vertices)
    links = coo_array((np.ones(3 * len(faces)), (faces.ravel(), np.roll(faces, -1, axis=1).ravel())), shape=(n, n))
    count, label = connected_components(links, directed=False)
    names = [level.value for level in LEVELS if level_index(first) <= level.index <= level_index(last)]
    names = [name for name in names if name not in ("T13", "L6") or name in (first, last)]
    if count != len(names):
        raise ConfigError(f"{file} holds {count} shells; expected {len(names)}, one a level: split the file", count)
    shells = [merge_vertices(vertices, faces[label[faces[:, 0]] == i]) for i in range(count)]
    shells.sort(key=lambda shell: -float(shell[0][:, 2].mean()))
    return dict(zip(names, shells, strict=True))

"""Bones from the vertebra masks of a CT: smooth closed meshes, x anterior, y left, z cranial (mm).

Each bone is cut out, its signed distance is smoothed and its zero surface drawn. Bones that touch the border of the
scan are incomplete and left out. Needs nibabel: ``pip install kummell-ai[ct]``.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bone_names import is_vertebra, level_index
from kummell_ai.synthesis.anatomy.bones import FloatArray
from kummell_ai.synthesis.anatomy.mask_files import individuals_in_masks, is_mask, label_names, structure_files
from kummell_ai.synthesis.anatomy.mesh_axes import Mesh, named_axes
from kummell_ai.synthesis.anatomy.procedural.mesh import even_axis, extract_surface

MOST_FACES = 9000
STEP_MM = 2.0
"""Grid step tried first; it grows until the mesh has at most `MOST_FACES` faces."""

SMOOTHING_MM = 0.7
"""Spread of the smoothing; half a voxel where voxels are larger, so that slices leave no steps."""

SMALLEST_MM3 = 1500.0
"""Smaller pieces of bone are specks of a segmentation."""

_MARGIN_MM = 6.0


@dataclass(frozen=True, slots=True)
class _Volume:
    """A scan's labels, axes near right, anterior, cranial, and the matrix (4, 4) from voxels to that frame (mm)."""

    labels: NDArray[np.integer[Any]]
    to_ras: FloatArray
    header_text: str


def read_masks(path: Path, exclude: Collection[str], notes: list[str]) -> dict[str, Mesh]:
    """Meshes by bone name from a multi-label mask, a folder with a mask a structure, or a folder with one mask.

    Raises:
        ConfigError: nibabel is absent, a file is damaged, no label is known, or the levels are not in order.
    """
    if path.is_dir():
        found = individuals_in_masks(path)
        if len(found) > 1:
            raise ConfigError(
                f"{path} holds {len(found)} masks, an individual each; name one of them, such as {found[0].name}", path
            )
        path = found[0]
    meshes: dict[str, Mesh] = {}
    for name, mask, to_ras in _bones_of(path):
        if name in exclude:
            continue
        mesh = _mesh_of(name, mask, to_ras, notes)
        if mesh is not None:
            meshes[name] = mesh
    _check_order(path, meshes)
    return meshes


def _bones_of(path: Path) -> Iterator[tuple[str, NDArray[np.bool_], FloatArray]]:
    if path.is_dir():
        for name, files in structure_files(path).items():
            volumes = [_load(file) for file in files]
            mask = volumes[0].labels > 0
            for other in volumes[1:]:
                if other.labels.shape != mask.shape:
                    raise ConfigError(f"{files[0]} and {files[1].name} differ in size; export them together", files[1])
                mask |= other.labels > 0
            yield name, mask, volumes[0].to_ras
        return
    volume = _load(path)
    present = [int(label) for label in np.unique(volume.labels) if label > 0]
    if not present:
        raise ConfigError(f"{path} is an empty mask; expected labels of vertebrae: segment the scan again", path)
    names = label_names(path, volume.header_text, present[-1])
    labels: dict[str, list[int]] = {}
    for label in present:
        if label in names:
            labels.setdefault(names[label], []).append(label)
    if not any(is_vertebra(name) for name in labels):
        raise ConfigError(
            f"{path} has labels {present[:8]}, none of which is a thoracic or lumbar vertebra; expected VerSe, "
            "CTSpine1K or TotalSegmentator numbers: write structures.csv (structure,id) beside it",
            path,
        )
    boxes = ndimage.find_objects(volume.labels.astype(np.int32))
    for name, numbers in labels.items():
        yield (name, *_cut_out(volume, numbers, [boxes[number - 1] for number in numbers]))


def _cut_out(
    volume: _Volume, numbers: list[int], boxes: list[tuple[slice, slice, slice]]
) -> tuple[NDArray[np.bool_], FloatArray]:
    """The part of the scan around one bone, one voxel wider where the scan goes on, and its matrix."""
    low = np.array([[s.start for s in box] for box in boxes]).min(axis=0)
    high = np.array([[s.stop for s in box] for box in boxes]).max(axis=0)
    low, high = np.maximum(low - 1, 0), np.minimum(high + 1, volume.labels.shape)
    part = volume.labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    to_ras = volume.to_ras.copy()
    to_ras[:3, 3] += to_ras[:3, :3] @ low
    return np.isin(part, numbers), to_ras


def _load(path: Path) -> _Volume:
    try:
        nibabel: Any = importlib.import_module("nibabel")  # typed in some versions only
    except ImportError:
        raise ConfigError(f"{path} is a CT mask; reading it needs nibabel: pip install kummell-ai[ct]", path) from None
    if not is_mask(path):
        raise ConfigError(f"{path} is no NIfTI file; expected .nii or .nii.gz: convert it", path)
    try:
        image = nibabel.load(path)
        text = " ".join(
            extension.get_content().decode("utf-8", "ignore")
            for extension in image.header.extensions
            if isinstance(extension.get_content(), bytes)
        )
        image = nibabel.as_closest_canonical(image)
        labels = np.asarray(image.dataobj)
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise ConfigError(f"mask {path} is damaged ({error}); export it again", path) from error
    if labels.ndim != 3:
        raise ConfigError(f"mask {path} has {labels.ndim} dimensions; expected 3: export it again", path)
    rounded = np.rint(labels).astype(np.int32)
    if not np.array_equal(rounded, labels):
        raise ConfigError(f"{path} holds no whole numbers; expected labels of a mask, not a CT: give its mask", path)
    return _Volume(rounded, np.asarray(image.affine, dtype=np.float64), text)


def _mesh_of(name: str, mask: NDArray[np.bool_], to_ras: FloatArray, notes: list[str]) -> Mesh | None:
    """The bone's mesh, None (with a note) when the border of the scan cuts it or little of it is there."""
    pieces, count = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())[1:]
    zooms = np.linalg.norm(to_ras[:3, :3], axis=0)
    if count == 0 or sizes.max() * np.prod(zooms) < SMALLEST_MM3:
        notes.append(f"{name} left out: hardly anything of it is in the mask")
        return None
    mask = ndimage.binary_fill_holes(pieces == 1 + int(np.argmax(sizes)))
    edges = [mask.take([0, -1], axis=axis) for axis in range(3)]
    if any(edge.any() for edge in edges):
        notes.append(f"{name} left out: the border of the scan cuts it")
        return None
    inside = np.stack([np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {a})))[[0, -1]] for a in range(3)], axis=-1)
    mask = mask[tuple(slice(low, high + 1) for low, high in inside.T)]
    voxels, faces = _surface(mask, zooms)
    ras = (voxels / zooms + inside[0]) @ to_ras[:3, :3].T + to_ras[:3, 3]
    return ras @ named_axes("RAS").T, faces


def _surface(mask: NDArray[np.bool_], zooms: FloatArray) -> Mesh:
    """Closed surface of a mask in mm along its axes, from the centre of its first voxel."""
    pad = np.ceil(_MARGIN_MM / zooms).astype(int) + 1
    solid = np.pad(mask, [(n, n) for n in pad])
    distance = ndimage.distance_transform_edt(~solid, sampling=zooms) - ndimage.distance_transform_edt(
        solid, sampling=zooms
    )
    smooth = ndimage.gaussian_filter(distance, np.maximum(SMOOTHING_MM / zooms, 0.5))
    spline = ndimage.spline_filter(smooth, order=3)

    def field(points: FloatArray) -> FloatArray:
        values: FloatArray = ndimage.map_coordinates(
            spline, (points / zooms + pad).T, order=3, prefilter=False, mode="nearest"
        )
        return values

    extent, step = (np.array(mask.shape) - 1) * zooms, STEP_MM
    while True:
        axes = tuple(even_axis(-_MARGIN_MM, float(reach) + _MARGIN_MM, step) for reach in extent)
        vertices, faces = extract_surface(field, (axes[0], axes[1], axes[2]))
        if len(faces) <= MOST_FACES:
            return vertices, faces
        step *= 1.03 * float(np.sqrt(len(faces) / MOST_FACES))


def _check_order(path: Path, meshes: Mapping[str, Mesh]) -> None:
    """Raise when the levels do not lie one below the other, as when the labels are numbered in another way."""
    names = sorted(filter(is_vertebra, meshes), key=level_index)
    heights = [float(meshes[name][0][:, 2].mean()) for name in names]
    if any(above <= below for above, below in pairwise(heights)):
        raise ConfigError(
            f"{path}: {', '.join(names)} do not lie one below the other; expected VerSe, CTSpine1K or TotalSegmentator "
            "numbers: write structures.csv (structure,id) beside the mask",
            path,
        )

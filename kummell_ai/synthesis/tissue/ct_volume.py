"""Reading a CT as a donor of soft tissue: slabs from right to left, each seen from the side, its own spine removed."""

from __future__ import annotations

import functools
import importlib
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kummell_ai.errors import ConfigError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.tissue.noise import Map

GRID_MM = 2.0
SLABS = 6
MUSCLE_HU = 50
BONE_HU = 180
_MASK = re.compile(r"(^|[_\-.])(msk|mask|seg|segmentations?|labels?)([_\-.]|$)", re.IGNORECASE)

Volume = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Donor:
    """Soft tissue of one CT, projected sideways.

    Attributes:
        tissue, lung, gas: (SLABS, Z, X) water (mm) of everything, and what lung and bowel gas lack of it; x falls
            along a row (front to the left) and z along a column, as on a film.
        slab_y: (SLABS,) middle of each slab, left of the midline (mm).
        cell_mm: (z, x) size of a cell.
        line: (Z,) distance of the spine's line from the left edge of the map (mm).
        lung_foot: row (mm from the top) at which the lungs end behind, or None where the CT holds no lung.
    """

    tissue: Map
    lung: Map
    gas: Map
    slab_y: FloatArray
    cell_mm: tuple[float, float]
    line: FloatArray
    lung_foot: float | None


@functools.lru_cache(maxsize=8)
def find_scans(places: tuple[str, ...]) -> tuple[tuple[Path, Path | None], ...]:
    """CTs and their masks of vertebrae, if any, among files and folders.

    In a folder a NIfTI file is a mask if its name says so (mask, msk, seg, label); it belongs to the CT beside it.

    Raises:
        ConfigError: a place is missing or holds no CT, or a mask has no CT beside it.
    """
    found: list[tuple[Path, Path | None]] = []
    for place in map(Path, places):
        if not place.exists():
            raise ConfigError(
                f"recipe key backgrounds: {place} is missing; give a NIfTI file or a folder of them", place
            )
        if place.is_file() and not place.name.endswith((".nii", ".nii.gz")):
            raise ConfigError(f"recipe key backgrounds: {place} is no NIfTI file (.nii, .nii.gz); convert it", place)
        if place.is_file() and _is_mask(place):
            raise ConfigError(
                f"recipe key backgrounds: {place} is a mask by its name; give the CT it belongs to", place
            )
        files = [place] if place.is_file() else sorted(p for p in place.rglob("*.nii*") if not _is_mask(p))
        masks = sorted(p for p in (place if place.is_dir() else place.parent).rglob("*.nii*") if _is_mask(p))
        for mask in masks if place.is_dir() else ():
            if not any(ct.parent == mask.parent for ct in files):
                raise ConfigError(f"{mask} is a mask without its CT; put the CT beside it, or take the mask away", mask)
        if not files:
            raise ConfigError(f"recipe key backgrounds: {place} holds no NIfTI file; give a folder with CTs", place)
        found += [(ct, _mask_of(ct, masks)) for ct in files]
    return tuple(found)


def _is_mask(path: Path) -> bool:
    return bool(_MASK.search(path.name.removesuffix(".gz").removesuffix(".nii")))


def _mask_of(ct: Path, masks: list[Path]) -> Path | None:
    beside = [m for m in masks if m.parent == ct.parent]
    alone = sum(not _is_mask(p) for p in ct.parent.glob("*.nii*")) == 1
    named = [m for m in beside if m.name.split("_")[0] == ct.name.split("_")[0]]
    return (named or (beside if alone else [None]) or [None])[0]  # type: ignore[list-item]


@functools.lru_cache(maxsize=48)
def load_donor(ct: Path, mask: Path | None = None) -> Donor:
    """The donor in a CT (HU), with its spine removed.

    Args:
        ct: NIfTI file.
        mask: vertebra labels on any grid that covers the CT; without it the spine is found by its bone.

    Raises:
        ConfigError: nibabel is absent, or a file is unreadable, no CT, or has no body in it.
    """
    volume, affine, step = _read(ct)
    if volume.min() > -500 or volume.max() < 200:
        raise ConfigError(
            f"{ct} holds values {volume.min()} to {volume.max()}; a CT in HU has air below -500 and bone above 200: "
            "give the CT, not a mask or a rescaled picture",
            ct,
        )
    body = _body(volume, ct)
    line = _spine_line(volume, body, step)
    spine = _corridor(volume, line, step)
    if mask is not None:
        spine |= _labelled_spine(mask, affine, spine)
    filled = np.where(spine, np.int16(MUSCLE_HU), np.minimum(volume, np.int16(60)))
    return _project(filled, body, line, step)


def _read(path: Path) -> tuple[Volume, FloatArray, FloatArray]:
    """Voxels with axes front to back, cranial to caudal, right to left ..., thinned to about `GRID_MM`."""
    nibabel = _nibabel(path)
    try:
        image = nibabel.load(path)
        raw = np.asanyarray(image.dataobj.get_unscaled())
        slope, offset = float(image.dataobj.slope), float(image.dataobj.inter)
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); export it again", path) from error
    if raw.ndim != 3 or min(raw.shape) < 8:
        raise ConfigError(f"{path} has shape {raw.shape}; expected a volume of at least 8 voxels a side", path)
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    stride = [max(1, round(GRID_MM / s)) for s in spacing]
    thin = raw[:: stride[0], :: stride[1], :: stride[2]]
    thin = np.clip(thin.astype(np.float32) * np.float32(slope) + np.float32(offset), -1024, 3000).astype(np.int16)
    affine = image.affine @ np.diag([*stride, 1.0])
    # target axes: z falling, x (anterior) falling, y (left) rising; NIfTI axes are right, anterior, superior
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.io_orientation(affine), nibabel.orientations.axcodes2ornt(("I", "P", "L"))
    )
    affine = affine @ nibabel.orientations.inv_ornt_aff(turn, thin.shape)
    out = np.ascontiguousarray(nibabel.orientations.apply_orientation(thin, turn))
    return out, affine, np.linalg.norm(affine[:3, :3], axis=0)


def _nibabel(path: Path) -> Any:
    try:
        return importlib.import_module("nibabel")
    except ImportError:
        raise ConfigError(f"{path} is a CT; reading it needs nibabel: pip install kummell-ai[ct]", path) from None


def _body(volume: Volume, path: Path) -> Mask:
    """The trunk (largest piece in the middle of the scan), holes filled, without the table."""
    solid = volume > -300
    cross = ndimage.generate_binary_structure(2, 1)
    core = np.stack([ndimage.binary_erosion(plane, cross, iterations=3) for plane in solid])
    pieces, count = ndimage.label(core)
    if count == 0:
        raise ConfigError(f"{path} shows no body; expected a CT of the trunk", path)
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    body = np.stack([ndimage.binary_dilation(p, cross, iterations=4) & s for p, s in zip(largest, solid, strict=True)])
    return np.stack([ndimage.binary_fill_holes(plane) for plane in body])


def _spine_line(volume: Volume, body: Mask, step: FloatArray) -> FloatArray:
    """(Z, 2) index of the vertebral bodies' middle in every plane: from the front, from the right."""
    count = len(volume)
    out = np.full((count, 2), np.nan)
    for k in range(count):
        rows, cols = np.nonzero(body[k, ::2, ::2])
        if len(rows) < 500:
            continue
        middle, back = 2.0 * float(np.median(cols)), 2.0 * float(np.quantile(rows, 0.995))
        reach = round(32.0 / step[2])
        first, last = max(0, int(back - 125.0 / step[1])), int(back - 12.0 / step[1])
        left = max(0, int(middle) - reach)
        bone = volume[k, first:last, left : int(middle) + reach] > BONE_HU
        x, y = np.nonzero(bone)
        if len(x) > 20:
            out[k] = first + np.median(x) - 14.0 / step[1], left + np.median(y)
    good = np.isfinite(out[:, 0])
    if not good.any():
        out[:] = 0.62 * volume.shape[1], 0.5 * volume.shape[2]
        return out
    rows_z = np.arange(count)
    filled = np.stack([np.interp(rows_z, rows_z[good], out[good, axis]) for axis in range(2)], axis=1)
    size = max(3, round(60.0 / step[0])) | 1
    smooth: FloatArray = ndimage.gaussian_filter1d(ndimage.median_filter(filled, (size, 1)), 15.0 / step[0], axis=0)
    return smooth


def _corridor(volume: Volume, line: FloatArray, step: FloatArray) -> Mask:
    """Bone of the donor's spine: dense voxels in a corridor about its line, with what they enclose."""
    x = (np.arange(volume.shape[1])[None, :] - line[:, :1]) * step[1]
    y = (np.arange(volume.shape[2])[None, :] - line[:, 1:]) * step[2]
    near = ((x > -26.0) & (x < 75.0))[:, :, None] & (np.abs(y) < 48.0)[:, None, :]
    bone = near & (volume > BONE_HU)
    cross = ndimage.generate_binary_structure(2, 1)
    grown = np.stack([ndimage.binary_dilation(plane, cross, iterations=2) for plane in bone])
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in grown])
    corridor: Mask = filled & near & (volume > -300)
    return corridor


def _labelled_spine(path: Path, affine: FloatArray, found: Mask) -> Mask:
    """Labels of a mask, on the donor's grid, that lie to a good part in the corridor where spinal bone was found."""
    nibabel = _nibabel(path)
    try:
        image = nibabel.load(path)
        labels = np.asanyarray(image.dataobj.get_unscaled())
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise ConfigError(f"mask {path} cannot be read ({error}); export it again", path) from error
    change = np.linalg.inv(image.affine) @ affine
    grid = [np.arange(n) for n in found.shape]
    index = [np.zeros(found.shape, np.int32) for _ in range(3)]
    inside = np.ones(found.shape, bool)
    for axis in range(3):
        parts = [change[axis, k] * grid[k].reshape([-1 if j == k else 1 for j in range(3)]) for k in range(3)]
        index[axis] = np.rint(sum(parts) + change[axis, 3]).astype(np.int32)
        inside &= (index[axis] >= 0) & (index[axis] < labels.shape[axis])
    clipped = tuple(np.clip(i, 0, n - 1) for i, n in zip(index, labels.shape, strict=True))
    on_grid = np.where(inside, labels[clipped], 0).astype(np.int64)
    total = np.bincount(on_grid.ravel())
    hits = np.bincount(on_grid[found], minlength=len(total))
    spinal = np.flatnonzero((hits > 0.3 * total) & (np.arange(len(total)) > 0))
    chosen: Mask = np.isin(on_grid, spinal)
    return chosen


def _project(filled: Volume, body: Mask, line: FloatArray, step: FloatArray) -> Donor:
    air = body & (filled < -400)
    pieces, _ = ndimage.label(air)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    lung_pieces = np.flatnonzero(sizes * float(np.prod(step)) > 250_000.0)
    lung = np.isin(pieces, lung_pieces)
    lung = ndimage.binary_closing(lung, iterations=2) & body & (filled < -50) | lung
    gas = ndimage.binary_dilation(air & ~lung) & body & ~lung & (filled < -100)
    thickness = np.where(body, np.clip(1.0 + filled / np.float32(1000.0), 0.0, None), 0.0).astype(np.float32)
    lacking = np.float32(1.04) - thickness
    full = np.where(lung | gas, np.float32(1.04), thickness)
    edges = np.linspace(0, filled.shape[2], SLABS + 1).astype(int)
    maps = [
        np.stack([m[:, :, a:b].sum(axis=2, dtype=np.float32) for a, b in itertools.pairwise(edges)])
        for m in (full, np.where(lung, lacking, 0.0), np.where(gas, lacking, 0.0))
    ]
    tissue, lung_map, gas_map = (np.ascontiguousarray(m * np.float32(step[2])) for m in maps)
    middle = float(np.median(line[:, 1]))
    slab_y = (0.5 * (edges[:-1] + edges[1:]) - middle) * step[2]
    rows = np.flatnonzero(lung.sum(axis=(1, 2)) * float(step[1] * step[2]) > 1500.0)
    touched = len(rows) > 5 and rows[-1] < len(filled) - 4
    return Donor(
        tissue=tissue,
        lung=lung_map,
        gas=gas_map,
        slab_y=slab_y,
        cell_mm=(float(step[0]), float(step[1])),
        line=line[:, 0] * step[1],
        lung_foot=float(rows[-1] * step[0]) if touched else None,
    )

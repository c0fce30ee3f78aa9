"""Which files hold vertebra masks of a CT, and which label means which bone.

Layouts (NIfTI):

* VerSe: ``*_seg-vert_msk.nii.gz``, one file a scan; C1-C7 1-7, T1-T12 8-19, L1-L5 20-24, L6 25, sacrum 26, T13 28.
* CTSpine1K: ``*_seg.nii.gz``, the same numbers.
* TotalSegmentator: a folder with a file a structure (``vertebrae_L1.nii.gz``), perhaps within ``segmentations``; or
  one file with its label numbers (version 2), whose names may stand in the file itself or in a ``structures.csv``
  beside it.

Sources: github.com/anjany/verse, github.com/MIRACLE-Center/CTSpine1K, github.com/wasserth/TotalSegmentator.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bone_names import bone_name, is_vertebra

_MASK = re.compile(r"(?:.*[_-])?(?:msk|seg|mask|segmentations?|labels?)", re.IGNORECASE)
_TOTAL = re.compile(r"segmentations?|.*total.*", re.IGNORECASE)
_NAMED_LABEL = re.compile(r'Key="(\d+)"[^>]*>(?:<!\[CDATA\[)?\s*([A-Za-z0-9_]+)')

VERSE: Mapping[int, str] = (
    {7 + i: f"T{i}" for i in range(1, 13)} | {19 + i: f"L{i}" for i in range(1, 7)} | {26: "S1", 28: "T13"}
)
"""Bones by label in VerSe and CTSpine1K; the cervical labels 1 to 7 are of no use here."""

TOTAL: Mapping[int, str] = (
    {25: "S1", 26: "S1", 71: "scapula_left", 72: "scapula_right", 75: "femur_left", 76: "femur_right"}
    | {32 - i: f"L{i}" for i in range(1, 6)}
    | {44 - i: f"T{i}" for i in range(1, 13)}
    | {91 + i: f"rib_left_{i}" for i in range(1, 13)}
    | {103 + i: f"rib_right_{i}" for i in range(1, 13)}
    | {77: "hip_left", 78: "hip_right", 116: "sternum"}
)
"""Bones by label in TotalSegmentator 2 (task "total"); the sacrum is the union of its labels 25 and 26."""


def stem(path: Path) -> str:
    """File name without ``.nii`` or ``.nii.gz``."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def is_mask(path: Path) -> bool:
    """Whether the path is a NIfTI file."""
    return path.is_file() and path.name.endswith((".nii", ".nii.gz"))


def structure_files(folder: Path) -> dict[str, list[Path]]:
    """Files of a folder with one mask a structure, by bone name; the sacrum may have two (sacrum, vertebrae_S1)."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        name = bone_name(stem(path)) if is_mask(path) else None
        if name:
            found.setdefault(name, []).append(path)
    return found


def individuals_in_masks(folder: Path) -> list[Path]:
    """What one can read as an individual there: the folder (a file a structure) or single multi-label masks."""
    for place in (folder, folder / "segmentations"):
        if place.is_dir() and any(is_vertebra(name) for name in structure_files(place)):
            return [place]
    return [path for path in sorted(folder.iterdir()) if is_mask(path) and _MASK.fullmatch(stem(path))]


def label_names(path: Path, header_text: str, largest: int) -> Mapping[int, str]:
    """Bone by label of a multi-label mask.

    The names come from the file's own header, else from ``structures.csv`` beside it, else from the layout that file
    name and largest label tell.

    Raises:
        ConfigError: ``structures.csv`` has no columns ``structure`` and ``id``.
    """
    if written := _NAMED_LABEL.findall(header_text):
        return _bones({int(label): name for label, name in written})
    table = path.with_name("structures.csv")
    if table.is_file():
        try:
            with table.open(encoding="utf-8", newline="") as file:
                return _bones({int(row["id"]): row["structure"] for row in csv.DictReader(file)})
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{table} cannot be read ({error!r}); expected columns structure and id: mend or remove it", table
            ) from None
    return TOTAL if _TOTAL.fullmatch(stem(path)) or largest > max(VERSE) else VERSE


def _bones(written: Mapping[int, str]) -> dict[int, str]:
    return {label: name for label, text in written.items() if (name := bone_name(text))}

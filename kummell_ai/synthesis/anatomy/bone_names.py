"""Names of bones as files and label tables write them, and the vertebra each bone rides on."""

from __future__ import annotations

import re

from kummell_ai.anatomy import VertebralLevel

_LEVEL = r"(?:T1[0-3]|T[1-9]|L[1-6]|S1)"
_VERTEBRA = re.compile(rf"(?:vertebrae?[_-])?({_LEVEL})", re.IGNORECASE)
_SEVERAL = re.compile(rf".*?({_LEVEL})-({_LEVEL})", re.IGNORECASE)
_RIB = re.compile(r"rib_(?:left|right)_(\d{1,2})", re.IGNORECASE)
_OTHERS = {
    "pelvis": "S1", "hip_left": "S1", "hip_right": "S1", "femur_left": "S1", "femur_right": "S1",
    "sternum": "T6", "scapula_left": "T4", "scapula_right": "T4",
}  # fmt: skip
"""Bones other than vertebrae and ribs, and the vertebra each rides on."""


def bone_name(stem: str) -> str | None:
    """Template name for the file stem or label name, None when it is not understood or a body-only mesh.

    >>> [bone_name(stem) for stem in ("vertebrae_T12", "Pelvis", "rib_left_5", "L1_body", "notes")]
    ['T12', 'pelvis', 'rib_left_5', None, None]
    """
    if stem.lower() == "sacrum":
        return "S1"
    if match := _VERTEBRA.fullmatch(stem):
        return match[1].upper()
    name = stem.lower()
    return name if _RIB.fullmatch(name) or name in _OTHERS else None


def several_levels(stem: str) -> tuple[str, str] | None:
    """First and last level of a file that holds one shell a level, None for other files.

    >>> several_levels("mean_L2-L5"), several_levels("L2")
    (('L2', 'L5'), None)
    """
    match = _SEVERAL.fullmatch(stem)
    return (match[1].upper(), match[2].upper()) if match else None


def is_vertebra(name: str) -> bool:
    """Whether the bone has endplates; "S1" is the whole sacrum."""
    return name in VertebralLevel.__members__


def level_index(name: str) -> int:
    """Place of a vertebra in the cranial to caudal order."""
    return VertebralLevel.parse(name).index


def carrier_index(name: str) -> int:
    """Place of the vertebra that a rib or another bone without endplates rides on."""
    rib = _RIB.fullmatch(name)
    return level_index(f"T{rib[1]}" if rib else _OTHERS[name])

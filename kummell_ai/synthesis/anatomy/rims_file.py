"""Corrections by eye of the rims found automatically, kept in a small JSON file beside the bones.

``rims.json`` (for a mask ``spine_seg.nii.gz``: ``spine_seg.rims.json``) names bones and corners. Positions are (x, z)
in the bone's canonical frame (mm), as the grid of ``scripts/contact_sheet_templates.py`` shows them; null leaves a bone
out::

    {"L1": {"superior_anterior": [14.0, 6.5], "inferior_posterior": [-15.5, -8.0]}, "rib_left_3": null}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, LEFT, POSTERIOR, RIGHT, SUPERIOR, FloatArray

CORNERS = {
    "superior_anterior": (SUPERIOR, ANTERIOR),
    "superior_posterior": (SUPERIOR, POSTERIOR),
    "inferior_anterior": (INFERIOR, ANTERIOR),
    "inferior_posterior": (INFERIOR, POSTERIOR),
}

FARTHEST_MM = 15.0
"""A correction that moves a corner further than this is taken for a mistake in frame or unit."""

Corrections = Mapping[str, Mapping[str, tuple[float, float]] | None]


def read_rims_file(path: Path) -> Corrections:
    """Corrections by bone name, None for a bone to leave out; empty when there is no such file.

    Raises:
        ConfigError: the file is no JSON object of this form.
    """
    if not path.is_file():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is no readable JSON ({error}); see the form in rims_file.py", path) from None
    if not isinstance(given, dict):
        raise ConfigError(f"{path} holds a {type(given).__name__}; expected bone names with their corners", path)
    return {name: None if item is None else _corners(path, name, item) for name, item in given.items()}


def _corners(path: Path, bone: str, item: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(item, dict):
        raise ConfigError(f"{path}: {bone} is {item!r}; expected corners with [x, z], or null to leave it out", path)
    found = {}
    for corner, place in item.items():
        numbers = isinstance(place, list) and len(place) == 2 and all(isinstance(v, int | float) for v in place)
        if corner not in CORNERS or not numbers:
            raise ConfigError(
                f"{path}: {bone} has {corner}: {place!r}; expected one of {', '.join(CORNERS)} with [x, z] in mm", path
            )
        found[corner] = (float(place[0]), float(place[1]))
    return found


def move_rims(rims_mm: FloatArray, corners: Mapping[str, tuple[float, float]], where: str) -> FloatArray:
    """Rims (2, 2, 3, 3) with the three points of each named corner moved together, so that it lies at the given place.

    Raises:
        ConfigError: a corner would move further than `FARTHEST_MM`.
    """
    moved = rims_mm.copy()
    for corner, (x, z) in corners.items():
        points = moved[CORNERS[corner]]
        shift = np.array([x, 0.0, z]) - 0.5 * (points[LEFT] + points[RIGHT]) * np.array([1.0, 0.0, 1.0])
        if np.linalg.norm(shift) > FARTHEST_MM:
            raise ConfigError(
                f"{where}: {corner} [{x}, {z}] lies {np.linalg.norm(shift):.0f} mm from the corner found; expected at "
                f"most {FARTHEST_MM:.0f} mm: give x and z in the bone's own frame, in mm",
                corner,
            )
        moved[CORNERS[corner]] = points + shift
    return moved

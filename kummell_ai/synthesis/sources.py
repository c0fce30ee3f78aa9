"""Bones and CTs of others that a recipe points to, told apart by the names and sizes of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from kummell_ai.synthesis.recipe import Recipe

_READ = (".ply", ".stl", ".obj", ".nii", ".gz", ".json", ".csv")
"""How the files end that are read: meshes, CTs and masks, corrected rims, names of labels."""


def sources_digest(recipe: Recipe) -> str:
    """Short for the names and sizes of all files that bones and CTs are read from; empty where none are given.

    What changes in a file and leaves its size as it was is not seen: to read all bytes would take as long as the films.

    Raises:
        ConfigError: one of the places holds nothing that can be used.
    """
    if not (recipe.templates or recipe.backgrounds):
        return ""
    lines = sorted({f"{path.as_posix()} {path.stat().st_size}" for path in _files(recipe)})
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _files(recipe: Recipe) -> Iterator[Path]:
    from kummell_ai.synthesis.anatomy.template_bank import find_individuals
    from kummell_ai.synthesis.tissue.ct_volume import find_scans

    for place in (place for folder in recipe.templates for place in find_individuals(Path(folder))):
        beside = place.iterdir() if place.is_dir() else _beside(place)
        yield from (path for path in beside if path.is_file() and path.name.lower().endswith(_READ))
    if recipe.backgrounds:
        yield from (path for scan in find_scans(recipe.backgrounds) for path in scan if path is not None)


def _beside(mask: Path) -> Iterator[Path]:
    """A mask of several bones, its corrected rims and the names of its labels."""
    name = mask.name.partition(".")[0]
    return (path for path in mask.parent.iterdir() if path.name.split(".")[0] == name or path.name == "structures.csv")

"""Which files of a list of files and folders may be films."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from kummell_ai.errors import InputError

SKIPPED_NAMES = frozenset({"DICOMDIR", "THUMBS.DB", "DESKTOP.INI"})
SKIPPED_SUFFIXES = frozenset(
    {".json", ".csv", ".txt", ".md", ".html", ".xml", ".pdf", ".svg", ".yaml", ".yml", ".zip", ".py", ".npz", ".sha256"}
)
"""Left out of folders; a file that is named itself is always tried."""
DRAWN = ".overlay.png"
"""End of the names of the overlays that this program draws: results are no inputs."""


def find_films(inputs: Sequence[Path | str]) -> tuple[Path, ...]:
    """Files that may be films: files as given, folders searched recursively; sorted, each once.

    Folders are searched without hidden entries, DICOMDIR, the overlays that this program drew and files whose ending
    says that they are no picture.

    Raises:
        InputError: a path does not exist, or nothing was found.
    """
    found: dict[Path, Path] = {}
    for entry in map(Path, inputs):
        if not entry.exists():
            raise InputError(f"{entry}: no such file or folder; check the path", str(entry))
        for path in _walk(entry) if entry.is_dir() else (entry,):
            found.setdefault(path.resolve(), path)
    if not found:
        names = ", ".join(str(entry) for entry in inputs)
        raise InputError(f"no film in {names or 'an empty list'}; give DICOM, PNG, JPEG or TIFF files", names)
    return tuple(sorted(found.values()))


def _walk(folder: Path) -> Iterator[Path]:
    """Files that may be films, and folders that cannot be opened, so that reading them says so."""
    closed: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            skipped = (
                name.endswith(DRAWN) or name.upper() in SKIPPED_NAMES or Path(name).suffix.lower() in SKIPPED_SUFFIXES
            )
            path = Path(parent, name)
            if not name.startswith(".") and not skipped and path.is_file():
                yield path
    yield from closed

"""Which files of a list of files and folders may be films."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kummell_ai.errors import InputError

SKIPPED_NAMES = frozenset({"DICOMDIR", "THUMBS.DB", "DESKTOP.INI"})
_TABLES_AND_TEXT = ".json .csv .txt .md .html .xml .pdf .svg .yaml .yml .zip .py .npz .parquet .sha256"
_OFFICE = ".doc .docx .xls .xlsx .ppt .pptx .rtf .log"
_VIEWER_OF_A_DISC = ".exe .dll .msi .jar .bat .inf .ini .ico .htm .css .js .lnk"
SKIPPED_SUFFIXES = frozenset(f"{_TABLES_AND_TEXT} {_OFFICE} {_VIEWER_OF_A_DISC}".split())
"""Left out of folders; a file that is named itself is always tried."""
DRAWN = ".overlay.png"
"""End of the names of the overlays that this program draws: results are no inputs."""
FIGURES = "figures"
"""Folder of the figures that this program draws, each as SVG and as PNG."""
TO_CORRECT = "labelme"
"""Folder, within its results, of the pictures that this program writes to draw in; given itself, it holds films."""


def find_films(inputs: Sequence[Path | str]) -> tuple[Path, ...]:
    """Files that may be films: files as given, folders searched recursively; sorted, each once.

    Folders are searched without hidden entries, DICOMDIR, what this program drew and files whose ending says that they
    are no picture; links to folders are followed. What cannot be looked at is kept, so that reading it says why.

    Raises:
        InputError: a path does not exist, or nothing was found.
    """
    found: dict[str, Path] = {}
    for entry in map(Path, inputs):
        mode = _mode(entry)
        if mode is None:
            raise InputError(f"{entry}: no such file or folder; check the path", str(entry))
        for path in _walk(entry) if stat.S_ISDIR(mode) else (entry,):
            found.setdefault(os.path.realpath(path), path)
    if not found:
        names = ", ".join(str(entry) for entry in inputs)
        raise InputError(f"no film in {names or 'an empty list'}; give DICOM, PNG, JPEG or TIFF files", names)
    return tuple(sorted(found.values()))


def _mode(path: Path) -> int | None:
    """Kind and rights of what ``path`` leads to; 0 when that cannot be looked at, None when there is nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError:
        return 0


def _walk(folder: Path) -> Iterator[Path]:
    """Files that may be films, and links and folders that cannot be opened, so that reading them says so."""
    closed: list[Path] = []
    entered = {os.path.realpath(folder)}
    walk = os.walk(folder, onerror=lambda error: closed.append(Path(error.filename)), followlinks=True)
    for parent, folders, names in walk:
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and _enter(parent, name, entered)]
        for name in names:
            path = Path(parent, name)
            is_own = _is_figure(path, names) or (Path(parent) != folder and _is_to_correct(path, names))
            if not _is_skipped(name) and not is_own:
                mode = _mode(path)
                if not mode or stat.S_ISREG(mode):
                    yield path
    yield from closed


def _enter(parent: str, name: str, entered: set[str]) -> bool:
    """Whether a folder was not searched before; links may lead in circles."""
    real = os.path.realpath(os.path.join(parent, name))
    is_new = real not in entered
    entered.add(real)
    return is_new


def _is_skipped(name: str) -> bool:
    return (
        name.startswith(".")
        or name.endswith(DRAWN)
        or name.upper() in SKIPPED_NAMES
        or Path(name).suffix.lower() in SKIPPED_SUFFIXES
    )


def _is_figure(path: Path, beside: Sequence[str]) -> bool:
    return path.suffix == ".png" and path.parent.name == FIGURES and f"{path.stem}.svg" in beside


def _is_to_correct(path: Path, beside: Sequence[str]) -> bool:
    """Whether a picture is a film's double: its corners lie beside it, its measurement in the folder above."""
    own = f"{path.stem}.json"
    return (
        path.suffix == ".png"
        and path.parent.name == TO_CORRECT
        and own in beside
        and Path(path.parents[1], own).exists()
    )

"""Where the models that come with the program lie: beside the source, or where an installed wheel puts its data."""

from __future__ import annotations

import sys
from pathlib import Path

DEFAULT_NAME = "kummell-corners"


def model_folders() -> tuple[Path, ...]:
    """Folders of all shipped models that are present, by name."""
    roots = (
        Path(__file__).resolve().parents[1] / "checkpoints",
        Path(sys.prefix) / "share" / "kummell_ai" / "checkpoints",
    )
    found: dict[str, Path] = {}
    for root in roots:
        for folder in sorted(root.glob("*")):
            if (folder / "weights.safetensors").is_file():
                found.setdefault(folder.name, folder)
    return tuple(found[name] for name in sorted(found))


def default_model() -> Path:
    """The folder of the model that is used when none is named; it may be missing."""
    present = {folder.name: folder for folder in model_folders()}
    return present.get(DEFAULT_NAME, Path(__file__).resolve().parents[1] / "checkpoints" / DEFAULT_NAME)

"""Where the models that come with the program lie: beside the source, or where an installed wheel puts its data."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_NAME = "kummell-corners"

WEIGHTS_FILES = ("weights.safetensors", "refiner.safetensors")
"""The files of a model folder that hold weights; the second is there in models of two stages."""

CALIBRATION_KEYS = (
    *("rows", "usual_depth_px", "covariance_scale", "interval_factors"),
    *("together_factors", "together_scale", "change_factors"),
)
"""Entries of model.json that results depend on beside the weights."""


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


def model_hash(folder: Path, info: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of all that results of a model depend on: its weights, and the calibration in its model.json.

    Args:
        folder: of the model.
        info: its model.json.

    Raises:
        OSError: a file of weights cannot be read.
    """
    digest = hashlib.sha256()
    for name in WEIGHTS_FILES:
        if (folder / name).is_file():
            digest.update((folder / name).read_bytes())
    calibration = {key: info[key] for key in CALIBRATION_KEYS if key in info}
    digest.update(json.dumps(calibration, sort_keys=True).encode())
    return digest.hexdigest()

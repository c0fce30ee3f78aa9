"""The one place where the command line gets a network from, and the list of shipped models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kummell_ai.shipped import WEIGHTS_FILES, model_folders, model_hash

if TYPE_CHECKING:
    from kummell_ai.imaging.annotation import SpineLandmarks
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.landmarks.predictor import Precision


class ModelFacts(Protocol):
    """What a result says about the model that made it."""

    @property
    def name(self) -> str:
        """Name of the model folder."""

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights and the calibration, hex."""

    @property
    def calibrated_on(self) -> str | None:
        """What the intervals were set on, of `imaging.interval_factors`."""


class Locator(Protocol):
    """Finds the vertebrae of a film."""

    @property
    def bundle(self) -> ModelFacts:
        """The model behind it."""

    @property
    def precision(self) -> Precision:
        """The precision that was asked for."""

    @property
    def device(self) -> str:
        """Where the network runs, as torch calls it."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """Landmarks in image px."""


def options_of(predictor: Locator) -> dict[str, object]:
    """What the provenance says about how the network ran: its precision and device, where they were asked for."""
    precision = {} if predictor.precision == "auto" else {"precision": predictor.precision}
    return {**precision, **({} if predictor.device == "cpu" else {"device": predictor.device})}


def load_predictor(folder: Path | None, *, precision: Precision = "auto", device: str = "cpu") -> Locator:
    """The predictor of a model folder; None for the shipped one.

    ``precision`` is that of the network: `bfloat16`, `float32`, or `auto` for the first where the processor has it;
    ``device`` is where it runs, as torch calls it.

    Raises:
        CheckpointError: the folder is missing, damaged, or made for another landmark order.
        UsageError: the device cannot be used.
    """
    from kummell_ai.landmarks.predictor import Predictor

    return Predictor.load(folder, precision=precision, device=device)


def shipped_models() -> list[dict[str, Any]]:
    """Name, folder name, size (bytes) and weights hash of the models that come with the program."""
    return [facts for folder in model_folders() if (facts := _facts(folder)) is not None]


def _facts(folder: Path) -> dict[str, Any] | None:
    files = [folder / name for name in WEIGHTS_FILES if (folder / name).is_file()]
    if folder / WEIGHTS_FILES[0] not in files:
        return None
    try:
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        info = {}
    info = info if isinstance(info, dict) else {}
    return {
        "name": str(info.get("name", folder.name)),
        "folder": f"checkpoints/{folder.name}",
        "bytes": sum(file.stat().st_size for file in files),
        "weights_sha256": model_hash(folder, info),
    }

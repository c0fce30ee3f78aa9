"""A model folder: weights.safetensors (float16), model.json (the recipe) and README.md (the model card)."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kummell_ai.anatomy import CORNERS, LEVELS
from kummell_ai.errors import CheckpointError
from kummell_ai.imaging.interval_factors import ANNOTATED_FILMS, SIMULATED_FILMS
from kummell_ai.landmarks.channels import OFFSET_UNIT_PX, STATES, STRIDE, VIEWS
from kummell_ai.landmarks.model_card import model_card
from kummell_ai.landmarks.network import KeypointNetwork, NetworkSizes
from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes
from kummell_ai.shipped import model_hash

FORMAT = 1
WEIGHTS, REFINER, RECIPE, CARD = "weights.safetensors", "refiner.safetensors", "model.json", "README.md"
SHA256 = "sha256"
"""Entry of model.json: SHA-256 (hex) by file of weights."""
_CALIBRATION = ("interval_factors", "together_factors", "together_scale", "change_factors", "calibration")
MAX_WIDTH = 4096
"""Channels of a layer; beyond it a damaged recipe would ask for more memory than there is."""
LICENCE_NOTE = "As whoever trained it says; films and the weights it started from may have terms of their own."


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded model folder.

    Attributes:
        name: of the model.
        network: with its weights, in evaluation mode, float32.
        info: model.json as read.
        weights_sha256: `model_hash`, of the weights and the calibration, hex.
        refiner: the second stage, as ``network``, or None when the model has none.
    """

    name: str
    network: KeypointNetwork
    info: dict[str, Any]
    weights_sha256: str
    refiner: RefinerNetwork | None = None

    @property
    def calibrated_on(self) -> str | None:
        """What the intervals were set on, of `imaging.interval_factors`; None for a model that was not calibrated."""
        made = self.info.get("calibration")
        if not isinstance(made, dict):
            return None
        return SIMULATED_FILMS if made.get("simulated", True) else ANNOTATED_FILMS


def fixed_facts() -> dict[str, Any]:
    """What a model must agree on with this program; written to and checked against model.json."""
    return {
        "format": FORMAT,
        "landmarks": [landmark.key for landmark in CORNERS],
        "levels": [level.value for level in LEVELS],
        "states": list(STATES),
        "views": list(VIEWS),
        "stride": STRIDE,
        "offset_unit_px": OFFSET_UNIT_PX,
    }


def save_bundle(folder: Path, network: KeypointNetwork, info: Mapping[str, Any]) -> Path:
    """Write a model folder; ``info`` adds name, data, metrics and so on to model.json.

    A second stage that the folder holds, and the calibration with it, stay if the first stage's weights are those it
    has; behind other weights they are not this model's, and go.

    Raises:
        CheckpointError: weights are not finite.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = _as_bytes(network)
    digest = hashlib.sha256(weights).hexdigest()
    kept = _later_stages(folder, digest)
    recipe: dict[str, Any] = {
        "name": folder.name,
        **fixed_facts(),
        "network": network.sizes.as_dict(),
        "licence": LICENCE_NOTE,
        "intended_use": "Research use only, not a medical device.",
        **_finite(dict(info)),
        **kept,
        SHA256: {WEIGHTS: digest, **_digests({SHA256: kept.get(SHA256, {})})},
    }
    write_info(folder, recipe, {WEIGHTS: weights})
    if not kept:
        (folder / REFINER).unlink(missing_ok=True)
    return folder


def _later_stages(folder: Path, digest: str) -> dict[str, Any]:
    """What model.json says of the second stage and the calibration; empty where they are not this model's.

    Args:
        folder: that is written, with or without a model.
        digest: SHA-256 (hex) of the first stage's new weights.
    """
    try:
        info = read_info(folder)
    except CheckpointError:
        return {}
    digests = _digests(info)
    if digests.get(WEIGHTS) != digest or "refiner" not in info or REFINER not in digests:
        return {}
    known = {key: info[key] for key in ("refiner", "covariance_scale", *_CALIBRATION) if key in info}
    return {**known, SHA256: {REFINER: digests[REFINER]}}


def add_refiner(folder: Path, refiner: RefinerNetwork, facts: Mapping[str, Any]) -> Path:
    """Put a second stage into a model folder; ``facts`` says how it was made.

    The calibration that the folder had, and the figures taken with another second stage, go: they are not this model's.

    Raises:
        CheckpointError: ``folder`` holds no fitting model, or weights are not finite.
    """
    info = read_info(folder)
    stale = {*_CALIBRATION} | ({"metrics"} if "refiner" in info else set())
    kept = {key: value for key, value in info.items() if key not in stale}
    weights = _as_bytes(refiner)
    second = {"sizes": refiner.sizes.as_dict(), **_finite(dict(facts))}
    digests = {**_digests(info), REFINER: hashlib.sha256(weights).hexdigest()}
    scale = [1.0] * len(CORNERS)
    new = {**kept, SHA256: digests, "covariance_scale": scale, "refiner": second}
    return write_info(Path(folder), new, {REFINER: weights})


def _as_bytes(network: nn.Module) -> bytes:
    """The weights of a network as a safetensors file holds them."""
    from safetensors.torch import save

    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    wrong = next((name for name, value in tensors.items() if not torch.isfinite(value).all()), None)
    if wrong is not None:
        raise CheckpointError(
            f"weights of {wrong} are not finite, no model is written; use a lower learning_rate", wrong
        )
    return save(tensors)


def write_info(folder: Path, info: Mapping[str, Any], weights: Mapping[str, bytes] | None = None) -> Path:
    """Write model.json and the model card of ``folder``, and ``weights`` by file name.

    Each file is written whole beside the one it replaces, and all are before the first takes its place: a disk that
    fills up leaves the old model.
    """
    texts = {RECIPE: json.dumps(info, indent=2) + "\n", CARD: model_card(info)}
    parts = {**(weights or {}), **{name: text.encode() for name, text in texts.items()}}
    partial = {name: folder / f"{name}.partial" for name in parts}
    try:
        for name, data in parts.items():
            partial[name].write_bytes(data)
        for name, path in partial.items():
            os.replace(path, folder / name)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
    return folder


def read_info(folder: Path) -> dict[str, Any]:
    """model.json of ``folder``, checked against this program.

    Raises:
        CheckpointError: no folder, no or damaged model.json, or one for another landmark order.
    """
    path = Path(folder) / RECIPE
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} holds no {RECIPE}; give a model folder", folder) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); copy the model folder again", path) from error
    if not isinstance(info, dict):
        raise CheckpointError(f"{path} holds no recipe; copy the model folder again", path)
    for key, expected in fixed_facts().items():
        if info.get(key) != expected:
            raise CheckpointError(
                f"{path} says {key} = {repr(info.get(key))[:200]}, this program needs {expected!r}; "
                "use a model made for this version",
                info.get(key),
            )
    return info


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder.

    Raises:
        CheckpointError: missing or damaged files, or a model made for another landmark order or network.
    """
    folder = Path(folder)
    info = read_info(folder)
    try:
        network = KeypointNetwork(NetworkSizes(**_widths(info["network"])))
        refiner = RefinerNetwork(RefinerSizes(**_widths(info["refiner"]["sizes"]))) if "refiner" in info else None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder / RECIPE} names no sizes ({error}); copy the folder again", folder) from error
    digests = _digests(info)
    _load_weights(folder / WEIGHTS, network, digests.get(WEIGHTS))
    if refiner is not None:
        _load_weights(folder / REFINER, refiner, digests.get(REFINER))
    return Bundle(str(info.get("name", folder.name)), network, info, model_hash(folder, info), refiner)


def _widths(sizes: Mapping[str, Any]) -> Mapping[str, Any]:
    """``sizes`` of a network, if each can be a number of channels."""
    if not isinstance(sizes, dict):
        raise TypeError(f"{str(sizes)[:40]!r} is no table of channels")
    for name, width in sizes.items():
        if type(width) is not int or not 1 <= width <= MAX_WIDTH:
            raise ValueError(f"{name} is {str(width)[:40]!r}, 1 to {MAX_WIDTH} channels are expected")
    return sizes


def _digests(info: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 by file of weights as model.json has them; empty for models from before they were kept.

    Raises:
        CheckpointError: they are no such table.
    """
    digests = info.get(SHA256, {})
    if not isinstance(digests, dict) or not all(isinstance(digest, str) for digest in digests.values()):
        raise CheckpointError(
            f"{RECIPE}: {SHA256} is no table of files and hashes; copy the model folder again", digests
        )
    return digests


def _load_weights(path: Path, network: nn.Module, digest: str | None) -> None:
    """Put the weights of a file into ``network`` and make it ready; ``digest`` is the file's SHA-256 if known."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        data = path.read_bytes()
        if digest is not None and hashlib.sha256(data).hexdigest() != digest:
            raise CheckpointError(f"{path} is not the file that {RECIPE} names ({SHA256}); copy the folder again", path)
        tensors = load(data)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); copy the folder again", path) from error
    state = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    expected = {n: v.shape for n, v in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    wrong = sorted(n for n in expected.keys() | state.keys() if n not in state or expected.get(n) != state[n].shape)
    if wrong:
        raise CheckpointError(f"{path} does not fit its {RECIPE} at {wrong[0]}; copy the folder again", wrong[0])
    if digest is None:
        _check_finite(path, state)
    network.load_state_dict(state, strict=False)
    network.eval().to(memory_format=torch.channels_last)


def _check_finite(path: Path, state: Mapping[str, Tensor]) -> None:
    """Files whose hash is known were checked when they were written."""
    unsound = next((name for name, value in state.items() if not torch.isfinite(value).all()), None)
    if unsound is not None:
        raise CheckpointError(f"{path}: weights of {unsound} are not finite; copy the folder again", unsound)


def _finite(value: Any) -> Any:
    """``value`` with None in place of NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

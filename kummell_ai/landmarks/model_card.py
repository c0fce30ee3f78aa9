"""The model card that is written beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = """# {name}

Finds the corners of every vertebral body on a lateral X-ray film, names the vertebrae from T1 to S1, and says
how sure it is. **{use}**

- Network: U-Net on a ResNet-18 encoder, {start}; maps at stride {stride}.{second}
- Films:{data}{crops}
- Reads films with the front turned left; the program mirrors the others and maps the points back.
- Corner order: {landmarks}.
- Licence: {licence}

## Held-out figures

{metrics}

They were taken on films of the same kind as the training films unless they say otherwise. Films from other machines
and people can be read worse, and the levels of a film that shows neither sacrum nor ribs are guesses. Check every
corner before a number is used.
"""


_SECOND = " A second stage places six points of each body in a crop of its own."


def _start(info: Mapping[str, Any]) -> str:
    """What the training began with."""
    init = info.get("init")
    return f"trained on from {init['name']} ({init['weights_sha256'][:12]})" if init else "trained from random weights"


def _listed(data: str) -> str:
    """One line after a blank, several as a list."""
    lines = [line.rstrip(".") + "." for line in data.splitlines()]
    return f" {lines[0]}" if len(lines) == 1 else "".join(f"\n  - {line}" for line in lines)


def _crops(refiner: Mapping[str, Any] | None) -> str:
    """What the second stage was trained on, where it was recorded apart."""
    data = None if refiner is None else refiner.get("data")
    return "" if data is None else f"\n- Crops of the second stage:{_listed(str(data))}"


def model_card(info: Mapping[str, Any]) -> str:
    """The card (Markdown) for a model.json."""
    metrics = info.get("metrics") or {}
    rows = [f"| {name} | {value:.4g} |" for name, value in metrics.items() if isinstance(value, int | float)]
    table = "\n".join(["| figure | value |", "|---|---|", *rows]) if rows else "None were taken."
    return _TEXT.format(
        name=info["name"],
        use=info.get("intended_use", "Research use only, not a medical device."),
        stride=info["stride"],
        start=_start(info),
        second=_SECOND if "refiner" in info else "",
        data=_listed(str(info.get("data", "not recorded"))),
        crops=_crops(info.get("refiner")),
        landmarks=", ".join(info["landmarks"]),
        licence=info.get("licence", "not recorded"),
        metrics=table,
    )

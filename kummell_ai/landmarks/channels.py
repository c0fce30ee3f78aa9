"""The frame of the network's maps and the order of its channels; no torch here."""

from __future__ import annotations

STRIDE = 4
"""Input pixels per cell of the output maps."""

SIZE_MULTIPLE = 32
"""Height and width of the input are multiples of this."""

OFFSET_UNIT_PX = 32.0
"""Input pixels per unit of the offset maps."""

STATES: tuple[str, ...] = ("fractured", "instrumented", "cemented")
"""Order of the state logits; also the flags of a vertebra."""

VIEWS: tuple[str, ...] = ("left", "right", "frontal")
"""Order of the view logits: the side the front is turned to, or a frontal film."""

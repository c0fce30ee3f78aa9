"""How an evaluation's figures are called and written for people."""

from __future__ import annotations

from kummell_ai.evaluation.bootstrap import Estimate

_LABELS = {
    "segmental_cobb": "Segmental Cobb",
    "local_kyphosis": "Local kyphosis",
    "surgical_segment_cobb": "Surgical segments Cobb",
    "wedge_angle": "Wedge angle",
    "anterior_height": "Anterior height",
    "middle_height": "Middle height",
    "posterior_height": "Posterior height",
    "superior_depth": "Superior depth",
    "inferior_depth": "Inferior depth",
    "height_loss": "Height loss",
    "wedge_ratio": "Wedge ratio",
    "compression": "Compression",
    "reference_height": "Reference height",
    "height_restoration_rate": "Height restoration rate",
    "height_gain_rate": "Height gain",
    "correction_rate": "Kyphosis correction rate",
}
_SIGNS = {"mm": " mm", "deg": " °", "%": " %", "s": " s", "px": " px", "1": ""}


def label(quantity_id: str) -> str:
    """Name of a quantity.

    >>> label("wedge_angle_3d"), label("wrong name")
    ('Wedge angle, of the bones', 'Wrong name')
    """
    base = quantity_id.removesuffix("_3d")
    name = _LABELS.get(base, base[:1].upper() + base[1:])
    return f"{name}, of the bones" if quantity_id.endswith("_3d") else name


def sign(unit: str) -> str:
    """A unit as it follows a number."""
    return _SIGNS[unit]


def value_text(estimate: Estimate | None, digits: int = 2) -> str:
    """The value alone.

    >>> value_text(None), value_text(Estimate(-1.234, None, 5, 5, "none"))
    ('–', '−1.23')
    """
    if estimate is None or estimate.value is None:
        return "–"
    return _number(estimate.value, digits)


def interval_text(estimate: Estimate | None, digits: int = 2) -> str:
    """The interval alone; empty where there is none."""
    if estimate is None or estimate.interval is None:
        return ""
    return f"{_number(estimate.interval.low, digits)} to {_number(estimate.interval.high, digits)}"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")

"""A measured number with its unit, its 95 % interval and what limits it."""

from __future__ import annotations

import math
from dataclasses import dataclass

UNITS: tuple[str, ...] = ("mm", "deg", "%", "px", "1")


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed 95 % interval, in the unit of the quantity it belongs to."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"interval [{self.low}, {self.high}] must be finite with low <= high")

    @property
    def half_width(self) -> float:
        """Half of high minus low."""
        return 0.5 * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured value; a missing value is ``None`` and then has a caveat that says why.

    Attributes:
        value: the number, or None.
        unit: one of ``mm``, ``deg``, ``%``, ``px``, ``1``.
        interval: 95 % interval in the same unit, or None when it is not known.
        caveat: what a reader must know before using the number; None when there is nothing.

    Raises:
        ValueError: unknown unit, non-finite value, or a missing value without a caveat.

    >>> Quantity(12.5, "deg", Interval(10.0, 15.0)).text()
    '12.5° (10.0 to 15.0)'
    >>> Quantity.missing("mm", "the film has no pixel spacing").text()
    'n/a'
    """

    value: float | None
    unit: str
    interval: Interval | None = None
    caveat: str | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r} is not one of {', '.join(UNITS)}")
        if self.value is None and not self.caveat:
            raise ValueError("a missing value needs a caveat that says why")
        if self.value is None and self.interval is not None:
            raise ValueError("a missing value has no interval")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"value {self.value} must be finite; use None and a caveat for a missing value")

    @classmethod
    def missing(cls, unit: str, caveat: str) -> Quantity:
        """A quantity that could not be measured, with the reason."""
        return cls(None, unit, None, caveat)

    @property
    def standard_error(self) -> float | None:
        """Half width of the interval divided by 1.96, in ``unit``; None without an interval."""
        return None if self.interval is None else self.interval.half_width / Z95

    def text(self, digits: int = 1) -> str:
        """Short text for people: value, unit and interval."""
        if self.value is None:
            return "n/a"
        sign = {"deg": "°", "%": " %", "1": ""}.get(self.unit, f" {self.unit}")
        head = f"{self.value:.{digits}f}{sign}"
        if self.interval is None:
            return head
        return f"{head} ({self.interval.low:.{digits}f} to {self.interval.high:.{digits}f})"


Z95: float = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""

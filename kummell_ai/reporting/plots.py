"""Plots of numbers against numbers as SVG text: axes, dots, lines, bars, bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT = 380.0, 280.0
TEXT_SIZE = 11
"""Font size (px) of all words but the title."""
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 44.0, 42.0
_TRIANGLE = 8.0
"""Height of the marks of what lies beyond the frame (px)."""

INK, SOFT, GRID = "#14181d", "#5a6673", "#e6eaee"


def _tick(value: float) -> str:
    """A mark's number with a true minus sign.

    >>> _tick(-10.0), _tick(0.5)
    ('−10', '0.5')
    """
    return f"{value:g}".replace("-", "−")


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at or below ``low`` to at or above ``high``, at most ``most`` steps.

    >>> nice_ticks(0.0, 9.0)
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    span = max(high - low, 1e-9 * max(abs(low), abs(high), 1.0))
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * m for m in (1, 2, 5, 10, 20) if span / (step * m) <= most)
    first, last = math.floor(low / step + 1e-9), max(math.ceil(high / step - 1e-9), math.floor(low / step + 1e-9) + 1)
    return [round(i * step, 10) for i in range(first, last + 1)]


@dataclass(slots=True)
class Plot:
    """A drawing with two numeric axes, filled by its methods and closed by `svg`.

    Attributes:
        title: stands above, bold.
        x_label, y_label: stand beside the axes.
        x, y: (low, high) of the axes.
        x_ticks, y_ticks: places of the marks; round numbers when not given.
        y_names: words at the marks instead of the numbers.
        left: place for those words (px).
    """

    title: str
    x_label: str
    y_label: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_ticks: Sequence[float] | None = None
    y_ticks: Sequence[float] | None = None
    y_names: Sequence[str] | None = None
    left: float = LEFT
    _framed: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)

    def dots(self, x: FloatArray, y: FloatArray, colour: str, size: float = 3.4, opacity: float = 0.45) -> None:
        """A dot for each point (N,); what lies outside the axes is left to `beyond`."""
        inside = (x >= self.x[0]) & (x <= self.x[1]) & (y >= self.y[0]) & (y <= self.y[1])
        path = "".join(f"M{self._x(a):.1f} {self._y(b):.1f}h0" for a, b in zip(x[inside], y[inside], strict=True))
        self._parts.append(
            f'<path d="{path}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round" '
            f'stroke-opacity="{opacity}" fill="none"/>'
        )

    def beyond(self, x: FloatArray, y: FloatArray, colour: str) -> int:
        """A triangle at the edge for each point (N,) outside the axes, pointing to where it lies; their number."""
        outside = (x < self.x[0]) | (x > self.x[1]) | (y < self.y[0]) | (y > self.y[1])
        for a, b in zip(x[outside], y[outside], strict=True):
            at_x, at_y = min(max(a, self.x[0]), self.x[1]), min(max(b, self.y[0]), self.y[1])
            across, down = (float(np.sign(a - at_x)), 0.0) if a != at_x else (0.0, -float(np.sign(b - at_y)))
            tip = (self._x(at_x), self._y(at_y))
            base = (tip[0] - _TRIANGLE * across, tip[1] - _TRIANGLE * down)
            side = (0.6 * _TRIANGLE * down, 0.6 * _TRIANGLE * across)
            self._parts.append(
                f'<path d="M{tip[0]:.1f} {tip[1]:.1f}L{base[0] - side[0]:.1f} {base[1] - side[1]:.1f}'
                f'L{base[0] + side[0]:.1f} {base[1] + side[1]:.1f}Z" fill="{colour}"/>'
            )
        return int(outside.sum())

    def line(self, x: FloatArray, y: FloatArray, colour: str, *, width: float = 1.8, dashed: bool = False) -> None:
        """A line through points (N,), cut at the frame."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        points = " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in zip(x, y, strict=True))
        self._framed.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>')

    def across(self, y: float, colour: str, note: str = "", *, dashed: bool = False) -> None:
        """A line from side to side at ``y``, with a note at its right end."""
        self.line(np.array(self.x), np.array([y, y]), colour, width=1.3, dashed=dashed)
        if note:
            self._parts.append(_text(WIDTH - RIGHT - 2, self._y(y) - 4, note, "end", colour, halo=True))

    def up(self, x: float, colour: str, *, dashed: bool = False) -> None:
        """A line from bottom to top at ``x``."""
        self.line(np.array([x, x]), np.array(self.y), colour, width=1.0, dashed=dashed)

    def band(self, x: tuple[float, float], colour: str) -> None:
        """A filled strip between two values of x."""
        self._rect(x, self.y, colour)

    def bars(self, edges: FloatArray, heights: FloatArray, colour: str) -> None:
        """Bars (N,) from 0 between ``edges`` (N + 1,)."""
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height > 0:
                self._rect((float(left), float(right)), (0.0, float(height)), colour)

    def note(self, x: float, y: float, text: str, colour: str = SOFT, anchor: str = "start") -> None:
        """Words at a place, with a white halo."""
        self._parts.append(_text(self._x(x), self._y(y), text, anchor, colour, halo=True))

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """(word, colour) one below another in the lower right corner."""
        for i, (word, colour) in enumerate(reversed(entries)):
            row = HEIGHT - BOTTOM - 8 - 14 * i
            self._parts.append(_text(WIDTH - RIGHT - 6, row, word, "end", colour, weight="600"))

    def svg(self) -> str:
        """SVG text of the whole."""
        x_ticks = self.x_ticks if self.x_ticks is not None else nice_ticks(*self.x)
        y_ticks = self.y_ticks if self.y_ticks is not None else nice_ticks(*self.y)
        y_names = self.y_names if self.y_names is not None else [_tick(v) for v in y_ticks]
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        axes = [
            _text(8, 18, self.title, "start", INK, 13, "600"),
            _text(8, 34, self.y_label, "start"),
            _text(right, HEIGHT - 8, self.x_label, "end"),
        ]
        for value, name in zip(y_ticks, y_names, strict=True):
            if self.y[0] <= value <= self.y[1]:
                row = self._y(value)
                axes.append(f'<path d="M{self.left} {row:.1f}H{right}" stroke="{GRID}"/>')
                axes.append(_text(self.left - 6, row + 4, name, "end"))
        for value in x_ticks:
            if self.x[0] <= value <= self.x[1]:
                column = self._x(value)
                axes.append(f'<path d="M{column:.1f} {bottom}v4" stroke="{SOFT}"/>')
                axes.append(_text(column, bottom + 16, _tick(value), "middle"))
        axes.append(f'<path d="M{self.left} {bottom}H{right}" stroke="{SOFT}"/>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
            f'aria-label="{escape(self.title)}" font-family="Inter, Helvetica, Arial, sans-serif">'
            f"{''.join(axes)}{self._frame()}{''.join(self._parts)}</svg>"
        )

    def _frame(self) -> str:
        """The lines and areas, cut where the axes end; an inner SVG cuts and needs no id."""
        box = f"{self.left:g} {TOP:g} {WIDTH - RIGHT - self.left:g} {HEIGHT - BOTTOM - TOP:g}"
        x, y, width, height = box.split()
        return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{box}">{"".join(self._framed)}</svg>'

    def _x(self, value: float) -> float:
        low, high = self.x
        return self.left + (float(value) - low) / (high - low) * (WIDTH - RIGHT - self.left)

    def _y(self, value: float) -> float:
        low, high = self.y
        return TOP + (high - float(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def _rect(self, x: tuple[float, float], y: tuple[float, float], colour: str) -> None:
        left, right, top, bottom = self._x(x[0]), self._x(x[1]), self._y(y[1]), self._y(y[0])
        self._framed.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.5):.1f}" '
            f'height="{max(bottom - top, 0.0):.1f}" fill="{colour}"/>'
        )


def _text(
    x: float,
    y: float,
    text: str,
    anchor: str,
    colour: str = SOFT,
    size: int = TEXT_SIZE,
    weight: str = "400",
    *,
    halo: bool = False,
) -> str:
    around = ' stroke="#fff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}"{around}>{escape(text)}</text>'
    )

"""Figures of a cohort as SVG text; titles are ``measure: kind`` and stand on two lines.

Every figure is one picture to a screen reader, with its title and ``said``, its values in words, as the label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from kummell_ai.reporting.cohort_format import minus
from kummell_ai.reporting.mark import SVG_MARK
from kummell_ai.statistics.agreement import BlandAltman

FloatArray = NDArray[np.float64]
WIDTH, HEIGHT = 360.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 46.0, 30.0
NAMES = 66.0
"""Room below the bars for the names of patients."""
FEW = 24
"""Up to this number of patients the bars bear names."""
LONGEST_NAME = 12
LEAST_SPAN = 0.1
"""Values that differ by less (mm, degrees, points) stand in the middle of an axis of ± 1: its ends would read alike."""
INK, SOFT, ACCENT, WARM = "#14181d", "#b9c4ce", "#17527a", "#b3261e"


@dataclass(frozen=True, slots=True)
class Middle:
    """What stands for all patients at one phase, and the ends of its bar; None where there is no bar."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A patient's change; ``is_better`` where it is an improvement, ``is_certain`` where it exceeds a known error."""

    name: str
    change: float
    is_better: bool
    is_certain: bool
    is_known: bool = True


def courses(
    values: FloatArray, phases: Sequence[str], middles: Sequence[Middle | None], title: str, said: str = ""
) -> str:
    """A thin line a patient, a thick one with bars for all; values (patients, phases), NaN = missing."""
    ends = [end for m in middles if m is not None for end in (m.low, m.high) if end is not None]
    y, axis = _scale(np.append(values.ravel(), ends))
    x = _columns(len(phases))
    parts = [_axis(axis, y, title), *_names(phases, x)]
    for row in values:
        points = [(x(i), y(v)) for i, v in enumerate(row) if np.isfinite(v)]
        parts.append(_line(points, SOFT, 1.0))
    points = [(x(i), y(m.value)) for i, m in enumerate(middles) if m is not None]
    parts += [_line(points, ACCENT, 2.6), *(_dot(px, py, ACCENT, 4.0) for px, py in points)]
    for i, middle in enumerate(middles):
        if middle is not None and middle.low is not None and middle.high is not None:
            low, high = y(middle.low), y(middle.high)
            parts.append(_line([(x(i), low), (x(i), high)], ACCENT, 1.6))
            parts += [_line([(x(i) - 5, end), (x(i) + 5, end)], ACCENT, 1.6) for end in (low, high)]
    return _svg(parts, title, said)


def boxes(values: FloatArray, phases: Sequence[str], title: str, said: str = "") -> str:
    """Median, quartiles and range of each phase, with every value as a dot."""
    y, axis = _scale(values)
    x = _columns(len(phases))
    parts = [_axis(axis, y, title), *_names(phases, x)]
    for i, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        if not len(known):
            continue
        low, q1, median, q3, high = (y(float(q)) for q in np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))
        parts.append(_line([(x(i), low), (x(i), q1)], INK, 1.0) + _line([(x(i), q3), (x(i), high)], INK, 1.0))
        parts.append(
            f'<rect x="{x(i) - 22:.1f}" y="{q3:.1f}" width="44" height="{q1 - q3:.1f}" fill="#dfe9f1" stroke="{INK}"/>'
        )
        parts.append(_line([(x(i) - 22, median), (x(i) + 22, median)], ACCENT, 2.4))
        offsets = np.linspace(-14, 14, len(known)) if len(known) > 1 else np.zeros(1)
        parts += [_dot(x(i) + float(o), y(float(v)), INK, 1.6) for o, v in zip(offsets, known, strict=True)]
    return _svg(parts, title, said)


def waterfall(bars: Sequence[Bar], legend: tuple[str, str, str], title: str, said: str = "") -> str:
    """One bar a patient, sorted; blue is an improvement and red is none, an outline lies within the error or has none.

    Args:
        bars: of the patients with a change.
        legend: words for improved, worse, and within the error.
        title: of the figure.
        said: its values in words.
    """
    bars = sorted(bars, key=lambda bar: bar.change)
    has_names = len(bars) <= FEW
    y, axis = _scale(np.array([*(bar.change for bar in bars), 0.0]), NAMES if has_names else BOTTOM)
    step = (WIDTH - LEFT - RIGHT) / max(len(bars), 1)
    parts = [_axis(axis, y, title)]
    for i, bar in enumerate(bars):
        top, height = min(y(bar.change), y(0.0)), abs(y(bar.change) - y(0.0))
        x, colour = LEFT + i * step + 0.1 * step, ACCENT if bar.is_better else WARM
        parts.append(_box(x, top, 0.8 * step, height, colour, is_filled=bar.is_certain))
        if has_names:
            parts.append(_name(x + 0.4 * step, HEIGHT - NAMES + 8, bar.name))
    parts.append(_line([(LEFT, y(0.0)), (WIDTH - RIGHT, y(0.0))], INK, 1.0))
    return _svg([*parts, *_legend(bars, legend)], title, said)


def _legend(bars: Sequence[Bar], words: tuple[str, str, str]) -> list[str]:
    """The kinds of bars that there are, in a row above the plot at the right."""
    kinds = [
        (any(bar.is_better and bar.is_certain for bar in bars), ACCENT, True, words[0]),
        (any(not bar.is_better and bar.is_certain for bar in bars), WARM, True, words[1]),
        (any(not bar.is_certain for bar in bars), "#5a6673", False, words[2]),
    ]
    shown = [kind for kind in kinds if kind[0]]
    widths = [21.0 + sum(11.0 if ord(letter) > 0x2E80 else 5.3 for letter in word) for *_, word in shown]
    parts, left = [], WIDTH - RIGHT - sum(widths)
    for (_, colour, is_filled, word), width in zip(shown, widths, strict=True):
        parts += [_box(left, 25, 9, 9, colour, is_filled=is_filled), _text(left + 12, 33, word, "start")]
        left += width
    return parts


def _box(x: float, y: float, width: float, height: float, colour: str, *, is_filled: bool) -> str:
    inset = 0.0 if is_filled else 0.6
    size = f'width="{max(width - 2 * inset, 0.0):.1f}" height="{max(height - 2 * inset, 0.0):.1f}"'
    paint = f'fill="{colour}"' if is_filled else f'fill="#fff" stroke="{colour}" stroke-width="1.2"'
    return f'<rect x="{x + inset:.1f}" y="{y + inset:.1f}" {size} {paint}/>'


def _name(x: float, y: float, name: str) -> str:
    """The name of a patient, read from below; the end of a long one."""
    return _upward(x + 3, y, name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}", 8)


def _upward(x: float, y: float, text: str, size: int) -> str:
    """Text that is read from below and ends at (x, y)."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" transform="rotate(-90 {x:.1f} {y:.1f})" text-anchor="end" '
        f'fill="#5a6673" font-size="{size}">{escape(text)}</text>'
    )


def bland_altman_plot(
    first: FloatArray,
    second: FloatArray,
    limits: BlandAltman | None,
    title: str,
    said: str = "",
    axes: tuple[str, str] = ("", ""),
) -> str:
    """Difference, first minus second, against mean of two readings (n,), with bias and limits.

    Args:
        first: readings.
        second: of the same films.
        limits: None where there are none.
        title: of the figure.
        said: its values in words.
        axes: what the mean and the difference are of, with their unit.
    """
    mean, difference = (first + second) / 2, first - second
    ends = [limits.lower, limits.bias, limits.upper] if limits else []
    y, axis = _scale(np.concatenate([difference, ends, [0.0]]))
    low, high = _ends(mean)
    parts = [_axis(axis, y, title), _text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 12, axes[0], "middle", size=9)]
    parts.append(_upward(11, TOP, axes[1], 9))
    for end, colour in zip(ends, (WARM, ACCENT, WARM), strict=False):
        parts.append(_line([(LEFT, y(end)), (WIDTH - RIGHT, y(end))], colour, 1.2))
        parts.append(_text(WIDTH - RIGHT, y(end) - 3, minus(f"{end:.1f}"), "end", colour))
    width = WIDTH - LEFT - RIGHT - 16
    for m, d in zip(mean, difference, strict=True):
        parts.append(_dot(LEFT + 8 + (float(m) - low) / (high - low) * width, y(float(d)), INK, 2.4))
    parts.append(_text(LEFT + 8, HEIGHT - 12, minus(f"{low:.1f}"), "middle"))
    parts.append(_text(WIDTH - RIGHT - 8, HEIGHT - 12, minus(f"{high:.1f}"), "middle"))
    return _svg(parts, title, said)


def _scale(values: FloatArray, bottom: float = BOTTOM) -> tuple[Callable[[float], float], list[float]]:
    """Pixel row of a value, and round numbers for the axis."""
    known = values[np.isfinite(values)]
    is_flat = len(known) > 0 and np.ptp(known) < LEAST_SPAN
    low, high = _ends(known) if len(known) else (0.0, 1.0)
    step = 10.0 ** np.floor(np.log10((high - low) / 2))
    step = float(next(step * m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 5))
    outer = np.floor(low / step) * step, np.ceil(high / step) * step
    first, last = (low, high) if is_flat else outer  # so that what is flat stays in the middle

    def row(value: float) -> float:
        return float(TOP + (last - value) / (last - first) * (HEIGHT - TOP - bottom))

    ticks = range(math.ceil(first / step - LEAST_SPAN / 2), math.floor(last / step + LEAST_SPAN / 2) + 1)
    return row, [step * i for i in ticks]


def _ends(known: FloatArray) -> tuple[float, float]:
    """Smallest and largest value (n,), n > 0; ± 1 about those that are all but equal."""
    low, high = float(known.min()), float(known.max())
    middle = (low + high) / 2
    return (low, high) if high - low >= LEAST_SPAN else (middle - 1.0, middle + 1.0)


def _columns(count: int) -> Callable[[int], float]:
    width = WIDTH - LEFT - RIGHT
    return lambda i: LEFT + width * (i + 0.5) / count


def _axis(ticks: Sequence[float], y: Callable[[float], float], title: str) -> str:
    marks = "".join(
        _line([(LEFT, y(v)), (WIDTH - RIGHT, y(v))], "#edf0f3", 1.0) + _text(LEFT - 6, y(v) + 4, minus(f"{v:g}"), "end")
        for v in ticks
    )
    head, _, kind = title.partition(": ")
    return marks + _text(8, 17, head, "start", INK, 13) + _text(8, 33, kind, "start")


def _names(phases: Sequence[str], x: Callable[[int], float]) -> list[str]:
    return [_text(x(i), HEIGHT - 12, phase, "middle") for i, phase in enumerate(phases)]


def _line(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _dot(x: float, y: float, colour: str, radius: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#5a6673", size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], title: str, said: str) -> str:
    label = escape(f"{title}. {said}".strip() if said else title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {SVG_MARK} viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
        f'aria-label="{label}" '
        f'font-family="Helvetica, Arial, Noto Sans CJK SC, sans-serif">{"".join(parts)}</svg>'
    )

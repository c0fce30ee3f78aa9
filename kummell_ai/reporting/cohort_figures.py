"""Figures of a cohort as SVG text; titles are ``measure: kind`` and stand on two lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from kummell_ai.statistics.agreement import BlandAltman

FloatArray = NDArray[np.float64]
WIDTH, HEIGHT = 360.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 46.0, 30.0
INK, SOFT, ACCENT, WARM = "#14181d", "#b9c4ce", "#17527a", "#b3261e"


def courses(values: FloatArray, phases: Sequence[str], title: str) -> str:
    """A thin line a patient, a thick one for the means; values (patients, phases), NaN = missing."""
    y, axis = _scale(values)
    x = _columns(len(phases))
    parts = [_axis(axis, y, title), *_names(phases, x)]
    for row in values:
        points = [(x(i), y(v)) for i, v in enumerate(row) if np.isfinite(v)]
        parts.append(_line(points, SOFT, 1.0))
    means = [(x(i), y(float(np.nanmean(c)))) for i, c in enumerate(values.T) if np.isfinite(c).any()]
    parts += [_line(means, ACCENT, 2.6), *(_dot(px, py, ACCENT, 4.0) for px, py in means)]
    return _svg(parts)


def boxes(values: FloatArray, phases: Sequence[str], title: str) -> str:
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
    return _svg(parts)


def waterfall(changes: FloatArray, title: str) -> str:
    """One bar a patient, sorted; changes (patients,), NaN = missing."""
    known = np.sort(changes[np.isfinite(changes)])
    y, axis = _scale(np.append(known, 0.0))
    step = (WIDTH - LEFT - RIGHT) / max(len(known), 1)
    parts = [_axis(axis, y, title)]
    for i, value in enumerate(known):
        top, height = min(y(float(value)), y(0.0)), abs(y(float(value)) - y(0.0))
        fill = ACCENT if value < 0 else "#c9a227"
        x = LEFT + i * step + 0.1 * step
        parts.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{0.8 * step:.1f}" height="{height:.1f}" fill="{fill}"/>')
    parts.append(_line([(LEFT, y(0.0)), (WIDTH - RIGHT, y(0.0))], INK, 1.0))
    return _svg(parts)


def bland_altman_plot(first: FloatArray, second: FloatArray, limits: BlandAltman | None, title: str) -> str:
    """Difference against mean of two readings (n,), with bias and limits."""
    mean, difference = (first + second) / 2, first - second
    ends = [limits.lower, limits.bias, limits.upper] if limits else []
    y, axis = _scale(np.concatenate([difference, ends, [0.0]]))
    low, span = float(mean.min()), max(float(np.ptp(mean)), 1e-9)
    parts = [_axis(axis, y, title)]
    for end, colour in zip(ends, (WARM, ACCENT, WARM), strict=False):
        parts.append(_line([(LEFT, y(end)), (WIDTH - RIGHT, y(end))], colour, 1.2))
        parts.append(_text(WIDTH - RIGHT, y(end) - 3, f"{end:.1f}", "end", colour))
    width = WIDTH - LEFT - RIGHT - 16
    for m, d in zip(mean, difference, strict=True):
        parts.append(_dot(LEFT + 8 + (float(m) - low) / span * width, y(float(d)), INK, 2.4))
    parts.append(_text(LEFT + 8, HEIGHT - 12, f"{low:.1f}", "middle"))
    parts.append(_text(WIDTH - RIGHT - 8, HEIGHT - 12, f"{low + span:.1f}", "middle"))
    return _svg(parts)


def _scale(values: FloatArray) -> tuple[Callable[[float], float], list[float]]:
    """Pixel row of a value, and round numbers for the axis."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    span = max(high - low, 1e-6)
    step = 10.0 ** np.floor(np.log10(span / 2))
    step = float(next(step * m for m in (1, 2, 5, 10) if span / (step * m) <= 5))
    first, last = np.floor(low / step) * step, np.ceil(high / step) * step
    last = last if last > first else first + step

    def row(value: float) -> float:
        return float(TOP + (last - value) / (last - first) * (HEIGHT - TOP - BOTTOM))

    return row, [step * i for i in range(round(first / step), round(last / step) + 1)]


def _columns(count: int) -> Callable[[int], float]:
    width = WIDTH - LEFT - RIGHT
    return lambda i: LEFT + width * (i + 0.5) / count


def _axis(ticks: Sequence[float], y: Callable[[float], float], title: str) -> str:
    marks = "".join(
        _line([(LEFT, y(v)), (WIDTH - RIGHT, y(v))], "#edf0f3", 1.0) + _text(LEFT - 6, y(v) + 4, f"{v:g}", "end")
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


def _svg(parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" '
        f'font-family="Helvetica, Arial, Noto Sans CJK SC, sans-serif">{"".join(parts)}</svg>'
    )

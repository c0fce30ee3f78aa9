"""The CSV log of a run -> its learning curves as SVG."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

Curve = list[tuple[float, float]]
"""(step, value), by step."""

WIDTH, HEIGHT = 330, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 30, 26
PER_ROW = 3
COLOURS = ("#0b6fb8", "#d2691e", "#5a6673")
LOG_FROM = 20.0
"""A panel whose values, all above 0, differ by more than this factor gets a logarithmic axis."""

SPAN = ("train/minutes", "epoch", "step")
"""Columns that say when, and get no panel."""


def read_curves(runs: Path) -> dict[str, Curve]:
    """Every logged number of a run by name, over all its sittings; what a later sitting did anew counts.

    A row that a kill cut short is left out.
    """
    values: dict[str, dict[float, float]] = {}
    for path in sorted(Path(runs).glob("log/version_*/metrics.csv"), key=_sitting):
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                step = _number(row.get("step"))
                for name, text in row.items():
                    value = _number(text)
                    if name not in SPAN and value is not None and step is not None:
                        values.setdefault(name, {})[step] = value
    return {name: sorted(points.items()) for name, points in values.items()}


def draw_curves(curves: Mapping[str, Curve]) -> str:
    """SVG of all curves: the loss in training and validation in one panel, every other name in a panel of its own."""
    panels = _panels(curves)
    rows = max(1, -(-len(panels) // PER_ROW))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * PER_ROW}" height="{HEIGHT * rows}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for k, (title, chosen) in enumerate(panels):
        x, y = WIDTH * (k % PER_ROW), HEIGHT * (k // PER_ROW)
        parts += [f'<g transform="translate({x},{y})">', *_panel(title, chosen), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panels(curves: Mapping[str, Curve]) -> list[tuple[str, dict[str, Curve]]]:
    both = {name: curves[name] for name in ("train/loss", "val/loss") if name in curves}
    others = sorted(name for name in curves if name not in both)
    order = [n for n in others if n.startswith("val/")] + [n for n in others if not n.startswith("val/")]
    return ([("loss", both)] if both else []) + [(name, {name: curves[name]}) for name in order]


def _panel(title: str, curves: Mapping[str, Curve]) -> list[str]:
    points = [point for curve in curves.values() for point in curve]
    values = [y for _, y in points]
    logarithmic = min(values) > 0 and max(values) / min(values) > LOG_FROM
    x_ends = min(x for x, _ in points), max(x for x, _ in points)
    y_ends = min(values), max(values)
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold" fill="#14181d">{escape(title)}</text>', _frame()]
    parts += _labels(x_ends, y_ends, logarithmic)
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        places = [
            (LEFT + _share(x, x_ends) * (WIDTH - LEFT - RIGHT),
             HEIGHT - BOTTOM - _share(y, y_ends, logarithmic) * (HEIGHT - TOP - BOTTOM))
            for x, y in curve
        ]  # fmt: skip
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"><title>{escape(name)}</title>'
            "</polyline>"
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in places[-1:]]
    if len(curves) > 1:
        parts += [
            f'<text x="{WIDTH - RIGHT}" y="{TOP + 12 + 13 * k}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
            for k, (name, colour) in enumerate(zip(curves, COLOURS, strict=False))
        ]
    return parts


def _frame() -> str:
    size = f'width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"'
    return f'<rect x="{LEFT}" y="{TOP}" {size} fill="none" stroke="#c4ccd4"/>'


def _labels(x_ends: Sequence[float], y_ends: Sequence[float], logarithmic: bool) -> list[str]:
    word = "step (values on a logarithmic axis)" if logarithmic else "step"
    low, high = HEIGHT - BOTTOM, TOP
    return [
        f'<text x="{LEFT - 4}" y="{low}" text-anchor="end">{y_ends[0]:.3g}</text>',
        f'<text x="{LEFT - 4}" y="{high + 9}" text-anchor="end">{y_ends[1]:.3g}</text>',
        f'<text x="{LEFT}" y="{HEIGHT - 9}">{x_ends[0]:.0f}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 9}" text-anchor="end">{x_ends[1]:.0f}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 9}" text-anchor="middle" fill="#5a6673">{word}</text>',
    ]


def _share(value: float, ends: Sequence[float], logarithmic: bool = False) -> float:
    """Where ``value`` lies between ``ends``, 0 to 1; the middle when they are one."""
    low, high, at = (math.log(v) if logarithmic else v for v in (*ends, value))
    return 0.5 if high == low else (at - low) / (high - low)


def _sitting(path: Path) -> int:
    number = path.parent.name.removeprefix("version_")
    return int(number) if number.isdecimal() else -1


def _number(text: object) -> float | None:
    """A finite number, or None."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None

"""A small picture of one quantity over the films, with its 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

from kummell_ai.quantities import Quantity

WIDTH, HEIGHT, PAD = 132.0, 56.0, 9.0


def trend_svg(quantities: Sequence[Quantity]) -> str:
    """SVG text: a dot a film, a whisker for its interval, a line between neighbours; empty with under two values."""
    known = [(i, q.value) for i, q in enumerate(quantities) if q.value is not None]
    if len(known) < 2:
        return ""
    lows = [q.interval.low if q.interval else value for q in quantities if (value := q.value) is not None]
    highs = [q.interval.high if q.interval else value for q in quantities if (value := q.value) is not None]
    low, span = min(lows), max(max(highs) - min(lows), 1e-9)

    def x(i: int) -> float:
        return PAD + i * (WIDTH - 2 * PAD) / (len(quantities) - 1)

    def y(value: float) -> float:
        return HEIGHT - PAD / 2 - (value - low) / span * (HEIGHT - PAD)

    whiskers = "".join(
        f'<line class="whisker" x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{y(q.interval.low):.1f}" '
        f'y2="{y(q.interval.high):.1f}"/>'
        for i, q in enumerate(quantities)
        if q.interval is not None
    )
    path = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in known)
    dots = "".join(f'<circle cx="{x(i):.1f}" cy="{y(value):.1f}" r="2.6"/>' for i, value in known)
    return (
        f'<svg class="trend" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
        f'aria-hidden="true">{whiskers}<polyline points="{path}"/>{dots}</svg>'
    )

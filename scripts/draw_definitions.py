"""Draw the figures of docs/definitions.md as SVG, every number by the geometry module itself.

Usage: python scripts/draw_definitions.py [FOLDER]     (default: docs/figures)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Endplate, VertebralLandmark
from kummell_ai.geometry import angles, correction, heights
from kummell_ai.geometry.vertebra import point

FloatArray = NDArray[np.float64]
SCALE = 3.0
"""Drawing units per millimetre."""
BONE, EDGE, ACCENT, SECOND, TEXT = "#f1ece0", "#6b6455", "#b3261e", "#1f5f8b", "#222222"

SA, SP, IA, IP = list(VertebralLandmark)[:4]


def body(anterior: float, posterior: float = 28.0, depth: float = 34.0, tilt: float = 0.0) -> FloatArray:
    """Corners and endplate middles (6, 2) mm, front to the right, turned forward by ``tilt`` degrees."""
    points = np.array([[depth, posterior - anterior], [0, 0], [depth, posterior], [0, posterior]], dtype=np.float64)
    middles = np.stack([points[:2].mean(axis=0), points[2:].mean(axis=0)]) + np.array([[0, 1.5], [0, -1.5]])
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    return np.vstack([points, middles]) @ np.array([[c, s], [-s, c]])


def stack(*bodies: FloatArray) -> list[FloatArray]:
    """Bodies one under the other with discs of 7 mm at the back."""
    placed, top = [], np.array([40.0, 14.0])
    for one in bodies:
        placed.append(one + top)
        top = placed[-1][IP] + np.array([0.0, 7.0])
    return placed


def line(a: FloatArray, b: FloatArray, colour: str, width: float = 2.0, dash: str = "") -> str:
    (x1, y1), (x2, y2) = a * SCALE, b * SCALE
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashes}/>'
    )


def text(at: FloatArray, words: str, colour: str = TEXT, anchor: str = "start") -> str:
    x, y = at * SCALE
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def outline(points: FloatArray, name: str = "") -> list[str]:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points[[SP, SA, IA, IP]] * SCALE)
    shape = [f'<polygon points="{corners}" fill="{BONE}" stroke="{EDGE}" stroke-width="1.5"/>']
    shape += [f'<circle cx="{x * SCALE:.1f}" cy="{y * SCALE:.1f}" r="3.2" fill="{EDGE}"/>' for x, y in points[:4]]
    label = [text(points[:4].mean(axis=0), name, EDGE, "middle")] if name else []
    return [*shape, *label]


def endplate_line(points: FloatArray, which: Endplate, colour: str = ACCENT, beyond: float = 16.0) -> str:
    """An endplate's chord, drawn on to both sides."""
    back, front = (SP, SA) if which is Endplate.SUPERIOR else (IP, IA)
    along = points[front] - points[back]
    reach = beyond * along / np.hypot(*along)
    return line(points[back] - reach, points[front] + reach, colour)


def svg(parts: list[str], width: float, height: float, title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * SCALE:.0f} {height * SCALE:.0f}" '
        'font-family="sans-serif" font-size="14" role="img">'
    )
    return "\n".join(
        [head, f"<title>{title}</title>", '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"]
    )


def draw_heights() -> str:
    points = body(16.0) + np.array([30.0, 14.0])
    parts = outline(points)
    for a, b, colour, words in (
        (SA, IA, ACCENT, f"Ha {heights.anterior_height(points):.0f} mm"),
        (SP, IP, SECOND, f"Hp {heights.posterior_height(points):.0f} mm"),
    ):
        side = 4.0 if a is SA else -4.0
        parts.append(line(points[a], points[b], colour, 3))
        at = (points[a] + points[b]) / 2 + np.array([side, 1.0])
        parts.append(text(at, words, colour, "start" if side > 0 else "end"))
    upper, lower = (point(points, i) for i in (VertebralLandmark.SUPERIOR_MIDDLE, VertebralLandmark.INFERIOR_MIDDLE))
    parts += [line(upper, lower, TEXT, 2, "5 3"), text((upper + lower) / 2 + np.array([2.0, 1.0]), "Hm")]
    names = {SA: "SA", SP: "SP", IA: "IA", IP: "IP"}
    offsets = {SA: (2.0, -2.0), SP: (-7.0, -2.0), IA: (2.0, 6.0), IP: (-7.0, 6.0)}
    parts += [text(points[i] + np.array(offsets[i]), names[i]) for i in names]
    parts.append(text(points[[SA, SP]].mean(axis=0) + np.array([8.0, -5.0]), "superior depth", TEXT, "middle"))
    parts.append(text(points[[IA, IP]].mean(axis=0) + np.array([0.0, 6.0]), "inferior depth", TEXT, "middle"))
    ratio, pressed = heights.wedge_ratio(points), heights.compression(points)
    parts.append(text(np.array([4.0, 60.0]), f"wedge ratio {ratio:.0f} %, compression {pressed:.0f} %"))
    return svg(parts, 100, 64, "Heights, depths and corners of a vertebral body; the front is to the right")


def draw_wedge() -> str:
    points = body(15.0) + np.array([30.0, 14.0])
    parts = [*outline(points), endplate_line(points, Endplate.SUPERIOR), endplate_line(points, Endplate.INFERIOR)]
    parts.append(text(np.array([4.0, 58.0]), f"wedge angle {angles.wedge_angle(points):+.1f}°", ACCENT))
    return svg(parts, 100, 62, "Wedge angle: between the two endplates of one body, + when lower in front")


def draw_height_loss() -> str:
    above, index, below = stack(body(26.0), body(14.0), body(25.0))
    parts = []
    for points, name, words in ((above, "V−1", "A1"), (index, "V", "A0"), (below, "V+1", "A2")):
        parts += outline(points, name)
        parts.append(line(points[SA], points[IA], ACCENT if name == "V" else SECOND, 3))
        at = (points[SA] + points[IA]) / 2 + np.array([3.0, 1.0])
        parts.append(text(at, f"{words} {heights.anterior_height(points):.0f} mm"))
    loss = heights.height_loss(heights.anterior_height(index), heights.reference_height(above, below))
    grade = heights.height_derived_grade(loss)
    parts.append(text(np.array([4.0, 122.0]), f"height loss {loss:.0f} %, height-derived grade {grade:.0f}", ACCENT))
    return svg(parts, 110, 126, "Height loss: anterior height of V against the mean of its neighbours")


def draw_segment(quantity: str, pick: Callable[[list[FloatArray]], tuple[int, int]], names: list[str]) -> str:
    bodies = stack(*[body(14.0 if name == "V" else 26.0, tilt=(2 - i) * 6.0) for i, name in enumerate(names)])
    upper, lower = pick(bodies)
    parts: list[str] = []
    for points, name in zip(bodies, names, strict=True):
        parts += outline(points, name)
    parts.append(endplate_line(bodies[upper], Endplate.SUPERIOR))
    parts.append(endplate_line(bodies[lower], Endplate.INFERIOR))
    angle = angles.segmental_cobb(bodies[upper], bodies[lower])
    bottom = max(float(points[:, 1].max()) for points in bodies) + 14.0
    parts.append(text(np.array([4.0, bottom]), f"{quantity} {angle:+.1f}°", ACCENT))
    return svg(parts, 110, bottom + 4.0, f"{quantity}: between the two marked endplates, kyphosis +")


def draw_change() -> str:
    parts = []
    films = (("before", 14.0, 18.0), ("after", 21.0, 8.0), ("last", 20.0, 10.0))
    values = []
    for i, (name, front, tilt) in enumerate(films):
        above, index, below = (
            p + np.array([72.0 * i - 18.0, 4.0]) for p in stack(body(26, tilt=tilt), body(front), body(26))
        )
        parts += [*outline(above), *outline(index, "V"), *outline(below)]
        parts += [endplate_line(above, Endplate.SUPERIOR, beyond=6), endplate_line(below, Endplate.INFERIOR, beyond=6)]
        parts.append(line(index[SA], index[IA], SECOND, 4))
        values.append((float(heights.anterior_height(index)), float(angles.segmental_cobb(above, below))))
        words = f"{name}: {values[-1][0]:.0f} mm, {values[-1][1]:+.0f}°"
        parts.append(text(np.array([72.0 * i + 8.0, 6.0]), words))
    (h0, k0), (h1, k1), (_, k2) = values
    rate = correction.height_restoration_rate(h0, h1, 26.0)
    restored, won = correction.height_restoration(h0, h1), correction.kyphosis_correction(k0, k1)
    lost, net = correction.loss_of_correction(k1, k2), correction.kyphosis_correction(k0, k2)
    words = f"height restored {restored:.0f} mm ({rate:.0f} % of the loss), correction {won:.0f}°, "
    words += f"loss {lost:.0f}°, net {net:.0f}°"
    parts.append(text(np.array([8.0, 132.0]), words, ACCENT))
    return svg(parts, 222, 138, "Correction, loss and net between three films")


FIGURES: dict[str, Callable[[], str]] = {
    "heights": draw_heights,
    "wedge_angle": draw_wedge,
    "height_loss": draw_height_loss,
    "segmental_cobb": lambda: draw_segment("segmental Cobb", lambda b: (0, 2), ["V−1", "V", "V+1"]),
    "local_kyphosis": lambda: draw_segment("local kyphosis", lambda b: (0, 1), ["V−1", "V", "V+1"]),
    "surgical_segment_cobb": lambda: draw_segment(
        "surgical segments", lambda b: (0, len(b) - 1), ["upper screws", "V−1", "V", "lower screws"]
    ),
    "change": draw_change,
}


def main(folder: Path) -> None:
    """Write all figures into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    if any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(f"usage: draw_definitions.py [FOLDER]; {__doc__}")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures")

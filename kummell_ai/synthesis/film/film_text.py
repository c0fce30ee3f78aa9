"""What archives and workstations burn into a film: corner texts, stamped side letters, the figure of a person.

No name is a person's: they are drawn letters without vowels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.film.film_marks import FONTS, Mark, covers, glyphs, placed

Map = NDArray[np.float32]
LETTERS = "BCDFGHKLMNPRSTVWXZ"


def _line(rng: np.random.Generator) -> str:
    """A line such as an archive burns in."""
    name = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 7))))
    day = f"{rng.integers(2004, 2026)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    choices = (
        f"{name}, {LETTERS[int(rng.integers(18))]}",
        f"ID {rng.integers(10**5, 10**8)}",
        f"{day} {rng.integers(7, 20):02d}:{rng.integers(60):02d}",
        f"{rng.integers(60, 96)} kV {rng.integers(8, 120)} mAs",
        f"W {rng.integers(400, 4096)} L {rng.integers(200, 2048)}",
        f"Se: {rng.integers(1, 9)} Im: {rng.integers(1, 9)}",
        f"Zoom {rng.integers(20, 160)}%",
        str(
            rng.choice(
                ["LAT", "L-SPINE LAT", "LWS SEITL.", "STANDING", "ERECT", "SUPINE", "T-L SPINE", "COL. LOMBAIRE"]
            )
        ),
        str(rng.choice(["POST OP", "PRE", "3M", "F/U", "CR", "DX", "PORTABLE", "10 cm", "R", "L"])),
    )
    return choices[int(rng.integers(len(choices)))]


def _block(shape: tuple[int, int], rng: np.random.Generator) -> tuple[tuple[bool, bool], list[Mark]]:
    """A corner (right, low) and lines of text flush with it."""
    rows, cols = shape
    height, font = float(rows * np.exp(rng.uniform(np.log(0.009), np.log(0.024)))), int(rng.choice(FONTS))
    weight, stretch = int(rng.integers(2, 7)), float(rng.uniform(0.7, 1.1))
    shade = float(rng.choice([1.0, 1.0, 0.0, rng.uniform(0.5, 0.95)]))
    plate = 1.0 - shade if rng.random() < 0.2 else None
    right, low = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    marks = []
    count = int(rng.integers(1, 5))
    for k in range(count):
        draft = Mark(_line(rng), height, (0, 0), font, weight, stretch, 0.0, shade, plate, False)
        width = glyphs(draft)[1].shape[1]
        x = cols - width - 3.0 if right else 3.0
        y = rows - (count - k) * 1.9 * height - 4.0 if low else 4.0 + k * 1.9 * height
        marks.append(replace(draft, at=(max(0, int(x)), max(0, int(y)))))
    return (right, low), marks


def _figure(shape: tuple[int, int], rng: np.random.Generator) -> Mark:
    """The figure of a person in an upper corner."""
    height = float(shape[0] * rng.uniform(0.012, 0.03))
    x = int(shape[1] - 1.6 * height) if rng.random() < 0.8 else 1
    return Mark("", height, (x, 1), 0, 1, 1.0, 0.0, 1.0, None, False)


def _stamp(shape: tuple[int, int], spare: Map | None, rng: np.random.Generator) -> Mark | None:
    """A side letter that a workstation stamped, often in a box."""
    plate = float(rng.choice([0.0, 1.0])) if rng.random() < 0.6 else None
    draft = Mark(
        text=str(rng.choice(["R", "L", "RT", "LT", "RT.", "LT."])),
        height_px=float(shape[0] * rng.uniform(0.012, 0.035)),
        at=(0, 0),
        font=int(rng.choice(FONTS[:4])),
        weight=int(rng.integers(3, 8)),
        stretch=float(rng.uniform(0.8, 1.3)),
        angle=0.0,
        shade=1.0 if plate is None else 1.0 - plate,
        plate=plate,
        mirrored=bool(rng.random() < 0.2),
    )
    return placed(draft, shape, spare, rng)


def draw_text(shape: tuple[int, int], spare: Map | None, rng: np.random.Generator) -> tuple[Mark, ...]:
    """Corner texts, the figure of a person, a stamped side letter; none of them on a spared point."""
    blocks = dict(_block(shape, rng) for _ in range(int(rng.integers(0, 4))))
    marks: list[Mark | None] = [mark for block in blocks.values() for mark in block]
    marks.append(_figure(shape, rng) if rng.random() < 0.3 else None)
    marks.append(_stamp(shape, spare, rng) if rng.random() < 0.5 or not marks else None)
    return tuple(m for m in marks if m is not None and not covers(m, spare, 3.0))

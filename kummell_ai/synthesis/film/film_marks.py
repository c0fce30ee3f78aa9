"""Lettering on a film: how a mark is drawn, where it may stand, and lead markers in the beam."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
LEAD_TEXTS = ("R", "L", "R", "L", "RT", "LT", "RT.", "LT.", "D", "I", "R AB", "L 7", "12", "R KM")
CAPITAL_PX = 40.0  # height at which letters are drawn before they are shrunk to their size


@dataclass(frozen=True, slots=True)
class Mark:
    """One piece of lettering.

    Attributes:
        text: what stands there; empty for the figure of a person, as viewers stamp it on a corner.
        height_px: of a capital letter.
        at: left and upper border (px).
        font, weight: of OpenCV's Hershey fonts, stroke width at 40 px.
        stretch: width of the letters over the font's own.
        angle: turn (degrees).
        shade: grey level of the letters, or the share of the beam that a lead marker stops.
        plate: grey level of the box behind the letters, or None; of lead, the letters are cut out of a plate.
        mirrored: whether it reads from the back.
    """

    text: str
    height_px: float
    at: tuple[int, int]
    font: int
    weight: int
    stretch: float
    angle: float
    shade: float
    plate: float | None
    mirrored: bool


def _person() -> NDArray[np.uint8]:
    canvas = np.zeros((60, 60), np.uint8)
    cv2.circle(canvas, (30, 18), 12, 255, -1, cv2.LINE_AA)
    cv2.ellipse(canvas, (30, 56), (24, 22), 0.0, 180.0, 360.0, 255, -1, cv2.LINE_AA)
    return canvas


def _lettering(mark: Mark) -> NDArray[np.uint8]:
    if not mark.text:
        return _person()
    (width, height), below = cv2.getTextSize(mark.text, mark.font, 1.0, mark.weight)
    scale = CAPITAL_PX / max(height, 1)
    (width, height), below = cv2.getTextSize(mark.text, mark.font, scale, mark.weight)
    edge = 8 + mark.weight
    canvas = np.zeros((height + below + 2 * edge, width + 2 * edge), np.uint8)
    cv2.putText(canvas, mark.text, (edge, edge + height), mark.font, scale, 255, mark.weight, cv2.LINE_AA)
    return canvas


def glyphs(mark: Mark) -> tuple[Map, Map]:
    """Coverage in [0, 1] by the letters and by their box, both (rows, columns) of the mark at its size on the film."""
    letters = _lettering(mark)
    box = np.full_like(letters, 255)
    factor = mark.height_px / CAPITAL_PX
    rows, cols = (max(2, round(n * f)) for n, f in zip(letters.shape, (factor, factor * mark.stretch), strict=True))
    both = [cv2.resize(m, (cols, rows), interpolation=cv2.INTER_AREA) for m in (letters, box)]
    if mark.angle:
        side = int(np.ceil(np.hypot(rows, cols)))
        turn = cv2.getRotationMatrix2D((0.5 * cols, 0.5 * rows), mark.angle, 1.0)
        turn[:, 2] += (0.5 * (side - cols), 0.5 * (side - rows))
        both = [cv2.warpAffine(m, turn, (side, side)) for m in both]
    if mark.mirrored:
        both = [m[:, ::-1] for m in both]
    scaled = [np.asarray(m, dtype=np.float32) * np.float32(1.0 / 255.0) for m in both]
    return scaled[0], scaled[1]


def _paint(v: Map, coverage: Map, at: tuple[int, int], shade: float) -> None:
    left, top = at
    rows, cols = min(coverage.shape[0], v.shape[0] - top), min(coverage.shape[1], v.shape[1] - left)
    if rows > 0 and cols > 0:
        part = v[top : top + rows, left : left + cols]
        part += (np.float32(shade) - part) * coverage[:rows, :cols]


def burn_in(v: Map, marks: tuple[Mark, ...]) -> None:
    """Write marks into the film, in place."""
    for mark in marks:
        letters, box = glyphs(mark)
        if mark.plate is not None:
            _paint(v, box, mark.at, mark.plate)
        _paint(v, letters, mark.at, mark.shade)


def stop_beam(opening: Map, marks: tuple[Mark, ...]) -> None:
    """Lay lead markers into the beam, in place: ``opening`` is the share of the beam that comes through."""
    for mark in marks:
        letters, box = glyphs(mark)
        if mark.plate is None:
            _paint(opening, letters, mark.at, 1.0 - mark.shade)
        else:
            _paint(opening, np.clip(box - letters, 0.0, 1.0), mark.at, 1.0 - mark.shade)


def covers(mark: Mark, spare: Map | None, room_px: float) -> bool:
    """Whether a mark lies on a spared point (N, 2) px or nearer to it than ``room_px``."""
    if spare is None or not len(spare):
        return False
    rows, cols = glyphs(mark)[1].shape
    x, y = spare[:, 0] - mark.at[0], spare[:, 1] - mark.at[1]
    near = (x > -room_px) & (x < cols + room_px) & (y > -room_px) & (y < rows + room_px)
    return bool(near.any())


def placed(draft: Mark, shape: tuple[int, int], spare: Map | None, rng: np.random.Generator) -> Mark | None:
    """The mark somewhere near the film's border where it covers no spared point, or None where six tries fail."""
    rows, cols = glyphs(draft)[1].shape
    for x, y in rng.beta(0.6, 0.6, (6, 2)) * (max(shape[1] - cols, 1), max(shape[0] - rows, 1)):
        mark = replace(draft, at=(int(x), int(y)))
        if not covers(mark, spare, 0.015 * shape[0]):
            return mark
    return None


def draw_lead(shape: tuple[int, int], pixel_mm: float, spare: Map | None, rng: np.random.Generator) -> tuple[Mark, ...]:
    """One or two lead markers with letters of 9 to 22 mm."""
    marks = []
    for _ in range(1 + int(rng.random() < 0.25)):
        draft = Mark(
            text=str(rng.choice(LEAD_TEXTS)),
            height_px=float(np.clip(rng.uniform(9.0, 22.0) / pixel_mm, 5.0, 90.0)),
            at=(0, 0),
            font=int(rng.choice(FONTS[:4])),
            weight=int(rng.integers(4, 11)),
            stretch=float(rng.uniform(0.8, 1.3)),
            angle=float(rng.normal(0.0, 7.0)) if rng.random() < 0.7 else float(rng.choice([0.0, 90.0, 180.0])),
            shade=float(rng.uniform(0.75, 1.0)),
            plate=0.0 if rng.random() < 0.4 else None,
            mirrored=bool(rng.random() < 0.15),
        )
        marks.append(placed(draft, shape, spare, rng))
    return tuple(m for m in marks if m is not None)

"""Draw simulated films on one sheet, with the true corners on every second row.

python scripts/contact_sheet_films.py --out sheet.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from kummell_ai.errors import UsageError
from kummell_ai.synthesis.case import SimulatedFilm, generate_case, generate_film
from kummell_ai.synthesis.recipe import Recipe

COLOURS = ((80, 80, 255), (80, 255, 80), (80, 255, 255), (255, 160, 80))


def picture(film: SimulatedFilm, corners: bool) -> np.ndarray:
    image = cv2.cvtColor((film.pixels * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for vertebra in film.landmarks.vertebrae if corners else ():
        for colour, (x, y) in zip(COLOURS, vertebra.corners_px, strict=True):
            if np.isfinite(x + y):
                cv2.circle(image, (round(x * 16), round(y * 16)), 3 * 16, colour, -1, cv2.LINE_AA, 4)
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the picture, JPEG or PNG")
    parser.add_argument("--seed", type=int, default=12, help="of the first patient (default: 12)")
    parser.add_argument("--templates", action="append", default=[], help="folder of bones; may be repeated")
    args = parser.parse_args()
    if args.out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(f"--out {args.out}: name a picture, such as sheet.jpg", str(args.out))
    look = {"rows": 400, "aspect_low": 0.7, "aspect_high": 0.7, "templates": tuple(args.templates)}
    rows = []
    for k, corners in enumerate((False, True)):
        case = generate_case(args.seed + k, Recipe(**look, right_facing=0.0))
        rows.append([picture(film, corners) for film in case.films])
        singles = [generate_film(args.seed + 10 * k + i, Recipe(**look)) for i in range(2)]
        rows[-1] += [picture(film, corners) for film in singles]
        rows[-1].append(picture(generate_film(args.seed + 20 + k, Recipe(**look, frontal=1.0)), corners))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), np.vstack([np.hstack(row) for row in rows]), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    from ending import end

    end(main)

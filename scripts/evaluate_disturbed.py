"""What a model makes of films that were disturbed in one way at a time: turned, inverted, coarse, burnt out, cut off.

    kummell-ai synthesize --out runs/plain --count 120 --seed 89000000 --set rows=1024 --format png
    python scripts/evaluate_disturbed.py --films runs/plain --out runs/disturbed --workers 2

For each disturbance the films of a COCO set and their truth are changed and written into a folder of their own, which
is evaluated film by film like any set (``kummell-ai evaluate`` can be called on it as well). Prints a line each: films
refused, vertebrae found, false and named rightly, corner errors (mm), the error of the Cobb angle (deg), and how often
ellipses and intervals hold the truth (%). What is done is not done again.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.cli import options
from kummell_ai.errors import InputError
from kummell_ai.evaluation.coverage import coverage_of
from kummell_ai.evaluation.dataset import Evaluation, evaluate_dataset, read_film
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, index_matrix
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.shipped import default_model

Picture = NDArray[np.float32]
"""(H, W) in [0, 1], bone bright."""

MIRRORED = {Facing.LEFT: Facing.RIGHT, Facing.RIGHT: Facing.LEFT, Facing.UNKNOWN: Facing.UNKNOWN}
HELD = ("corner ellipse", "anterior_height", "wedge_angle", "segmental_cobb")


@dataclass(frozen=True)
class Disturbance:
    """One way of changing a film.

    Attributes:
        name: also that of its folder.
        grey: changes the grey values of a picture whose size stays.
        place: for a picture of (width, height) px, the affine map (2, 3) of its image coordinates and the new size;
            None leaves the geometry.
    """

    name: str
    grey: Callable[[Picture], Picture] | None = None
    place: Callable[[int, int], tuple[FloatArray, tuple[int, int]]] | None = None


def jpeg(quality: int, pixels: Picture) -> Picture:
    """The picture after it was kept as a JPEG."""
    _, data = cv2.imencode(".jpg", np.round(pixels * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)


def noise(deviation: float, pixels: Picture) -> Picture:
    """Independent noise of a standard deviation in shares of the grey range."""
    draws = np.random.default_rng(0).normal(0.0, deviation, pixels.shape)
    return np.clip(pixels + draws, 0.0, 1.0).astype(np.float32)


def levels(count: int, pixels: Picture) -> Picture:
    """``count`` grey levels."""
    return (np.round(pixels * (count - 1)) / (count - 1)).astype(np.float32)


def window(low: float, high: float, pixels: Picture) -> Picture:
    """Grey values below ``low`` and above ``high`` are lost."""
    return np.asarray(np.clip((pixels - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def turned(degrees: float, width: int, height: int) -> tuple[FloatArray, tuple[int, int]]:
    """Turned about the middle of the picture; what leaves it is lost."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    middle = 0.5 * np.array([width, height])
    linear = np.array([[c, s], [-s, c]])
    return np.concatenate([linear, (middle - linear @ middle)[:, None]], axis=1), (width, height)


def scaled(across: float, down: float, width: int, height: int) -> tuple[FloatArray, tuple[int, int]]:
    """A picture of another number of pixels; the spacing goes with it."""
    size = round(width * across), round(height * down)
    return np.array([[size[0] / width, 0.0, 0.0], [0.0, size[1] / height, 0.0]]), size


def mirrored(width: int, height: int) -> tuple[FloatArray, tuple[int, int]]:
    """Left and right exchanged."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]]), (width, height)


def bordered(share: float, width: int, height: int) -> tuple[FloatArray, tuple[int, int]]:
    """Black about the picture, on each side a share of its width."""
    border = round(share * width)
    return np.array([[1.0, 0.0, border], [0.0, 1.0, border]]), (width + 2 * border, height + 2 * border)


def middle_rows(share: float, width: int, height: int) -> tuple[FloatArray, tuple[int, int]]:
    """The middle rows only."""
    rows = round(share * height)
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -float((height - rows) // 2)]]), (width, rows)


DISTURBANCES = (
    Disturbance("as-they-are"),
    Disturbance("inverted", grey=lambda p: (1 - p).astype(np.float32)),
    Disturbance("gamma-0.5", grey=lambda p: p**0.5),
    Disturbance("gamma-2", grey=lambda p: p**2),
    Disturbance("bright-quarter-lost", grey=functools.partial(window, 0.0, 0.75)),
    Disturbance("dark-quarter-lost", grey=functools.partial(window, 0.25, 1.0)),
    Disturbance("16-grey-levels", grey=functools.partial(levels, 16)),
    Disturbance("noise-0.05", grey=functools.partial(noise, 0.05)),
    Disturbance("noise-0.15", grey=functools.partial(noise, 0.15)),
    Disturbance("jpeg-15", grey=functools.partial(jpeg, 15)),
    Disturbance("half-resolution", place=functools.partial(scaled, 0.5, 0.5)),
    Disturbance("quarter-resolution", place=functools.partial(scaled, 0.25, 0.25)),
    Disturbance("pixels-not-square", place=functools.partial(scaled, 0.75, 1.0)),
    Disturbance("turned-10", place=functools.partial(turned, 10.0)),
    Disturbance("turned-25", place=functools.partial(turned, 25.0)),
    Disturbance("mirrored", place=mirrored),
    Disturbance("black-border", place=functools.partial(bordered, 0.4)),
    Disturbance("middle-half", place=functools.partial(middle_rows, 0.5)),
)


def disturbed(film: AnnotatedFilm, pixels: Picture, how: Disturbance) -> tuple[AnnotatedFilm, Picture]:
    """A film and its picture changed, truth and spacing with it."""
    if how.grey is not None:
        pixels = how.grey(pixels)
    if how.place is None:
        return film, pixels
    matrix, size = how.place(*film.size_px)
    if np.linalg.norm(matrix[:, :2], axis=0).min() < 0.999:  # fewer pixels: each is the mean of those it covers
        changed = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    else:
        changed = cv2.warpAffine(pixels, index_matrix(matrix), size, flags=cv2.INTER_LINEAR)
    return _moved(film, matrix, size), np.asarray(changed, dtype=np.float32)


def _moved(film: AnnotatedFilm, matrix: FloatArray, size: tuple[int, int]) -> AnnotatedFilm:
    """The film with its truth under the map; spacing follows the scale of each axis."""
    bodies = [_moved_body(body, matrix, size) for body in film.landmarks.vertebrae]
    facing = film.landmarks.facing if matrix[0, 0] > 0 else MIRRORED[film.landmarks.facing]
    seen = tuple(body for body in bodies if np.isfinite(body.corners_px).any())
    landmarks = replace(film.landmarks, vertebrae=seen, facing=facing)
    spacing = film.spacing
    if spacing is not None:
        across, down = np.linalg.norm(matrix[:, :2], axis=0)
        spacing = replace(spacing, row_mm=spacing.row_mm / down, column_mm=spacing.column_mm / across)
    return replace(film, landmarks=landmarks, size_px=size, spacing=spacing)


def _moved_body(body: VertebraLandmarks, matrix: FloatArray, size: tuple[int, int]) -> VertebraLandmarks:
    points = body.points_px @ matrix[:, :2].T + matrix[:, 2]
    points[~((points >= 0.0) & (points <= size)).all(axis=1)] = np.nan
    return replace(body, points_px=points)


def write_set(folder: Path, films: Sequence[AnnotatedFilm], how: Disturbance, out: Path) -> Path:
    """The disturbed set; its annotations are written last, so that a set which has them is whole."""
    target = out / how.name / "annotations.json"
    if target.exists():
        return target
    (out / how.name).mkdir(parents=True, exist_ok=True)
    made = []
    for number, film in enumerate(films):
        changed, pixels = disturbed(film, read_film(folder, film).pixels, how)
        name = f"{number:04d}.png"
        cv2.imwrite(str(out / how.name / name), np.round(pixels * 255).astype(np.uint8))
        made.append(replace(changed, file_name=name))
    write_coco(target, made)
    return target


def figures(evaluation: Evaluation) -> dict[str, float]:
    """The figures of one line."""
    row = evaluation.rows[0]
    bodies = [v for film in evaluation.films for v in film.vertebrae]
    errors = np.concatenate([np.empty(0), *(v.corners.distance_mm for v in bodies if v.corners is not None)])
    errors = errors[np.isfinite(errors)]
    held = {c.subject: c for c in coverage_of(evaluation.films) if c.stratum == "all"}
    cobb = [abs(q.error) for v in bodies for q in v.quantities if q.quantity_id == "segmental_cobb"]
    numbers = {
        "films": len(evaluation.films),
        "refused": sum(film.refused is not None for film in evaluation.films),
        "found %": row["found_percent"],
        "false": row["false_vertebrae"],
        "names %": row["level_accuracy_percent"],
        "mm, median": np.median(errors) if errors.size else np.nan,
        "mm, mean": errors.mean() if errors.size else np.nan,
        "Cobb": np.mean(cobb) if cobb else np.nan,
    }
    numbers |= {f"held: {subject}": 100 * held[subject].inside if subject in held else np.nan for subject in HELD}
    return {name: float("nan") if value is None else float(value) for name, value in numbers.items()}


def main() -> int:
    """Make, evaluate and print."""
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=options.path_of_input, required=True, help="folder as synthesize writes it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the disturbed sets and their figures")
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--limit", type=options.positive, help="only the first films")
    parser.add_argument("--only", nargs="+", choices=[d.name for d in DISTURBANCES], help="only these disturbances")
    parser.add_argument("--workers", type=options.positive, default=1, help="processes (default: 1)")
    args = parser.parse_args()
    films = [replace(film, details=()) for film in read_coco(args.films / "annotations.json")[: args.limit]]
    if not films:
        raise InputError(f"{args.films}: no film is annotated; give a folder as kummell-ai synthesize writes it")
    make = functools.partial(Predictor.load, args.model)
    predictor = make()
    for how in DISTURBANCES:
        if args.only and how.name not in args.only:
            continue
        kept = args.out / f"{how.name}.json"
        if not kept.exists():
            path = write_set(args.films, films, how, args.out)
            made = figures(evaluate_dataset(path, predictor, workers=args.workers, make_predictor=make))
            kept.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        found = json.loads(kept.read_text(encoding="utf-8"))
        if how is DISTURBANCES[0] or args.only:
            print(" | ".join(["disturbance", *found]))
        print(" | ".join([how.name, *(f"{value:.4g}" for value in found.values())]), flush=True)
    return 0


if __name__ == "__main__":
    from ending import end

    end(main)

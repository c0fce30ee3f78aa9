"""How well stretched films without a pixel size are read.

    kummell-ai synthesize --out runs/plain --count 120 --seed 89000000 --set rows=1024 --format png
    python scripts/evaluate_stretched.py --films runs/plain

Each film is stretched across by a factor and its pixel size withheld, so that nothing but the bones tells of it. Prints
a line a factor: vertebrae found, false and rightly named, the distance of the found from the true corners (mm, taken
back to the film as it was), how many films are told to be stretched, and how far off the factor is that their bodies
give (%, root of the mean square).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco
from kummell_ai.cli import options
from kummell_ai.errors import InputError
from kummell_ai.evaluation.dataset import read_film
from kummell_ai.evaluation.matching import match_vertebrae
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.picture_shape import needed_stretch
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.measurement.scale import stretch_findings
from kummell_ai.shipped import default_model

FACTORS = (1.0, 1.1, 1.2, 1.5, 2.0, 0.7)


@dataclass(frozen=True)
class Read:
    """What was found on a stretched film.

    Attributes:
        asked, found, false: vertebrae.
        named: those found that have their true name.
        distances_mm: (N,) of the located corners.
        told: whether a finding says that the picture is stretched.
        factor: that the bodies found give.
    """

    asked: int
    found: int
    false: int
    named: int
    distances_mm: FloatArray
    told: bool
    factor: float


def across(landmarks: SpineLandmarks, factor: float) -> SpineLandmarks:
    """The bodies on a picture that is ``factor`` times as wide; without covariances."""
    bodies = (replace(v, points_px=v.points_px * [factor, 1.0], covariance_px=None) for v in landmarks.vertebrae)
    return replace(landmarks, vertebrae=tuple(bodies))


def stretched(film: AnnotatedFilm, radiograph: Radiograph, factor: float) -> tuple[SpineLandmarks, Radiograph]:
    """The truth and the film, stretched across to whole columns, of no known pixel size."""
    rows, columns = radiograph.pixels.shape
    wide = round(columns * factor)
    if wide != columns:
        way = cv2.INTER_LINEAR if wide > columns else cv2.INTER_AREA
        radiograph = replace(radiograph, pixels=cv2.resize(radiograph.pixels, (wide, rows), interpolation=way))
    return across(film.landmarks, wide / columns), replace(radiograph, spacing=PixelSpacing.unknown(), valid_box=None)


def judge(truth: SpineLandmarks, found: SpineLandmarks, factor: float, spacing: PixelSpacing) -> Read:
    """Hold what was found against the truth, both on the stretched film."""
    matching = match_vertebrae(found, truth, PixelSpacing.unknown())
    mm = np.array([spacing.column_mm / factor, spacing.row_mm])
    pairs = [(truth.vertebrae[i], found.vertebrae[j]) for i, j in matching.pairs]
    offsets = [(other.corners_px - own.corners_px) * mm for own, other in pairs]
    distances = np.linalg.norm(np.concatenate([np.empty((0, 2)), *offsets]), axis=1)
    whole = [v.corners_px for v in found.vertebrae if v.level is not VertebralLevel.S1]
    return Read(
        asked=len(matching.pairs) + len(matching.missed),
        found=len(pairs),
        false=len(matching.false),
        named=sum(own.level is other.level for own, other in pairs),
        distances_mm=distances[np.isfinite(distances)],
        told=bool(stretch_findings(found.vertebrae, PixelSpacing.unknown())),
        factor=1.0 / needed_stretch(np.array(whole).reshape(-1, 4, 2)),
    )


def read_all(folder: Path, films: list[AnnotatedFilm], factor: float, predictor: Predictor) -> Iterator[Read]:
    """Every film, stretched and read."""
    for film in films:
        radiograph = read_film(folder, film)
        if film.spacing is None:
            raise InputError(f"{film.file_name}: no pixel size; give simulated films, whose truth has one")
        truth, picture = stretched(film, radiograph, factor)
        exact = picture.pixels.shape[1] / radiograph.pixels.shape[1]
        yield judge(truth, predictor.locate(picture), exact, film.spacing)


def line(factor: float, films: list[Read]) -> str:
    """The figures of a factor."""
    errors = np.concatenate([np.empty(0), *(film.distances_mm for film in films)])
    found, asked = sum(film.found for film in films), sum(film.asked for film in films)
    off = np.log([film.factor / factor for film in films])
    corner = f"{np.median(errors):.2f}; {errors.mean():.2f}; {np.percentile(errors, 90):.2f}" if errors.size else "-"
    return " | ".join((
        f"{factor:g}", f"{100 * found / max(asked, 1):.1f}", str(sum(film.false for film in films)),
        f"{100 * sum(film.named for film in films) / max(found, 1):.1f}", corner,
        f"{sum(film.told for film in films)} of {len(films)}", f"{100 * np.sqrt(np.mean(off**2)):.1f}",
    ))  # fmt: skip


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.2 <= value <= 5.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no factor of 0.2 to 5")
    return value


def main() -> int:
    """Print a line for each factor."""
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=options.path_of_input, required=True, help="folder as synthesize writes it")
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--factors", type=_factor, nargs="+", default=FACTORS, help="of the width")
    parser.add_argument("--limit", type=options.positive, help="only the first films")
    args = parser.parse_args()
    films = [replace(film, details=()) for film in read_coco(args.films / "annotations.json")[: args.limit]]
    if not films:
        raise InputError(f"{args.films}: no film is annotated; give a folder as kummell-ai synthesize writes it")
    predictor = Predictor.load(args.model)
    print("factor | found, % | false | names right, % | corners, median; mean; 90th, mm | told | factor off, %")
    for factor in args.factors:
        print(line(factor, list(read_all(args.films, films, factor, predictor))), flush=True)
    return 0


if __name__ == "__main__":
    from ending import end

    end(main)

"""How far off corners are where the film is evenly grey, and how often their 95 % ellipses hold the truth.

    python scripts/evaluate_contrast.py --films runs/check runs/check2 [--model DIR] [--keep FILE]

FILMS are annotated sets, as those of synthesize, no two of which share the name of a film. A corner is evenly grey by
`landmarks.assembly.is_even`; its covariance is that of the network times `EVEN_FACTOR` there. Prints for those corners,
and for all others of vertebrae that were found, their errors and the share of ellipses that hold, as they are and
without that factor; and by the contrast about a corner the factor that the ellipses without it would need to hold 95 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from calibrate_covariance import located, parser_of_sets
from ending import end
from numpy.typing import NDArray

from kummell_ai.annotations import films_folder
from kummell_ai.errors import InputError
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.evaluation.matching import match_vertebrae
from kummell_ai.evaluation.parts import read_film
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.imaging.annotation import NO_CONTRAST, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.intensity import GreyArray, square_about
from kummell_ai.landmarks.assembly import EVEN_FACTOR, EVEN_REACH, Uncertainty, calibrated, is_even, most_even
from kummell_ai.landmarks.checkpoint import read_info

BANDS = (0.0, 0.004, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 1.0)
"""Ends of the bands of contrast."""


@dataclass(frozen=True, slots=True)
class Corners:
    """The corners (n,) of the vertebrae of a film that were found and whose truth is known.

    Attributes:
        even: whether nothing is seen there.
        off_mm: distance from the truth; px where the film has no scale.
        distance, before: squared Mahalanobis distance of the truth, as it is and without `EVEN_FACTOR`.
        contrast: standard deviation of the greys within `EVEN_REACH` of it, as a share of the film's whole range.
    """

    even: NDArray[np.bool_]
    off_mm: FloatArray
    distance: FloatArray
    before: FloatArray
    contrast: FloatArray


def corners_of(film: LocatedFilm, pixels: GreyArray, uncertainty: Uncertainty) -> Corners:
    """The corners of a film with grey values ``pixels`` (H, W), whose covariances are the network's own."""
    spacing = np.array([film.spacing.column_mm, film.spacing.row_mm])
    rows: list[tuple[bool, float, float, float, float]] = []
    most, span = most_even(pixels), float(np.ptp(pixels)) or 1.0
    pairs = match_vertebrae(film.found, film.truth.landmarks).pairs
    for t, f in pairs:
        true, found = film.truth.landmarks.vertebrae[t].corners_px, film.found.vertebrae[f]
        even = np.zeros(len(found.points_px), dtype=bool)
        if NO_CONTRAST in found.flags and np.isfinite(found.depth_px):
            even = is_even(pixels, found.points_px, found.depth_px, most)
        covariances = [_calibrated(film, body, uncertainty) for body in (found, _without_factor(found, even))]
        for k in np.flatnonzero(np.isfinite(true - found.corners_px).all(axis=1)):
            off = true[k] - found.corners_px[k]
            now, before = (float(off @ np.linalg.solve(c[k], off)) for c in covariances)
            contrast = _deviation(pixels, found.corners_px[k], EVEN_REACH * found.depth_px) / span
            rows.append((bool(even[k]), float(np.linalg.norm(off * spacing)), now, before, contrast))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    return Corners(columns[0] > 0, *columns[1:])


def _deviation(pixels: GreyArray, point_px: FloatArray, reach_px: float) -> float:
    """Standard deviation of the greys in the square about a point; NaN where there is none."""
    if not np.isfinite(reach_px):
        return float("nan")
    x, y = point_px.tolist()
    patch = square_about(pixels, (x, y), reach_px)
    return float(patch.std()) if patch.size else float("nan")


def _without_factor(body: VertebraLandmarks, even: NDArray[np.bool_]) -> VertebraLandmarks:
    if body.covariance_px is None:
        return body
    return replace(body, covariance_px=body.covariance_px / np.where(even, EVEN_FACTOR, 1.0)[:, None, None])


def _calibrated(film: LocatedFilm, body: VertebraLandmarks, uncertainty: Uncertainty) -> FloatArray:
    alone = replace(film.found, vertebrae=(body,), level_evidence=None)
    (made,) = calibrated(alone, uncertainty, film.spacing).vertebrae
    assert made.covariance_px is not None
    return made.covariance_px


def lines(films: list[Corners]) -> Iterator[str]:
    """A line for the corners where nothing is seen, and one for the others."""
    numbers = np.repeat(np.arange(len(films)), [len(film.even) for film in films])
    even, off, now, before, contrast = (
        np.concatenate([getattr(film, name) for film in films]) for name in Corners.__slots__
    )
    heads = f"{'corners':>9}{'films':>7}{'mean, mm':>10}{'> 2 mm, %':>11}"
    yield f"{'':14}{heads}{'ellipses hold, %: without factor':>34}{'as it is':>10}"
    for name, some in (("evenly grey", even), ("others", ~even)):
        if some.any():
            held = [100.0 * float((d[some] <= ELLIPSE_95).mean()) for d in (before, now)]
            yield (
                f"{name:14}{some.sum():>9}{len(set(numbers[some])):>7}{off[some].mean():>10.2f}"
                f"{100.0 * (off[some] > 2.0).mean():>11.1f}{held[0]:>34.1f}{held[1]:>10.1f}"
            )
    yield "by the standard deviation of the greys about a corner, % of the film's range; without the factor:"
    yield f"{'':14}{'corners':>9}{'mean, mm':>10}{'ellipses hold, %':>18}{'factor for 95 %':>17}"
    for low, high in pairwise(BANDS):
        some = (contrast >= low) & (contrast < high)
        if some.any():
            held, needed = (
                100.0 * (before[some] <= ELLIPSE_95).mean(),
                float(np.quantile(before[some], 0.95)) / ELLIPSE_95,
            )
            name = f"{100.0 * low:g} to {100.0 * high:g}"
            yield f"{name:14}{some.sum():>9}{off[some].mean():>10.2f}{held:>18.1f}{needed:>17.2f}"
    far = off > 2.0
    if far.any():
        yield f"of {far.sum()} corners beyond 2 mm {100.0 * even[far].mean():.0f} % lie where the film is evenly grey"


def pixels_of(film: LocatedFilm, sets: Sequence[Path]) -> GreyArray:
    """The grey values (H, W) of a film of one of the annotated sets.

    Raises:
        InputError: several sets have a film of that name.
    """
    name = film.truth.file_name
    folders = [folder for folder in map(films_folder, sets) if (folder / name).is_file()]
    if len(folders) > 1:
        raise InputError(f"{name} is in {folders[0]} and in {folders[1]}; expected in one: give these sets apart", name)
    return read_film(folders[0], film.truth).pixels


def main() -> int:
    """Print the counts for the films that the command line names."""
    args = parser_of_sets(__doc__).parse_args()
    uncertainty = Uncertainty.from_info(read_info(args.model))
    counted = []
    for film in located(args.films, args.model, args.keep, args.limit):
        counted.append(corners_of(film, pixels_of(film, args.films), uncertainty))
    if not any(film.even.size for film in counted):
        print("no vertebra of these films was found")
        return 1
    print("\n".join(lines(counted)))
    return 0


if __name__ == "__main__":
    end(main)

"""How often a corner beyond the edge of the film is given as if it were on it, and one on the film is withheld.

    python scripts/evaluate_edges.py --films runs/calibration runs/check [--model DIR] [--keep FILE]

FILMS are annotated sets whose bodies have corners off the film, as those of synthesize. A true body of two corners or
more on the film is held against the located one that lies nearest by the corners both have, within a quarter of its
depth. Prints how many corners off the film are given, how far from the edge, and how many on the film are not given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from calibrate_covariance import located, parser_of_sets
from ending import end
from numpy.typing import NDArray

from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray

NEAR = 0.25
"""Mean distance of the corners of a pair of bodies at most, as a share of the depth."""

FAR_MM = 2.0
"""A given corner further than this within the edge looks like one of a whole body."""


@dataclass(frozen=True, slots=True)
class Corners:
    """The four corners of a body.

    Attributes:
        on_film: (4,) truly.
        given: (4,) by the program.
        inside_mm: (4,) distance of a given one to the nearest edge of the film; NaN = not given, or no scale.
    """

    on_film: NDArray[np.bool_]
    given: NDArray[np.bool_]
    inside_mm: FloatArray


def corners_of(film: LocatedFilm) -> Iterator[Corners]:
    """The corners of the true bodies of a film that were found."""
    spacing = np.array([film.spacing.column_mm, film.spacing.row_mm])
    size = np.array(film.truth.size_px, dtype=np.float64)
    for true in film.truth.landmarks.vertebrae:
        on_film = np.isfinite(true.corners_px).all(axis=1)
        found = nearest(true, film.found.vertebrae) if on_film.sum() >= 2 else None
        if found is not None:
            given = np.isfinite(found.corners_px).all(axis=1)
            inside = np.minimum(found.corners_px, size - found.corners_px) * spacing
            yield Corners(on_film, given, inside.min(axis=1))


def nearest(true: VertebraLandmarks, found: Sequence[VertebraLandmarks]) -> VertebraLandmarks | None:
    """The located body whose corners lie nearest to those of ``true``.

    `match_vertebrae` asks for three corners on the film, and of a body that is cut there may be two.
    """
    best, least = None, np.inf
    for body in found:
        distance = np.linalg.norm(body.corners_px - true.corners_px, axis=1)
        both = np.isfinite(distance)
        depth = np.nanmax([np.nan_to_num(true.depth_px), np.nan_to_num(body.depth_px)])
        if both.any() and distance[both].mean() < min(least, NEAR * depth):
            best, least = body, float(distance[both].mean())
    return best


def main() -> int:
    """Print the counts for the films that the command line names."""
    args = parser_of_sets(__doc__).parse_args()
    films = located(args.films, args.model, args.keep, args.limit)
    bodies = [body for film in films for body in corners_of(film)]
    if not bodies:
        print("no body of these films was found")
        return 1
    on_film, given, inside = (np.concatenate([getattr(body, name) for body in bodies]) for name in Corners.__slots__)
    wrong, far = ~on_film & given, ~on_film & given & (inside > FAR_MM)
    cut = sum(not body.on_film.all() for body in bodies)
    whole = sum(bool(body.given.all()) for body in bodies if not body.on_film.all())
    print(f"{len(films)} films, {len(bodies)} bodies found, {cut} of them cut by the edge")
    print(f"corners off the film: {(~on_film).sum()}; given all the same: {wrong.sum()}, "
          f"{far.sum()} of them more than {FAR_MM:g} mm within the edge")  # fmt: skip
    print(f"bodies cut by the edge that are given whole: {whole}")
    print(f"corners on the film: {on_film.sum()}; not given: {(on_film & ~given).sum()}")
    return 0


if __name__ == "__main__":
    end(main)

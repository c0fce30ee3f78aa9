"""How well decoded vertebrae agree with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.landmarks.grouping import Candidate, endplate_depth
from kummell_ai.landmarks.heatmaps import OpenEnds, ends_of


@dataclass(frozen=True, slots=True)
class FilmAgreement:
    """One film's decoded vertebrae held against its truth.

    Attributes:
        truth: number of vertebrae wholly on the film.
        found: how many of them were found.
        false: decoded vertebrae that no vertebra of the truth explains.
        error_px: (found * 4,) corner errors (px).
        error_share: (found * 4,) the same over the vertebra's depth.
        named, named_right: found vertebrae with a known level, and those whose most probable level is right.
    """

    truth: int
    found: int
    false: int
    error_px: FloatArray
    error_share: FloatArray
    named: int
    named_right: int


def agreement(
    bodies: Sequence[Candidate],
    points_px: FloatArray,
    levels: NDArray[np.int8],
    size: tuple[int, int],
    open_ends: OpenEnds = (False, False),
) -> FilmAgreement:
    """Match ``bodies`` with the truth (V, 4, 2) on a film of ``size`` (rows, columns).

    A body matches the vertebra whose centre is nearest and within half a depth.
    Vertebrae partly outside the film are neither asked for nor held against the decoder, nor are those beyond
    ``open_ends``.
    """
    whole = whole_vertebrae(points_px, size)
    errors: list[FloatArray] = []
    shares: list[FloatArray] = []
    free = set(range(len(bodies)))
    named = right = 0
    for v in np.flatnonzero(whole):
        depth = endplate_depth(points_px[v])
        match = _nearest(bodies, free, points_px[v].mean(axis=0), 0.5 * depth)
        if match is None:
            continue
        free.discard(match)
        error = np.linalg.norm(bodies[match].points_px - points_px[v], axis=1)
        errors.append(error)
        shares.append(error / depth)
        if levels[v] >= 0:
            named += 1
            right += int(bodies[match].level_log_probability.argmax() == levels[v])
    partial = [np.nanmean(p, axis=0) for p, w in zip(points_px, whole, strict=True) if not w and np.isfinite(p).any()]
    for _, middle, way in ends_of(points_px, open_ends):
        free = {i for i in free if float((bodies[i].centre_px - middle) @ way) <= 0.0}
    false = sum(not any(np.linalg.norm(bodies[i].centre_px - p) < bodies[i].depth_px for p in partial) for i in free)
    return FilmAgreement(int(whole.sum()), len(errors), int(false), _join(errors), _join(shares), named, right)


def summary(films: Sequence[FilmAgreement]) -> dict[str, float]:
    """Figures over many films: median and 90th percentile errors, share found, false ones a film, names right."""
    px, share = _join([f.error_px for f in films]), _join([f.error_share for f in films])
    truth, found = sum(f.truth for f in films), sum(f.found for f in films)
    empty = len(px) == 0
    return {
        "error_px_median": float("nan") if empty else float(np.median(px)),
        "error_percent_median": float("nan") if empty else 100.0 * float(np.median(share)),
        "error_percent_p90": float("nan") if empty else 100.0 * float(np.percentile(share, 90)),
        "found_share": found / max(truth, 1),
        "false_per_film": sum(f.false for f in films) / max(len(films), 1),
        "level_right_share": sum(f.named_right for f in films) / max(sum(f.named for f in films), 1),
    }


def whole_vertebrae(points_px: FloatArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(V,) whether all four corners lie on a film of ``size`` (rows, columns)."""
    inside = (points_px > 0).all(axis=2) & (points_px[..., 0] < size[1]) & (points_px[..., 1] < size[0])
    return np.asarray(inside.all(axis=1), dtype=np.bool_)


def _nearest(bodies: Sequence[Candidate], free: set[int], centre: FloatArray, reach: float) -> int | None:
    distances = [(float(np.linalg.norm(bodies[i].centre_px - centre)), i) for i in free]
    distance, index = min(distances, default=(np.inf, -1))
    return index if distance <= reach else None


def _join(parts: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(parts) if parts else np.zeros(0)

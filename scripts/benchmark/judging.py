"""Holds a trained design against films with truth; counted as by scripts/evaluate_shards.py."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.evaluation import corner_errors, match_vertebrae
from kummell_ai.evaluation.matching import is_asked_for
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.fitting import fit, plan_rows
from kummell_ai.training.samples import TrainingFilm, truth_of
from scripts.benchmark.design import Body, Design

THRESHOLDS = (0.02, 0.05, *(round(0.1 * k, 1) for k in range(1, 10)), 0.95)
"""Confidences from which the threshold is chosen, on the validation films."""

CLOSE_PERCENT = 10.0
"""A corner within so many % of the depth counts as placed."""


@dataclass(frozen=True, slots=True)
class Read:
    """A film with what a design found on it, at any confidence, and the processor seconds that took.

    Beside a GPU these say nothing: None.
    """

    film: TrainingFilm
    bodies: tuple[VertebraLandmarks, ...]
    seconds: float | None


def read_films(design: Design, network: nn.Module, films: Sequence[TrainingFilm], rows: int) -> list[Read]:
    """Run ``design`` on each film at ``rows`` network rows, one look, the side told."""
    return [_read(design, network, film, rows) for film in films]


def choose_threshold(reads: Sequence[Read]) -> float:
    """The threshold with the best F1 of found vertebrae; the lowest of equal ones."""

    def f1(threshold: float) -> float:
        counts = summarise(reads, threshold)
        return 2.0 * counts["found"] / max(counts["vertebrae"] + counts["found"] + counts["false"], 1)

    return max(THRESHOLDS, key=f1)


def summarise(reads: Sequence[Read], threshold: float) -> dict[str, Any]:
    """Counts and corner errors over the films, of bodies at or above ``threshold``."""
    asked = found = false = right = 0
    seconds = [read.seconds for read in reads if read.seconds is not None]
    percent: list[FloatArray] = []
    px: list[FloatArray] = []
    for read in reads:
        truth = truth_of(read.film)
        bodies = tuple(b for b in read.bodies if b.confidence >= threshold)
        matching = match_vertebrae(SpineLandmarks(bodies, truth.reference, truth.facing), truth)
        pairs = [(truth.vertebrae[i], bodies[j]) for i, j in matching.pairs]
        pairs = [(true, body) for true, body in pairs if true.level is not VertebralLevel.S1]
        asked += sum(is_asked_for(body) for body in truth.vertebrae)
        found, false = found + len(pairs), false + len(matching.false)
        right += sum(body.level is true.level for true, body in pairs)
        errors = [corner_errors(body, true, _spacing(read.film)) for true, body in pairs]
        percent += [e.percent for e in errors]
        px += [e.distance_px for e in errors]
    return {
        "films": len(reads),
        "vertebrae": asked,
        "found": found,
        "found_percent": _share(found, asked),
        "false": false,
        "level_right_percent": _share(right, found),
        **_figures("percent_of_depth", percent),
        **_figures("px", px),
        "placed_percent": _share(int((_seen(percent) <= CLOSE_PERCENT).sum()), 4 * asked),
        "seconds_a_film": float(np.mean(seconds)) if seconds else None,
    }


def _read(design: Design, network: nn.Module, film: TrainingFilm, rows: int) -> Read:
    name = ImageReference(f"seed {film.seed}", simulated=True)
    radiograph = Radiograph((film.image / np.float32(255)).astype(np.float32), _spacing(film), name)
    fitted = fit(radiograph, plan_rows(radiograph, rows, film.view == "right"))
    began = time.process_time()
    found = design.locate(network, torch.from_numpy(fitted.pixels)[None, None].to(design.device))
    seconds = time.process_time() - began if design.device.type == "cpu" else None
    shown = np.array(fitted.content[::-1], dtype=np.float64)
    inside = [b for b in found if (b.points_px.mean(axis=0) < shown).all()]
    back = fitted.to_network.inverse()
    size = np.array(film.image.shape[::-1], dtype=np.float64)
    bodies = [_landmarks(replace(b, points_px=back.apply(b.points_px)), size) for b in inside]
    bodies = [b for b in bodies if np.isfinite(b.points_px).any()]
    return Read(film, tuple(sorted(bodies, key=lambda b: float(b.centre_px[1]))), seconds)


def _landmarks(body: Body, size: FloatArray) -> VertebraLandmarks:
    points = body.points_px.copy()
    points[np.any((points < 0.0) | (points > size), axis=1)] = np.nan
    return VertebraLandmarks(points, body.level, confidence=body.confidence)


def _spacing(film: TrainingFilm) -> PixelSpacing:
    mm = film.spacing_mm
    return PixelSpacing(mm, mm, Calibration.GEOMETRY) if np.isfinite(mm) else PixelSpacing.unknown()


def _figures(unit: str, errors: list[FloatArray]) -> dict[str, float | None]:
    seen = _seen(errors)
    if not seen.size:
        return {f"corner_{name}_{unit}": None for name in ("median", "mean", "p90")}
    values = (float(np.median(seen)), float(np.mean(seen)), float(np.percentile(seen, 90)))
    return {f"corner_{name}_{unit}": value for name, value in zip(("median", "mean", "p90"), values, strict=True)}


def _seen(errors: list[FloatArray]) -> FloatArray:
    joined: FloatArray = np.concatenate([*errors, np.empty(0)])
    return joined[np.isfinite(joined)]


def _share(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None

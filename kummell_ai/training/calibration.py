"""Sets the size of the corner covariances from held-out films, so that 95 % of the errors lie in their ellipse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kummell_ai.anatomy import CORNERS
from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.assembly import FLOOR_SHARE
from kummell_ai.landmarks.checkpoint import read_info, write_info
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.training.metrics import whole_vertebrae
from kummell_ai.training.samples import ShardReader, TrainingFilm

ELLIPSE_95 = 5.991464547107979
"""95 % quantile of the chi-square distribution with 2 degrees of freedom."""

ENOUGH = 100
"""Errors that a corner needs to be calibrated."""


def as_radiograph(film: TrainingFilm) -> Radiograph:
    """A training film as the predictor sees films: with its scale, without its facing."""
    known = np.isfinite(film.spacing_mm) and film.spacing_mm > 0
    side = film.spacing_mm
    spacing = PixelSpacing(side, side, Calibration.GEOMETRY) if known else PixelSpacing.unknown()
    pixels = film.image.astype(np.float32) / np.float32(255.0)
    return Radiograph(pixels, spacing, ImageReference(f"film-{film.seed}"))


def calibrate(model: Path, shards: Path, films: int | None = None) -> dict[str, float]:
    """Write ``covariance_scale`` into the model.json of ``model``; returns the share covered before and the factors.

    Raises:
        CheckpointError: ``model`` is no fitting model folder.
        InputError: too few vertebrae were found to say anything.
    """
    info = read_info(model)
    predictor = Predictor.load(model)
    old = np.broadcast_to(np.asarray(info.get("covariance_scale") or 1.0, dtype=np.float64), (len(CORNERS),))
    rows = list(_errors(predictor, ShardReader(shards, films), old))
    if len(rows) < ENOUGH:
        raise InputError(f"{shards} gives {len(rows)} matched vertebrae; {ENOUGH} are needed: add films", len(rows))
    error, covariance, floor = (np.array(part) for part in zip(*rows, strict=True))
    report: dict[str, float] = {}
    scales: list[float] = []
    for k, corner in enumerate(CORNERS):
        report[f"{corner.key}_covered_before"] = covered(error[:, k], covariance[:, k], floor, float(old[k]))
        scales.append(fitting_scale(error[:, k], covariance[:, k], floor))
        report[f"{corner.key}_factor"] = scales[-1]
    write_info(Path(model), {**info, "covariance_scale": [round(s, 4) for s in scales]})
    return report


def covered(error: FloatArray, covariance: FloatArray, floor: FloatArray, scale: float) -> float:
    """Share of errors (N, 2) in the 95 % ellipse of ``scale`` * covariance (N, 2, 2) + ``floor`` (N,) * identity."""
    total = covariance * scale + floor[:, None, None] * np.eye(2)
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(total), error)
    return float((distance <= ELLIPSE_95).mean())


def fitting_scale(error: FloatArray, covariance: FloatArray, floor: FloatArray) -> float:
    """The factor with which 95 % of the errors are covered, in [0.01, 1000], by halving the interval."""
    low, high = np.log(0.01), np.log(1000.0)
    for _ in range(40):
        middle = 0.5 * (low + high)
        if covered(error, covariance, floor, float(np.exp(middle))) < 0.95:
            low = middle
        else:
            high = middle
    return float(np.exp(high))


def _errors(
    predictor: Predictor, reader: ShardReader, old: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    """Error (4, 2), raw covariance (4, 2, 2) and floor (px²) of every matched vertebra."""
    for i in range(len(reader)):
        film = reader[i]
        if film.view == "frontal":
            continue
        found = predictor.locate(as_radiograph(film))
        truth = np.asarray(film.points_px, dtype=np.float64)
        for points in truth[whole_vertebrae(truth, film.image.shape)]:
            yield from _match(found, points, old)


def _match(
    found: SpineLandmarks, points: FloatArray, old: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    depth = float(np.linalg.norm(points[[0, 2]] - points[[1, 3]], axis=1).mean())
    for body in found.vertebrae:
        near = np.linalg.norm(body.centre_px - points.mean(axis=0)) < 0.4 * depth
        if near and body.covariance_px is not None and np.isfinite(body.corners_px).all():
            floor = (FLOOR_SHARE * body.depth_px) ** 2
            raw = (body.covariance_px[: len(CORNERS)] - floor * np.eye(2)) / old[:, None, None]
            yield body.corners_px - points, raw, floor
            return

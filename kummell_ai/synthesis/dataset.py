"""Folders of simulated films: DICOM or PNG, COCO truth, a table of true measurements."""

from __future__ import annotations

import csv
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.dicom.write import write_simulated_dicom
from kummell_ai.errors import UsageError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import ImageReference
from kummell_ai.synthesis.case import SimulatedCase, SimulatedFilm, banks_of, generate_case
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.truth import true_measurements

FORMATS = ("dicom", "png")
FILMS_PER_PATIENT = 3


@dataclass(frozen=True, slots=True)
class _Job:
    folder: Path
    seed: int
    films: int
    recipe: Recipe
    form: str


def write_dataset(
    out: Path,
    count: int,
    seed: int,
    recipe: Recipe,
    *,
    workers: int = 1,
    form: str = "dicom",
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Simulate ``count`` films, three a patient (before, after, follow-up); the last patient may have fewer.

    A run that was stopped goes on where it ended. The same seed gives the same films on any number of workers.

    Args:
        out: folder; gets ``films/``, ``annotations.json`` (COCO keypoints) and ``truth.csv``.
        count: films, at least 1.
        seed: patient k has seed ``seed + k``.
        recipe: what to simulate.
        workers: processes.
        form: ``dicom`` or ``png``.
        progress: called with the number of films done since the last call.

    Returns:
        Path of ``annotations.json``.

    Raises:
        UsageError: ``count``, ``workers`` or ``form`` is out of range.
        ConfigError: the recipe's templates cannot be used.
    """
    if count < 1 or workers < 1 or seed < 0:
        raise UsageError(f"count {count}, workers {workers}, seed {seed}: count and workers start at 1, a seed at 0")
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is unknown; use {' or '.join(FORMATS)}", form)
    if recipe.templates:
        banks_of(recipe, seed)  # before anything is written
    (out / "films").mkdir(parents=True, exist_ok=True)
    (out / "parts").mkdir(exist_ok=True)
    jobs = [
        _Job(out, seed + k, min(FILMS_PER_PATIENT, count - k * FILMS_PER_PATIENT), recipe, form)
        for k in range(-(-count // FILMS_PER_PATIENT))
    ]
    for done in _run(jobs, workers):
        if progress is not None:
            progress(done)
    films = [film for job in jobs for film in read_coco(_part(job))]
    target = out / "annotations.json"
    write_coco(target.with_suffix(".partial"), films)
    os.replace(target.with_suffix(".partial"), target)
    _write_truth(out / "truth.csv", films)
    return target


def _run(jobs: list[_Job], workers: int) -> Iterator[int]:
    if workers == 1 or len(jobs) == 1:
        yield from map(_make_patient, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_make_patient, jobs)


def _part(job: _Job) -> Path:
    made_with = hashlib.sha256(f"{job.recipe} {job.films} {job.form}".encode()).hexdigest()[:8]
    return job.folder / "parts" / f"SIM{job.seed:08d}-{made_with}.json"


def _make_patient(job: _Job) -> int:
    part = _part(job)
    if not part.exists():
        case = generate_case(job.seed, job.recipe)
        films = [_write_film(job, case, film, k) for k, film in enumerate(case.films[: job.films])]
        write_coco(part.with_suffix(".partial"), films)
        os.replace(part.with_suffix(".partial"), part)
    return job.films


def _write_film(job: _Job, case: SimulatedCase, film: SimulatedFilm, number: int) -> AnnotatedFilm:
    suffix = ".dcm" if job.form == "dicom" else ".png"
    name = f"{case.patient_id}-{number}-{film.phase.value}"
    path = job.folder / "films" / (name + suffix)
    partial = path.with_suffix(".partial")
    if job.form == "dicom":
        write_simulated_dicom(
            partial,
            film.pixels,
            spacing=film.spacing,
            patient_id=case.patient_id,
            acquired=film.acquired,
            facing=film.landmarks.facing,
            comment=f"Phase {film.phase.value}.",
            seed=job.seed * 10 + number,
        )
    else:
        _write_png(partial, film.pixels)
    os.replace(partial, path)
    reference = ImageReference(name, patient_id=case.patient_id, acquired=film.acquired, simulated=True)
    landmarks: SpineLandmarks = replace(film.landmarks, reference=reference)
    extra: dict[str, Any] = {
        "phase": film.phase.value,
        "index_level": case.index_level.value,
        "truth": true_measurements(film.corners_mm, case.index_level),
    }
    height, width = film.pixels.shape
    return AnnotatedFilm(f"films/{path.name}", (width, height), landmarks, film.spacing, extra)


def _write_png(path: Path, pixels: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    from PIL import Image

    Image.fromarray(np.rint(pixels * 65535).astype(np.uint16)).save(path, format="PNG")


def _write_truth(path: Path, films: list[AnnotatedFilm]) -> None:
    rows = [
        {
            "file_name": f.file_name,
            "patient": f.landmarks.reference.patient_id,
            "phase": f.extra["phase"],
            "index_level": f.extra["index_level"],
            **f.extra["truth"],
        }
        for f in films
    ]
    names = list(dict.fromkeys(key for row in rows for key in row))
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)

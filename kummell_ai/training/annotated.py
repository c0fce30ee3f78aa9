"""Annotated films -> films and crops to train from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, films_folder, read_annotations, why_not_a_spine
from kummell_ai.annotations.coco import with_patient
from kummell_ai.annotations.corners import facing_of
from kummell_ai.annotations.source import OnFault
from kummell_ai.dicom.read import read_annotated
from kummell_ai.errors import InputError
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.channels import STATES
from kummell_ai.landmarks.heatmaps import OpenEnds
from kummell_ai.training.crop_samples import VertebraCrop, take_crop
from kummell_ai.training.samples import ShardReader, TrainingFilm

SPLIT_STEPS = 10_000
SQUARE = 0.002
"""Pixels whose sides differ by less than this share are taken as square; 0.2 px in 100."""


def read_set(
    path: Path, form: str, facing: Facing | None, on_fault: OnFault | None = None
) -> Iterator[tuple[int, AnnotatedFilm, Radiograph | InputError]]:
    """Number, annotation and picture of the films of a set; why a film cannot be used in the place of its picture.

    The patient is that of the annotation, or else of the film's header.

    Args:
        path: folder or file of the set.
        form: of its annotations.
        facing: of its films, or None.
        on_fault: told of each annotation that cannot be used; None = such a one ends the reading.

    Raises:
        InputError: the annotations cannot be read.
    """
    folder = films_folder(path)
    for number, film in enumerate(read_annotations(path, form, facing=facing, on_fault=on_fault)):
        fault = why_not_a_spine(film.landmarks)
        found = InputError(f"{film.file_name}: {fault}", fault) if fault else _read(folder, film)
        yield number, film if isinstance(found, InputError) else with_patient(film, found), found


def is_held_out(film: AnnotatedFilm, share: float) -> bool:
    """Whether a film's patient belongs to the validation films; the same for all films of a patient, at every call.

    Args:
        film: its annotation; a film that names no patient is a patient of its own.
        share: of the patients that are held out.

    Raises:
        InputError: ``share`` is not 0 to 1.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"share is {share:g}; give 0 to 1, for example 0.1", share)
    patient = film.landmarks.reference.patient_id or film.file_name
    number = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")
    return number % SPLIT_STEPS < share * SPLIT_STEPS


def to_training_film(film: AnnotatedFilm, radiograph: Radiograph, rows: int, columns: int, seed: int) -> TrainingFilm:
    """The film scaled into a box of ``rows`` x ``columns`` px, pixels made square; ``seed`` only numbers it."""
    vertebrae = film.landmarks.vertebrae
    spacing = film.spacing or radiograph.spacing
    frame, scaled = fit_to_box(film.size_px, spacing, rows, columns)
    image = np.zeros((rows, columns), dtype=np.uint8)
    image[: scaled[1], : scaled[0]] = np.clip(np.round(_resized(radiograph.pixels, scaled) * 255), 0, 255)
    points = [frame.apply(v.corners_px) for v in vertebrae]
    flags = {name: np.array([name in v.flags for v in vertebrae], dtype=bool) for name in STATES}
    return TrainingFilm(
        image=image,
        points_px=np.array(points, dtype=np.float32).reshape(-1, 4, 2),
        level=np.array([-1 if v.level is None else v.level.index for v in vertebrae], dtype=np.int8),
        view="right" if facing_of(points) is Facing.RIGHT else "left",
        spacing_mm=spacing.row_mm / frame.scale_y if spacing.is_metric else float("nan"),
        seed=seed,
        open_ends=open_ends_of(film),
        **flags,
    )


def open_ends_of(film: AnnotatedFilm) -> OpenEnds:
    """Whether the spine may go on above and below what is annotated, so that nothing there may be learnt as empty.

    People mark the vertebrae that they need, those of BUU-LSPINE from L1 on; simulated films have all that is seen.
    """
    bodies = [v for v in film.landmarks.vertebrae if np.isfinite(v.centre_px).all()]
    if film.landmarks.reference.simulated or not bodies:
        return False, False
    bodies.sort(key=lambda body: float(body.centre_px[1]))
    return bodies[0].level is not VertebralLevel.T1, bodies[-1].level is not VertebralLevel.S1


def check_empty(folder: Path, pattern: str) -> None:
    """Whether shards may be written into a folder.

    Raises:
        InputError: there are shards already, so that films would be there twice.
    """
    there = len(list(folder.glob(pattern)))
    if there:
        raise InputError(
            f"{folder} holds {pattern} already ({there}); films would be there twice: give a new folder", there
        )


def fit_to_box(
    size: tuple[int, int], spacing: PixelSpacing, rows: int, columns: int
) -> tuple[ScaleShift, tuple[int, int]]:
    """Map from film px to box px, and the film's (width, height) in the box."""
    width, height = size[0] * spacing.column_mm / spacing.row_mm, size[1]
    scale = min(columns / width, rows / height)
    scaled = max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale)))
    return ScaleShift.resize(scaled[0] / size[0], scaled[1] / size[1]), scaled


def crops_of_annotated(film: AnnotatedFilm, radiograph: Radiograph, seed: int) -> list[VertebraCrop]:
    """A crop of every vertebra of which all four corners are annotated, at the film's full resolution."""
    spacing = film.spacing or radiograph.spacing
    pixels, frame = _squared(radiograph.pixels, spacing)
    vertebrae = film.landmarks.vertebrae
    points = [frame.apply(v.points_px) for v in vertebrae]
    mirror = facing_of([p[:4] for p in points]) is Facing.RIGHT
    spacing_mm = spacing.row_mm if spacing.is_metric else float("nan")
    return [
        take_crop(pixels, own, v.flags, mirror=mirror, spacing_mm=spacing_mm, seed=seed)
        for v, own in zip(vertebrae, points, strict=True)
        if is_croppable(own, pixels.shape)
    ]


def crops_of_shards(folder: Path) -> Iterator[list[VertebraCrop]]:
    """The crops of each lateral film of a folder of training shards, at the shards' resolution."""
    reader = ShardReader(folder)
    for i in range(len(reader)):
        film = reader[i]
        pixels = film.image.astype(np.float32) / np.float32(255.0)
        yield [
            take_crop(
                pixels,
                points,
                frozenset(name for name, on in zip(STATES, states, strict=True) if on),
                mirror=film.view == "right",
                spacing_mm=film.spacing_mm,
                seed=film.seed,
            )
            for points, states in zip(film.points_px.astype(np.float64), film.states, strict=True)
            if is_croppable(points, pixels.shape)
        ]


def is_croppable(points_px: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether all four corners of (4|6, 2) are known and their middle lies on a film of ``shape`` (rows, columns)."""
    if not np.isfinite(points_px[:4]).all():
        return False
    x, y = points_px[:4].mean(axis=0)
    return bool(0 < x < shape[1] and 0 < y < shape[0])


def _squared(pixels: NDArray[np.float32], spacing: PixelSpacing) -> tuple[NDArray[np.float32], ScaleShift]:
    """The film with square pixels, as high as before, and the map to it."""
    height, width = pixels.shape
    aspect = spacing.column_mm / spacing.row_mm
    if abs(aspect - 1.0) < SQUARE:
        return pixels, ScaleShift.identity()
    wide = max(1, round(width * aspect))
    return _resized(pixels, (wide, height)), ScaleShift.resize(wide / width, 1.0)


def _resized(pixels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The film at ``size`` (width, height)."""
    import cv2

    shrinks = size[0] < pixels.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=way), dtype=np.float32)


def _read(folder: Path, film: AnnotatedFilm) -> Radiograph | InputError:
    frame = film.landmarks.reference.frame_number
    try:
        return read_annotated(folder / film.file_name, film.size_px, spacing=film.spacing, frame=frame)
    except InputError as error:
        return error

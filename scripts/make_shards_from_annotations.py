"""Training shards from annotated films: python scripts/make_shards_from_annotations.py SET --out runs/shards/train.

SET is any folder or file that `kummell-ai evaluate` takes (docs/annotations.md). Every film is scaled to fit into a box
of --rows x --columns px and padded with black at the right and at the bottom, so that all shards have films of one
size, as those of scripts/make_training_films.py. With --validation, a share of the *patients* goes there instead.
"""

from __future__ import annotations

import argparse
import hashlib
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS, AnnotatedFilm, films_folder, read_annotations
from kummell_ai.annotations.corners import facing_of
from kummell_ai.dicom import read_radiograph
from kummell_ai.errors import InputError
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.channels import STATES
from kummell_ai.training.samples import ShardWriter, TrainingFilm

SPLIT_STEPS = 10_000


def to_training_film(film: AnnotatedFilm, radiograph: Radiograph, rows: int, columns: int, seed: int) -> TrainingFilm:
    """The film scaled into the box, pixels made square; ``seed`` only numbers it."""
    vertebrae = film.landmarks.vertebrae
    spacing = film.spacing or radiograph.spacing
    frame, scaled = fit_to_box(film.size_px, spacing, rows, columns)
    shrinks = scaled[0] < film.size_px[0]
    small = cv2.resize(radiograph.pixels, scaled, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    image = np.zeros((rows, columns), dtype=np.uint8)
    image[: scaled[1], : scaled[0]] = np.clip(np.round(small * 255), 0, 255)
    points = [frame.apply(v.corners_px) for v in vertebrae]
    flags = {name: np.array([name in v.flags for v in vertebrae], dtype=bool) for name in STATES}
    return TrainingFilm(
        image=image,
        points_px=np.array(points, dtype=np.float32).reshape(-1, 4, 2),
        level=np.array([-1 if v.level is None else v.level.index for v in vertebrae], dtype=np.int8),
        view="right" if facing_of(points) is Facing.RIGHT else "left",
        spacing_mm=spacing.row_mm / frame.scale_y if spacing.is_metric else float("nan"),
        seed=seed,
        **flags,
    )


def fit_to_box(
    size: tuple[int, int], spacing: PixelSpacing, rows: int, columns: int
) -> tuple[ScaleShift, tuple[int, int]]:
    """Map from film px to box px, and the film's (width, height) in the box."""
    width, height = size[0] * spacing.column_mm / spacing.row_mm, size[1]
    scale = min(columns / width, rows / height)
    scaled = max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale)))
    return ScaleShift.resize(scaled[0] / size[0], scaled[1] / size[1]), scaled


def is_held_out(film: AnnotatedFilm, share: float) -> bool:
    """Whether a film's patient belongs to the validation films; the same for all films of a patient, at every call."""
    patient = film.landmarks.reference.patient_id or film.file_name
    number = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")
    return number % SPLIT_STEPS < share * SPLIT_STEPS


def read_film(folder: Path, film: AnnotatedFilm) -> Radiograph:
    radiograph = read_radiograph(folder / film.file_name, frame=film.landmarks.reference.frame_number)
    size = (radiograph.width, radiograph.height)
    if size != film.size_px:
        raise InputError(f"{film.file_name}: the film is {size} px, its annotation says {film.size_px}", film.size_px)
    return radiograph


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, metavar="SET")
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument("--form", choices=FORMS, default="auto")
    parser.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    parser.add_argument("--validation", type=Path, help="folder of shards for the held-out patients")
    parser.add_argument("--share", type=float, default=0.1, help="share of patients held out (default: 0.1)")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--columns", type=int, default=352)
    args = parser.parse_args(arguments)
    facing = None if args.facing is None else Facing(args.facing)
    films = read_annotations(args.dataset, args.form, facing=facing)
    folder, made, skipped = films_folder(args.dataset), {args.out: 0}, 0
    with ExitStack() as stack:
        writers = {out: stack.enter_context(ShardWriter(out)) for out in (args.out, args.validation) if out}
        for seed, film in enumerate(films):
            if not film.landmarks.vertebrae:
                skipped += 1
                continue
            out = args.validation if args.validation and is_held_out(film, args.share) else args.out
            writers[out].append(to_training_film(film, read_film(folder, film), args.rows, args.columns, seed))
            made[out] = made.get(out, 0) + 1
    for out, count in made.items():
        print(f"{count} films in {out}")
    if skipped:
        print(f"{skipped} films without an annotated vertebra left out")


if __name__ == "__main__":
    main()

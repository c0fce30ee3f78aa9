"""Simulate training films into shards: python scripts/make_training_films.py --out DIR --count 6000 --seed 1000000.

Films appear in the folder while training already reads it. A run that was stopped goes on where it ended when it is
called again with the same arguments, or a larger --count where it ended with a full shard; a shard of other films is
told and nothing is made. With --crops every lateral film gives crops for the second stage as well, as those
of scripts/make_crops.py, so that a film is simulated once for both stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ending import check_folders, end, not_negative
from make_crops import crops_of

from kummell_ai.anatomy import Facing
from kummell_ai.cli import options
from kummell_ai.synthesis.case import SimulatedFilm, generate_film
from kummell_ai.synthesis.dataset import check_sources
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.training.crop_samples import VertebraCrop, write_crops
from kummell_ai.training.samples import ShardWriter, TrainingFilm
from kummell_ai.training.shards import check_made, made_by
from kummell_ai.workers import run_jobs

FILMS_PER_SHARD = 64


def to_training_film(film: SimulatedFilm, seed: int) -> TrainingFilm:
    vertebrae = film.landmarks.vertebrae
    flags = {
        name: np.array([name in v.flags for v in vertebrae], dtype=bool)
        for name in ("fractured", "instrumented", "cemented")
    }
    return TrainingFilm(
        image=np.round(film.pixels * 255).astype(np.uint8),
        points_px=np.array([v.corners_px for v in vertebrae], dtype=np.float32).reshape(-1, 4, 2),
        level=np.array([v.level.index for v in vertebrae if v.level is not None], dtype=np.int8),
        view="frontal" if film.frontal else "right" if film.landmarks.facing is Facing.RIGHT else "left",
        spacing_mm=film.spacing.row_mm,
        seed=seed,
        **flags,
    )


Job = tuple[Path, Path | None, int, int, int, Recipe]


def films_there(jobs: Sequence[Job]) -> int:
    """Films of these jobs that are there already; a shard of other films is an error."""
    there = 0
    for folder, crops_folder, number, first_seed, count, recipe in jobs:
        path = folder / f"shard_{number:05d}.npz"
        if path.exists():
            check_made(path, made_by(recipe, first_seed, count, crops=crops_folder is not None))
            there += count
    return there


def make_shard(job: Job) -> int:
    folder, crops_folder, number, first_seed, count, recipe = job
    if (folder / f"shard_{number:05d}.npz").exists():
        return 0
    by = made_by(recipe, first_seed, count, crops=crops_folder is not None)
    writer, crops = ShardWriter(folder, films_per_shard=count, first=number, made_by=by), list[VertebraCrop]()
    for seed in range(first_seed, first_seed + count):
        film = generate_film(seed, recipe)
        writer.append(to_training_film(film, seed))
        if crops_folder is not None and not film.frontal:
            crops.extend(crops_of(film, seed))
    if crops_folder is not None and crops:  # before the films: their shard says that both are there
        write_crops(crops_folder / f"crops_{number:05d}.npz", crops, by)
    writer.close()
    return count


def main() -> None:
    parser = options.Parser(description=__doc__)
    parser.add_argument("--out", type=options.path_of_input, required=True, help="folder of shards")
    parser.add_argument("--crops", type=options.path_of_input, help="folder for crops of the same films")
    parser.add_argument("--count", type=options.positive, default=6000, help="films (default: 6000)")
    parser.add_argument("--seed", type=not_negative, default=1_000_000, help="of the first film (default: 1000000)")
    parser.add_argument(
        "--recipe",
        type=options.path_of_input,
        default=Path("configs/synthesis/training.yaml"),
        help="default: %(default)s",
    )
    parser.add_argument("--templates", action="append", default=None, help="folder of bones; may be repeated")
    parser.add_argument("--backgrounds", action="append", default=None, help="CTs; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--workers", type=options.positive, default=1, help="processes (default: 1)")
    parser.add_argument("--first-shard", type=not_negative, default=0, help="number of the first shard (default: 0)")
    args = parser.parse_args()
    check_folders(args.out)
    if args.crops is not None:
        check_folders(args.crops)
    recipe = load_recipe(args.recipe, args.set, templates=args.templates, backgrounds=args.backgrounds)
    check_sources(recipe)
    jobs = [
        (
            args.out,
            args.crops,
            args.first_shard + k,
            args.seed + k * FILMS_PER_SHARD,
            min(FILMS_PER_SHARD, args.count - k * FILMS_PER_SHARD),
            recipe,
        )
        for k in range(-(-args.count // FILMS_PER_SHARD))
    ]
    there = films_there(jobs)
    if there:
        print(f"{there} films are there already", flush=True)
    for folder in filter(None, (args.out, args.crops)):
        folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for made in run_jobs(make_shard, jobs, args.workers):
        done += made
        print(f"{done} films made", flush=True)


if __name__ == "__main__":
    end(main)

"""Simulate crops about single vertebrae into shards: scripts/make_crops.py --out DIR --films 2000 --seed 50000000.

Films are simulated at 1024 rows and every vertebra whose centre is on one gives a crop. Shards appear in the folder
while training already reads it; a run that was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import multiprocessing
from pathlib import Path

from kummell_ai.anatomy import Facing
from kummell_ai.synthesis.case import SimulatedFilm, generate_film
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.training.crop_samples import VertebraCrop, take_crop, write_crops

FILMS_PER_SHARD = 32


def crops_of(film: SimulatedFilm, seed: int) -> list[VertebraCrop]:
    height, width = film.pixels.shape
    flags = {v.level: v.flags for v in film.landmarks.vertebrae}
    crops = []
    for vertebra in film.vertebrae:
        points = vertebra.points_px
        centre = points[:4].mean(axis=0)
        if vertebra.level in flags and 0 < centre[0] < width and 0 < centre[1] < height:
            crops.append(
                take_crop(
                    film.pixels,
                    points,
                    flags[vertebra.level],
                    mirror=film.landmarks.facing is Facing.RIGHT,
                    spacing_mm=film.spacing.row_mm,
                    seed=seed,
                )
            )
    return crops


def make_shard(job: tuple[Path, int, int, int, Recipe]) -> int:
    folder, number, first_seed, count, recipe = job
    path = folder / f"crops_{number:05d}.npz"
    if path.exists():
        return 0
    crops = [
        crop for seed in range(first_seed, first_seed + count) for crop in crops_of(generate_film(seed, recipe), seed)
    ]
    write_crops(path, crops)
    return len(crops)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=50_000_000)
    parser.add_argument("--recipe", type=Path, default=Path("configs/synthesis/training.yaml"))
    parser.add_argument("--templates", action="append", default=None, help="may be repeated")
    parser.add_argument("--backgrounds", action="append", default=None, help="may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    given = {"templates": args.templates, "backgrounds": args.backgrounds, "rows": args.rows, "frontal": 0.0}
    recipe = load_recipe(args.recipe, args.set, **given)
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (args.out, k, args.seed + k * FILMS_PER_SHARD, min(FILMS_PER_SHARD, args.films - k * FILMS_PER_SHARD), recipe)
        for k in range(-(-args.films // FILMS_PER_SHARD))
    ]
    done = 0
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for made in pool.imap(make_shard, jobs):
            done += made
            print(f"{done} crops made", flush=True)


if __name__ == "__main__":
    main()

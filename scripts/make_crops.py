"""Crops about single vertebrae, to train the second stage from: simulated, or of films whose corners are known.

    python scripts/make_crops.py --out runs/crops/train --films 2000 --seed 50000000
    python scripts/make_crops.py SET --out runs/crops/train --validation runs/crops/validation

Without SET films are simulated at 1024 rows, and every vertebra whose centre is on one gives a crop; shards appear in
the folder while training already reads it, and a run that was stopped goes on where it ended. SET is whatever folder
or file that `kummell-ai evaluate` takes (docs/annotations.md): crops are cut at full resolution, and a share of the
*patients* goes to --validation. Or it is a folder of training shards, and crops are cut at their resolution. A film
that cannot be read is said and left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS
from kummell_ai.errors import InputError, KummellError
from kummell_ai.synthesis.case import SimulatedFilm, generate_film
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.training.annotated import check_empty, crops_of_annotated, crops_of_shards, is_held_out, read_set
from kummell_ai.training.crop_samples import CropWriter, VertebraCrop, take_crop, write_crops

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


def simulate(args: argparse.Namespace) -> int:
    given = {"templates": args.templates, "backgrounds": args.backgrounds, "rows": args.rows, "frontal": 0.0}
    recipe = load_recipe(args.recipe, args.set, **given)
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (
            args.out,
            args.first_shard + k,
            args.seed + k * FILMS_PER_SHARD,
            min(FILMS_PER_SHARD, args.films - k * FILMS_PER_SHARD),
            recipe,
        )
        for k in range(-(-args.films // FILMS_PER_SHARD))
    ]
    done = 0
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for made in pool.imap(make_shard, jobs):
            done += made
            print(f"{done} crops made", flush=True)
    return 0


def cut_from_shards(folder: Path, out: Path) -> int:
    with CropWriter(out) as writer:
        for crops in crops_of_shards(folder):
            writer.extend(crops)
    print(f"{writer.count} crops in {out}")
    return 0 if writer.count else 3


def cut_from_set(args: argparse.Namespace) -> int:
    facing = None if args.facing is None else Facing(args.facing)
    writers = {out: CropWriter(out) for out in filter(None, (args.out, args.validation))}
    failed = 0
    for seed, film, radiograph in read_set(args.dataset, args.form, facing):
        if isinstance(radiograph, InputError):
            print(radiograph, file=sys.stderr)
            failed += 1
            continue
        out = args.validation if args.validation and is_held_out(film, args.share) else args.out
        writers[out].extend(crops_of_annotated(film, radiograph, seed))
    for out, writer in writers.items():
        writer.close()
        print(f"{writer.count} crops in {out}")
    return 3 if not any(writer.count for writer in writers.values()) else 2 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", type=Path, metavar="SET", help="annotated set, or folder of shards")
    parser.add_argument("--out", type=Path, required=True, help="folder of shards of crops")
    of_set = parser.add_argument_group("of a set")
    of_set.add_argument("--form", choices=FORMS, default="auto")
    of_set.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    of_set.add_argument("--validation", type=Path, help="folder for the crops of held-out patients")
    of_set.add_argument("--share", type=float, default=0.1, help="share of patients held out (default: 0.1)")
    simulated = parser.add_argument_group("simulated")
    simulated.add_argument("--films", type=int, default=2000)
    simulated.add_argument("--seed", type=int, default=50_000_000)
    simulated.add_argument("--recipe", type=Path, default=Path("configs/synthesis/training.yaml"))
    simulated.add_argument("--templates", action="append", default=None, help="may be repeated")
    simulated.add_argument("--backgrounds", action="append", default=None, help="may be repeated")
    simulated.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    simulated.add_argument("--rows", type=int, default=1024)
    simulated.add_argument("--workers", type=int, default=1)
    simulated.add_argument("--first-shard", type=int, default=0, help="number of the first shard (default: 0)")
    args = parser.parse_args(arguments)
    if args.dataset is None:
        return simulate(args)
    for folder in filter(None, (args.out, args.validation)):
        check_empty(folder, "crops_*.npz")
    if any(args.dataset.glob("shard_*.npz")):
        if args.validation is not None:
            parser.error(
                "--validation: shards name no patient; cut the crops of the held-out shards by a call of their own"
            )
        return cut_from_shards(args.dataset, args.out)
    return cut_from_set(args)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KummellError as error:
        sys.exit(f"error: {error}")

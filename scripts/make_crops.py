"""Crops about single vertebrae, to train the second stage from: simulated, or of films whose corners are known.

    python scripts/make_crops.py --out runs/crops/train --films 2000 --seed 50000000
    python scripts/make_crops.py SET --out runs/crops/train --validation runs/crops/validation

Without SET films are simulated at 1024 rows, and every vertebra whose centre is on one gives a crop; shards appear in
the folder while training already reads it, and a run that was stopped goes on where it ended. SET is whatever folder
or file that `kummell-ai evaluate` takes (docs/annotations.md): crops are cut at full resolution, and a share of the
*patients* goes to --validation. Or it is a folder of training shards, and crops are cut at their resolution. A film
that cannot be used is said and left out; the exit code is 2 then, and 3 where none is left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ending import check_folders, end, not_negative, say_split

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS
from kummell_ai.cli import console, exits, options
from kummell_ai.errors import InputError
from kummell_ai.synthesis.case import SimulatedFilm, generate_film
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.training.annotated import check_empty, crops_of_annotated, crops_of_shards, is_held_out, read_set
from kummell_ai.training.crop_samples import CropWriter, VertebraCrop, take_crop, write_crops
from kummell_ai.training.shards import check_made, made_by
from kummell_ai.workers import run_jobs

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
    write_crops(path, crops, made_by(recipe, first_seed, count, crops=True))
    return len(crops)


def simulate(args: argparse.Namespace) -> int:
    given = {"templates": args.templates, "backgrounds": args.backgrounds, "rows": args.rows, "frontal": 0.0}
    recipe = load_recipe(args.recipe, args.set, **given)
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
    for folder, number, first_seed, count, _ in jobs:
        path = folder / f"crops_{number:05d}.npz"
        if path.exists():
            check_made(path, made_by(recipe, first_seed, count, crops=True))
    args.out.mkdir(parents=True, exist_ok=True)
    done = 0
    for made in run_jobs(make_shard, jobs, args.workers):
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
    problems = console.Problems()
    writers = {out: CropWriter(out) for out in filter(None, (args.out, args.validation))}
    films = read_set(args.dataset, args.form, facing, lambda name, error: problems.fail(name, str(error)))
    for seed, film, radiograph in films:
        if isinstance(radiograph, InputError):
            problems.fail(film.file_name, str(radiograph))
            continue
        out = args.validation if args.validation and is_held_out(film, args.share) else args.out
        crops = crops_of_annotated(film, radiograph, seed)
        writers[out].extend(crops)
        if not crops:
            problems.fail(film.file_name, "no vertebra has all its corners; mark all four, or leave it out")
    if not (any(writer.count for writer in writers.values()) or problems.failed):
        problems.fail(str(args.dataset), "no film is annotated; annotate one, or give another set")
    for out, writer in writers.items():
        writer.close()
        print(f"{writer.count} crops in {out}")
    held = writers[args.validation].count if args.validation else None
    say_split("crops", writers[args.out].count, held, args.share)
    return exits.exit_code(sum(writer.count for writer in writers.values()), len(problems.failed))


def main(arguments: list[str] | None = None) -> int:
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = options.path_of_input
    parser.add_argument("dataset", nargs="?", type=path, metavar="SET", help="annotated set, or folder of shards")
    parser.add_argument("--out", type=path, required=True, help="folder of shards of crops")
    of_set = parser.add_argument_group("of a set")
    of_set.add_argument("--form", choices=FORMS, default="auto", help="of the annotations (default: auto)")
    of_set.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    of_set.add_argument("--validation", type=path, help="folder for the crops of held-out patients")
    of_set.add_argument("--share", type=float, default=0.1, help="share of patients held out (default: 0.1)")
    simulated = parser.add_argument_group("simulated")
    simulated.add_argument("--films", type=options.positive, default=2000, help="how many (default: 2000)")
    simulated.add_argument(
        "--seed", type=not_negative, default=50_000_000, help="of the first film (default: 50000000)"
    )
    simulated.add_argument(
        "--recipe", type=path, default=Path("configs/synthesis/training.yaml"), help="default: %(default)s"
    )
    simulated.add_argument("--templates", action="append", default=None, help="folder of bones; may be repeated")
    simulated.add_argument("--backgrounds", action="append", default=None, help="CTs; may be repeated")
    simulated.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    simulated.add_argument("--rows", type=options.positive, default=1024, help="height of a film (default: 1024 px)")
    simulated.add_argument("--workers", type=options.positive, default=1, help="processes (default: 1)")
    simulated.add_argument("--first-shard", type=not_negative, default=0, help="number of the first shard (default: 0)")
    args = parser.parse_args(arguments)
    check_folders(args.out, args.validation)
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
    end(main)

"""``kummell-ai synthesize``: simulated films with exact truth."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli import console, exits, options
from kummell_ai.cli.files import check_out, check_tables, head
from kummell_ai.errors import UsageError

if TYPE_CHECKING:
    from kummell_ai.synthesis.recipe import Recipe

_FIRST_ENTRY = 4096
"""Bytes at the beginning of annotations in which the first film's entry tells whether it is simulated."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("synthesize", help="simulated films of patients before and after surgery, with truth")
    parser.add_argument(
        "--out", required=True, type=options.path_of_input, metavar="DIR", help="folder for films, COCO truth and table"
    )
    parser.add_argument("--count", required=True, type=options.positive, metavar="N", help="films, three a patient")
    parser.add_argument(
        "--seed", type=options.seed, default=0, metavar="S", help="patient k has seed S + k (default: 0)"
    )
    parser.add_argument(
        "--recipe", type=options.path_of_input, metavar="YAML", help="what to simulate (default: built in)"
    )
    parser.add_argument(
        "--templates",
        type=options.path_of_input,
        nargs="+",
        action="extend",
        metavar="DIR",
        help="folders of closed meshes, or of CTs with vertebra masks, used beside own bones",
    )
    parser.add_argument(
        "--backgrounds",
        type=options.path_of_input,
        nargs="+",
        action="extend",
        metavar="PATH",
        help="CTs (NIfTI), or folders of them, to take soft tissue from",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--format", choices=("dicom", "png"), default="dicom", help="of the films (default: dicom)")
    parser.add_argument("--masks", action="store_true", help="write where metal (1) and cement (2) lie, a PNG a film")
    parser.add_argument("--workers", type=options.positive, default=1, metavar="N", help="processes (default: 1)")
    options.add_json(parser)
    options.add_dry_run(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the data set."""
    from kummell_ai.synthesis.recipe import load_recipe

    folder = check_out(args.out)
    for templates in args.templates or ():
        if not templates.exists():
            raise UsageError(
                f"--templates {templates}: no such folder; give a folder of meshes or of CT masks", str(templates)
            )
    for background in args.backgrounds or ():
        if not background.exists():
            raise UsageError(f"--backgrounds {background}: no such file or folder; give CTs", str(background))
    recipe = load_recipe(args.recipe, args.set, templates=_texts(args.templates), backgrounds=_texts(args.backgrounds))
    _refuse_other_set(folder, recipe)
    if args.dry_run:
        annotations = folder / "annotations.json"
    else:
        from kummell_ai.synthesis.dataset import write_dataset

        workers = min(args.workers, options.cores())
        with console.counter("simulating", args.count) as advance:
            annotations = write_dataset(
                folder,
                args.count,
                args.seed,
                recipe,
                workers=workers,
                form=args.format,
                masks=args.masks,
                progress=advance,
            )
        _say_others(folder, annotations.name, masks=args.masks)
    if args.json:
        result = {"command": "synthesize", "dry_run": args.dry_run, "out": str(folder), "films": args.count}
        console.tell_json({**result, "annotations": str(annotations), "exit_code": exits.DONE})
    else:
        verb = "would be written" if args.dry_run else "written"
        console.tell(f"{args.count} simulated films {verb} to {folder}; truth in {annotations}")
    return exits.DONE


def _refuse_other_set(folder: Path, recipe: Recipe) -> None:
    """What stands where the set is written is of a simulated set, or a person's recipe that says the same and stays.

    Raises:
        UsageError: annotations, tables or a recipe that this program did not write would be replaced.
    """
    from kummell_ai.synthesis.dataset import FILM_COLUMNS, VERTEBRA_COLUMNS
    from kummell_ai.synthesis.recipe_file import is_persons, says

    annotations, kept = folder / "annotations.json", folder / "recipe.yaml"
    if annotations.exists() and not (kept.exists() and _is_simulated(annotations)):
        text = "annotations.json there is of no simulated set and would be replaced; name another folder"
        raise UsageError(f"--out {folder}: {text}", str(folder))
    check_tables(folder, {"truth.csv": FILM_COLUMNS, "vertebrae.csv": VERTEBRA_COLUMNS})
    if is_persons(kept) and not says(kept, recipe):
        text = "is a person's, asks for other films than this run and would be replaced; give another folder to --out"
        raise UsageError(f"{kept} {text}", str(kept))


def _is_simulated(annotations: Path) -> bool:
    """Whether the first film in a COCO file of this program, an entry a line, is simulated."""
    return re.search(rb'"images": \[\s*\{[^\n]*?"simulated": true', head(annotations, _FIRST_ENTRY)) is not None


def _say_others(folder: Path, annotations: str, *, masks: bool) -> None:
    """Say how many films and masks of an earlier, other run lie beside those that ``annotations`` list.

    Their names stand in the table of films too, which is small where the annotations of a large set take gigabytes.
    """
    from kummell_ai.synthesis.film_files import mask_of

    with (folder / "truth.csv").open(newline="", encoding="utf-8") as stream:
        films = {row["file_name"] for row in csv.DictReader(stream)}
    for kind, name, listed in (("film", "films", films), ("mask", "masks", set(map(mask_of, films if masks else ())))):
        present = (folder / name).iterdir() if (folder / name).is_dir() else ()
        others = sum(f"{name}/{path.name}" not in listed for path in present)
        if others:
            text = f"{others} {kind}{'' if others == 1 else 's'} of another run in {name}/"
            text += f", not in {annotations}: remove what is not needed"
            console.say(console.one_line(str(folder), text))


def _texts(paths: list[Path] | None) -> tuple[str, ...] | None:
    return None if paths is None else tuple(map(str, paths))

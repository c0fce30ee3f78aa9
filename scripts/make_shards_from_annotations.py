"""Training shards from annotated films: python scripts/make_shards_from_annotations.py SET --out runs/shards/train.

SET is whatever folder or file that `kummell-ai evaluate` takes (docs/annotations.md). Every film is scaled to fit
into a box of --rows x --columns px and padded with black at the right and at the bottom, so that all shards have films
of one size, as those of scripts/make_training_films.py. With --validation, a share of the *patients* goes there.
An annotation or a film that cannot be used is said and left out; the exit code is 2 then, and 3 where none is left.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from ending import check_folders, end, say_split

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS
from kummell_ai.cli import console, exits, options
from kummell_ai.errors import InputError
from kummell_ai.training.annotated import check_empty, is_held_out, read_set, to_training_film
from kummell_ai.training.samples import ShardWriter


def main(arguments: list[str] | None = None) -> int:
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = options.path_of_input
    parser.add_argument("dataset", type=folder, metavar="SET", help="annotated set: folder or file")
    parser.add_argument("--out", type=folder, required=True, help="folder of shards")
    parser.add_argument("--form", choices=FORMS, default="auto", help="of the annotations (default: auto)")
    parser.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    parser.add_argument("--validation", type=folder, help="folder of shards for the held-out patients")
    parser.add_argument("--share", type=float, default=0.1, help="share of patients held out (default: 0.1)")
    parser.add_argument("--rows", type=options.positive, default=512, help="height of a film in px (default: 512)")
    parser.add_argument("--columns", type=options.positive, default=352, help="width of a film in px (default: 352)")
    args = parser.parse_args(arguments)
    check_folders(args.out, args.validation)
    for made_into in filter(None, (args.out, args.validation)):
        check_empty(made_into, "shard_*.npz")
    facing = None if args.facing is None else Facing(args.facing)
    made, problems = dict.fromkeys(filter(None, (args.out, args.validation)), 0), console.Problems()
    with ExitStack() as stack:
        writers = {out: stack.enter_context(ShardWriter(out)) for out in made}
        films = read_set(args.dataset, args.form, facing, lambda name, error: problems.fail(name, str(error)))
        for seed, film, radiograph in films:
            if isinstance(radiograph, InputError):
                problems.fail(film.file_name, str(radiograph))
                continue
            out = args.validation if args.validation and is_held_out(film, args.share) else args.out
            writers[out].append(to_training_film(film, radiograph, args.rows, args.columns, seed))
            made[out] += 1
    if not (any(made.values()) or problems.failed):
        problems.fail(str(args.dataset), "no film is annotated; annotate one, or give another set")
    for out, count in made.items():
        print(f"{count} films in {out}")
    say_split("films", made[args.out], made.get(args.validation), args.share)
    return exits.exit_code(sum(made.values()), len(problems.failed))


if __name__ == "__main__":
    end(main)

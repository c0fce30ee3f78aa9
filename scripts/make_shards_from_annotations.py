"""Training shards from annotated films: python scripts/make_shards_from_annotations.py SET --out runs/shards/train.

SET is whatever folder or file that `kummell-ai evaluate` takes (docs/annotations.md). Every film is scaled to fit
into a box of --rows x --columns px and padded with black at the right and at the bottom, so that all shards have films
of one size, as those of scripts/make_training_films.py. With --validation, a share of the *patients* goes there.
A film that cannot be read is said and left out.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import FORMS
from kummell_ai.errors import InputError, KummellError
from kummell_ai.training.annotated import check_empty, is_held_out, read_set, to_training_film
from kummell_ai.training.samples import ShardWriter


def positive(text: str) -> int:
    """A whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, metavar="SET")
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument("--form", choices=FORMS, default="auto")
    parser.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    parser.add_argument("--validation", type=Path, help="folder of shards for the held-out patients")
    parser.add_argument("--share", type=float, default=0.1, help="share of patients held out (default: 0.1)")
    parser.add_argument("--rows", type=positive, default=512)
    parser.add_argument("--columns", type=positive, default=352)
    args = parser.parse_args(arguments)
    for folder in filter(None, (args.out, args.validation)):
        check_empty(folder, "shard_*.npz")
    facing = None if args.facing is None else Facing(args.facing)
    made, failed = dict.fromkeys(filter(None, (args.out, args.validation)), 0), 0
    with ExitStack() as stack:
        writers = {out: stack.enter_context(ShardWriter(out)) for out in made}
        for seed, film, radiograph in read_set(args.dataset, args.form, facing):
            if isinstance(radiograph, InputError):
                print(radiograph, file=sys.stderr)
                failed += 1
                continue
            out = args.validation if args.validation and is_held_out(film, args.share) else args.out
            writers[out].append(to_training_film(film, radiograph, args.rows, args.columns, seed))
            made[out] += 1
    for out, count in made.items():
        print(f"{count} films in {out}")
    return 3 if not sum(made.values()) else 2 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KummellError as error:
        sys.exit(f"error: {error}")

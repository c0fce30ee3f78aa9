"""How often a film whose grey values are exchanged is told, and how often one whose are not.

    kummell-ai synthesize --out runs/plain --count 120 --seed 89000000 --set rows=1024 --format png
    python scripts/evaluate_inverted.py --films runs/plain/films

Films are pictures in a folder. Each is located as it is and inverted. The simulator inverts 2 % of its films itself;
what is told of both, or of the film as it is only, is listed, to be looked at.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.shipped import default_model


def main() -> int:
    """Print the counts for the films that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, nargs="+", required=True, help="films, or folders of them")
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--limit", type=int, help="use at most this many films")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    told: list[tuple[str, bool, bool]] = []
    for path in find_films(args.films)[: args.limit]:
        film = read_radiograph(path)
        exchanged = replace(film, pixels=1.0 - film.pixels)
        told.append((path.name, predictor.locate(film).inverted, predictor.locate(exchanged).inverted))
    print(f"{len(told)} films; told to be inverted: {sum(own for _, own, _ in told)} as they are, "
          f"{sum(turned for _, _, turned in told)} after they were inverted")  # fmt: skip
    for name, own, turned in told:
        if own:
            print(f"{name}: as it is" + (", and inverted" if turned else ""))
    return 0


if __name__ == "__main__":
    from ending import end

    end(main)

"""How often a film that was turned upside down is told, and how often an upright one is.

    kummell-ai synthesize --out runs/check --count 240 --seed 76000000 --format png
    python scripts/evaluate_upside_down.py --films runs/check --limit 60

Films are pictures without a header that says where the head is. Each is located as it is and turned by half a turn;
a film that is refused is told as well.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from ending import end

from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.errors import FilmRefusedError
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.measurement.quality import check_landmarks
from kummell_ai.shipped import default_model


def verdict(radiograph: Radiograph, predictor: Predictor) -> str:
    """``refused``, ``told`` or ``silent``."""
    try:
        findings = check_landmarks(radiograph, predictor.locate(radiograph))
    except FilmRefusedError:
        return "refused"
    return "told" if any(finding.code == "upside-down" for finding in findings) else "silent"


def main() -> int:
    """Print the counts for the films that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, nargs="+", required=True, help="folders of upright films")
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--limit", type=int, help="use at most this many films")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    counts = {"upright": dict.fromkeys(("told", "refused", "silent"), 0)}
    counts["turned"] = dict(counts["upright"])
    for path in find_films(args.films)[: args.limit]:
        film = read_radiograph(path)
        turned = replace(film, pixels=np.ascontiguousarray(np.rot90(film.pixels, 2)))
        for way, radiograph in (("upright", film), ("turned", turned)):
            counts[way][verdict(radiograph, predictor)] += 1
    for way, own in counts.items():
        print(f"{way}: {sum(own.values())} films, " + ", ".join(f"{count} {name}" for name, count in own.items()))
    return 0


if __name__ == "__main__":
    end(main)

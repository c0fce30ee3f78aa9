"""How often a picture that lies on its side or is upside down is refused or told, and how often an upright one is.

    kummell-ai synthesize --out runs/check --count 240 --seed 76000000 --format png
    python scripts/evaluate_turned.py --films runs/check/films --limit 60

Films are pictures without a header that says where the head is. Each is located as it is and turned by one, two and
three right angles. ``rightly refused`` are those whose refusal names the turn that brings the head to the top;
``refused`` those that are refused for something else; ``told`` those measured with a warning that they may be upside
down; ``silent`` the rest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ending import end

from kummell_ai.cli import options
from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.errors import FilmRefusedError
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.landmarks.turn import quarter_turned
from kummell_ai.measurement.quality import check_landmarks
from kummell_ai.shipped import default_model

VERDICTS = ("rightly refused", "refused", "told", "silent")


def verdict(radiograph: Radiograph, turns: int, predictor: Predictor) -> str:
    """What becomes of a film that was turned clockwise by so many right angles."""
    found = predictor.locate(radiograph)
    try:
        findings = check_landmarks(radiograph, found)
    except FilmRefusedError:
        return VERDICTS[0] if turns and found.needed_turns == turns else VERDICTS[1]
    return VERDICTS[2] if any(finding.code == "upside-down" for finding in findings) else VERDICTS[3]


def main() -> int:
    """Print the counts for the films that the command line names."""
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--films", type=options.path_of_input, nargs="+", required=True, help="upright films, or folders"
    )
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--turns", type=int, nargs="+", choices=range(4), default=range(4), help="right angles")
    parser.add_argument("--limit", type=options.positive, help="use at most this many films")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    films = find_films(args.films)[: args.limit]
    for turns in args.turns:
        counts = dict.fromkeys(VERDICTS, 0)
        for path in films:
            own = verdict(quarter_turned(read_radiograph(path), -turns), turns, predictor)
            counts[own] += 1
            if turns == 0 and own in VERDICTS[:2]:
                print(f"{path.name} is refused as it is")
        print(f"turned by {90 * turns} degrees: {len(films)} films, "
              + ", ".join(f"{count} {name}" for name, count in counts.items()), flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    end(main)

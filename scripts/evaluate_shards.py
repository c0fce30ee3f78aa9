"""A model against simulated films it was not trained on, as scripts/make_training_films.py writes them.

    python scripts/evaluate_shards.py --shards DIR [--model DIR] [--out FILE.json]

Found and false vertebrae and the error of the corners in % of the true body's depth, counted as on the real films of
scripts/evaluate_val10.py. Which way a film faces is not told. One scale only, without the average of three that the
program takes by default, because this is meant to rank models.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from evaluate_val10 import refusal

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.errors import InputError
from kummell_ai.evaluation import corner_errors, match_vertebrae
from kummell_ai.evaluation.matching import is_asked_for
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.training.samples import ShardReader, TrainingFilm, truth_of


@dataclass(frozen=True)
class Outcome:
    """One film: whether it was refused, counts of vertebrae, and corner errors (n,) in % of depth."""

    frontal: bool
    refused: bool
    asked: int = 0
    found: int = 0
    false: int = 0
    named_right: int = 0
    percent: tuple[float, ...] = ()


def radiograph_of(film: TrainingFilm) -> Radiograph:
    """The film as it would come from a file that says its scale, but not its side."""
    mm = film.spacing_mm
    spacing = PixelSpacing(mm, mm, Calibration.GEOMETRY) if np.isfinite(mm) else PixelSpacing.unknown()
    name = ImageReference(f"seed {film.seed}", simulated=True)
    return Radiograph((film.image / np.float32(255)).astype(np.float32), spacing, name)


def judge(film: TrainingFilm, predictor: Any) -> Outcome:
    radiograph = radiograph_of(film)
    predicted = predictor.locate(radiograph)
    refused = refusal(radiograph, predicted) is not None
    if film.view == "frontal":
        return Outcome(frontal=True, refused=refused)
    truth = truth_of(film)
    matching = match_vertebrae(predicted, truth)
    pairs = [(truth.vertebrae[i], predicted.vertebrae[j]) for i, j in matching.pairs]
    pairs = [(true, found) for true, found in pairs if true.level is not VertebralLevel.S1]
    percent = [corner_errors(found, true, radiograph.spacing).percent for true, found in pairs]
    errors = np.concatenate([*percent, np.empty(0)])
    return Outcome(
        frontal=False,
        refused=refused,
        asked=sum(is_asked_for(body) for body in truth.vertebrae),
        found=len(pairs),
        false=len(matching.false),
        named_right=sum(found.level is true.level for true, found in pairs),
        percent=tuple(errors[np.isfinite(errors)].tolist()),
    )


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    lateral = [o for o in outcomes if not o.frontal]
    frontal = [o for o in outcomes if o.frontal]
    percent = np.concatenate([*(o.percent for o in lateral), np.empty(0)])
    asked, found = sum(o.asked for o in lateral), sum(o.found for o in lateral)
    return {
        "lateral_films": len(lateral),
        "lateral_films_refused": sum(o.refused for o in lateral),
        "vertebrae": asked,
        "found": found,
        "found_percent": 100.0 * found / asked if asked else None,
        "false_vertebrae": sum(o.false for o in lateral),
        "named_right_percent": 100.0 * sum(o.named_right for o in lateral) / found if found else None,
        "corner_median_percent_of_depth": float(np.median(percent)) if percent.size else None,
        "corner_p90_percent_of_depth": float(np.percentile(percent, 90)) if percent.size else None,
        "frontal_films": len(frontal),
        "frontal_films_refused": sum(o.refused for o in frontal),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="folder of shards no model was trained on")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()

    from kummell_ai.landmarks.predictor import Predictor

    reader = ShardReader(args.shards)
    if not len(reader):
        raise InputError(f"{args.shards} holds no shard_*.npz; make them with scripts/make_training_films.py")
    predictor = Predictor.load(args.model, tta=False)
    summary = summarise([judge(reader[i], predictor) for i in range(len(reader))])
    for key, value in summary.items():
        print(f"{key}: {value:.2f}" if isinstance(value, float) else f"{key}: {value}")
    if args.out:
        args.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from ending import end

    end(main)

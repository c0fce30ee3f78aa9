"""The second stage of a model against stored crops, as scripts/make_crops.py writes them.

    python scripts/evaluate_crops.py --crops DIR [--model DIR]

Crops are looked at from frames that are off by as much as in training (`JitterSettings`), one look each, grey values
as they are. With crops that a network was trained on, and others of the same recipe, it says how much more films
would help.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from ending import end

from kummell_ai.cli import options
from kummell_ai.errors import InputError
from kummell_ai.landmarks.checkpoint import load_bundle
from kummell_ai.landmarks.refiner import decode_points
from kummell_ai.shipped import default_model
from kummell_ai.training.crop_samples import CropReader
from kummell_ai.training.refine import CropDataset, collate_crops, refined_summary
from kummell_ai.training.refine_config import JitterSettings

BATCH = 64


def figures(crops: Path, model: Path) -> dict[str, float]:
    """Errors by name as `refined_summary` gives them, and the number of crops."""
    refiner = load_bundle(model).refiner
    if refiner is None:
        raise InputError(f"{model} has no second stage; give a model with one", model)
    reader = CropReader(crops)
    if len(reader) == 0:
        raise InputError(f"{crops} holds no crops_*.npz; make them with scripts/make_crops.py", crops)
    looks = CropDataset(reader, JitterSettings())
    errors, spacings = [], []
    with torch.inference_mode():
        for first in range(0, len(reader), BATCH):
            batch = collate_crops([looks[k, -1] for k in range(first, min(first + BATCH, len(reader)))])
            output = refiner.eval()(batch.crops).points
            maps = output.flatten(2).softmax(2).unflatten(2, output.shape[2:])
            points, _ = decode_points(maps.numpy())
            errors.append(np.linalg.norm(points - batch.points.numpy(), axis=2))
            spacings.append(batch.spacing_mm.numpy())
    return {"crops": len(reader), **refined_summary(np.concatenate(errors), np.concatenate(spacings))}


def main() -> None:
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=options.path_of_input, required=True, help="folder of shards of crops")
    parser.add_argument("--model", type=options.path_of_input, help="model folder (default: the shipped one)")
    args = parser.parse_args()
    for name, value in figures(args.crops, args.model or default_model()).items():
        print(f"{name}: {value:.4g}")


if __name__ == "__main__":
    end(main)

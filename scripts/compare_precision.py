"""How far the corners move when the network runs in bfloat16 instead of float32, and what that saves.

    python scripts/compare_precision.py --data runs/test --limit 30

DATA is a folder as `kummell-ai synthesize` writes it. Bodies of the two runs are paired as predictions with truth are.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from kummell_ai.annotations.coco import read_coco
from kummell_ai.dicom import read_radiograph
from kummell_ai.evaluation import match_vertebrae
from kummell_ai.landmarks.predictor import Predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--limit", type=int, default=30, help="films")
    args = parser.parse_args()
    torch.set_num_threads(1)
    plain = Predictor.load(args.model, precision="float32")
    short = Predictor.load(args.model, precision="bfloat16")
    moved, seconds, unpaired = [], np.zeros(2), 0
    for film in read_coco(args.data / "annotations.json")[: args.limit]:
        radiograph = read_radiograph(args.data / film.file_name)
        marks = [time.process_time()]
        found = []
        for predictor in (plain, short):
            found.append(predictor.locate(radiograph))
            marks.append(time.process_time())
        seconds += np.diff(marks)
        pairs = match_vertebrae(found[1], found[0]).pairs
        unpaired += sum(len(f.vertebrae) for f in found) - 2 * len(pairs)
        for i, j in pairs:
            shift = found[0].vertebrae[i].corners_px - found[1].vertebrae[j].corners_px
            moved.append(np.linalg.norm(shift, axis=1))
    corners = np.concatenate(moved)
    corners = corners[np.isfinite(corners)]
    middle, high = np.percentile(corners, (50, 99))
    print(
        f"{args.limit} films, {corners.size} corners, {unpaired} bodies found by one alone; moved by {middle:.3f} px "
        f"in the median, {high:.1f} at the 99th percentile, {corners.max():.1f} at most, "
        f"{100 * np.mean(corners > 0.1):.1f} % by more than 0.1 px"
    )
    print("processor seconds a film: float32 {:.2f}, bfloat16 {:.2f}".format(*(seconds / args.limit)))


if __name__ == "__main__":
    main()

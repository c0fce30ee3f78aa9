"""How far the corners move when the network runs in bfloat16 instead of float32, and what that saves.

    python scripts/compare_precision.py --data runs/test --limit 30

DATA is a folder as `kummell-ai synthesize` writes it. Two bodies are one when their centres are each other's
nearest and less than half a depth apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from kummell_ai.annotations.coco import read_coco
from kummell_ai.dicom import read_radiograph
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.landmarks.predictor import Predictor


def same_bodies(
    one: Sequence[VertebraLandmarks], other: Sequence[VertebraLandmarks]
) -> list[tuple[VertebraLandmarks, VertebraLandmarks]]:
    """The bodies that both runs show."""
    if not one or not other:
        return []
    centres = [np.array([v.centre_px for v in bodies]) for bodies in (one, other)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1][None, :], axis=-1)
    there, back = distance.argmin(axis=1), distance.argmin(axis=0)
    return [
        (v, other[there[i]])
        for i, v in enumerate(one)
        if back[there[i]] == i and distance[i, there[i]] < 0.5 * v.depth_px
    ]


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
        pairs = same_bodies(found[0].vertebrae, found[1].vertebrae)
        unpaired += sum(len(f.vertebrae) for f in found) - 2 * len(pairs)
        moved += [np.linalg.norm(one.corners_px - other.corners_px, axis=1) for one, other in pairs]
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

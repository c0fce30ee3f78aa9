"""How far the corners move when the network runs in bfloat16 instead of float32, and what that saves.

    python scripts/compare_precision.py --data runs/test --limit 30 [--second-stage-only]

DATA is a folder as `kummell-ai synthesize` writes it. Two bodies are one when their centres are each other's
nearest and less than half a depth apart; those without a whole endplate on the film are left out. How far a corner
moves is told in px and over the standard deviation that the result gives it: what moves is what the network is unsure
of.
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
from kummell_ai.errors import InputError
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


def deviation(body: VertebraLandmarks) -> np.ndarray:
    """Standard deviation (4,) px of the corners of a body, along the longer axis of their ellipses."""
    if body.covariance_px is None:
        return np.full(4, np.nan)
    covariance = np.asarray(body.covariance_px[:4])
    known = np.isfinite(covariance).all(axis=(1, 2))
    out = np.full(4, np.nan)
    out[known] = np.sqrt(np.linalg.eigvalsh(covariance[known])[:, 1])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that `kummell-ai synthesize` wrote")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--limit", type=int, default=30, help="films")
    parser.add_argument("--second-stage-only", action="store_true", help="the first stage in float32 both times")
    args = parser.parse_args()
    torch.set_num_threads(1)
    plain = Predictor.load(args.model, precision="float32")
    short = Predictor.load(args.model, precision="bfloat16")
    if args.second_stage_only:
        short._network = plain._network
    moved, shares, seconds, unpaired = [], [], np.zeros(2), 0
    for film in read_coco(args.data / "annotations.json")[: args.limit]:
        radiograph = read_radiograph(args.data / film.file_name)
        marks = [time.process_time()]
        found = []
        for predictor in (plain, short):
            found.append([v for v in predictor.locate(radiograph).vertebrae if np.isfinite(v.depth_px)])
            marks.append(time.process_time())
        seconds += np.diff(marks)
        pairs = same_bodies(*found)
        unpaired += sum(map(len, found)) - 2 * len(pairs)
        for one, other in pairs:
            moved.append(np.linalg.norm(one.corners_px - other.corners_px, axis=1))
            shares.append(moved[-1] / deviation(one))
    if not moved:
        raise InputError(f"{args.data}: no vertebra was found on its films; give others", str(args.data))
    corners = np.concatenate(moved)
    corners = corners[np.isfinite(corners)]
    middle, high = np.percentile(corners, (50, 99))
    print(
        f"{args.limit} films, {corners.size} corners, {unpaired} bodies found by one alone; moved by {middle:.3f} px "
        f"in the median, {high:.2f} at the 99th percentile, {corners.max():.2f} at most, "
        f"{100 * np.mean(corners > 0.1):.2f} % by more than 0.1 px"
    )
    share = np.concatenate(shares)
    share = share[np.isfinite(share)]
    print(
        f"over the corner's own standard deviation: {np.median(share):.3f} in the median, "
        f"{np.percentile(share, 99):.2f} at the 99th percentile, {share.max():.2f} at most, "
        f"{100 * np.mean(share > 0.5):.1f} % by more than 0.5"
    )
    print("processor seconds a film: float32 {:.2f}, bfloat16 {:.2f}".format(*(seconds / args.limit)))


if __name__ == "__main__":
    from ending import end

    end(main)

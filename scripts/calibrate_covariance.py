"""Set a model's corner covariances from held-out films: calibrate_covariance.py --model DIR --shards DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from kummell_ai.training.calibration import calibrate

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--films", type=int, default=None, help="use at most this many")
    args = parser.parse_args()
    for name, value in calibrate(args.model, args.shards, args.films).items():
        print(f"{name} {value:.3f}")

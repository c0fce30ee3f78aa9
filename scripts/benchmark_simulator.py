"""Films a second that one core simulates at 512 x 256: python scripts/benchmark_simulator.py [--templates DIR]."""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2

from kummell_ai.synthesis.case import OWN_VARIANTS, generate_film
from kummell_ai.synthesis.recipe import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--templates", action="append", default=[])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    recipe = Recipe(rows=512, aspect_low=0.5, aspect_high=0.5, templates=tuple(args.templates))
    started = time.perf_counter()
    for seed in range(OWN_VARIANTS):  # compile the projector and build every set of bones
        generate_film(seed, recipe)
    ready = time.perf_counter()
    for seed in range(args.count):
        generate_film(1000 + seed, recipe)
    spent = time.perf_counter() - ready
    print(f"made ready in {ready - started:.1f} s; then {args.count / spent:.1f} simulated films a second on one core")


if __name__ == "__main__":
    main()

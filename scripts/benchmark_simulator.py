"""Films a second that one core simulates, where the time goes, and the memory it takes.

python scripts/benchmark_simulator.py [--templates DIR] [--rows 512 1024]

The parts are timed in a second run, since reading the clock costs a little itself.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PARTS = {
    "posing": ["course.pose", "anatomy_model.sample_individual"],
    "bones": ["bone_shells.bone_shells", "projection.bone_path_lengths"],
    "implants": ["implants.implants", "implants.implant_lengths", "implants.cleft"],
    "tissue": ["tissue.soft_tissue"],
    "physics": ["detector.detect"],
    "display": ["display.show", "archive.keep"],
}
"""Functions of the simulator (module.name) whose time counts to each part; the rest is "other"."""


def timed(part: str, spent: dict[str, float], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[part] += time.process_time() - started

    return wrapped


def watch(spent: dict[str, float]) -> None:
    """Put a clock around every function of PARTS, wherever the simulator's modules hold it."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("kummell_ai.synthesis")]
    for part, names in PARTS.items():
        for name in names:
            home, attribute = name.rsplit(".", 1)
            function = getattr(next(m for m in modules if m.__name__.endswith(f".{home}")), attribute)
            clock = timed(part, spent, function)
            for module in modules:
                if getattr(module, attribute, None) is function:
                    setattr(module, attribute, clock)


def measure(rows: int, count: int, templates: tuple[str, ...]) -> None:
    import cv2

    from kummell_ai.synthesis import case
    from kummell_ai.synthesis.recipe import Recipe

    cv2.setNumThreads(1)
    recipe = Recipe(rows=rows, aspect_low=0.5, aspect_high=0.5, templates=templates)
    seeds = range(1000, 1000 + count)
    started = time.process_time()
    for seed in seeds:  # compile, and build every set of bones that is used
        case.generate_film(seed, recipe)
    ready = time.process_time()
    for seed in seeds:
        case.generate_film(seed, recipe)
    each = (time.process_time() - ready) / count
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bones = "own bones" if not templates else f"own bones and {len(templates)} folders"
    print(f"{rows} x {rows // 2}, {bones}: {1 / each:.1f} films a second of one core ({each * 1e3:.0f} ms)")
    print(f"  made ready in {ready - started:.1f} s; peak memory {memory:.0f} MB")
    spent = dict.fromkeys(PARTS, 0.0)
    watch(spent)
    started = time.process_time()
    for seed in seeds:
        case.generate_film(seed, recipe)
    spent["other"] = time.process_time() - started - sum(spent.values())
    print("  " + ", ".join(f"{part} {1e3 * seconds / count:.1f} ms" for part, seconds in spent.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--rows", type=int, nargs="+", default=[512, 1024])
    parser.add_argument(
        "--templates", action="append", default=[], help="a folder; measured beside the own bones alone"
    )
    args = parser.parse_args()
    if len(args.rows) == 1:
        measure(args.rows[0], args.count, tuple(args.templates))
        return
    for rows in args.rows:
        for templates in [[], args.templates] if args.templates else [[]]:
            # a process each, so that peak memory is that of one worker
            given = [word for folder in templates for word in ("--templates", folder)]
            command = [sys.executable, __file__, "--count", str(args.count), "--rows", str(rows), *given]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()

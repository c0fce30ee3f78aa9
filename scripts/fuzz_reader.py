"""Damage films in thousands of seeded ways; each must end as a Radiograph or as one clear error.

    python scripts/fuzz_reader.py --films DIR --count 100000

DIR holds whole films (any that the reader reads). Case k damages film k modulo their number with seed k, so that any
case can be repeated with --first k --count 1. Cases run in a child process: a native crash ends one child, is counted
and named, and the run goes on. Exit code 1 when any case ended in something else than a film or a KummellError.
"""

from __future__ import annotations

import argparse
import collections
import logging
import multiprocessing
import multiprocessing.sharedctypes
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.errors import KummellError

CHUNK = 1000


def damage(data: bytes, seed: int) -> bytes:
    """``data`` changed in one to four places; half of the cases aim at the first 1,500 bytes, the header."""
    rng = np.random.default_rng(seed)
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        top = min(len(out), 1500) if rng.random() < 0.5 else len(out)
        at = int(rng.integers(0, max(1, top)))
        kind = rng.integers(0, 6)
        if kind == 0:
            out[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            out[at : at + 4] = rng.bytes(4)
        elif kind == 2:
            out[at : at + 4] = [b"\xff" * 4, bytes(4), b"\xfe\xff\x00\xe0", b"SQ\x00\x00"][int(rng.integers(4))]
        elif kind == 3:
            del out[at : at + int(rng.integers(1, 64))]
        elif kind == 4:
            out[at:at] = rng.bytes(int(rng.integers(1, 64)))
        elif rng.random() < 0.3:
            del out[at:]
    return bytes(out)


def judge(path: Path) -> str:
    """How reading ``path`` ends: ``film``, ``refused``, or what went wrong."""
    try:
        film = read_radiograph(path)
    except KummellError as error:
        return "refused" if "\n" not in str(error) and path.name in str(error) else f"bad message: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    good = np.isfinite(film.pixels).all() and film.pixels.min() >= 0 and film.pixels.max() <= 1
    return "film" if good else "pixels outside [0, 1]"


def run_cases(films: list[Path], first: int, count: int, current, results, folder: str) -> None:  # type: ignore[no-untyped-def]
    """Judge cases ``first`` to ``first + count``; ``current`` always holds the case at work."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    path = Path(folder) / "case.bin"
    for case in range(first, first + count):
        current.value = case
        path.write_bytes(damage(films[case % len(films)].read_bytes(), case))
        results.put((case, judge(path)))
    results.put(None)


def run_in_children(films: list[Path], first: int, count: int) -> dict[int, str]:
    """Outcome of every case; ``crash`` where the child died."""
    outcomes: dict[int, str] = {}
    last, end = first, first + count
    context = multiprocessing.get_context("spawn")
    while last < end:
        current, results = context.Value("q", last), context.SimpleQueue()
        size = min(CHUNK, end - last)
        with tempfile.TemporaryDirectory() as folder:
            child = context.Process(target=run_cases, args=(films, last, size, current, results, folder))
            child.start()
            while child.is_alive() or not results.empty():
                if results.empty():
                    child.join(0.02)
                    continue
                item = results.get()
                if item is None:
                    break
                outcomes[item[0]] = item[1]
            child.join()
        if child.exitcode:
            outcomes[current.value] = f"crash (exit code {child.exitcode})"
        last = current.value + 1
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    films = list(find_films([options.films]))
    outcomes = run_in_children(films, options.first, options.count)
    tally = collections.Counter(text if text in ("film", "refused") else "WRONG" for text in outcomes.values())
    print(f"{len(outcomes)} cases from {len(films)} films: " + ", ".join(f"{v} {k}" for k, v in sorted(tally.items())))
    for case, text in outcomes.items():
        if text not in ("film", "refused"):
            print(f"case {case} ({films[case % len(films)].name}): {' '.join(text.split())[:200]}")
    return int(tally["WRONG"] > 0)


if __name__ == "__main__":
    sys.exit(main())

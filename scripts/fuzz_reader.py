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
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.errors import InputError, KummellError

CHUNK = 1000
SILENCE_S = 20.0
"""A child that says nothing for so long is ended, and its case counts as a hang."""


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


def run_in_children(films: list[Path], first: int, count: int) -> Iterator[tuple[int, str]]:
    """Outcome of every case, as they come; ``crash`` where the child died, ``hang`` where it was ended."""
    start, end = first, first + count
    context = multiprocessing.get_context("spawn")
    while start < end:
        current, results = context.Value("q", start), context.SimpleQueue()
        size = min(CHUNK, end - start)
        with tempfile.TemporaryDirectory() as folder:
            child = context.Process(target=run_cases, args=(films, start, size, current, results, folder))
            child.start()
            yield from _follow(child, results)
        if child.exitcode:
            word = "hang" if child.exitcode == -signal.SIGKILL else f"crash (exit code {child.exitcode})"
            yield int(current.value), word
        start = int(current.value) + 1


def _follow(child, results) -> Iterator[tuple[int, str]]:  # type: ignore[no-untyped-def]
    """Outcomes of one child until it is done, dead or silent for too long."""
    heard = time.monotonic()
    while child.is_alive() or not results.empty():
        if results.empty():
            if time.monotonic() - heard > SILENCE_S:
                child.kill()
            child.join(0.02)
            continue
        heard = time.monotonic()
        item = results.get()
        if item is None:
            break
        yield item
    child.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, required=True, help="folder of whole films")
    parser.add_argument("--count", type=int, default=10_000, help="cases (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: 0)")
    options = parser.parse_args()
    films = list(find_films([options.films]))
    if not films:
        raise InputError(f"{options.films}: no films there; give a folder of whole films", str(options.films))
    tally: collections.Counter[str] = collections.Counter()
    for done, (case, text) in enumerate(run_in_children(films, options.first, options.count), start=1):
        tally[text if text in ("film", "refused") else "WRONG"] += 1
        if text not in ("film", "refused"):
            print(f"case {case} ({films[case % len(films)].name}): {' '.join(text.split())[:200]}", flush=True)
        if done % CHUNK == 0:
            print(f"{done} of {options.count}", file=sys.stderr, flush=True)
    outcome = ", ".join(f"{number} {word}" for word, number in sorted(tally.items()))
    print(f"{tally.total()} cases from {len(films)} films: {outcome}")
    return int(tally["WRONG"] > 0)


if __name__ == "__main__":
    from ending import end

    end(main)

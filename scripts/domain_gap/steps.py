"""One step of the comparison: a command that is run once, with its time and its log."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

SIMULATOR = ("kummell_ai/synthesis", "configs/synthesis", "scripts/make_training_films.py")
"""What decides how films look, relative to a tree."""

TRAINER = ("kummell_ai/training", "kummell_ai/landmarks", "configs/train.yaml")
"""What decides what a network learns from them."""

READER = ("kummell_ai/landmarks", "kummell_ai/evaluation", "scripts/evaluate_val10.py", "scripts/evaluate_shards.py")
"""What decides how a network is read and judged."""


@dataclass(frozen=True)
class Runner:
    """How steps are run.

    Attributes:
        threads: of one step; steps never run at once.
        nice: added to the niceness.
        lock: held open by every step, so that a step that outlives a killed run keeps the folder locked.
    """

    threads: int
    nice: int
    lock: IO[str]

    def run(self, folder: Path, name: str, command: list[str], code: Path, **notes: Any) -> None:
        """Run a python command in the tree ``code``; its log is FOLDER/NAME.log.

        Its wall and CPU time (s), with ``notes``, go to FOLDER/times.json.
        """
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"{name}.log"
        print(f"{time.strftime('%H:%M:%S')} {folder.name}: {name}", flush=True)
        whole = [sys.executable, *command]
        if self.nice and (niced := shutil.which("nice")):
            whole = [niced, "-n", str(self.nice), *whole]
        env = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": str(self.threads)}
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with log.open("a", encoding="utf-8") as stream:
            status = self._wait(whole, code, env, stream)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if status:
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise SystemExit(f"error: {folder.name}: {name} ended with {status} ({' '.join(last)}); see {log}")
        note = {
            "wall_s": round(time.monotonic() - started, 1),
            "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            **notes,
        }
        write_json(folder / "times.json", {**read_json(folder / "times.json"), name: note})

    def _wait(self, command: list[str], code: Path, env: dict[str, str], stream: IO[str]) -> int:
        """The exit code of a command; it and its workers end with this program when that is told to stop."""
        step = subprocess.Popen(
            command,
            cwd=code,
            env=env,
            stdout=stream,
            stderr=stream,
            pass_fds=[self.lock.fileno()],
            start_new_session=True,
        )
        try:
            return step.wait()
        except BaseException:
            os.killpg(step.pid, signal.SIGKILL)
            step.wait()
            raise


def open_lock(folder: Path) -> IO[str]:
    """The open lock file of ``folder``; stops when another run works there."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = (folder / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise SystemExit(f"error: another run, or a step one left behind, works in {folder}; wait for it") from None
    return stream


def fingerprint(code: Path, parts: tuple[str, ...]) -> str:
    """Short hash of parts of the tree ``code``, committed or not."""
    digest = hashlib.sha256()
    for part in parts:
        files = [code / part] if (code / part).is_file() else sorted((code / part).rglob("*"))
        for path in files:
            if path.suffix in (".py", ".yaml", ".csv", ".json"):
                digest.update(f"{path.relative_to(code)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def count_films(folder: Path) -> int:
    """Films in the shards of a folder."""
    total = 0
    for path in sorted(folder.glob("shard_*.npz")):
        with np.load(path, allow_pickle=False) as shard:
            total += len(shard["counts"])
    return total


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a file; empty when there is none."""
    if not path.exists():
        return {}
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def write_json(path: Path, document: Any) -> None:
    """Write so that a reader, or a run that goes on, never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)

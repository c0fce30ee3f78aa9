"""Train both stages while the films that they learn from are simulated: one command for a GPU beside some cores.

    python scripts/train_beside_films.py --out runs/kummell-corners --minutes 8 --workers 15 \\
        --init checkpoints/kummell-corners [--templates DIR] [--backgrounds DIR] [key=value ...]

Every film of 512 rows teaches both stages; of finer ones there are crops for the second stage. Both trainings run at
once by configs/train_gpu.yaml and configs/refine_gpu.yaml, changed by the key=value given, take up new films at the
start of every epoch, and end with the minutes. Then no more films are made, and OUT is a model folder with both stages;
its intervals have to be set (docs/uncertainty.md). All else is in the folder --work, films, logs and checkpoints. The
same command goes on after a stop; give another --seed and --work for other films. Minutes of each training begin when
the first films are there, as WORK/log/*.txt says.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ending import end, not_negative

from kummell_ai.cli import options
from kummell_ai.cli.files import check_out
from kummell_ai.errors import KummellError
from kummell_ai.landmarks.checkpoint import add_refiner, load_bundle, read_info

HERE = Path(__file__).parent
MANY = "1000000"
"""Films asked for of each maker: more than there is time for."""
VARIANTS = ("--set", "anatomy.variants=0.5")
EASED = tuple(
    word for key in ("noise=0.5", "scatter=0.7", "squeezed=0.5", "resampled=0.4") for word in ("--set", f"film.{key}")
)
"""Bones of others come on clearer films (docs/domain_gap.md)."""
SHARES = {"own": 7, "others": 3, "fine": 3, "finest": 2}
"""How the workers are divided among the makers."""
FIRST_FILMS = 10
"""Shards of films that must be there before the trainings start."""
TRAIN = ("-m", "kummell_ai", "train")
STOP_S = 20.0
"""Seconds that a process has to end in before it is killed."""
STOPPED = 143


@dataclass(frozen=True)
class Maker:
    """A process that simulates films until it is stopped."""

    name: str
    words: tuple[str, ...]


def divided(workers: int) -> dict[str, int]:
    """Workers of each maker; each has at least one.

    >>> divided(15)
    {'own': 7, 'others': 3, 'fine': 3, 'finest': 2}
    >>> divided(1)
    {'own': 1, 'others': 1, 'fine': 1, 'finest': 1}
    """
    whole = sum(SHARES.values())
    return {name: max(1, round(workers * share / whole)) for name, share in SHARES.items()}


def makers(work: Path, workers: int, seed: int, outside: Sequence[str]) -> list[Maker]:
    """The processes that make films for training, and those of the films to validate on.

    Args:
        work: folder that gets them.
        workers: processes in all, about.
        seed: of the first film; each maker's seeds begin ten million after those of the one before.
        outside: words that name bones and tissue of others, may be empty.
    """
    count = divided(workers)
    films = (str(HERE / "make_training_films.py"), "--out", str(work / "films"), "--crops", str(work / "crops"))
    crops = (str(HERE / "make_crops.py"), "--out", str(work / "crops"))
    eased = EASED if outside else ()
    plans: list[tuple[str, tuple[str, ...]]] = [
        ("own", (*films, "--count", MANY, *VARIANTS)),
        ("others", (*films, "--count", MANY, *VARIANTS, *eased, *outside)),
        ("fine", (*crops, "--films", MANY, "--rows", "1024")),
        ("finest", (*crops, "--films", MANY, "--rows", "1536", *outside)),
    ]
    made = []
    for k, (name, words) in enumerate(plans):
        place = ("--seed", str(seed + 10_000_000 * k), "--first-shard", str(100_000 * (k + 1)))
        made.append(Maker(name, (*words, *place, "--workers", str(count[name]))))
    held = str(seed + 10_000_000 * len(plans))
    return [
        *made,
        Maker("held-films", (*films[:1], "--out", str(work / "held-films"), "--count", "24", "--seed", held)),
        Maker("held-crops", (*crops[:1], "--out", str(work / "held-crops"), "--films", "8", "--rows", "512",
                             "--seed", held)),
    ]  # fmt: skip


class Running:
    """Processes that are ended with this one."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        log.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, words: Sequence[str], niceness: int = 0) -> None:
        """Start ``python words``; what it says goes to a file of its name."""
        with (self.log / f"{name}.txt").open("ab") as out:
            command = [sys.executable, "-u", *words]
            process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        self._processes[name] = process

    def check(self, *names: str) -> bool:
        """Whether any of these still runs.

        Raises:
            KummellError: one of them failed.
        """
        for name in names:
            code = self._processes[name].poll()
            if code not in (None, 0):
                said = (self.log / f"{name}.txt").read_text(encoding="utf-8", errors="replace").strip()
                last = said.splitlines()[-1] if said else "it said nothing"
                raise KummellError(f"{name} ended with code {code}: {last:.200}; see {self.log / name}.txt")
        return any(self._processes[name].poll() is None for name in names)

    def stop(self) -> None:
        """End all that still run; those that do not hear are killed."""
        running = [p for p in self._processes.values() if p.poll() is None]
        for process in running:
            process.terminate()
        until = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def first_films(work: Path) -> bool:
    """Whether there is enough to begin with."""
    held = all(any(work.glob(pattern)) for pattern in ("held-films/shard_*.npz", "held-crops/crops_*.npz"))
    return held and len(list(work.glob("films/shard_*.npz"))) >= FIRST_FILMS and any(work.glob("crops/crops_*.npz"))


def trainings(args: argparse.Namespace, keys: Sequence[str]) -> dict[str, list[str]]:
    """Words of the two trainings, by name."""
    work = args.work
    common = [f"init={args.init}", f"max_minutes={args.minutes:g}", "data_note=simulated lateral films", *keys]
    first = [f"shards={work}/films", f"validation_shards={work}/held-films", "validation_films=24"]
    second = [f"crops={work}/crops", f"validation_crops={work}/held-crops", "validation_limit=48"]
    plans = (("first", args.first, first), ("second", args.second, second))
    return {
        name: [*TRAIN, str(config), f"runs={work}/{name}", f"out={work}/{name}-model", *own, *common]
        for name, config, own in plans
    }


def join(work: Path, out: Path) -> None:
    """One model folder of the first stage in ``work`` and the second in ``work``."""
    refiner = load_bundle(work / "second-model").refiner
    assert refiner is not None  # its training put one there
    facts = {key: value for key, value in read_info(work / "second-model")["refiner"].items() if key != "sizes"}
    shutil.copytree(work / "first-model", out, dirs_exist_ok=True)
    add_refiner(out, refiner, facts)


def counted(folder: Path, pattern: str) -> int:
    """Looks in the shards of ``folder``, without reading their pixels."""
    total = 0
    for path in folder.glob(pattern):
        with np.load(path, allow_pickle=False) as archive:
            total += len(archive["spacing_mm"])
    return total


def main() -> int:
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = options.path_of_input
    parser.add_argument("keys", nargs="*", metavar="key=value", help="change a key of both trainings")
    parser.add_argument("--out", type=path, required=True, help="model folder that is made")
    parser.add_argument("--work", type=path, default=Path("runs/beside"), help="default: %(default)s")
    parser.add_argument(
        "--init", type=path, required=True, help="model folder of two stages that the trainings start from"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="of each training, both at once (default: 8)")
    parser.add_argument("--workers", type=options.positive, default=15, help="processes that make films (default: 15)")
    parser.add_argument("--seed", type=not_negative, default=300_000_000, help="of the first film (default: 300000000)")
    parser.add_argument("--templates", action="append", default=[], help="folder of bones; may be repeated")
    parser.add_argument("--backgrounds", action="append", default=[], help="CTs; may be repeated")
    parser.add_argument("--first", type=path, default=Path("configs/train_gpu.yaml"), help="default: %(default)s")
    parser.add_argument("--second", type=path, default=Path("configs/refine_gpu.yaml"), help="default: %(default)s")
    args = parser.parse_args()
    for folder in (args.out, args.work):
        check_out(folder)
    if load_bundle(args.init).refiner is None:
        parser.error(f"{args.init} has no second stage; give a model with both")
    outside = [word for kind in ("templates", "backgrounds") for given in getattr(args, kind)
               for word in (f"--{kind}", given)]  # fmt: skip
    second = args.work / "second-model"
    if not second.exists():
        partial = shutil.copytree(args.init, args.work / "second-model.partial", dirs_exist_ok=True)
        os.replace(partial, second)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # so that what was started is ended, too
    running = Running(args.work / "log")
    with ExitStack() as stack:
        stack.callback(running.stop)
        films = makers(args.work, args.workers, args.seed, outside)
        for maker in films:
            running.start(maker.name, maker.words, niceness=5)  # the trainings go first
        names = [maker.name for maker in films]
        while not first_films(args.work):
            running.check(*names)
            time.sleep(0.5)
        both = trainings(args, args.keys)
        for name, words in both.items():
            running.start(name, words)
        while running.check(*both):
            running.check(*names)
            time.sleep(0.5)
    join(args.work, args.out)
    films_seen, crops_seen = counted(args.work / "films", "shard_*.npz"), counted(args.work / "crops", "crops_*.npz")
    print(f"films: {films_seen}; crops: {crops_seen}")
    print(f"{args.out}: both stages; set its intervals with scripts/calibrate_covariance.py")
    return 0


if __name__ == "__main__":
    end(main)

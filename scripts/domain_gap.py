"""How well networks trained on simulated films read real ones, by simulator and by ingredient.

    python scripts/domain_gap.py --out runs/gap --films FILMS --templates MESHES --backgrounds CT --seeds 1 2 3
    python scripts/domain_gap.py --out runs/gap --films FILMS --templates MESHES --backgrounds CT --arms without-each

For each arm the same number of films of the same seeds is made, the same network is trained on them for the same
steps with each seed, and tested on the real films of scripts/evaluate_val10.py (FILMS is its folder) and on simulated
films of every arm that no network was trained on. What is done is kept: a run that was stopped goes on when it is
called again, and later calls may add arms and seeds. See docs/domain_gap.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain_gap.arms import ENDS, ROOT, SCREENING, Arm, expand, lay_out_first_simulator, make_arm
from domain_gap.report import collect, tables
from domain_gap.steps import (
    READER,
    SIMULATOR,
    TRAINER,
    Runner,
    count_films,
    fingerprint,
    open_lock,
    read_json,
    write_json,
)

SEEDS = {"train": 30_000_000, "validation": 40_000_000, "test": 50_000_000}
"""Seed of the first film of each set."""

FILMS_PER_EPOCH = 1600


@dataclass(frozen=True)
class Comparison:
    """What one call is to do, in the folder ``out``; runs of the screening are tested on films of ``screened_on``."""

    out: Path
    films: Path
    counts: dict[str, int]
    seeds: tuple[int, ...]
    steps: int
    training: tuple[str, ...]
    runner: Runner
    screened_on: Arm | None = None

    def make_films(self, arm: Arm, kind: str) -> None:
        """The films of an arm; ``kind`` is train, validation or test."""
        folder, count = self.out / arm.name, self.counts[kind]
        target, made = folder / kind, count_films(folder / kind)
        wanted = {"count": count, "seed": SEEDS[kind], "options": list(arm.options)}
        notes = read_json(folder / "films.json")
        known = notes.get(kind, {})
        if known and {key: known[key] for key in wanted} != wanted:
            raise SystemExit(f"error: {target} was made with {known}, not with {wanted}; ask for those or remove it")
        if made == count:
            if not known:
                write_json(folder / "films.json", {**notes, kind: {**wanted, "simulator": None}})
            return
        if arm.name == "first":
            lay_out_first_simulator(arm.code)
        simulator = fingerprint(arm.code, SIMULATOR)
        if made and known and known["simulator"] != simulator:
            raise SystemExit(f"error: {target} was begun with another state of the simulator; remove it")
        write_json(folder / "films.json", {**notes, kind: {**wanted, "simulator": simulator}})
        command = ["scripts/make_training_films.py", "--out", str(target), "--count", str(count)]
        command += ["--seed", str(SEEDS[kind]), "--workers", str(self.runner.threads), *arm.options]
        self.runner.run(folder, f"films-{kind}", command, arm.code, resumed=made > 0)
        if (made := count_films(target)) != count:
            raise SystemExit(f"error: {target} holds {made} films, not {count}; remove it, it is made again")

    def train(self, arm: Arm, seed: int) -> None:
        """The network of an arm and a seed."""
        folder = self.out / arm.name
        model = folder / f"model-{seed}"
        if trained := read_json(model / "model.json"):
            if trained["steps"] != self.steps:
                raise SystemExit(
                    f"error: {model} was trained for {trained['steps']} steps, not {self.steps}; remove it"
                )
            return
        values = {
            "max_minutes": "null",
            "max_steps": self.steps,
            "shards": folder / "train",
            "validation_shards": folder / "validation",
            "runs": folder / f"run-{seed}",
            "out": model,
            "seed": seed,
            "films_per_epoch": FILMS_PER_EPOCH,
            "threads": self.runner.threads,
            "name": arm.name,
            "data_note": "comparison of simulators",
        }
        command = ["scripts/train.py", "configs/train.yaml", *(f"{key}={value}" for key, value in values.items())]
        resumed = (folder / f"run-{seed}" / "checkpoints" / "last.ckpt").exists()
        trainer = fingerprint(ROOT, TRAINER)
        self.runner.run(folder, f"train-{seed}", [*command, *self.training], ROOT, resumed=resumed, trainer=trainer)
        if not (model / "model.json").exists():  # a training that is told to stop may still end with 0
            raise SystemExit(f"error: {arm.name}: training {seed} ended without a model; call again to go on")

    def test(self, arm: Arm, seed: int, tested: Sequence[str]) -> None:
        """The network against the real films, and against simulated ones of the arms ``tested``."""
        folder = self.out / arm.name
        self._judge(folder, f"val10-{seed}", seed, ["scripts/evaluate_val10.py", "--films", str(self.films)])
        for other in tested:
            shards = str(self.out / other / "test")
            self._judge(folder, f"on-{other}-{seed}", seed, ["scripts/evaluate_shards.py", "--shards", shards])

    def _judge(self, folder: Path, name: str, seed: int, command: list[str]) -> None:
        target, partial = folder / f"{name}.json", folder / f"{name}.partial"
        if not target.exists():
            command = [*command, "--model", str(folder / f"model-{seed}"), "--out", str(partial)]
            self.runner.run(folder, name, command, ROOT, reader=fingerprint(ROOT, READER))
            partial.replace(target)

    def run(self, arms: Sequence[Arm]) -> dict[str, Any]:
        """Everything that is not done yet; returns the figures of all that is done in the folder."""
        if self.screened_on is not None:
            self.make_films(self.screened_on, "test")
        tested = [arm.name for arm in arms if not arm.is_ablation]
        tested += [n for n in ENDS if n not in tested and count_films(self.out / n / "test") == self.counts["test"]]
        for arm in arms:
            for kind in ("train", "validation") if arm.is_ablation else tuple(SEEDS):
                self.make_films(arm, kind)
        for seed in self.seeds:
            for arm in arms:
                own = arm.training_seed(seed)
                self.train(arm, own)
                self.test(arm, own, tested)
                results = collect(self.out)
                write_json(self.out / "results.json", results)
        return results


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the comparison; may hold an earlier one")
    parser.add_argument("--films", type=Path, required=True, help="folder with val10/ and frontal/")
    parser.add_argument(
        "--arms", nargs="+", default=list(ENDS), help="first own outside without-X without-each screen-each"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--steps", type=int, default=800, help="training steps of a network")
    parser.add_argument("--train-films", type=int, default=1536)
    parser.add_argument("--validation-films", type=int, default=96)
    parser.add_argument("--test-films", type=int, default=150)
    parser.add_argument("--templates", nargs="+", default=[], help="folders of meshes; the arm first takes one only")
    parser.add_argument("--backgrounds", nargs="+", default=[], help="CTs, or folders of them")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="change the recipe of every arm")
    parser.add_argument("--training", nargs="+", default=[], metavar="KEY=VALUE", help="change configs/train.yaml")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--nice", type=int, default=10)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out, films = args.out.resolve(), args.films.resolve()
    if not (films / "val10" / "annotations.json").exists():
        raise SystemExit(f"error: {films} holds no val10/annotations.json; see scripts/evaluate_val10.py")
    outside = [[str(Path(path).resolve()) for path in paths] for paths in (args.templates, args.backgrounds)]
    arms = [make_arm(name, out, *outside, args.set) for name in expand(args.arms)]
    with open_lock(out) as lock:
        comparison = Comparison(
            out=out,
            films=films,
            counts={"train": args.train_films, "validation": args.validation_films, "test": args.test_films},
            seeds=tuple(args.seeds),
            steps=args.steps,
            training=tuple(args.training),
            runner=Runner(args.threads, args.nice, lock),
            screened_on=make_arm("outside", out, *outside, args.set)
            if any(a.name in SCREENING for a in arms)
            else None,
        )
        print(tables(comparison.run(arms)))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()

"""Train each design for the same processor time, judge all on one test set, write results.json and table.md.

    python -m scripts.benchmark --train DIR --validation DIR --test DIR --out DIR [--minutes 6] [--seeds 1 2 3]
        [--rates unet=8e-4 scn=4e-4]

The folders hold shards as scripts/make_training_films.py writes them. Minutes are processor time of this process, with
--device cuda of the clock: several calls, one a design and seed, may then share a GPU and --out. What is done is not
done again, and a training that was stopped goes on. A design whose package is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from kummell_ai.cli.files import write_atomic
from kummell_ai.training.samples import TrainingFilm
from scripts.benchmark import report
from scripts.benchmark.design import Design
from scripts.benchmark.films import lateral_films
from scripts.benchmark.judging import choose_threshold, read_films, summarise
from scripts.benchmark.keypoint_rcnn import KeypointRCNN
from scripts.benchmark.ours import Ours
from scripts.benchmark.scn import SpatialConfiguration
from scripts.benchmark.training import Budget, train
from scripts.benchmark.unet import PlainUNet
from scripts.benchmark.vertebra_focused import VertebraFocused
from scripts.benchmark.yolo_pose import YoloPose

DESIGNS: dict[str, type[Design]] = {
    "ours": Ours,
    "unet": PlainUNet,
    "vertebra-focused": VertebraFocused,
    "scn": SpatialConfiguration,
    "keypoint-rcnn": KeypointRCNN,
    "yolo-pose": YoloPose,
}
"""Name -> design, in the order in which they run."""

PACKAGES = {"segmentation_models_pytorch": "segmentation-models-pytorch"}
"""Import name -> distribution, where the two differ."""


def main() -> None:
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    if args.device != "cpu" and not torch.cuda.is_available():
        raise SystemExit(f"error: --device {args.device}: there is no GPU here that torch can use; leave it out")
    missing = {n: f"{DESIGNS[n].package} is not installed" for n in args.designs if not DESIGNS[n]().is_installed}
    films = {
        "train": lateral_films(args.train, args.train_films),
        "validation": lateral_films(args.validation, args.validation_films),
        "test": lateral_films(args.test, args.test_films),
    }
    rates = dict(args.rates)
    budget = Budget(60.0 * args.minutes, args.steps)
    for seed in args.seeds:
        for name in args.designs:
            if name not in missing:
                design = DESIGNS[name](args.device)
                _run(design, name, seed, budget, (args.rows, args.columns), films, args.out, rates.get(name))
                report.write(args.out, list(DESIGNS), missing)
    text = report.write(args.out, list(DESIGNS), missing)
    if args.page is not None:
        report.insert(args.page, text)
    print(text)


def _run(
    design: Design,
    name: str,
    seed: int,
    budget: Budget,
    size: tuple[int, int],
    films: dict[str, list[TrainingFilm]],
    out: Path,
    rate: float | None,
) -> None:
    """Train and judge one design with one seed, unless that is done."""
    folder = out / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    asked: dict[str, Any] = {
        "budget": asdict(budget),
        "size": list(size),
        "films": {part: len(f) for part, f in films.items()},
    }
    if rate is not None:
        asked["peak_rate"] = rate
    if design.device.type != "cpu":
        asked["device"] = torch.cuda.get_device_name(design.device)
    _agree(folder / "asked.json", asked)
    if (folder / "result.json").exists():
        return
    print(f"{design.title}, seed {seed}", flush=True)
    trained = train(design, films["train"], size, budget, seed, folder, rate)
    threshold = choose_threshold(read_films(design, trained.network, films["validation"], size[0]))
    test = summarise(read_films(design, trained.network, films["test"], size[0]), threshold)
    result = {
        "design": name,
        "title": design.title,
        "seed": seed,
        "rate": design.rate_source,
        "batch": design.batch_size,
        "parameters": sum(p.numel() for p in trained.network.parameters()),
        "steps": trained.steps,
        "films_seen": trained.steps * design.batch_size,
        "training_seconds": trained.seconds,
        "last_loss": trained.loss,
        "threshold": threshold,
        "test": test,
        **asked,
        **_circumstances(design),
    }
    write_atomic(folder / "result.json", json.dumps(result, indent=1) + "\n")
    (folder / "last.pt").unlink(missing_ok=True)


def _agree(path: Path, asked: dict[str, Any]) -> None:
    """Keep what was asked for; stop when the folder was begun with something else."""
    if path.exists() and (before := json.loads(path.read_text(encoding="utf-8"))) != asked:
        raise SystemExit(f"error: {path.parent} was begun with {before}, not {asked}; take another --out or remove it")
    path.write_text(json.dumps(asked) + "\n", encoding="utf-8")


def _circumstances(design: Design) -> dict[str, Any]:
    """Commit, versions and threads."""
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    if design.package is not None:
        versions[design.package] = _version(PACKAGES.get(design.package, design.package))
    return {"commit": commit, "versions": versions, "threads": torch.get_num_threads()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _rate(text: str) -> tuple[str, float]:
    """A design and its peak learning rate.

    >>> _rate("unet=8e-4")
    ('unet', 0.0008)
    """
    name, _, value = text.partition("=")
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if name not in DESIGNS or not 0.0 < rate < 10.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no DESIGN=RATE; designs are {', '.join(DESIGNS)}")
    return name, rate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("train", "validation", "test"):
        parser.add_argument(f"--{part}", type=Path, required=True, help=f"folder of shards: {part} films")
    parser.add_argument("--out", type=Path, required=True, help="folder of the comparison")
    parser.add_argument("--minutes", type=float, default=6.0, help="processor minutes of training a design (6)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the designs compute (cpu)")
    parser.add_argument("--steps", type=int, help="stop a training after so many steps, for a trial")
    parser.add_argument(
        "--rates",
        type=_rate,
        nargs="+",
        default=[],
        metavar="DESIGN=RATE",
        help="peak rates in place of a design's own",
    )
    parser.add_argument("--page", type=Path, help="document whose table is brought up to date")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of weights, order and augmentation (1)")
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS), metavar="DESIGN")
    parser.add_argument("--rows", type=int, default=512, help="rows of a crop, and of a film when judged (512)")
    parser.add_argument("--columns", type=int, default=256, help="columns of a crop (256)")
    parser.add_argument("--train-films", type=int, help="use the first so many lateral films only")
    parser.add_argument("--validation-films", type=int, default=48, help="films that set the threshold (48)")
    parser.add_argument("--test-films", type=int, help="judge on the first so many lateral films only")
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    return parser


if __name__ == "__main__":
    main()

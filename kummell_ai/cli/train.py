"""``kummell-ai train``: a model folder from a configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kummell_ai.cli import console, exits


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", help="train a landmark network from a configuration")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="YAML file, for example configs/refine.yaml")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE", help="changes to the configuration")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and say where the model folder is."""
    from kummell_ai.training.refine_config import names_crops

    if names_crops(args.config):
        from kummell_ai.training.refine import train_refiner as train
    else:
        from kummell_ai.training.run import train

    return trained(lambda: train(args.config, args.overrides))


def trained(train: Callable[[], Path | None]) -> int:
    """Train, say where the model folder is, or that a stopped run goes on; the exit code.

    Lightning answers both signals itself, after the step at hand, and ends in a `SystemExit` whose code does not tell.
    """
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    goes_on = "the same command goes on from the last checkpoint of the run"
    try:
        tell_folder(train())
    except SIGTERMException:
        console.say(f"kummell-ai: ended by a signal (SIGTERM); {goes_on}")
        return exits.TERMINATED
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        console.say(f"kummell-ai: interrupted; {goes_on}")
        return exits.INTERRUPTED
    return exits.DONE


def tell_folder(folder: Path | None) -> None:
    """Say where the model folder is, None after a trial; of several processes one speaks."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        trial = "One batch went through; no model is written"
        console.tell(trial if folder is None else f"Model folder: {folder}")

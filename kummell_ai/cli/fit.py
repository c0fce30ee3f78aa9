"""``kummell-ai fit``: as ``train``, through LightningCLI, with every option of Lightning's trainer."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

from kummell_ai.cli.train import trained
from kummell_ai.errors import UsageError

STAGES = {"first": "on whole films", "second": "on crops of vertebrae"}


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("fit", help="train through LightningCLI, with all options of Lightning's trainer")
    stages = ", ".join(f"{name} ({works})" for name, works in STAGES.items())
    parser.add_argument("stage", choices=tuple(STAGES), metavar="STAGE", help=f"the network to train: {stages}")
    parser.add_argument(
        "options",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="OPTIONS",
        help="of LightningCLI: --config FILE, --model.config FILE, --model.config.KEY VALUE, --trainer.OPTION VALUE, "
        "--print_config; --help lists them",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and say where the model folder is."""
    if importlib.util.find_spec("jsonargparse") is None:
        raise UsageError("LightningCLI needs jsonargparse; pip install 'kummell-ai[fit]', or use kummell-ai train")
    from kummell_ai.training.lightning_cli import train_by_cli

    return trained(lambda: train_by_cli(args.stage, args.options))

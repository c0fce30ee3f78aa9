"""``kummell-ai evaluate``: measured against truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kummell_ai.cli import exits, options


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("evaluate", help="a model against films whose truth is known")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder with annotations.json (COCO keypoints)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the results")
    parser.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the shipped one)")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Not there yet."""
    return exits.WRONG_USE

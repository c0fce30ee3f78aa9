"""``kummell-ai info``: versions, models and codecs of this installation."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from importlib.util import find_spec
from typing import Any

import kummell_ai
from kummell_ai.cli import console, exits, models, options

PACKAGES = (
    "torch",
    "torchvision",
    "lightning",
    "albumentations",
    "numpy",
    "pydicom",
    "pillow",
    "simplejpeg",
    "numba",
    "safetensors",
)
CODECS = {
    "JPEG-LS": "jpeg_ls",
    "JPEG 2000": "openjpeg",
    "RLE": "pydicom",
    "JPEG lossless": "gdcm",
    "JPEG baseline": "PIL",
}
"""Transfer syntaxes and the module that decodes each."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("info", help="versions, shipped models, codecs")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is installed; nothing heavy is imported."""
    facts = collect()
    if args.json:
        console.tell_json(facts)
        return exits.DONE
    console.tell(f"kummell_ai {facts['version']} on Python {facts['python']} ({facts['platform']})")
    console.tell(facts["statement"])
    for name, version in facts["packages"].items():
        console.tell(f"  {name:<16}{version or 'not installed'}")
    for codec, present in facts["codecs"].items():
        console.tell(f"  {codec:<16}{'available' if present else 'not available'}")
    for model in facts["models"]:
        console.tell(f"  model {model['name']}: {model['bytes'] / 1e6:.1f} MB, sha256 {model['weights_sha256'][:16]}")
    if not facts["models"]:
        console.tell("  no model is shipped with this installation; pass --model DIR")
    return exits.DONE


def collect() -> dict[str, Any]:
    """Everything ``info --json`` prints."""
    return {
        "version": kummell_ai.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "codecs": {codec: find_spec(module) is not None for codec, module in CODECS.items()},
        "models": models.shipped_models(),
        "statement": "Research use, not a medical device",
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

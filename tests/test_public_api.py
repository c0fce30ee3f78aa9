"""Names that other programs may rely on: the rooms' exports, the value types' fields, the commands' options."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import pkgutil
from pathlib import Path

import kummell_ai
from kummell_ai import anatomy, errors, quantities
from kummell_ai.cli.main import build_parser
from kummell_ai.imaging import annotation, radiograph
from kummell_ai.measurement import results

GOLDEN = Path(__file__).parent / "golden" / "public_api.txt"
VALUES = (anatomy, quantities, errors, annotation, radiograph, results)


def exports() -> list[str]:
    lines = []
    for room in pkgutil.iter_modules(kummell_ai.__path__, "kummell_ai."):
        if room.ispkg:
            names = getattr(importlib.import_module(room.name), "__all__", ())
            lines += [f"{room.name}: {name}" for name in sorted(names)]
    return lines


def fields() -> list[str]:
    lines = []
    for module in VALUES:
        for name, value in sorted(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                parts = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
                lines.append(f"{module.__name__}.{name}({', '.join(parts)})")
    return lines


def options() -> list[str]:
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [
        f"kummell-ai {name}: {' '.join(o for a in parser._actions for o in (a.option_strings or [a.dest]))}"
        for name, parser in commands.choices.items()
    ]


def current() -> str:
    return "\n".join([*exports(), *fields(), *options()]) + "\n"


def test_the_public_names_are_the_golden_ones() -> None:
    """When a name is meant to change: python -m tests.test_public_api"""
    assert current() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(current(), encoding="utf-8")

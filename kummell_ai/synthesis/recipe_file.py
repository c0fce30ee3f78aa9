"""The recipe beside a set of films, which ``--recipe`` reads again: written here, or a person's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from kummell_ai import __version__
from kummell_ai.errors import ConfigError
from kummell_ai.settings import read_yaml
from kummell_ai.synthesis.film_files import whole
from kummell_ai.synthesis.recipe import Recipe, load_recipe

_MARK = "# kummell_ai "


def keep_recipe(path: Path, recipe: Recipe, count: int, seed: int) -> None:
    """Write the recipe with all its keys, and what else made the films in a comment; a person's that says it stays."""
    if not is_persons(path) or not says(path, recipe):
        with whole(path) as partial:
            head = f"{_MARK}{__version__}: kummell-ai synthesize --count {count} --seed {seed} --recipe recipe.yaml"
            partial.write_text(f"{head}\n{_dumped(json.loads(json.dumps(asdict(recipe))))}", encoding="utf-8")


def is_persons(path: Path) -> bool:
    """Whether a file is there that this program did not write, or in which a person has written since."""
    try:
        head, _, text = path.read_text(encoding="utf-8").partition("\n")
        return not head.startswith(_MARK) or text != _dumped(read_yaml(path, path.name))
    except (OSError, UnicodeDecodeError, ConfigError):
        return path.exists()


def says(path: Path, recipe: Recipe) -> bool:
    """Whether a file holds a recipe of the same values."""
    try:
        return load_recipe(path) == recipe
    except ConfigError:
        return False


def _dumped(values: object) -> str:
    import yaml

    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))

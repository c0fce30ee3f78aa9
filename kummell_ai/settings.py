"""Settings as frozen dataclasses, built from plain mappings such as a YAML file holds; every fault names its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from kummell_ai.errors import ConfigError

T = TypeVar("T")


def build_settings(kind: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """An instance of the dataclass ``kind`` from ``values``; keys that are not given keep their defaults.

    Args:
        kind: a dataclass; fields may be dataclasses, literals, tuples of one type, plain values or None.
        values: by field name.
        prefix: put before the key in messages.

    Raises:
        ConfigError: unknown key or wrong type; what ``kind`` itself refuses.
    """
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"{prefix}{key} is no known key; use one of {', '.join(sorted(known))}", key)
    return kind(**{key: _convert(value, hints[key], f"{prefix}{key}") for key, value in values.items()})


def apply_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """``values`` with ``key=value`` put on top, in place; a dot reaches nested keys, the value is read as YAML.

    Raises:
        ConfigError: no ``=``, or a key inside a plain value.
    """
    import yaml

    for override in overrides:
        key, sign, text = override.partition("=")
        if not sign:
            raise ConfigError(f"override {override!r} has no '='; write key=value", override)
        place = values
        *parents, leaf = key.strip().split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{parent!r} in {key!r} has no keys of its own; write parent.key=value", key)
        try:
            place[leaf] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"the value of override {override!r} is no YAML; write key=value", override) from error
    return values


def _convert(value: Any, hint: Any, name: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise ConfigError(f"{name} is {value!r}; expected keys and values", value)
        return build_settings(hint, value, f"{name}.")
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name} is {value!r}; use one of {', '.join(map(str, get_args(hint)))}", value)
        return value
    if get_origin(hint) is tuple:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise ConfigError(f"{name} is {value!r}; expected a list", value)
        return tuple(_convert(item, get_args(hint)[0], f"{name}[{i}]") for i, item in enumerate(items))
    allowed = getattr(hint, "__args__", (hint,))
    if float in allowed and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise ConfigError(f"{name} is {value!r}; expected {' or '.join(t.__name__ for t in allowed)}", value)
    return value

"""Settings as frozen dataclasses, built from plain mappings such as a YAML file holds; every fault names its key."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from kummell_ai.errors import ConfigError

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""Of a file of settings; one that is larger, or never ends, is none."""

LARGEST_INT = 2**63 - 1
"""Of a whole number in settings, either side of 0; Python cannot print those of thousands of digits."""

_NO_VALUE = (ValueError, OverflowError, LookupError, AttributeError, TypeError)
"""What the YAML library raises, beside its own errors, for a text that is none of its type, as ``2024-99-99``."""


def read_yaml(path: Path, example: str) -> Any:
    """What a YAML file of settings holds; ``example`` is named in messages.

    Raises:
        ConfigError: unreadable file, or what `load_yaml` refuses.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError(f"{path} has over {MAX_BYTES // 1_000_000} MB; give a file as {example}", path)
        return load_yaml(data.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; give one as {example}", path) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); give a file as {example}", path) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} cannot be read as YAML (no UTF-8 text); see {example}", path) from None
    except NotReadError as error:
        raise ConfigError(f"{path} cannot be read as YAML ({error}); see {example}", path) from None


class NotReadError(ConfigError):
    """A text is no YAML, or its meaning would have to be guessed."""


def load_yaml(text: str) -> Any:
    """The value of a YAML text, without the readings of YAML that nobody means.

    Raises:
        NotReadError: no YAML; a key twice, keys merged by ``<<``, a number with a colon (base 60) or a leading zero
            (base 8), a whole number beyond `LARGEST_INT`, or nested too deep.

    >>> load_yaml("rows: 512")
    {'rows': 512}
    """
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}: " if mark is not None and "\n" in text.strip() else ""
        raise NotReadError(f"{place}{error.problem or error.context}", text) from None
    except yaml.YAMLError:  # of the reader, which alone has no place
        raise NotReadError("it has characters that YAML does not allow", text) from None
    except RecursionError:
        raise NotReadError("it is nested too deep", text) from None


class _Loader(yaml.SafeLoader):
    """Refuses what YAML reads otherwise than a person does."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node; text that is none of its type is refused with its line."""
        try:
            return super().construct_object(node, deep=deep)
        except _NO_VALUE:
            value = shown(node.value) if isinstance(node, yaml.ScalarNode) else "it"
            kind = node.tag.rpartition(":")[2]
            raise _refusal(f"{value} is no {kind}; correct it, or write text in quotes", node) from None

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a key that stands twice, of which YAML takes the last, and merged keys, which may hide one."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise _refusal("keys are merged by <<; write them out", key)
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refusal(f"key {shorten(key.value)} stands twice; keep one", key)
                seen.add(key.value)
        super().flatten_mapping(node)

    def construct_int(self, node: yaml.ScalarNode) -> int:
        """A whole number as a person reads it."""
        digits = node.value.lstrip("+-")
        if ":" not in digits and digits[:1] == "0" and digits[1:2].isdecimal():
            raise _refusal(f"{shown(node.value)} has a leading zero (base 8 in YAML); write it without", node)
        self._refuse_colon(node)
        value: int = self.construct_yaml_int(node)
        if abs(value) > LARGEST_INT:
            raise _refusal(f"{shown(node.value)} is too large; whole numbers have at most 18 digits", node)
        return value

    def construct_float(self, node: yaml.ScalarNode) -> float:
        """A number as a person reads it."""
        self._refuse_colon(node)
        value: float = self.construct_yaml_float(node)
        return value

    def _refuse_colon(self, node: yaml.ScalarNode) -> None:
        if ":" in self.construct_scalar(node):
            text = f"{shown(node.value)} has a colon (base 60 in YAML); write a plain number, or text in quotes"
            raise _refusal(text, node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_float)


def _refusal(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def shown(value: object) -> str:
    """``value`` as Python writes it, cut where it is long; lists that hold each other may be of any length.

    >>> shown([[1, 2], "a"]), shown("9" * 60)
    ("[[1, 2], 'a']", "'999999999999999999...999999999999999999'")
    """
    try:
        return _SHORT.repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number of thousands of digits"


def shorten(text: object, length: int = 40) -> str:
    """``text`` with its end cut where it is longer than ``length`` characters.

    >>> shorten("rows"), shorten("a" * 50, 8)
    ('rows', 'aaaaa...')
    """
    text = str(text)
    return text if len(text) <= length else f"{text[: length - 3]}..."


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 41
_SHORT.maxlevel = 3


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
            name = shorten(key) if isinstance(key, str) else shown(key)
            raise ConfigError(f"{prefix}{name} is no known key; use one of {', '.join(sorted(known))}", key)
    return kind(**{key: _convert(value, hints[key], f"{prefix}{key}") for key, value in values.items()})


def apply_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """``values`` with ``key=value`` put on top, in place; a dot reaches nested keys, the value is read as YAML.

    Raises:
        ConfigError: no ``=``, a key inside a plain value, or a value that `load_yaml` refuses.
    """
    for override in overrides:
        key, sign, text = override.partition("=")
        if not sign:
            raise ConfigError(f"override {shown(override)} has no '='; write key=value", override)
        place = values
        *parents, leaf = key.strip().split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ConfigError(
                    f"{shown(parent)} in {shown(key)} has no keys of its own; write parent.key=value", key
                )
        try:
            place[leaf] = load_yaml(text)
        except NotReadError as error:
            fault = f"the value of override {shown(override)} is no YAML ({error})"
            raise ConfigError(f"{fault}; write key=value", override) from None
    return values


def _convert(value: Any, hint: Any, name: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise ConfigError(f"{name} is {shown(value)}; expected keys and values", value)
        return build_settings(hint, value, f"{name}.")
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name} is {shown(value)}; use one of {', '.join(map(str, get_args(hint)))}", value)
        return value
    if get_origin(hint) is tuple:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise ConfigError(f"{name} is {shown(value)}; expected a list", value)
        return tuple(_convert(item, get_args(hint)[0], f"{name}[{i}]") for i, item in enumerate(items))
    allowed = getattr(hint, "__args__", (hint,))
    has_underscore = isinstance(value, str) and "_" in value  # which Python allows between digits, and nobody else
    if float in allowed and isinstance(value, int | str) and not isinstance(value, bool) and not has_underscore:
        with suppress(ValueError, OverflowError):
            return float(value)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise ConfigError(f"{name} is {shown(value)}; expected {' or '.join(t.__name__ for t in allowed)}", value)
    return value

"""What stands in an annotation file, taken as what it should be, or refused in words that say which entry it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=Enum)

MAX_PX = 1e6
"""How far from the corner of its film a point may be said to lie (px); the longest sides have some ten thousand."""

OF_ANOTHER_KIND = "a value in it is of another kind (list, text, number) than the form asks for; export it again"


@contextmanager
def in_entry(what: str) -> Iterator[None]:
    """Say of which entry something is missing, or is of another kind than asked for.

    Raises:
        ValueError: it is.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{error} is missing in {what}; export it again") from error
    except (TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"{what}: {OF_ANOTHER_KIND}") from error


def as_list(value: Any, what: str) -> list[Any]:
    """``value`` if it is a list.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, list):
        raise ValueError(f"{what}: {_shown(value)} stands there; expected a list")
    return value


def as_keys(value: Any, what: str) -> dict[str, Any]:
    """``value`` if it holds values by name.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what}: {_shown(value)} stands there; expected values by name, in braces")
    return value


def as_text(value: Any, what: str) -> str:
    """``value`` if it is a text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"{what} is {_shown(value)}; expected a text")
    return value


def as_number(value: Any, what: str) -> float:
    """A number, or a text of one; it may be infinite.

    Raises:
        ValueError: it is none.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what} is {_shown(value)}; expected a number") from None


def as_place(value: Any, what: str) -> tuple[float, float]:
    """A pair of numbers; whether a point may lie there, `check_place` tells.

    Raises:
        ValueError: there are not two, or one is no number.
    """
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{what} lies at {_shown(value)}; expected x and y")
    return as_number(value[0], f"x of {what}"), as_number(value[1], f"y of {what}")


def check_place(xy: tuple[float, float], what: str) -> None:
    """Whether a point may lie at ``xy`` (px).

    Raises:
        ValueError: a coordinate is not finite, or beyond `MAX_PX`.
    """
    if not all(is_px(value) for value in xy):
        raise ValueError(f"{what} lies at {xy[0]}, {xy[1]}; expected finite numbers of px, {MAX_PX:,.0f} at most")


def is_px(value: float) -> bool:
    """Whether a coordinate is finite and not beyond `MAX_PX`."""
    return math.isfinite(value) and abs(value) <= MAX_PX


def as_one_of(kind: type[Kind], value: Any, what: str) -> Kind:
    """The member of ``kind`` that ``value`` names.

    Raises:
        ValueError: none does.
    """
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"{what} is {_shown(value)}; expected one of {names}") from None


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.40}"

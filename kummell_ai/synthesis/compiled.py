"""Functions that numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, error_model: Literal["python", "numpy"] = "python") -> Callable[[Function], Function]:
    """Compile a function on its first call, without the interpreter's lock.

    The machine code is kept on disk for the next program; where neither the package's folder nor one of the user's own
    can be written, it is made anew in each.

    Args:
        error_model: ``numpy`` divides by zero as numpy does.
    """

    def decorate(function: Function) -> Function:
        try:
            made: Any = njit(cache=True, nogil=True, error_model=error_model)(function)
        except RuntimeError:  # numba finds no place for its cache
            made = njit(nogil=True, error_model=error_model)(function)
        return cast(Function, made)

    return decorate

"""Numbers of the cohort's page as text: P values, intervals, margins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from kummell_ai.cohort.measures import Measure
from kummell_ai.quantities import Interval
from kummell_ai.statistics.cohort import ALPHA

_MOST_DIGITS = 9
_LIMIT = Decimal(repr(ALPHA))
_UNITS = {"mm": " mm", "deg": "°", "1": ""}


def p_text(p: float) -> str:
    """P as journals print it, halves rounded up; with more digits where three would read 0.050.

    So what reads ``P = 0.050`` is never significant.

    >>> p_text(0.0004), p_text(0.0625), p_text(0.5)
    ('P < 0.001', 'P = 0.063', 'P = 0.500')
    >>> p_text(0.0496), p_text(0.04998), p_text(0.05), p_text(0.0504)
    ('P = 0.0496', 'P = 0.04998', 'P = 0.050', 'P = 0.0504')
    """
    if p < 0.001:
        return "P < 0.001"
    exact = Decimal(repr(round(p, _MOST_DIGITS)))
    for digits in range(3, _MOST_DIGITS + 1):
        rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        if rounded != _LIMIT:
            return f"P = {rounded}"
    return "P < 0.050" if p < ALPHA else "P = 0.050"


def minus(text: str) -> str:
    """The text with a minus sign in front of negative numbers, and none where all that is printed is zeros.

    >>> minus("-1.5 (-2.0 to -0.05)"), minus("-0.000 (-0.1 to 0.1)")
    ('−1.5 (−2.0 to −0.05)', '0.000 (−0.1 to 0.1)')
    """
    return re.sub(r"(?<!\w)-(\d+(?:\.\d+)?)", lambda m: ("−" if float(m[1]) else "") + m[1], text)


def interval_text(interval: Interval | None, digits: int, w: Mapping[str, str]) -> str:
    """An interval in brackets, as it follows its value; empty without one."""
    if interval is None:
        return ""
    return f"{w['open']}{interval.low:.{digits}f} {w['to']} {interval.high:.{digits}f}{w['close']}"


def amount(value: float, measure: Measure) -> str:
    """A length, angle or score with its unit.

    >>> from kummell_ai.cohort.measures import FILM_MEASURES
    >>> amount(2.0, FILM_MEASURES[0]), amount(5.0, FILM_MEASURES[1])
    ('2 mm', '5°')
    """
    return f"{value:g}{_UNITS[measure.unit]}"


def unit_text(measure: Measure) -> str:
    """The unit alone, as on an axis.

    >>> from kummell_ai.cohort.measures import FILM_MEASURES
    >>> [unit_text(measure) for measure in FILM_MEASURES]
    ['mm', '°', '°']
    """
    return _UNITS[measure.unit].strip()

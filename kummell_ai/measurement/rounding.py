"""Numbers in messages, rounded so that they do not contradict the message."""

from __future__ import annotations

MOST_DIGITS = 6


def apart_from(value: float, *limits: float, digits: int = 2) -> str:
    """``value`` with ``digits`` decimals, and more where it would read as one of ``limits`` that it is not.

    >>> apart_from(3.7, 3.0, digits=1), apart_from(3.04, 3.0, digits=1), apart_from(0.4996, 0.5)
    ('3.7', '3.04', '0.4996')
    """
    while digits < MOST_DIGITS and any(round(value, digits) == round(limit, digits) for limit in limits):
        if value in limits:
            break
        digits += 1
    return f"{value:.{digits}f}"

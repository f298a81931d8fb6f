"""How numbers are written in tables."""

from __future__ import annotations

import math


def with_interval(value: float, half: float, sign: bool = False) -> str:
    """A number and half of its interval, with as many digits as say something.

    Args:
        value: the number; nothing is written for NaN.
        half: half of the interval, NaN where it is not known.
        sign: whether to write a plus.
    """
    if math.isnan(value):
        return ""
    shown = number(value, sign)
    decimals = len(shown.partition(".")[2])
    return shown if math.isnan(half) else f"{shown} ± {half:.{decimals}f}"


def number(value: float, sign: bool = False) -> str:
    """A number with three digits that count; nothing for NaN.

    Args:
        value: the number.
        sign: whether to write a plus.
    """
    if math.isnan(value):
        return ""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    return f"{value:{'+' if sign else ''}.{min(decimals, 5)}f}"

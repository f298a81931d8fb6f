"""Formatting of numbers in tables."""

from __future__ import annotations

import math


def with_interval(value: float, half: float, sign: bool = False) -> str:
    """A number and half of its interval, rounded to meaningful digits.

    Args:
        value: the number; nothing is written for NaN.
        half: half of the interval; NaN if it is unknown.
        sign: whether to write a plus sign.
    """
    if math.isnan(value):
        return ""
    shown = number(value, sign)
    decimals = len(shown.partition(".")[2])
    return shown if math.isnan(half) else f"{shown} ± {half:.{decimals}f}"


def number(value: float, sign: bool = False) -> str:
    """A number with three significant digits; nothing for NaN.

    Args:
        value: the number.
        sign: whether to write a plus sign.
    """
    if math.isnan(value):
        return ""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    return f"{value:{'+' if sign else ''}.{min(decimals, 5)}f}"

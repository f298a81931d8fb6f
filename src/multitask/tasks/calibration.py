"""Reading the numbers of a calibration from a checkpoint, which may be untrusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from multitask.errors import InputError

LARGEST_TEMPERATURE = 1000.0
"""Above it, and below its inverse, all probabilities are equal, or 0 and 1, for any model."""


def told_number(told: Mapping[str, Any], key: str, least: float, most: float) -> float:
    """Read one number of a calibration.

    Args:
        told: the calibration.
        key: key of the number.
        least: the smallest allowed value.
        most: the largest allowed value.

    Raises:
        InputError: if it is missing, not a number, or out of range.
    """
    value: Any = told.get(key) if isinstance(told, Mapping) else None
    if not _is_number(value) or not least <= value <= most:
        raise InputError(
            f"its calibration has the {key} {value!r}; it must be a number from {least:g} to "
            f"{most:g}"
        )
    return float(value)


def told_temperature(told: Mapping[str, Any] | None) -> float:
    """Read the temperature of a calibration; without one it is 1, which changes nothing.

    Raises:
        InputError: see `told_number`.
    """
    if told is None:
        return 1.0
    return told_number(told, "temperature", 1 / LARGEST_TEMPERATURE, LARGEST_TEMPERATURE)


def told_numbers(
    told: Mapping[str, Any], key: str, size: int, least: float = -math.inf
) -> list[float]:
    """Read the numbers of a calibration, one for each element.

    Args:
        told: the calibration.
        key: key of the numbers.
        size: how many are required.
        least: the smallest allowed value.

    Raises:
        InputError: if they are missing, too many or too few, not finite, or too small.
    """
    values = told.get(key) if isinstance(told, Mapping) else None
    if not isinstance(values, list | tuple) or len(values) != size:
        count = f"{len(values)} of them" if isinstance(values, list | tuple) else repr(values)
        raise InputError(
            f"its calibration must have one {key} per element ({size} in total), but has {count}"
        )
    for value in values:
        if not _is_number(value) or not math.isfinite(value) or value < least:
            bound = "" if least == -math.inf else f", {least:g} or more"
            raise InputError(
                f"its calibration has the {key} {value!r}; it must be a finite number{bound}"
            )
    return list(map(float, values))


def _is_number(value: Any) -> bool:
    # An integer of a thousand digits is a number, but does not fit in a float.
    return type(value) is float or (type(value) is int and abs(value) < 2**63)

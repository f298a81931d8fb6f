"""Groups of samples as numbers, where samples without a group are separate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any


def group_numbers(groups: Sequence[Sequence[Any]]) -> list[list[int]]:
    """Number the groups of samples consistently across all splits.

    Args:
        groups: the group of each sample by split; None, NaN or an empty text if it has none.

    Returns:
        The group numbers by split; a sample without a group gets a unique number.
    """
    numbers: dict[Any, int] = {}
    alone = count(-1, -1)

    def number(group: Any) -> int:
        # NaN is not equal to itself.
        is_missing = group is None or group == "" or group != group
        return next(alone) if is_missing else numbers.setdefault(group, len(numbers))

    return [[number(group) for group in each] for each in groups]

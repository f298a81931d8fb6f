"""Groups of samples as numbers, samples that belong to none being alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any


def group_numbers(groups: Sequence[Sequence[Any]]) -> list[list[int]]:
    """A number for each sample's group, the same for the same group in all splits.

    Args:
        groups: by split, the group of each sample; None, NaN or an empty text if it has none.

    Returns:
        By split; a sample without a group has a number of its own.
    """
    numbers: dict[Any, int] = {}
    alone = count(-1, -1)

    def number(group: Any) -> int:
        # NaN differs from itself.
        is_missing = group is None or group == "" or group != group
        return next(alone) if is_missing else numbers.setdefault(group, len(numbers))

    return [[number(group) for group in each] for each in groups]

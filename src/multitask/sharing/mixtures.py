"""Mixtures of the features of networks side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.errors import InputError

Mix = Callable[[Tensor, Sequence[Tensor]], Tensor]
"""From a task's part of a mixture's parameters and the features of each network, the task's."""


def mixture_of(mix: Mix, row: Any, values: Sequence[Any]) -> Any:
    """Mix one representation of each column; of lists each part, of places the first column's.

    Args:
        mix: how tensors are mixed.
        row: what ``mix`` takes first, or one for each part of a list.
        values: of each column.
    """
    if not isinstance(values[0], Tensor):
        parts = list(zip(*values, strict=True))
        rows = row if isinstance(row, list) else [row] * len(parts)
        return [mixture_of(mix, own, each) for own, each in zip(rows, parts, strict=True)]
    return mix(row, values) if values[0].is_floating_point() else values[0]


def cross_stitch(tasks: int, own: float) -> Tensor:
    """The mixture before training: a task's own share, of which the others share the rest.

    Args:
        tasks: their number.
        own: the share, from 0 to 1.

    Returns:
        Shape ``[tasks, tasks]``.

    Raises:
        InputError: if ``own`` is not a share.
    """
    if not 0 <= own <= 1:
        raise InputError(f"own is {own}; a share is from 0 to 1")
    if tasks == 1:
        return torch.ones(1, 1)
    return torch.full((tasks, tasks), (1 - own) / (tasks - 1)).fill_diagonal_(own)


def weighed(shares: Tensor, values: Sequence[Tensor]) -> Tensor:
    """The sum of some tensors, each times a share.

    Args:
        shares: shape ``[tensors]``.
        values: of one shape.
    """
    # Added one by one, so that a share of 1 leaves the values as they are to the bit.
    first, *others = (share * value for share, value in zip(shares, values, strict=True))
    return sum(others, start=first)

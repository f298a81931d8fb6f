"""Mixtures of the features of parallel networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.errors import InputError

Mix = Callable[[Tensor, Sequence[Tensor]], Tensor]
"""Maps a task's part of a mixture's parameters and each network's features to the task's."""


def mixture_of(mix: Mix, row: Any, values: Sequence[Any]) -> Any:
    """Mix the columns' representations: each part of lists; places are the first column's.

    Args:
        mix: function that mixes tensors.
        row: first argument of ``mix``, or one for each part of a list.
        values: representation of each column.
    """
    if not isinstance(values[0], Tensor):
        parts = list(zip(*values, strict=True))
        rows = row if isinstance(row, list) else [row] * len(parts)
        return [mixture_of(mix, own, each) for own, each in zip(rows, parts, strict=True)]
    return mix(row, values) if values[0].is_floating_point() else values[0]


def cross_stitch(tasks: int, own: float) -> Tensor:
    """The initial mixture: a task's own share; the others share the rest equally.

    Args:
        tasks: number of tasks.
        own: the share, from 0 to 1.

    Returns:
        Shape ``[tasks, tasks]``.

    Raises:
        InputError: if ``own`` is not from 0 to 1.
    """
    if not 0 <= own <= 1:
        raise InputError(f"own is {own}; a share must be from 0 to 1")
    if tasks == 1:
        return torch.ones(1, 1)
    return torch.full((tasks, tasks), (1 - own) / (tasks - 1)).fill_diagonal_(own)


def weighed(shares: Tensor, values: Sequence[Tensor]) -> Tensor:
    """The weighted sum of tensors.

    Args:
        shares: shape ``[tensors]``.
        values: of one shape.
    """
    # Added one by one, so that a share of 1 leaves the values bitwise unchanged.
    first, *others = (share * value for share, value in zip(shares, values, strict=True))
    return sum(others, start=first)

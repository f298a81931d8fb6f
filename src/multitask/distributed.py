"""Differentiable sums over all processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from multitask.missing_labels import joined_rows


def world_size() -> int:
    """The number of processes that train together; 1 outside a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first_process() -> bool:
    """Whether this process is the one that writes files and prints messages."""
    return getattr(rank_zero_only, "rank", 0) == 0


class _SumOfLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # The strategy averages the processes' gradients; the loss is a sum over processes.
        return gradients[0] * dist.get_world_size()


def sum_losses(values: Tensor) -> Tensor:
    """Sum each entry over all processes, so that each computes the same loss from it.

    The gradient is scaled so that, after the strategy has averaged the processes' gradients, it
    equals the gradient that one process would compute on the joined batch.

    Args:
        values: this process's part, any shape, floating.

    Returns:
        The sum over processes, same shape and dtype.
    """
    return _SumOfLosses.apply(values) if world_size() > 1 else values


def gather_rows(rows: Tensor) -> Tensor:
    """Join the processes' rows; numbers of rows may differ, and so may the lengths of texts.

    Args:
        rows: shape ``[samples, ...]``, on the CPU.

    Returns:
        All processes' rows, one process after the other, on every process.
    """
    return rows if world_size() == 1 else joined_rows(_shares(rows))


def gather_items(items: list[Any]) -> list[Any]:
    """Join the processes' lists; their lengths may differ.

    Args:
        items: anything that can be pickled.

    Returns:
        All processes' items, one process after the other, on every process.
    """
    return items if world_size() == 1 else [item for share in _shares(items) for item in share]


def _shares(own: Any) -> list[Any]:
    shares: list[Any] = [None] * world_size()
    dist.all_gather_object(shares, own)
    return shares

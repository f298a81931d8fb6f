"""Exclusion of tasks without labels in a batch from the balancing of gradients, by any method."""

from __future__ import annotations

import torch
from torch import Tensor


def tasks_to_balance(gramian: Tensor) -> Tensor | None:
    """Find the tasks that have a gradient.

    A task without labels in the batch has none, which is known without synchronising with the
    device; neither has a task that does not train shared parameters.

    Args:
        gramian: products of the tasks' gradients, shape ``[tasks, tasks]``, float64, on the CPU.

    Returns:
        Mask, shape ``[tasks]``, bool, on the CPU; None if all tasks have a gradient.
    """
    # For so few numbers, calls to numpy take a fraction of the time of torch's.
    has_gradient = gramian.numpy().diagonal() > 0
    return None if has_gradient.all() else torch.from_numpy(has_gradient)


def part_of(matrix: Tensor, tasks: Tensor, is_jacobian: bool) -> Tensor:
    """Take the rows of some tasks, and of a Gramian their columns.

    Args:
        matrix: the Gramian, shape ``[tasks, tasks]``, or the Jacobian, ``[tasks, elements]``.
        tasks: mask, shape ``[tasks]``, bool, on the CPU.
        is_jacobian: whether the matrix is the Jacobian.
    """
    rows = matrix[tasks.to(matrix.device)]
    return rows if is_jacobian else rows[:, tasks.to(matrix.device)]

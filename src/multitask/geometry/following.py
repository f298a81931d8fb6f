"""Targets of any shape and precision, moved by a geometry."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.geometry.base import Geometry


def followed(
    geometry: Geometry, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor
) -> Tensor:
    """Let targets follow, in the matrices' precision at least.

    Args:
        geometry: how they follow.
        target: first axis ``[batch]``, floating, NaN where missing; the others count as one.
        matrix: where points go, shape ``[batch, 2, 3]``, see `Geometry.follow`.
        before: heights and widths of the images before, shape ``[batch, 2]``.
        after: the same after.

    Returns:
        The target's shape and dtype.

    Raises:
        InputError: if targets of that size cannot follow so.
    """
    exact = torch.promote_types(target.dtype, matrix.dtype)
    rows = target.flatten(1) if target.ndim > 2 else target
    moved = geometry.follow(rows.to(exact), matrix.to(exact), before.to(exact), after.to(exact))
    return moved.to(target.dtype).view_as(target)

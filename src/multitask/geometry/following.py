"""Targets of any shape and precision, moved by a geometry."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry


def may_follow(target: Tensor) -> bool:
    """Tell whether a target may have to move with its image: numbers and maps, not one class.

    Args:
        target: first axis ``[samples]``, any dtype.
    """
    return target.is_floating_point() or target.ndim > 2


def followed(
    geometry: Geometry, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor
) -> Tensor:
    """Let targets follow, in the matrices' precision at least.

    Args:
        geometry: how they follow.
        target: first axis ``[batch]``; the others count as one, unless the geometry takes maps.
            Whole numbers need a geometry that does.
        matrix: where points go, shape ``[batch, 2, 3]``, see `Geometry.follow`.
        before: heights and widths of the images before, shape ``[batch, 2]``.
        after: the same after.

    Returns:
        The target's shape and dtype.

    Raises:
        InputError: if targets of that size cannot follow so.
    """
    if geometry.takes_maps:
        return geometry.follow(target, matrix, before, after)
    if not target.is_floating_point():
        raise InputError(
            f"{type(geometry).__name__} moves floating numbers, but the targets are maps of "
            f"{target.dtype}; give multitask.geometry.PixelMap, or Unchanged"
        )
    exact = torch.promote_types(target.dtype, matrix.dtype)
    rows = target.flatten(1) if target.ndim > 2 else target
    moved = geometry.follow(rows.to(exact), matrix.to(exact), before.to(exact), after.to(exact))
    return moved.to(target.dtype).view_as(target)

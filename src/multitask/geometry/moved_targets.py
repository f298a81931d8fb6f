"""Moving targets of any shape and precision by a geometry."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry


def may_follow(target: Tensor) -> bool:
    """Return whether a target may have to follow its image: numbers and maps, but not one class.

    Args:
        target: first axis ``[samples]``, any dtype.
    """
    return target.is_floating_point() or target.ndim > 2


def followed(
    geometry: Geometry, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor
) -> Tensor:
    """Move targets, at least in the matrices' precision.

    Args:
        geometry: how they follow.
        target: first axis ``[batch]``; the other axes are flattened, unless the geometry accepts
            maps. Integer targets need such a geometry.
        matrix: where points move, shape ``[batch, 2, 3]``, see `Geometry.follow`.
        before: heights and widths of the images before the change, shape ``[batch, 2]``.
        after: heights and widths after the change, likewise.

    Returns:
        The moved targets, with the target's shape and dtype.

    Raises:
        InputError: if targets of that size cannot follow this geometry.
    """
    if geometry.takes_maps:
        return geometry.follow(target, matrix, before, after)
    if not target.is_floating_point():
        raise InputError(
            f"{type(geometry).__name__} moves floating-point numbers, but the targets are maps of "
            f"{target.dtype}; give multitask.geometry.PixelMap, or Unchanged"
        )
    exact = torch.promote_types(target.dtype, matrix.dtype)
    rows = target.flatten(1) if target.ndim > 2 else target
    moved = geometry.follow(rows.to(exact), matrix.to(exact), before.to(exact), after.to(exact))
    return moved.to(target.dtype).view_as(target)

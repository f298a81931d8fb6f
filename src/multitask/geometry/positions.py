"""Targets that are positions in the image."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.base import Geometry
from multitask.geometry.points import mapped


class Positions(Geometry):
    """Points in pixels right and down of the origin. A point may move outside the image.

    Args:
        origin: ``corner`` for the image's top left corner, or ``centre`` for its centre.
    """

    def __init__(self, origin: Literal["corner", "centre"] = "corner") -> None:
        if origin not in ("corner", "centre"):
            raise InputError(f"origin is {origin!r}; give 'corner' or 'centre'")
        self.origin = origin

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        if target.ndim < 2 or target.shape[1] % 2:
            size = target.shape[1] if target.ndim > 1 else 1
            raise InputError(
                f"Positions are pairs of x and y, but a target has {size} "
                f"number{'s' if size > 1 else ''}; give an even number"
            )
        points = target.unflatten(1, (-1, 2))
        if self.origin == "corner":
            return mapped(points, matrix).flatten(1)
        # Height and width become x and y of the centre.
        start, end = (size.flip(1).unsqueeze(1) / 2 for size in (before, after))
        return (mapped(points + start, matrix) - end).flatten(1)

"""Targets that are points on an object with a left and a right side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.geometry.length import determinant
from multitask.geometry.positions import Positions


class Landmarks(Positions):
    """Points in pixels right and down of the top left corner, with left and right counterparts.

    They move as in `Positions`. In a mirror image the left eye becomes the right one, so the points
    are also swapped.

    Args:
        mirrored: for each point, the index of the point whose place it takes in a mirror image,
            from 0: ``[1, 0, 2]`` for left eye, right eye and nose.
    """

    def __init__(self, mirrored: Sequence[int]) -> None:
        super().__init__()
        self.mirrored = list(mirrored)
        if not self.mirrored or sorted(self.mirrored) != list(range(len(self.mirrored))):
            raise InputError(
                f"mirrored is {self.mirrored}; name each point once, numbered from 0, such as "
                "[1, 0, 2]"
            )

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        moved = super().follow(target, matrix, before, after)
        points = moved.unflatten(1, (-1, 2))
        if points.shape[1] != len(self.mirrored):
            raise InputError(
                f"Landmarks has mirrored for {len(self.mirrored)} points, but a target has "
                f"{points.shape[1]}; name every point"
            )
        # Indexing by a list would make a GPU wait for its copy.
        each = points.unbind(1)
        swapped = torch.stack([each[place] for place in self.mirrored], 1).flatten(1)
        return swapped.where(determinant(matrix).unsqueeze(1) < 0, moved)

"""Targets that do not depend on where things are in the image."""

from __future__ import annotations

from torch import Tensor

from multitask.geometry.base import Geometry


class Unchanged(Geometry):
    """Stays as it is, such as a weight or an age."""

    takes_maps = True

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        return target

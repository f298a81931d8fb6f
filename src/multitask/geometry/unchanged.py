"""Targets that do not depend on positions in the image."""

from __future__ import annotations

from torch import Tensor

from multitask.geometry.base import Geometry


class Unchanged(Geometry):
    """A target that does not change, such as a weight or an age."""

    takes_maps = True

    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        return target

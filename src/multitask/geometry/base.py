"""What all ways to follow share."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Geometry(ABC):
    """How a target follows when what its image shows moves."""

    @abstractmethod
    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Move the targets of a batch.

        Args:
            target: shape ``[batch]`` or ``[batch, size]``, floating, NaN where missing.
            matrix: where a point at (x, y) goes, in pixels right and down of the image's top left
                corner, shape ``[batch, 2, 3]``, in the target's dtype.
            before: each image's height and width before, shape ``[batch, 2]``, in the target's
                dtype.
            after: the same after.

        Returns:
            The target's shape and dtype; NaN stays NaN.

        Raises:
            InputError: if a target of that size cannot follow in this way.
        """

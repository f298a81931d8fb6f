"""What all ways to follow share."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Geometry(ABC):
    """How a target follows when what its image shows moves.

    Attributes:
        takes_maps: whether `follow` gets targets in their own shape and dtype, as maps are, rather
            than rows of floating numbers.
    """

    takes_maps: bool = False

    @abstractmethod
    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Move the targets of a batch.

        Args:
            target: shape ``[batch]`` or ``[batch, size]``, floating, NaN where missing; any shape
                and dtype if ``takes_maps``.
            matrix: where a point at (x, y) goes, in pixels right and down of the image's top left
                corner, shape ``[batch, 2, 3]``, in the target's dtype, or float32 or better if
                ``takes_maps``.
            before: each image's height and width before, shape ``[batch, 2]``, in the matrix's
                dtype.
            after: the same after.

        Returns:
            The target's shape and dtype; what is missing stays missing.

        Raises:
            InputError: if a target of that size cannot follow in this way.
        """

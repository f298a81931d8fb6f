"""The base class of all geometries."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Geometry(ABC):
    """Defines how a target follows when the content of its image moves.

    Attributes:
        takes_maps: whether `follow` receives targets in their original shape and dtype, as for
            maps, rather than as rows of floating-point numbers.
    """

    takes_maps: bool = False

    @abstractmethod
    def follow(self, target: Tensor, matrix: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Move the targets of a batch.

        Args:
            target: shape ``[batch]`` or ``[batch, size]``, floating, NaN where missing; any shape
                and dtype if ``takes_maps``.
            matrix: where a point at (x, y) moves, in pixels right and down of the image's top left
                corner, shape ``[batch, 2, 3]``, in the target's dtype, or float32 or better if
                ``takes_maps``.
            before: each image's height and width before the change, shape ``[batch, 2]``, in the
                matrix's dtype.
            after: each image's height and width after the change, likewise.

        Returns:
            The moved targets, with the target's shape and dtype; missing values stay missing.

        Raises:
            InputError: if a target of that size cannot follow this geometry.
        """

"""What every encoder is: images in, one shared representation out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from multitask.checkpoints.recipe import Recorded


class Encoder(Recorded, nn.Module, ABC):
    """The part of the network that all tasks share.

    A subclass sets ``out_features`` in its constructor.
    """

    out_features: int
    """Size of the representation."""

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """Encode a batch of images.

        Args:
            image: shape ``[batch, channels, height, width]``, floating.

        Returns:
            The shared representation, shape ``[batch, out_features]``.
        """

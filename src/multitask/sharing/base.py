"""What every sharing scheme is: the representation in, each task's features out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


class Sharing(nn.Module, ABC):
    """Decides what each task sees of the shared representation.

    A subclass takes these arguments first, and sets ``out_features``, the size of what a head gets.

    Args:
        in_features: size of the representation.
        tasks: names of the tasks.
    """

    out_features: int
    """Number of features that each task sees."""

    def __init__(self, in_features: int, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.out_features = in_features

    @abstractmethod
    def forward(self, representation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Hand the representation on.

        Args:
            representation: the encoder's output, shape ``[batch, in_features]``, once for each
                task: the same values, but what is made of a task's own tells its gradient apart.

        Returns:
            Features by task, each of shape ``[batch, out_features]``.
        """

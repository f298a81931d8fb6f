"""What every balancer is: the tasks' losses in, one number to differentiate out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from multitask.recipe import Recorded


class Balancer(Recorded, nn.Module, ABC):
    """Decides how much each task counts.

    Whatever a balancer remembers belongs in its ``state_dict``.
    """

    def check(self, tasks: list[str]) -> None:
        """Refuse tasks that the balancer cannot work with.

        Args:
            tasks: names of the model's tasks.

        Raises:
            InputError: with what to change.
        """

    def keeps_for_itself(self) -> list[str]:
        """Names of parameters that the balancer updates, not the model's optimizer."""
        return []

    @abstractmethod
    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        """Combine the losses of the global batch; every process passes the same.

        Args:
            losses: each task's mean loss times its weight, shape ``[tasks]``; 0 where there is no
                label in the batch.
            labelled: which tasks have labels in the batch, shape ``[tasks]``, bool.

        Returns:
            The scalar to differentiate.
        """

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        """Learn from what the optimizer step did; called after each step.

        Args:
            losses: computes the losses of the same batch with the new weights, shape ``[tasks]``.
        """

    def after_epoch(self) -> None:
        """Called after each training epoch."""

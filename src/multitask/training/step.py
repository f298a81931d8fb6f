"""The results of one training batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Step:
    """The data of a training batch for callbacks, until the next batch starts.

    Args:
        samples: number of samples in the global batch.
        totals: sums of the global batch's losses and of their weights, shape ``[2, tasks]``.
        losses: each task's mean loss times its weight, shape ``[tasks]``, attached to the graph.
        loss: the balanced loss, a scalar, attached to the losses.
    """

    samples: int
    totals: Tensor
    losses: Tensor
    loss: Tensor
    _balance: Tensor | None = None

    def find_balance(self) -> None:
        """Differentiate the balanced loss by the tasks' losses, before the backward pass."""
        (self._balance,) = torch.autograd.grad(self.loss, self.losses, retain_graph=True)

    def __deepcopy__(self, memo: dict[int, object]) -> Step:
        """A copy without the graph, which cannot be copied, for callbacks that copy models."""
        copy = Step(self.samples, self.totals, self.losses, self.loss, self._balance)
        copy.let_go()
        return copy

    def let_go(self) -> None:
        """Release the graph after the backward pass."""
        self.losses, self.loss = self.losses.detach(), self.loss.detach()
        if self._balance is not None:
            self._balance = self._balance.detach()

    def counted(self, task_weights: Tensor, gradient_weights: Tensor | None) -> Tensor:
        """The effective weight of each task's loss for the encoder.

        Args:
            task_weights: the weights from the configuration, shape ``[tasks]``.
            gradient_weights: the balancer's weights of gradients, if it has any.

        Returns:
            Shape ``[tasks]``.
        """
        assert self._balance is not None, "find_balance comes first"
        weights = self._balance * task_weights
        return weights if gradient_weights is None else weights * gradient_weights.to(weights)

"""Each task's view of what all share, and who sees the gradients that come back through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from multitask.balancing.base import Balancer
from multitask.balancing.gate import gate, needs_gradient
from multitask.balancing.task_gradients import TaskGradients


class Views:
    """Hands every task a view of the representation of its own.

    While the model trains, the tasks' gradients meet here on their way back: watchers look at
    them, and the balancer makes one gradient of them. If neither wants to, the views are the
    representation itself.

    Args:
        balancer: the model's.
        tasks: names of the tasks.
    """

    def __init__(self, balancer: Balancer, tasks: Sequence[str]) -> None:
        self.balancer, self.tasks = balancer, list(tasks)
        self.watchers: list[Callable[[TaskGradients], None]] = []
        self.is_open = True
        """Whether gradients are seen; not in a trial, which balancers must not count."""

    def __call__(self, representation: Any, training: bool) -> dict[str, Any]:
        """Make the views.

        Args:
            representation: a tensor, or a list or dictionary of tensors.
            training: whether the model is in training mode.

        Returns:
            By task, the same values.
        """
        is_seen = self.is_open and (self.balancer.weighs_gradients or bool(self.watchers))
        if training and is_seen and needs_gradient(representation):
            return gate(representation, self.tasks, self._receive)
        return dict.fromkeys(self.tasks, representation)

    def _receive(self, gradients: TaskGradients) -> list[Tensor | None]:
        for watch in self.watchers:
            watch(gradients)
        return self.balancer.combine(gradients)

"""Each task's view of what all share, and who sees the gradients that come back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.balancing.base import Balancer
from multitask.balancing.gate import cut_off, gate, needs_gradient
from multitask.balancing.task_gradients import TaskGradients


class Views:
    """Hands every task a view of the representation of its own.

    While the model trains, the tasks' gradients meet here on their way back: watchers look at
    them, and the balancer makes one gradient of them, in which each counts as much as its task
    teaches. If nobody wants to, the views are the representation itself.

    Args:
        balancer: the model's.
        teaches: by task, the factor on its gradient at the representation. With 0 its view is cut
            off, so that not even NaN reaches the representation from there.

    Raises:
        InputError: if the balancer cannot let a factor count.
    """

    def __init__(self, balancer: Balancer, teaches: Mapping[str, float]) -> None:
        balancer.check_teaches(teaches)
        self.balancer, self.tasks = balancer, list(teaches)
        # On the CPU, even where a model is built on another device, or on none.
        self.teaches = torch.tensor(list(teaches.values()), dtype=torch.float64, device="cpu")
        self._readers = [task for task, factor in teaches.items() if factor == 0]
        self._has_factors = not set(teaches.values()) <= {0, 1}
        self.watchers: list[Callable[[TaskGradients], None]] = []
        self.is_open = True
        """Whether gradients are seen; not in a trial, which balancers must not count."""

    @property
    def gradient_weights(self) -> Tensor:
        """By which the tasks' gradients were last multiplied, shape ``[tasks]``, float64.

        The balancer's weights, times how much each task teaches.
        """
        found = self.balancer.gradient_weights
        return self.teaches if found is None else found.cpu().double() * self.teaches

    def __call__(self, representation: Any, training: bool) -> dict[str, Any]:
        """Make the views.

        Args:
            representation: a tensor, or a list or dictionary of tensors.
            training: whether the model is in training mode.

        Returns:
            By task, the same values.
        """
        views = dict.fromkeys(self.tasks, representation)
        if not (training and self.is_open and needs_gradient(representation)):
            return views
        if self.balancer.weighs_gradients or self.watchers or self._has_factors:
            views = gate(representation, self.tasks, self._receive)
        return {**views, **{task: cut_off(views[task]) for task in self._readers}}

    def _receive(self, gradients: TaskGradients) -> list[Tensor | None]:
        gradients.teaches = self.teaches
        for watch in self.watchers:
            watch(gradients)
        return self.balancer.combine(gradients)

"""Each task's view of the representation, and the receivers of the gradients through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.balancing.base import Balancer
from multitask.balancing.gate import cut_off, gate, needs_gradient
from multitask.balancing.task_gradients import TaskGradients


class Views:
    """Gives every task its own view of the representation.

    While the model trains, the tasks' gradients meet here in the backward pass: watchers inspect
    them, and the balancer combines them, with each task's factor ``teaches``. If nothing needs the
    gradients, the views are the representation itself.

    Args:
        balancer: the balancer of the model.
        teaches: by task, the factor on its gradient at the representation. If it is 0, the task's
            view is detached, so that not even NaN reaches the representation from there.

    Raises:
        InputError: if the balancer cannot apply a factor.
    """

    def __init__(self, balancer: Balancer, teaches: Mapping[str, float]) -> None:
        balancer.check_teaches(teaches)
        self.balancer, self.tasks = balancer, list(teaches)
        # On the CPU, even if a model is built on another device, or on the meta device.
        self.teaches = torch.tensor(list(teaches.values()), dtype=torch.float64, device="cpu")
        self._readers = [task for task, factor in teaches.items() if factor == 0]
        self._has_factors = not set(teaches.values()) <= {0, 1}
        self.watchers: list[Callable[[TaskGradients], None]] = []
        self.is_open = True
        """Whether gradients are received; not in a trial, which balancers must not count."""

    @property
    def gradient_weights(self) -> Tensor:
        """The last factors on the tasks' gradients, shape ``[tasks]``, float64.

        They are the balancer's weights times the tasks' factors ``teaches``.
        """
        found = self.balancer.gradient_weights
        return self.teaches if found is None else found.cpu().double() * self.teaches

    def __call__(self, representation: Any, training: bool) -> dict[str, Any]:
        """Create the views.

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

"""GradNorm: weights learnt so that all tasks train at similar rates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multitask.balancing.base import Balancer, refuse_negative
from multitask.balancing.level import Level, LevelName
from multitask.balancing.task_gradients import TaskGradients

SMALLEST = 1e-8
"""Lower bound of the first losses, since training rates are relative to them."""


class GradNorm(Balancer):
    """Weights the losses so that the norms of the tasks' gradients follow their training rates.

    Chen et al., 2018 (arXiv 1711.02257), algorithm 1: after each batch the weights take an Adam
    step on the sum over tasks of ``|w_i ||g_i|| - mean_norm * r_i ** alpha|`` (equation 2, with the
    target held constant), and are then rescaled to sum to the number of tasks. ``r_i`` is the ratio
    of the task's loss to its first loss, divided by the mean of this ratio over the tasks. As the
    method weights losses, it also weights the heads' gradients.

    Args:
        alpha: strength with which slow tasks are accelerated.
        learning_rate: learning rate of the weights.
        level: see `multitask.balancing.level.Level`; the paper uses the last shared layer, named in
            ``parameters`` with level ``shared``.
        parameters: see `multitask.balancing.level.Level`.
    """

    weighs_gradients = True

    def __init__(
        self,
        alpha: float = 1.5,
        learning_rate: float = 0.025,
        level: LevelName = "representation",
        parameters: str | None = None,
    ) -> None:
        super().__init__()
        self.alpha, self.learning_rate = alpha, learning_rate
        self.level = Level(level, parameters)

    def check(self, tasks: list[str]) -> None:
        self.weights = nn.Parameter(torch.ones(len(tasks)))
        # The rates start with the first loss of each task, which is not known yet.
        self.first_losses = torch.full((len(tasks),), torch.nan, dtype=torch.float64)
        self.optimizer = torch.optim.Adam([self.weights], lr=self.learning_rate)

    def check_negative(self, tasks: list[str]) -> None:
        reason = "compares losses by their ratio to the first ones"
        refuse_negative(type(self).__name__, reason, tasks)

    def connect(self, encoder: nn.Module) -> None:
        self.level.connect(encoder)

    def check_run(self, precision: str, sharded: bool, processes: int) -> None:
        self.level.check_run(sharded)

    def keeps_for_itself(self) -> list[str]:
        return ["weights"]

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        self._losses, self._labelled = losses.detach(), labelled
        return (self.weights.detach().to(losses) * losses).sum()

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        weighted = self.level.gramian(gradients).diagonal().cpu().double().sqrt()
        if bool(weighted.isfinite().all()):
            self._learn(weighted, gradients.teaching(self._labelled).cpu())
        return super().combine(gradients)

    def get_extra_state(self) -> dict[str, Any]:
        """The first losses, and the weights' optimizer."""
        return {"first": self.first_losses, "optimizer": self.optimizer.state_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the return value of `get_extra_state`."""
        self.first_losses = state["first"].cpu()
        self.optimizer.load_state_dict(state["optimizer"])

    def _learn(self, weighted: Tensor, present: Tensor) -> None:
        losses = self._losses.cpu().double()
        unknown = self.first_losses.isnan() & present
        self.first_losses = torch.where(unknown, losses, self.first_losses)
        if not bool(present.any()):
            return
        progress = (losses / self.first_losses.clamp(min=SMALLEST))[present]
        target = weighted[present].mean() * (progress / progress.mean()) ** self.alpha
        weights = self.weights.detach()[present].cpu()
        slope = torch.zeros(len(losses), dtype=torch.float64)
        slope[present] = (weighted[present] - target).sign() * weighted[present] / weights
        before = self.weights.detach().clone()
        self.weights.grad = slope.to(self.weights)
        self.optimizer.step()
        self.weights.grad = None
        at = present.to(before.device)
        # Momentum also moves the weight of a task without labels.
        learnt, kept = self.weights.detach()[at].clamp(min=1e-6), before[~at].sum()
        before[at] = learnt * (len(losses) - kept) / learnt.sum()
        self.weights.data.copy_(before)

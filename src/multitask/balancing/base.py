"""The base class of balancers, which combine the tasks' losses into one scalar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from multitask.balancing.task_gradients import TaskGradients
from multitask.checkpoints.recipe import Recorded
from multitask.errors import InputError
from multitask.pages.words import listed

if TYPE_CHECKING:
    from multitask.training.look import Look


def refuse_negative(balancer: str, reason: str, tasks: list[str], cure: str = "") -> None:
    """Raise an error if a balancer cannot work with negative losses and a task may have them.

    Args:
        balancer: name of the balancer.
        reason: what it does with losses.
        tasks: names of the tasks whose losses may be negative.
        cure: an alternative solution, starting with a comma.

    Raises:
        InputError: if there is such a task.
    """
    if tasks:
        which = listed(f"'{each}'" for each in tasks)
        may = (
            "the loss of {} is that of a density, which"
            if len(tasks) == 1
            else ("the losses of {} are those of densities, which")
        )
        raise InputError(
            f"{balancer} {reason}, but {may.format(which)} may be below 0; use a balancer that "
            "works with any losses, such as multitask.balancing.GradientBalancer or FixedWeights"
            f"{cure}"
        )


class Balancer(Recorded, nn.Module, ABC):
    """Determines how much each task counts.

    A balancer's whole state must be in its ``state_dict``.
    """

    weighs_gradients: bool = False
    """Whether it uses the tasks' gradients, in `combine`."""

    looks_ahead: bool = False
    """Whether it tries steps of the shared parameters, in `before_step`."""

    @property
    def compares_next(self) -> bool:
        """Whether it compares gradients in the next batch."""
        return True

    @property
    def gradient_weights(self) -> Tensor | None:
        """The last weight of each task's gradient for the encoder, shape ``[tasks]``.

        None if the derivative of the balanced loss defines it.
        """
        return None

    def check(self, tasks: list[str]) -> None:
        """Reject tasks that the balancer cannot work with.

        Args:
            tasks: names of the model's tasks.

        Raises:
            InputError: says what to change.
        """

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        """Reject factors on tasks' gradients that the balancer cannot apply.

        Args:
            teaches: by task, the factor on its gradient for the encoder; at least one is not 0.

        Raises:
            InputError: says what to change.
        """

    def check_negative(self, tasks: list[str]) -> None:
        """Reject losses that may be negative, if the balancer cannot work with them.

        Args:
            tasks: names of the tasks whose losses may be negative, such as those of densities.

        Raises:
            InputError: says what to change.
        """

    def keeps_for_itself(self) -> list[str]:
        """Names of parameters that the balancer updates instead of the model's optimizer."""
        return []

    def connect(self, encoder: nn.Module) -> None:
        """Inspect the part of the model that all tasks share.

        Args:
            encoder: the encoder.

        Raises:
            InputError: if the balancer cannot work with it.
        """

    def check_run(self, precision: str, sharded: bool, processes: int) -> None:
        """Reject a training setup that the balancer cannot work with.

        Args:
            precision: precision of the Trainer, such as ``bf16-mixed``.
            sharded: whether the strategy shards parameters.
            processes: number of processes.

        Raises:
            InputError: says what to change.
        """

    def needs_labels(self) -> dict[str, list[str]]:
        """By held-out split, the tasks that must have labels in it; none by default."""
        return {}

    def before_step(self, look: Look) -> None:
        """Look ahead; called before each optimizer step and its first forward pass.

        If gradients are accumulated, a step has several batches, and this is the first of them.

        Args:
            look: tries steps without changing the model.
        """

    @abstractmethod
    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        """Combine the losses of the global batch; all processes pass the same values.

        Args:
            losses: each task's mean loss times its weight, shape ``[tasks]``; 0 if there is no
                label in the batch.
            labelled: mask of the tasks with labels in the batch, shape ``[tasks]``, bool.

        Returns:
            The scalar to differentiate.
        """

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        """Combine the gradients of all tasks at the shared representation into one.

        It is called in the backward pass if the balancer weights gradients, if gradients are
        watched, or if tasks have different factors ``teaches``.

        Args:
            gradients: the tasks' gradients of the return value of `forward`.

        Returns:
            One gradient for each tensor of the representation. Use ``gradients.weighted`` to apply
            the tasks' factors ``teaches``.
        """
        return gradients.weighted(torch.ones(gradients.tasks))

    def after_backward(self) -> None:
        """Called after each backward pass."""

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        """Learn from the effect of the optimizer step; called after each step.

        Args:
            losses: computes the losses of the same batch with the new weights, shape ``[tasks]``.
        """

    def after_epoch(self) -> None:
        """Called after each training epoch."""

"""What every balancer is: the tasks' losses in, one number to differentiate out."""

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
    """Say that a balancer cannot work with losses below 0, if a task may have them.

    Args:
        balancer: its name.
        reason: what it does with losses.
        tasks: names of the tasks whose losses may be below 0.
        cure: what else would help, from a comma on.

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
            f"{balancer} {reason}, but {may.format(which)} may be below 0: take a balancer that "
            "works with any losses, such as multitask.balancing.GradientBalancer or FixedWeights"
            f"{cure}"
        )


class Balancer(Recorded, nn.Module, ABC):
    """Decides how much each task counts.

    Whatever a balancer remembers belongs in its ``state_dict``.
    """

    weighs_gradients: bool = False
    """Whether it wants to see the tasks' gradients, in `combine`."""

    looks_ahead: bool = False
    """Whether it tries steps of the parameters that all tasks share, in `before_step`."""

    @property
    def compares_next(self) -> bool:
        """Whether the next batch is one in which it compares gradients."""
        return True

    @property
    def gradient_weights(self) -> Tensor | None:
        """How much each task's gradient last counted for the encoder, shape ``[tasks]``.

        None where the derivative of the balanced loss says it.
        """
        return None

    def check(self, tasks: list[str]) -> None:
        """Refuse tasks that the balancer cannot work with.

        Args:
            tasks: names of the model's tasks.

        Raises:
            InputError: with what to change.
        """

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        """Refuse factors on tasks' gradients that the balancer cannot let count.

        Args:
            teaches: by task, how much its gradient counts for the encoder; at least one is not 0.

        Raises:
            InputError: with what to change.
        """

    def check_negative(self, tasks: list[str]) -> None:
        """Refuse losses that may be below 0, if the balancer cannot work with them.

        Args:
            tasks: names of the tasks whose losses may be, such as those of densities.

        Raises:
            InputError: with what to change.
        """

    def keeps_for_itself(self) -> list[str]:
        """Names of parameters that the balancer updates, not the model's optimizer."""
        return []

    def connect(self, encoder: nn.Module) -> None:
        """Look at the part of the model that all tasks share.

        Args:
            encoder: the encoder.

        Raises:
            InputError: if the balancer cannot work with it.
        """

    def check_run(self, precision: str, sharded: bool, processes: int) -> None:
        """Refuse a way to train that the balancer cannot work with.

        Args:
            precision: the Trainer's, such as ``bf16-mixed``.
            sharded: whether the strategy takes parameters apart.
            processes: their number.

        Raises:
            InputError: with what to change.
        """

    def needs_labels(self) -> dict[str, list[str]]:
        """By held-out split, the tasks of which it needs labels there; none by default."""
        return {}

    def before_step(self, look: Look) -> None:
        """Look ahead; called before each optimizer step, ahead of its first forward pass.

        If gradients are accumulated, a step has several batches, and this is the first of them.

        Args:
            look: tries steps without a trace in the model.
        """

    @abstractmethod
    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        """Combine the losses of the global batch; every process passes the same.

        Args:
            losses: each task's mean loss times its weight, shape ``[tasks]``; 0 if there is no
                label in the batch.
            labelled: which tasks have labels in the batch, shape ``[tasks]``, bool.

        Returns:
            The scalar to differentiate.
        """

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        """Make one gradient at the shared representation of those of all tasks.

        Called in the backward pass, for balancers that weigh gradients, if gradients are watched,
        and if a task teaches more or less than others.

        Args:
            gradients: the tasks' gradients of what `forward` returned.

        Returns:
            One gradient for each tensor of the representation. ``gradients.weighted`` lets each
            task count as much as it teaches.
        """
        return gradients.weighted(torch.ones(gradients.tasks))

    def after_backward(self) -> None:
        """Called after each backward pass."""

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        """Learn from what the optimizer step did; called after each step.

        Args:
            losses: computes the losses of the same batch with the new weights, shape ``[tasks]``.
        """

    def after_epoch(self) -> None:
        """Called after each training epoch."""

"""The base class of sharing schemes, which define shared and task-specific parts."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from multitask.configuration.number_check import NumbersChecked
from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.errors import InputError


@dataclass(frozen=True)
class Mixing:
    """How much each task uses each part of the model.

    Args:
        shares: shares of each task's features, shape ``[tasks, parts]``, float32 on the CPU.
        parts: names of the parts, such as ``expert 1``.
    """

    shares: Tensor
    parts: list[str]


class Sharing(NumbersChecked, nn.Module, ABC):
    """Defines which parts of the model the tasks share.

    Modules that several tasks use belong to the trunk, which runs once; `forward` computes each
    task's features from that task's own view. The tasks' gradients are compared and balanced
    between the two, at the last tensors that the tasks have in common.

    A subclass takes these arguments first, and sets ``form`` if heads receive another form.

    Args:
        form: form of the encoder's output.
        tasks: names of the tasks.
    """

    form: Form
    """Form of the input of a task's head."""
    is_by_place = False
    """Whether tasks are identified by their order, so that weights only fit the same order."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Reject a scheme that expects a number of features, as schemes did before forms."""
        if "in_features" in inspect.signature(cls.__init__).parameters:
            raise InputError(
                f"the sharing scheme {cls.__name__} accepts in_features; a scheme accepts form in "
                "its place, and form.features is the number of features"
            )
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, form: Form, tasks: Sequence[str]) -> None:
        super().__init__()
        self.form = form
        self.tasks = list(tasks)

    def trunk(self, encoder: Encoder) -> nn.Module:
        """Build the module that runs once for all tasks; called once.

        Args:
            encoder: the model's encoder.

        Returns:
            A module that maps the encoder's inputs to a tensor, or to a list or dictionary of
            tensors; the encoder itself by default.
        """
        return encoder

    def own_parameters(self, trunk: nn.Module) -> list[nn.Parameter]:
        """Parameters that only one task uses, which are reported to compare models.

        Args:
            trunk: the return value of `trunk`.

        Returns:
            Those of this module by default. If the trunk has parts of single tasks that are not
            mixed, a scheme adds their parameters.
        """
        return list(self.parameters())

    def penalty(self) -> Tensor | None:
        """A scalar that depends only on parameters, added to the balanced loss; None by default."""
        return None

    def mixing(self) -> dict[str, Mixing]:
        """The learned mixtures between tasks and parts; must be called on all processes.

        Returns:
            By place in the model, such as ``experts`` or ``after stage 1``, from the inputs to the
            heads; empty by default, for a scheme without learned mixtures.
        """
        return {}

    def begin_step(self, step: int) -> None:
        """Prepare an optimizer step, for example by a random choice; called before each batch.

        Args:
            step: number of optimizer steps so far; the same on all processes, for all batches whose
                gradients are accumulated, and after a resume.
        """

    @abstractmethod
    def forward(self, views: dict[str, Any]) -> dict[str, Any]:
        """Compute each task's features.

        Args:
            views: the trunk's output, once for each task. The values are equal, but computing a
                task's features from its own view separates its gradient from the others'.

        Returns:
            Features by task, each of the form `form`.
        """


SharingCallable = Callable[[Form, list[str]], Sharing]

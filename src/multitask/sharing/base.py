"""What every sharing scheme is: what tasks have in common, and what each has of its own."""

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
    """How much each task takes of each part of the model.

    Args:
        shares: of what each task gets, shape ``[tasks, parts]``, float32 on the CPU.
        parts: what the parts are called, such as ``expert 1``.
    """

    shares: Tensor
    parts: list[str]


class Sharing(NumbersChecked, nn.Module, ABC):
    """Decides which parts of the model the tasks share.

    What several tasks use belongs to the trunk, which runs once; `forward` makes each task's
    features of that task's own view alone. The tasks' gradients are compared and balanced between
    the two, at the last tensors that the tasks have in common.

    A subclass takes these arguments first, and sets ``form`` if heads get another form.

    Args:
        form: what the encoder gives.
        tasks: names of the tasks.
    """

    form: Form
    """What a task's head gets."""
    is_by_place = False
    """Whether it tells tasks apart by their places, so that its weights fit no others."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse a scheme that takes a number of features, as schemes did before forms."""
        if "in_features" in inspect.signature(cls.__init__).parameters:
            raise InputError(
                f"the sharing scheme {cls.__name__} takes in_features; a scheme takes form in its "
                "place, and form.features is the number of features"
            )
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, form: Form, tasks: Sequence[str]) -> None:
        super().__init__()
        self.form = form
        self.tasks = list(tasks)

    def trunk(self, encoder: Encoder) -> nn.Module:
        """Build what runs once for all tasks; called once.

        Args:
            encoder: the model's encoder.

        Returns:
            A module that takes the encoder's inputs and returns a tensor, or a list or dictionary
            of tensors; the encoder itself by default.
        """
        return encoder

    def own_parameters(self, trunk: nn.Module) -> list[nn.Parameter]:
        """The parameters that one task alone uses, by which models are compared.

        Args:
            trunk: what `trunk` returned.

        Returns:
            Those of this module by default. A scheme whose trunk has parts of single tasks that
            nothing mixes adds these.
        """
        return list(self.parameters())

    def penalty(self) -> Tensor | None:
        """A scalar of parameters only, added to the balanced loss; None by default."""
        return None

    def mixing(self) -> dict[str, Mixing]:
        """What was learned about which parts the tasks share; all processes ask together.

        Returns:
            By the place in the model, such as ``experts`` or ``after stage 1``, from the inputs to
            the heads; empty by default, for a scheme that learns nothing of that kind.
        """
        return {}

    def begin_step(self, step: int) -> None:
        """Get ready for an optimizer step, such as by a random choice; called before each batch.

        Args:
            step: number of optimizer steps before it, the same on all processes, for all batches
                whose gradients are accumulated, and after a resume.
        """

    @abstractmethod
    def forward(self, views: dict[str, Any]) -> dict[str, Any]:
        """Make each task's features.

        Args:
            views: the trunk's output, once for each task: the same values, but what is made of a
                task's own view tells its gradient apart.

        Returns:
            Features by task, each of the form `form`.
        """


SharingCallable = Callable[[Form, list[str]], Sharing]
